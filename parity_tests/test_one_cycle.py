"""What is equal for every schedule is in test_schedules.py."""

import itertools

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

from parity_tests.panels import panel
from parity_tests.test_schedules import by_stepping

# Keras reads TensorFlow's variables in a way that NumPy warns of, each time.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

one_cycle = panel("scratch", "one_cycle").one_cycle


def optimizer():
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], 123.0, momentum=0.75)


def test_values_by_hand():
    options = {"learning_rate": 1.0, "steps": 11, "pct_start": 5 / 11, "anneal": "linear"}
    options |= {"div_factor": 4.0, "final_div_factor": 2.0}
    for step, rate in {
        0: 0.25,
        2: 0.625,
        4: 1.0,
        7: 0.5625,
        10: 0.125,
        11: 0.125,
        99: 0.125,
    }.items():
        assert one_cycle(step, **options) == pytest.approx(rate, rel=1e-15)
        assert one_cycle(step, **(options | {"anneal": "cosine"})) == pytest.approx(rate, rel=1e-15)
    options["three_phase"] = True
    for step, rate in {0: 0.25, 4: 1.0, 6: 0.625, 8: 0.25, 9: 0.1875, 10: 0.125}.items():
        assert one_cycle(step, **options) == pytest.approx(rate, rel=1e-15)


def test_bare_torch_at_its_defaults(parity):
    found = {"scratch": [one_cycle(step, learning_rate=0.5, steps=60) for step in range(60)]}
    found["torch"] = by_stepping(lr_scheduler.OneCycleLR(optimizer(), 0.5, total_steps=60), 60)
    parity("one_cycle, native", found)


def test_bare_torch(parity):
    """Random runs of each of the four rules."""
    rng = np.random.default_rng(0)
    found = {"scratch": [], "torch": []}
    rules = itertools.product({"cosine": "cos", "linear": "linear"}.items(), [False, True])
    for ((ours, theirs), three_phase), _ in itertools.product(rules, range(50)):
        steps = int(rng.integers(5, 30))
        options = {
            "pct_start": float(rng.uniform(1.5 / steps, 0.5 if three_phase else 0.95)),
            "div_factor": float(rng.uniform(1, 30)),
            "final_div_factor": float(rng.uniform(1, 1e4)),
            "three_phase": three_phase,
        }
        bare = lr_scheduler.OneCycleLR(
            optimizer(), 0.5, total_steps=steps, anneal_strategy=theirs, **options
        )
        rates = np.zeros((2, 30))
        rates[0, :steps] = [
            one_cycle(step, learning_rate=0.5, steps=steps, anneal=ours, **options)
            for step in range(steps)
        ]
        rates[1, :steps] = by_stepping(bare, steps)
        found["scratch"].append(rates[0])
        found["torch"].append(rates[1])
    parity("one_cycle, native", {name: np.array(rates) for name, rates in found.items()})


def test_the_momentum_stays_as_it_is():
    """Entries of the map: one-cycle-momentum."""
    for ours in (True, False):
        torch_optimizer = optimizer()
        if ours:
            schedule = panel("torch", "one_cycle").OneCycle(
                torch_optimizer, learning_rate=0.5, steps=20
            )
        else:
            schedule = lr_scheduler.OneCycleLR(torch_optimizer, 0.5, total_steps=20)
        by_stepping(schedule, 3)
        assert (torch_optimizer.param_groups[0]["momentum"] == 0.75) is ours


def test_finding_pytorch_rises_after_the_end_and_then_fails():
    schedule = lr_scheduler.OneCycleLR(optimizer(), 0.5, total_steps=10)
    rates = by_stepping(schedule, 10)
    assert schedule.get_last_lr()[0] > 10 * rates[-1]
    schedule.optimizer.step()
    with pytest.raises(ValueError, match="Tried to step 11 times"):
        schedule.step()
    ours = panel("torch", "one_cycle").OneCycle(optimizer(), learning_rate=0.5, steps=10)
    assert by_stepping(ours, 13)[9:].tolist() == pytest.approx([0.5 / 25 / 1e4] * 4, rel=1e-15)
