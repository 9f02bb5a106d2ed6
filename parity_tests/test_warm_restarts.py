"""What is equal for every schedule is in test_schedules.py."""

import keras
import numpy as np
import pytest
from torch.optim import lr_scheduler

from parity_tests.panels import panel
from parity_tests.test_schedules import by_stepping, numbers, torch_optimizer

# Keras reads TensorFlow's variables in a way that NumPy warns of, each time.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

warm_restarts = panel("scratch", "warm_restarts").warm_restarts


def ours(count, **options):
    return np.array([warm_restarts(step, **options) for step in range(count)])


def test_values_by_hand():
    """Cycles of 2, 4 and 8 updates, each half as high above the floor."""
    options = {"learning_rate": 1.0, "steps": 2, "t_mult": 2, "factor": 0.5, "floor": 0.25}
    expected = {0: 1, 1: 0.625, 2: 0.625, 4: 0.4375, 6: 0.4375, 10: 0.34375, 14: 0.34375}
    for step, rate in expected.items():
        assert warm_restarts(step, **options) == pytest.approx(rate, rel=1e-15)


def test_every_restart_is_on_its_step():
    """Where a logarithm would be off by one, too: of 3**5 = 243 in base 3, for one."""
    for steps in (1, 2, 7, 1000):
        for t_mult in (2, 3, 5, 10):
            start, length, options = 0, steps, {"steps": steps, "t_mult": t_mult}
            while start + length < 2**31:
                start, length = start + length, length * t_mult
                assert warm_restarts(start, learning_rate=1.0, **options) == 1.0
                assert warm_restarts(start - 1, learning_rate=1.0, **options) < 1.0 or steps == 1
    assert warm_restarts(2**31 - 1, learning_rate=1.0, steps=5, t_mult=2) < 1.0


def test_bare_torch(parity):
    """1,000 random runs, the first of each length at PyTorch's defaults."""
    rng = np.random.default_rng(0)
    found = {"scratch": [], "torch": []}
    for run in range(1000):
        steps, t_mult = int(rng.integers(1, 9)), int(rng.integers(1, 5)) if run > 20 else 1
        floor = float(rng.choice([0.0, 0.125])) if run > 20 else 0.0
        found["scratch"].append(
            ours(30, learning_rate=0.5, steps=steps, t_mult=t_mult, floor=floor)
        )
        bare = lr_scheduler.CosineAnnealingWarmRestarts
        found["torch"].append(by_stepping(bare(torch_optimizer(0.5), steps, t_mult, floor), 30))
    parity("warm_restarts, native", {name: np.array(rates) for name, rates in found.items()})


@pytest.mark.parametrize(
    ("steps", "t_mult", "m_mul", "alpha"),
    [(3, 2, 1.0, 0.0), (7, 2, 0.5, 0.25), (4, 1, 0.5, 0.0), (5, 1, 1.0, 0.5)],
)
def test_bare_keras(parity, steps, t_mult, m_mul, alpha):
    """The first is at Keras's defaults. Entries of the map: warm-restarts-default."""
    bare = keras.optimizers.schedules.CosineDecayRestarts(0.5, steps, float(t_mult), m_mul, alpha)
    options = {"learning_rate": 0.5, "steps": steps, "t_mult": t_mult}
    mine = ours(40, **options, factor=m_mul, floor=0.5 * alpha)
    theirs = numbers("keras", [bare(step) for step in range(40)])
    # A float32 logarithm gives Keras the place in the cycle, with the digits it has.
    arrays = {"scratch": mine.astype(np.float32), "keras": theirs.astype(np.float32)}
    parity("warm_restarts, native", arrays, terms=40)


def test_finding_keras_misses_restarts():
    """Entries of the map: warm-restarts-rounding."""
    bare = keras.optimizers.schedules.CosineDecayRestarts(0.5, 1)
    exact = keras.backend.backend() == "jax"  # whose 64-bit mode the tests have
    assert float(bare(8191)) == (0.5 if exact else 0.0)
    assert warm_restarts(8191, learning_rate=0.5, steps=1, t_mult=2) == 0.5
