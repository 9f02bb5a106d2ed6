r"""Noise in training: on the weights for the time of a pass, and on the gradients.

    weights     w' = w + stddev * noise            for the forward and the backward pass
                w  = w - update(dL/dw')            the step changes the weights without it
    gradients   g' = g + sqrt(eta / (1 + t)**gamma) * noise         t = 0, 1, ...

noise ~ N(0, 1), drawn anew for every number and every step. Of the weights those that penalties act
on have noise, no biases and no scales; of the gradients all.

``stddev`` is in the units of the weights, and lies in (0, inf); ``eta`` too, in those of a squared
gradient; ``gamma`` lies in [0, inf), and 0 does not anneal. A ``ValueError`` says which argument
does not fit.

Papers: Jim, Giles and Horne, "An analysis of noise in recurrent neural networks: convergence and
generalization", IEEE Transactions on Neural Networks 7, 1996; Neelakantan, Vilnis, Le, Sutskever,
Kaiser, Kurach and Martens, "Adding gradient noise improves learning for very deep networks",
arXiv 1511.06807, 2015 (eta 0.01, 0.3 or 1, gamma 0.55).

Framework differences: neither framework has these. The i-th array has the noise of the stream
(seed, name/i, step), in the layout of NumPy and Keras, (..., in, out).

Here: the weights are put back as they were copied, not by subtracting, which would round.
"""

import math

import numpy as np

from scratch.layers import Sequential
from scratch.noise import draw_noise
from scratch.penalties import penalized
from triptych.common.checks import check_number, check_seed, dtype_name
from triptych.common.names import layer_name
from triptych.common.streams import Stream
from triptych.common.watchers import Run, Watcher

__all__ = ["WeightNoise", "GradientNoise"]


class WeightNoise(Watcher):
    """Noise on the weights of a model while it is passed through.

    In a loop of one's own:

        noise = WeightNoise(0.1)
        for step, (x, y) in enumerate(batches):
            noise.add(model, step)
            ...  # forward and backward
            noise.remove(model)
            optimizer.step(params, grads)
    """

    def __init__(self, stddev: float, *, seed: int = 0, name: str | None = None) -> None:
        self.name = layer_name("scratch", "weight_noise", name)
        self.stddev = check_number("stddev", stddev, "(0, inf)")
        self.seed = check_seed(seed)

    def add(self, model: Sequential, step: int) -> None:
        """The noise of a step on the weights, until ``remove``."""
        weights = penalized(model)
        self._clean = {name: w.copy() for name, w in weights.items()}
        for i, w in enumerate(weights.values()):
            stream = Stream(self.seed, f"{self.name}/{i}", step)
            w += self.stddev * draw_noise(stream, w.shape, dtype=dtype_name(w))

    def remove(self, model: Sequential) -> None:
        for name, w in penalized(model).items():
            w[...] = self._clean[name]

    def before_step(self, run: Run) -> None:
        self.add(run.model, run.step)

    def after_gradients(self, run: Run) -> None:
        self.remove(run.model)


class GradientNoise(Watcher):
    """Annealed noise on the gradients of each step.

    In a loop of one's own:

        noise = GradientNoise(eta=0.01)
        for step, (x, y) in enumerate(batches):
            ...
            grads = dict(zip(grads, noise.add(list(grads.values()), step)))
            optimizer.step(params, grads)
    """

    def __init__(
        self, eta: float = 0.01, *, gamma: float = 0.55, seed: int = 0, name: str | None = None
    ) -> None:
        self.name = layer_name("scratch", "gradient_noise", name)
        self.eta, self.gamma = _check(eta, gamma)
        self.seed = check_seed(seed)
        self._step = 0

    def add(self, grads: list[np.ndarray], step: int) -> list[np.ndarray]:
        """The gradients of a step with its noise."""
        stddev = math.sqrt(self.eta / (1 + step) ** self.gamma)
        streams = [Stream(self.seed, f"{self.name}/{i}", step) for i in range(len(grads))]
        return [
            grad + stddev * draw_noise(stream, grad.shape, dtype=dtype_name(grad))
            for grad, stream in zip(grads, streams, strict=True)
        ]

    def before_training(self, run: Run) -> None:
        self._step = 0

    def after_gradients(self, run: Run) -> None:
        if run.grads:
            noisy = self.add(list(run.grads.values()), self._step)
            run.grads = dict(zip(run.grads, noisy, strict=True))
            self._step += 1


def _check(eta: float, gamma: float) -> tuple[float, float]:
    return check_number("eta", eta, "(0, inf)"), check_number("gamma", gamma, "[0, inf)")
