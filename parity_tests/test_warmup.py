import keras
import numpy as np
import pytest
from torch.optim import lr_scheduler

from keras_impl.precision import floatx
from parity_tests.panels import ADAPTERS, PACKAGES, panel, same_error
from parity_tests.test_schedules import by_stepping, numbers, torch_optimizer

# Keras reads TensorFlow's variables in a way that NumPy warns of, each time.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

PLAIN = {"learning_rate": 0.5, "factor": 0.5, "every": 3}


def inner(framework, name="StepDecay", **options):
    first = [torch_optimizer()] if framework == "torch" else []
    return getattr(panel(framework, "schedules"), name)(*first, **(options or PLAIN))


def warmed(framework, schedule, **options):
    return panel(framework, "warmup").Warmup(schedule, **options)


def rates(framework, schedule, count):
    if framework == "torch":
        return by_stepping(schedule, count)
    return numbers(framework, [schedule(step) for step in range(count)])


@pytest.mark.parametrize("start_factor", [None, 0.0, 0.25, 0.3, 1.0])
@pytest.mark.parametrize("steps", [1, 4, 10])
def test_panels_agree(parity, steps, start_factor):
    options = {"steps": steps, "start_factor": start_factor}
    found, alone = {}, {}
    for framework in PACKAGES:
        with floatx("float64"):
            found[framework] = rates(framework, warmed(framework, inner(framework), **options), 20)
            function = panel(framework, "warmup").linear_warmup
            values = [function(step, learning_rate=0.3, **options) for step in range(20)]
            alone[framework] = numbers(framework, values)
    parity("warmup", found)
    parity("warmup", alone)
    expected = rates("scratch", inner("scratch"), 20 - steps)
    for framework in PACKAGES:
        np.testing.assert_allclose(found[framework][steps:], expected, rtol=1e-15)
        assert (alone[framework][steps:] == 0.3).all()
        assert alone[framework][0] == pytest.approx(
            0.3 / (steps + 1) if start_factor is None else 0.3 * start_factor, rel=1e-15
        )


def test_it_is_the_warm_up_of_the_cosine():
    cosine = {"learning_rate": 0.3, "steps": 9, "floor": 0.1}
    with floatx("float64"):
        for framework in PACKAGES:
            whole = rates(framework, inner(framework, "CosineDecay", **cosine, warmup_steps=5), 20)
            ours = warmed(framework, inner(framework, "CosineDecay", **cosine), steps=5)
            np.testing.assert_allclose(rates(framework, ours, 20), whole, rtol=1e-15)


def test_linear_lr_of_pytorch(parity):
    """At its defaults it begins at a third of the rate. Entries of the map: warmup-first-step."""
    for options in ({}, {"start_factor": 0.1, "total_iters": 12}):
        bare = lr_scheduler.LinearLR(torch_optimizer(0.5), **options)
        ours = {"start_factor": bare.start_factor, "steps": bare.total_iters}
        function = panel("scratch", "warmup").linear_warmup
        found = [function(step, learning_rate=0.5, **ours) for step in range(20)]
        # PyTorch multiplies from step to step.
        parity("warmup, native", {"scratch": found, "torch": by_stepping(bare, 20)}, terms=60)


def test_sequential_lr_of_pytorch(parity):
    """A warm-up of PyTorch's own before a schedule of PyTorch's own, and ours of the same."""
    bare, own = torch_optimizer(0.5), torch_optimizer(0.5)
    sequence = lr_scheduler.SequentialLR(
        bare,
        [lr_scheduler.LinearLR(bare, 0.25, 1.0, 4), lr_scheduler.StepLR(bare, 3, 0.5)],
        [4],
    )
    ours = warmed("torch", lr_scheduler.StepLR(own, 3, 0.5), steps=4, start_factor=0.25)
    scratch = warmed("scratch", inner("scratch"), steps=4, start_factor=0.25)
    found = {"scratch": rates("scratch", scratch, 20), "torch": by_stepping(sequence, 20)}
    parity("warmup, native", found, terms=60)
    np.testing.assert_allclose(by_stepping(ours, 20), found["scratch"], rtol=1e-15)


def test_cosine_decay_of_keras(parity):
    """Its warm-up, from 0. Entries of the map: warmup-first-step, schedule-float32."""
    bare = keras.optimizers.schedules.CosineDecay(0.0, 10, warmup_target=0.5, warmup_steps=4)
    ours = inner("scratch", "CosineDecay", learning_rate=0.5, steps=10)
    ours = warmed("scratch", ours, steps=4, start_factor=0.0)
    found = {"scratch": rates("scratch", ours, 20), "keras": rates("keras", bare, 20)}
    parity("warmup, native", {name: rate.astype(np.float32) for name, rate in found.items()})


def test_saved_and_resumed():
    for stop in (2, 4, 5, 9):
        first, second = (warmed("torch", inner("torch"), steps=4) for _ in range(2))
        by_stepping(first, stop)
        second.load_state_dict(first.state_dict())
        second.optimizer.load_state_dict(first.optimizer.state_dict())
        np.testing.assert_array_equal(by_stepping(second, 12), by_stepping(first, 12))
        assert "optimizer" not in str(first.state_dict())
    schedule = warmed("keras", warmed("keras", inner("keras"), steps=2), steps=4, start_factor=0.5)
    copy = keras.optimizers.schedules.deserialize(keras.optimizers.schedules.serialize(schedule))
    assert copy.get_config() == schedule.get_config()
    assert [float(copy(step)) for step in range(9)] == [float(schedule(step)) for step in range(9)]


def test_keras_in_a_training_of_its_own():
    """The optimizer asks it in a compiled step; a gradient of 1 shows the rate."""
    optimizer = panel("keras", "optimizers").SGD(warmed("keras", inner("keras"), steps=3))
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(optimizer, loss=lambda y, prediction: prediction, jit_compile=False)
    one, weights = np.ones((1, 1), "float32"), []
    for _ in range(7):
        model.fit(one, one, epochs=1, verbose=0)
        weights.append(float(ADAPTERS["keras"].numpy(model.layers[0].kernel.value)[0, 0]))
    expected = rates("scratch", warmed("scratch", inner("scratch"), steps=3), 7)
    np.testing.assert_allclose(-np.diff(weights), expected[1:], rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "steps must be an integer >= 1, got 0"),
        ({"start_factor": 1.5}, "start_factor must be a number in [0, 1], got 1.5"),
    ],
)
def test_bad_arguments(options, message):
    same_error(lambda f, a: warmed(f, inner(f), **({"steps": 3} | options)), message)
    options = {"learning_rate": 0.5, "steps": 3} | options
    same_error(lambda f, a: panel(f, "warmup").linear_warmup(0, **options), message)


def test_bad_schedules():
    message = "schedule must be a learning-rate schedule, got 0.5"
    same_error(lambda f, a: warmed(f, 0.5, steps=3), message)
    plateau = panel("torch", "schedules").ReduceOnPlateau(torch_optimizer())
    with pytest.raises(ValueError, match="schedule must be a learning-rate schedule"):
        warmed("torch", plateau, steps=3)
