r"""One cycle: up to a high rate and down to a very low one, within one training.

    first         learning_rate / div_factor             top     pct_start * steps - 1
    last          first / final_div_factor               bottom  steps - 1

    two phases    from step 0 to top    first to learning_rate
                  from top to bottom    learning_rate to last
    three phases  from step 0 to top    first to learning_rate
                  from top to 2 * top   learning_rate to first
                  from there to bottom  first to last

    in a phase    begin * (1 - s) + end * s              "linear"  s = t, the share of it done
                                                         "cosine"  s = (1 - cos(pi * t)) / 2

``step`` counts from 0 and is the number of updates made so far, out of ``steps``; after them the
rate stays at the last. ``pct_start`` is a share, not per cent.

learning_rate lies in (0, inf), steps is an integer >= 2, div_factor and final_div_factor lie in
[1, inf), pct_start in (1 / steps, 1), for three phases up to 0.5, so that every phase takes some
time. anneal is "cosine" or "linear". A ``ValueError`` says which does not fit.

Papers: Smith and Topin, "Super-convergence: very fast training of neural networks using large
learning rates", 2017; Smith, "A disciplined approach to neural network hyper-parameters", 2018.

Framework differences: we do as PyTorch's ``OneCycleLR`` without its cycle of the momentum, which is
optional and goes the other way round; past the end that goes on rising, and one update later is an
error. Keras has none. In code the formula stands in ``triptych.common.cycles``. See ``triptych
differences``: one-cycle-momentum, schedule-unit.

Here: PyTorch's base class with the formula, which has no end.
"""

from torch.optim import Optimizer

from torch_impl.schedules import Schedule
from triptych.common.cycles import one_cycle

__all__ = ["one_cycle", "OneCycle"]


class OneCycle(Schedule):
    """Sets the learning rate of the next update after each.

    In a loop of one's own:

        schedule = OneCycle(optimizer, learning_rate=0.1, steps=5000)
        for x, y in batches:
            ...
            optimizer.step()
            schedule.step()
    """

    def __init__(
        self,
        optimizer: Optimizer,
        *,
        learning_rate: float,
        steps: int,
        pct_start: float = 0.3,
        anneal: str = "cosine",
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
    ) -> None:
        self.learning_rate = learning_rate
        self.steps = steps
        self.pct_start = pct_start
        self.anneal = anneal
        self.div_factor = div_factor
        self.final_div_factor = final_div_factor
        self.three_phase = three_phase
        super().__init__(optimizer)  # sets the first rate, which checks the arguments

    def rate(self, step: int) -> float:
        return one_cycle(
            step,
            learning_rate=self.learning_rate,
            steps=self.steps,
            pct_start=self.pct_start,
            anneal=self.anneal,
            div_factor=self.div_factor,
            final_div_factor=self.final_div_factor,
            three_phase=self.three_phase,
        )
