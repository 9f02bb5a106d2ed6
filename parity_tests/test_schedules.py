import math
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

from keras_impl.precision import floatx
from parity_tests.panels import ADAPTERS, PACKAGES, everywhere, panel, same_error
from triptych.common.recipes import representable

# Keras reads TensorFlow's variables in a way that NumPy warns of, each time.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

NAN, INF = math.nan, math.inf
SCHEDULES = {framework: panel(framework, "schedules") for framework in PACKAGES}
CLASSES = {
    "step_decay": "StepDecay",
    "multi_step_decay": "MultiStepDecay",
    "exponential_decay": "ExponentialDecay",
    "cosine_decay": "CosineDecay",
    "polynomial_decay": "PolynomialDecay",
    "warm_restarts": "WarmRestarts",
    "one_cycle": "OneCycle",
}
FILES = {"warm_restarts": "warm_restarts", "one_cycle": "one_cycle"}  # the others: schedules


def public(framework, name, attribute=None):
    return getattr(panel(framework, FILES.get(name, "schedules")), attribute or name)


def numbers(framework, values):
    """Python floats, or scalar tensors of Keras, as one array of their dtype."""
    if framework == "keras":
        return np.array([ADAPTERS["keras"].numpy(value) for value in values])
    assert all(type(value) is float for value in values)
    return np.array(values)


def by_function(name, at, dtype="float64", **options):
    """The values at some steps."""

    def call(framework, adapter):
        function = public(framework, name)
        with floatx(dtype):
            return numbers(framework, [function(step, **options) for step in at])

    return everywhere(call)


def torch_optimizer(learning_rate=1.0, groups=1):
    params = [torch.nn.Parameter(torch.zeros(1, dtype=torch.float64)) for _ in range(groups)]
    return torch.optim.SGD([{"params": [p]} for p in params], learning_rate)


def by_stepping(scheduler, count):
    """The learning rate of each of the first ``count`` updates, in all groups."""
    optimizer, rates = scheduler.optimizer, []
    for _ in range(count):
        rates.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step()
    return np.array(rates).squeeze(1) if len(rates[0]) == 1 else np.array(rates)


# The values.

STEP = {"learning_rate": 1.0, "factor": 0.5, "every": 3}
MULTI = {"learning_rate": 1.0, "factor": 0.5, "milestones": [2, 5, 9]}
LINE = {"learning_rate": 1.0, "steps": 4, "floor": 0.25}
COSINE = {"learning_rate": 1.0, "steps": 6, "floor": 0.25, "warmup_steps": 3}


@pytest.mark.parametrize(
    ("name", "options", "values"),
    [
        ("step_decay", STEP, {0: 1, 1: 1, 2: 1, 3: 0.5, 5: 0.5, 6: 0.25, 30: 2**-10, 10**6: 0}),
        ("step_decay", STEP | {"every": 1}, {0: 1, 1: 0.5, 2: 0.25}),
        ("step_decay", STEP | {"factor": 1.0}, {0: 1, 100: 1}),
        ("exponential_decay", STEP, {0: 1, 1: 2 ** (-1 / 3), 3: 0.5, 6: 0.25, 10**6: 0}),
        # Warm-up in four equal parts, half way down between 1 and 0.25, and then the floor.
        ("cosine_decay", COSINE, {0: 0.25, 1: 0.5, 2: 0.75, 3: 1, 6: 0.625, 9: 0.25}),
        ("cosine_decay", COSINE, {5: 0.25 + 0.75 * 0.75, 7: 0.25 + 0.75 * 0.25}),
        ("cosine_decay", COSINE, {9: 0.25, 10: 0.25, 10**6: 0.25}),
        ("cosine_decay", COSINE | {"warmup_steps": 0}, {0: 1, 3: 0.625, 6: 0.25, 7: 0.25}),
        ("cosine_decay", COSINE | {"floor": 1.0}, {0: 0.25, 3: 1, 6: 1, 100: 1}),
        ("cosine_decay", {"learning_rate": 2, "steps": 1}, {0: 2, 1: 0, 2: 0}),
        ("multi_step_decay", MULTI, {0: 1, 1: 1, 2: 0.5, 4: 0.5, 5: 0.25, 9: 0.125, 10**6: 0.125}),
        ("polynomial_decay", LINE, {0: 1, 1: 0.8125, 2: 0.625, 4: 0.25, 5: 0.25, 10**6: 0.25}),
        ("polynomial_decay", LINE | {"power": 2.0}, {0: 1, 2: 0.25 + 0.75 / 4, 4: 0.25}),
    ],
)
def test_values_by_hand(name, options, values):
    for framework, found in by_function(name, values, **options).items():
        assert found == pytest.approx(list(values.values()), rel=1e-15, abs=0), framework


def random_options(name, rng):
    learning_rate = float(10 ** rng.uniform(-5, 1))
    steps, floor = int(rng.integers(1, 150)), float(rng.choice([0, 0.1, rng.uniform()]))
    options = {
        "step_decay": {"factor": float(rng.uniform()), "every": int(rng.integers(1, 60))},
        "multi_step_decay": {
            "factor": float(rng.uniform()),
            "milestones": np.unique(rng.integers(1, 150, rng.integers(1, 6))).tolist(),
        },
        "cosine_decay": {
            "steps": steps,
            "floor": floor * learning_rate,
            "warmup_steps": int(rng.choice([0, 1, rng.integers(2, 50)])),
        },
        "polynomial_decay": {
            "steps": steps,
            "floor": floor * learning_rate,
            "power": float(rng.choice([1.0, 2.0, rng.uniform(0.25, 3)])),
        },
        "warm_restarts": {
            "steps": int(rng.integers(1, 30)),
            "t_mult": int(rng.integers(1, 4)),
            "factor": float(rng.choice([1.0, rng.uniform(0.5, 1)])),
            "floor": floor * learning_rate,
        },
        "one_cycle": {
            "steps": int(rng.integers(8, 150)),
            "pct_start": float(rng.uniform(0.25, 0.5)),
            "anneal": str(rng.choice(["cosine", "linear"])),
            "div_factor": float(rng.uniform(1, 30)),
            "final_div_factor": float(10 ** rng.uniform(0, 5)),
            "three_phase": bool(rng.random() < 0.5),
        },
    }
    options["exponential_decay"] = options["step_decay"]
    return {"learning_rate": learning_rate} | options[name]


@pytest.mark.parametrize("name", CLASSES)
def test_panels_agree_in_every_digit_of_float64(parity, name):
    """Also where a rate is tiny: every element is held to 1e-15 of itself."""
    rng = np.random.default_rng(0)
    for _ in range(10):
        options = random_options(name, rng)
        found = by_function(name, [*range(0, 200, 7), 1000], **options)
        parity("schedules", found)
        # Each value against itself, not against the largest: a pow or sine of its own, 4 ulp.
        for framework in ("torch", "keras"):
            np.testing.assert_allclose(found[framework], found["scratch"], rtol=1e-15, atol=0)


@pytest.mark.parametrize("name", CLASSES)
def test_keras_in_float32(parity, name):
    """The arguments are float32 numbers, as from a recipe."""
    rng = np.random.default_rng(1)
    for _ in range(5):
        options = random_options(name, rng)
        options |= {k: representable(v) for k, v in options.items() if isinstance(v, float)}
        found = by_function(name, range(0, 200, 7), "float32", **options)
        rounded = {f: found[f].astype(np.float32) for f in ("scratch", "torch")}
        parity("schedules", rounded | {"keras": found["keras"]})


def test_the_cosine_is_a_cosine():
    """As the equation has it, to 1e-15 of the first rate; and at the end, digits that it loses."""
    cosine_decay = SCHEDULES["scratch"].cosine_decay
    for step in range(0, 1001):
        plain = 0.125 + 0.5 * (1 + math.cos(math.pi * step / 1000)) / 2
        found = cosine_decay(step, learning_rate=0.625, steps=1000, floor=0.125)
        assert found == pytest.approx(plain, rel=0, abs=1e-15)
    last = cosine_decay(10**6 - 1, learning_rate=1.0, steps=10**6)
    assert last == pytest.approx(
        (math.pi / 2e6) ** 2, rel=1e-11, abs=0
    )  # sin(x) = x but for x**3 / 6
    assert (1 + math.cos(math.pi * (1 - 1e-6))) / 2 != pytest.approx(last, rel=1e-6, abs=0)


# The classes.


def make(framework, name, *args, **options):
    return public(framework, name, CLASSES[name])(*args, **options)


@pytest.mark.parametrize("name", CLASSES)
def test_classes_give_the_values_of_the_functions(parity, name):
    options = random_options(name, np.random.default_rng(2))
    expected = by_function(name, range(120), **options)
    parity("schedules", expected)
    np.testing.assert_array_equal(
        [make("scratch", name, **options)(step) for step in range(120)], expected["scratch"]
    )
    optimizer = torch_optimizer(123.0, groups=2)  # the schedule's own rate counts
    rates = by_stepping(make("torch", name, optimizer, **options), 120)
    np.testing.assert_array_equal(rates, np.stack([expected["torch"]] * 2, axis=1))
    with floatx("float64"):
        schedule = make("keras", name, **options)
        steps = [schedule(ADAPTERS["keras"].tensor(np.int64(step))) for step in range(120)]
        np.testing.assert_array_equal(numbers("keras", steps), expected["keras"])


@pytest.mark.parametrize("name", CLASSES)
def test_a_schedule_is_saved_and_goes_on(name):
    options = random_options(name, np.random.default_rng(3))
    schedule = make("torch", name, torch_optimizer(), **options)
    by_stepping(schedule, 20)
    resumed = make("torch", name, torch_optimizer(), **options)
    resumed.load_state_dict(schedule.state_dict())
    resumed.optimizer.load_state_dict(schedule.optimizer.state_dict())
    np.testing.assert_array_equal(by_stepping(resumed, 20), by_stepping(schedule, 20))

    schedule = make("keras", name, **options)
    copy = keras.optimizers.schedules.deserialize(keras.optimizers.schedules.serialize(schedule))
    assert type(copy) is type(schedule)
    assert copy.get_config() == schedule.get_config() == options
    for kind in ("SGD", "Adam", "AdamW"):
        optimizer = getattr(panel("keras", "optimizers"), kind)(schedule)
        copy = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
        assert type(copy) is type(optimizer)
        assert copy.get_config() == optimizer.get_config()


@pytest.mark.parametrize("name", [*CLASSES, "warmup"])
def test_a_watcher_does_what_a_loop_of_ones_own_does(name):
    """At the moments of ``fit``: before a step in NumPy, after it in PyTorch."""

    def schedule(framework, optimizer):
        first = [optimizer] if framework == "torch" else []
        if name == "warmup":
            options = random_options("cosine_decay", np.random.default_rng(4))
            inner = make(framework, "cosine_decay", *first, **options)
            return panel(framework, "warmup").Warmup(inner, steps=5)
        return make(framework, name, *first, **random_options(name, np.random.default_rng(4)))

    optimizer = panel("scratch", "optimizers").SGD()
    watcher, by_hand = (schedule("scratch", optimizer) for _ in range(2))
    run = SimpleNamespace(optimizer=optimizer, step=0)
    for run.step in range(20):
        watcher.after_gradients(run)
        assert optimizer.learning_rate == by_hand(run.step)
        optimizer.step({"w": np.ones(1)}, {"w": np.ones(1)})
    first, second = torch_optimizer(), torch_optimizer()
    watcher, by_hand = schedule("torch", first), schedule("torch", second)
    for _ in range(20):
        first.step()
        watcher.after_step(SimpleNamespace())
        second.step()
        by_hand.step()
        assert first.param_groups[0]["lr"] == second.param_groups[0]["lr"]


# Against the frameworks' own. Keras's compute in float32, so the arguments are float32 numbers.

DECAY = {"learning_rate": 0.125, "factor": representable(0.7), "every": 7}
STEPS = 60


def native(parity, name, options, scheduler, schedule, count=STEPS):
    """Ours, PyTorch's scheduler (a function of an optimizer) and Keras's schedule."""
    ours = np.array([make("scratch", name, **options)(step) for step in range(count)])
    theirs = by_stepping(scheduler(torch_optimizer(options["learning_rate"])), count)
    # PyTorch multiplies from step to step: three roundings in each.
    parity("schedules, native", {"scratch": ours, "torch": theirs}, terms=3 * count)
    theirs = numbers("keras", [schedule(step) for step in range(count)])
    arrays = {"scratch": ours.astype(np.float32), "keras": theirs.astype(np.float32)}
    parity("schedules, native", arrays)


def test_step_decay_of_the_frameworks(parity):
    native(
        parity,
        "step_decay",
        DECAY,
        lambda optimizer: lr_scheduler.StepLR(optimizer, DECAY["every"], DECAY["factor"]),
        keras.optimizers.schedules.ExponentialDecay(0.125, 7, DECAY["factor"], staircase=True),
    )


def test_multi_step_decay_of_the_frameworks(parity):
    """Entries of the map: schedule-boundary."""
    milestones, factor = [4, 11, 12, 40], 0.5
    native(
        parity,
        "multi_step_decay",
        {"learning_rate": 0.125, "factor": factor, "milestones": milestones},
        lambda optimizer: lr_scheduler.MultiStepLR(optimizer, milestones, factor),
        keras.optimizers.schedules.PiecewiseConstantDecay(
            [milestone - 1 for milestone in milestones], [0.125 * factor**i for i in range(5)]
        ),
    )


@pytest.mark.parametrize("power", [1.0, 2.0, 0.5])
@pytest.mark.parametrize("steps", [40, STEPS - 1])
def test_polynomial_decay_of_the_frameworks(parity, steps, power):
    """PyTorch's has no floor but 0."""
    options = {"learning_rate": 0.125, "steps": steps, "power": power}
    native(
        parity,
        "polynomial_decay",
        options,
        lambda optimizer: lr_scheduler.PolynomialLR(optimizer, steps, power),
        keras.optimizers.schedules.PolynomialDecay(0.125, steps, 0.0, power),
    )
    # At Keras's defaults the floor is 0.0001.
    floor = representable(1e-4)
    bare = keras.optimizers.schedules.PolynomialDecay(0.125, steps)
    ours = make("scratch", "polynomial_decay", learning_rate=0.125, steps=steps, floor=floor)
    found = {
        "scratch": np.array([ours(step) for step in range(STEPS)], np.float32),
        "keras": numbers("keras", [bare(step) for step in range(STEPS)]).astype(np.float32),
    }
    parity("schedules, native", found)


def test_exponential_decay_of_the_frameworks(parity):
    """Entries of the map: schedule-rounding, schedule-float32."""
    every_step = DECAY | {"every": 1}
    native(
        parity,
        "exponential_decay",
        every_step,
        lambda optimizer: lr_scheduler.ExponentialLR(optimizer, DECAY["factor"]),
        keras.optimizers.schedules.ExponentialDecay(0.125, 1, DECAY["factor"]),
    )
    native(
        parity,
        "exponential_decay",
        DECAY,
        lambda optimizer: lr_scheduler.ExponentialLR(optimizer, DECAY["factor"] ** (1 / 7)),
        keras.optimizers.schedules.ExponentialDecay(0.125, 7, DECAY["factor"]),
    )


@pytest.mark.parametrize("floor", [0.0, 0.03125])
def test_cosine_decay_of_the_frameworks(parity, floor):
    """Entries of the map: cosine-floor, cosine-after-the-end."""
    options = {"learning_rate": 0.125, "steps": STEPS - 1, "floor": floor}
    native(
        parity,
        "cosine_decay",
        options,
        lambda optimizer: lr_scheduler.CosineAnnealingLR(optimizer, STEPS - 1, floor),
        keras.optimizers.schedules.CosineDecay(0.125, STEPS - 1, alpha=floor / 0.125),
    )


@pytest.mark.parametrize("warmup", [1, 3, 15])
def test_cosine_decay_with_warm_up_of_the_frameworks(parity, warmup):
    """Entries of the map: warmup-first-step."""
    floor, steps = 0.03125, STEPS - 1 - warmup
    first = 1 / (warmup + 1)  # of the rate: both frameworks can start from there

    def scheduler(optimizer):
        rising = lr_scheduler.LinearLR(optimizer, first, 1.0, warmup)
        falling = lr_scheduler.CosineAnnealingLR(optimizer, steps, floor)
        return lr_scheduler.SequentialLR(optimizer, [rising, falling], [warmup])

    native(
        parity,
        "cosine_decay",
        {"learning_rate": 0.125, "steps": steps, "floor": floor, "warmup_steps": warmup},
        scheduler,
        keras.optimizers.schedules.CosineDecay(
            0.125 * first, steps, floor / 0.125, warmup_target=0.125, warmup_steps=warmup
        ),
    )


def test_finding_the_cosine_of_pytorch_rises_again():
    options = {"learning_rate": 1.0, "steps": 10, "floor": 0.0}
    bare = by_stepping(lr_scheduler.CosineAnnealingLR(torch_optimizer(), 10), 21)
    assert bare[[0, 10, 20]] == pytest.approx([1, 0, 1], abs=1e-14)
    ours = by_stepping(make("torch", "cosine_decay", torch_optimizer(), **options), 21)
    assert ours[[0, 10, 20]].tolist() == [1, 0, 0]


def test_finding_keras_computes_schedules_in_float32():
    """On TensorFlow, whatever ``floatx`` is: there a Python float makes a float32 tensor."""
    with floatx("float64"):
        bare = keras.optimizers.schedules.ExponentialDecay(0.1, 7, 0.7)(5)
        ours = make("keras", "exponential_decay", learning_rate=0.1, factor=0.7, every=7)(5)
    exact = 0.1 * 0.7 ** (5 / 7)
    assert float(ours) == pytest.approx(exact, rel=1e-15, abs=0)
    rounded = abs(float(bare) / exact - 1) > 1e-9
    assert rounded == (keras.backend.backend() == "tensorflow")


# Plateaus.


def random_plateaus(seed, count=1000, *, negative=True, special=(NAN, INF, -INF)):
    """Short sequences with ties, plateaus and small gains, and the arguments to go with them."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        length = rng.integers(1, 13)
        values = rng.integers(0, 40, length) / 16
        if rng.random() < 0.25:
            values = rng.uniform(0, 2, length).astype(np.float32).astype(float)
        if negative and rng.random() < 0.5:
            values -= 1.25
        if rng.random() < 0.5:
            values = np.sort(values)[::-1]  # a loss that falls
        if rng.random() < 0.5:
            values = np.repeat(values, rng.integers(1, 4, len(values)))
        if special and rng.random() < 0.5:
            odd = rng.random(len(values)) < 0.2
            values[odd] = rng.choice([*special, values[0]], odd.sum())
        options = {
            "factor": float(rng.choice([0.1, 0.5, 0.75, rng.uniform(0.05, 0.95)])),
            "patience": int(rng.integers(0, 5)),
            "threshold": float(rng.choice([0.0, 1e-4, 0.0625, 0.25])),
            "threshold_mode": str(rng.choice(["rel", "abs"])),
            "cooldown": int(rng.choice([0, 0, 1, 2, 4])),
            "floor": float(rng.choice([0.0, 0.0, 0.25, rng.uniform()])),
            "mode": str(rng.choice(["min", "max"])),
        }
        yield values.tolist(), options


with floatx("float64"):
    KERAS = SimpleNamespace(optimizer=keras.optimizers.SGD(1.0))


def watch_keras(callback, values, start, monitor="val_loss"):
    """The learning rate after each epoch."""
    callback.set_model(KERAS)
    KERAS.optimizer.learning_rate = start
    callback.on_train_begin()
    rates = []
    for epoch, value in enumerate(values):
        logs = {monitor: value}
        callback.on_epoch_end(epoch, logs)
        rates.append(logs["learning_rate"])  # of this epoch, before it was reduced
    return [*rates[1:], float(keras.ops.convert_to_numpy(KERAS.optimizer.learning_rate))]


def watch_torch(make, values, start):
    scheduler = make(torch_optimizer(start))
    rates = []
    for value in values:
        scheduler.step(value)
        rates.append(scheduler.optimizer.param_groups[0]["lr"])
    return rates


def watch(framework, values, start=1.0, **options):
    plateau = SCHEDULES[framework].ReduceOnPlateau
    if framework == "torch":
        return watch_torch(lambda optimizer: plateau(optimizer, **options), values, start)
    if framework == "keras":
        return watch_keras(plateau(**options), values, start)
    watcher, optimizer = plateau(**options), panel("scratch", "optimizers").SGD(start)
    rates = []
    for epoch, value in enumerate(values):
        watcher.update(epoch, value, optimizer)
        rates.append(optimizer.learning_rate)
    return rates


def check_everywhere(values, rates, start=1.0, **options):
    for framework, found in everywhere(lambda f, a: watch(f, values, start, **options)).items():
        assert found == rates, framework


def assert_worth_something(runs):
    """Some runs never reduce, some once, some often, and in some the floor is reached."""
    changes = [np.count_nonzero(np.diff([1.0, *rates])) for rates in runs]
    counts = np.bincount(np.minimum(changes, 3), minlength=4)
    assert counts.min() > 50


def test_a_thousand_random_sequences_agree(parity):
    runs = list(random_plateaus(0))
    found = everywhere(lambda f, a: [watch(f, values, **o) for values, o in runs])
    assert_worth_something(found["scratch"])
    last = np.array([rates[-1] for rates in found["scratch"]])
    assert np.count_nonzero(last == [options["floor"] for _, options in runs]) > 50
    # The rates are the same bit for bit: all are products with the same factor.
    parity("schedules", {f: np.concatenate(rates) for f, rates in found.items()}, tolerance=0.0)


def test_a_thousand_random_sequences_of_keras(parity):
    """Its thresholds are absolute; a NaN must not come first; it compares in float32.

    Entries of the map: plateau-threshold, plateau-first-nan.
    """
    ours, theirs = [], []
    for values, options in random_plateaus(1):
        values[0] = 1.0 if math.isnan(values[0]) else values[0]
        options |= {"threshold_mode": "abs"}
        bare = keras.callbacks.ReduceLROnPlateau(
            factor=options["factor"],
            patience=options["patience"],
            mode=options["mode"],
            min_delta=options["threshold"],
            cooldown=options["cooldown"],
            min_lr=options["floor"],
        )
        ours.append(watch("scratch", values, **options))
        theirs.append(watch_keras(bare, values, 1.0))
    assert_worth_something(ours)
    arrays = {"scratch": np.concatenate(ours), "keras": np.concatenate(theirs)}
    parity("schedules, native", arrays, tolerance=0.0)


def as_pytorch(mode="min"):
    return {
        "best": INF if mode == "min" else -INF,
        "one_epoch_more": True,
        "minimal_change": 1e-8,
        "signed_threshold": True,
    }


def test_a_thousand_random_sequences_of_pytorch(parity):
    """Its own numbers, our four keywords; some rates so small that its 1e-8 shows.

    Entries of the map: plateau-patience, plateau-cooldown, plateau-threshold,
    plateau-least-change.
    """
    rng = np.random.default_rng(2)
    ours, theirs, small = [], [], 0
    for values, options in random_plateaus(3):
        start = float(rng.choice([1.0, 1e-6]))
        options["floor"] *= start
        native = dict(options)
        native["min_lr"] = native.pop("floor")
        ours.append(watch("scratch", values, start, **options, **as_pytorch(options["mode"])))
        theirs.append(
            watch_torch(
                lambda optimizer, native=native: lr_scheduler.ReduceLROnPlateau(
                    optimizer, **native
                ),
                values,
                start,
            )
        )
        small += ours[-1][-1] < 2e-8
    assert_worth_something([np.array(rates) / rates[0] for rates in ours])
    assert small > 5
    arrays = {"scratch": np.concatenate(ours), "torch": np.concatenate(theirs)}
    parity("schedules, native", arrays, tolerance=0.0)


def test_pytorch_at_its_defaults(parity):
    """Entries of the map: plateau-negative-best."""
    for mode in ("min", "max"):
        values = [1.0, 0.99995, 1.5] * 20
        ours = watch("scratch", values, mode=mode, **as_pytorch(mode))
        bare = watch_torch(lambda o, m=mode: lr_scheduler.ReduceLROnPlateau(o, m), values, 1.0)
        parity("schedules, native", {"scratch": ours, "torch": bare}, tolerance=0.0)
        assert ours[-1] < 1


def test_patience():
    values = [2.0, 2.0, 2.0, 2.0, 1.0, 1.0, 1.0]
    check_everywhere(values, [1, 1, 0.5, 0.5, 0.5, 0.5, 0.25], factor=0.5, patience=2)
    for patience in (0, 1):
        check_everywhere([2.0] * 4, [1, 0.5, 0.25, 0.125], factor=0.5, patience=patience)
    check_everywhere([2.0] * 12, [1.0] * 10 + [0.1] * 2)


def test_cooldown():
    options = {"factor": 0.5, "patience": 1}
    for cooldown in (0, 1):
        check_everywhere([2.0] * 4, [1, 0.5, 0.25, 0.125], **options, cooldown=cooldown)
    check_everywhere([2.0] * 6, [1, 0.5, 0.5, 0.25, 0.25, 0.125], **options, cooldown=2)
    # In its cooldown it does not count, but sees what is best.
    values = [2.0, 2.0, 1.0, 1.5, 1.5, 1.5]
    check_everywhere(values, [1, 0.5, 0.5, 0.5, 0.25, 0.25], **options, cooldown=3)


def test_the_floor():
    options = {"factor": 0.5, "patience": 1}
    check_everywhere([2.0] * 4, [1, 0.5, 0.3, 0.3], **options, floor=0.3)
    check_everywhere([2.0] * 3, [0.25] * 3, start=0.25, **options, floor=0.3)


def test_nan_and_infinity():
    options = {"factor": 0.5, "patience": 1}
    check_everywhere([NAN, NAN, 1.0, NAN], [0.5, 0.25, 0.25, 0.125], **options)
    check_everywhere([INF, INF, 1.0, 1.0], [1, 0.5, 0.5, 0.25], **options)
    check_everywhere([1.0, -INF, -INF, 0.0], [1, 1, 0.5, 0.25], **options)
    check_everywhere([-INF, -INF, 1.0], [1, 0.5, 0.5], **options, mode="max")


@pytest.mark.parametrize(
    ("mode", "better", "best", "equal"),
    [
        # The margin is a quarter of the size of the best, whatever its sign.
        ("min", 1.4375, 2.0, 1.5),
        ("min", -2.5625, -2.0, -2.5),
        ("max", 2.5625, 2.0, 2.5),
        ("max", -1.4375, -2.0, -1.5),
        ("min", -0.0625, 0.0, 0.0),
        ("max", 0.0625, 0.0, 0.0),
        ("min", 1.0, INF, INF),
        ("max", 1.0, -INF, -INF),
    ],
)
def test_improves_by_a_relative_threshold(mode, better, best, equal):
    for framework in PACKAGES:
        improves = SCHEDULES[framework].improves
        for number in (float, np.float32, np.float64, np.array, torch.tensor):
            assert improves(number(better), best, threshold=0.25, mode=mode) is True
            assert improves(number(equal), best, threshold=0.25, mode=mode) is False


def test_improves():
    for framework in PACKAGES:
        improves = SCHEDULES[framework].improves
        assert improves(0.9998, 1.0) is True
        assert improves(0.99995, 1.0) is False
        assert improves(NAN, None) is improves(NAN, 1.0) is False
        assert improves(INF, None) is improves(-INF, None) is True
        for best in (2.0, 0.125, -2.0):
            options = {"threshold": 0.25, "threshold_mode": "abs"}
            assert improves(best - 0.3125, best, **options) is True
            assert improves(best - 0.25, best, **options) is False
            assert improves(best + 0.3125, best, **options, mode="max") is True
            assert improves(best + 0.25, best, **options, mode="max") is False


def test_finding_pytorch_takes_any_negative_value_for_an_improvement():
    """pytorch/pytorch#47513: -1 < -1 * (1 - threshold), so the rate is never reduced."""
    values, options = [-1.0] * 6, {"factor": 0.5, "patience": 1}
    bare = watch_torch(lambda o: lr_scheduler.ReduceLROnPlateau(o, **options), values, 1.0)
    assert bare == [1.0] * 6
    assert watch("scratch", values, **options, signed_threshold=True) == bare
    check_everywhere(values, [2.0**-i for i in range(6)], **options)


def test_finding_keras_lets_a_first_nan_be_the_best():
    values, options = [NAN, 3.0, 2.0, 1.0], {"factor": 0.5, "patience": 2}
    bare = watch_keras(keras.callbacks.ReduceLROnPlateau(mode="min", **options), values, 1.0)
    assert bare == [1, 1, 0.5, 0.5]
    check_everywhere(values, [1.0] * 4, **options)


def test_one_object_watches_one_run():
    """Keras's own hook starts anew in each ``fit``."""
    plateau = SCHEDULES["scratch"].ReduceOnPlateau()
    optimizer = panel("scratch", "optimizers").SGD()
    plateau.update(0, 1.0, optimizer)
    with pytest.raises(ValueError, match=r"^epoch must be an integer >= 1, got 0$"):
        plateau.update(0, 1.0, optimizer)
    callback = SCHEDULES["keras"].ReduceOnPlateau(factor=0.5, patience=2)
    assert watch_keras(callback, [1.0, 1.0], 1.0) == [1, 1]
    assert watch_keras(callback, [2.0, 2.0, 2.0], 1.0) == [1, 1, 0.5]


def test_a_torch_plateau_is_saved_and_goes_on():
    options = {"factor": 0.5, "patience": 2, "cooldown": 2, "threshold_mode": "abs"}
    values = [2.0, 2.0, 2.0, 3.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    plateau = SCHEDULES["torch"].ReduceOnPlateau
    for stop in range(len(values)):
        first, second = (plateau(torch_optimizer(), **options) for _ in range(2))
        for value in values[:stop]:
            first.step(value)
        second.load_state_dict(first.state_dict())
        second.optimizer.load_state_dict(first.optimizer.state_dict())
        for value in values[stop:]:
            second.step(value)
        expected = watch("scratch", values, **options)[-1]
        assert second.get_last_lr() == [expected], stop


def test_accuracy_is_maximized():
    options = {"monitor": "validation_accuracy", "mode": "max", "factor": 0.5, "patience": 1}
    values = [0.25, 0.5, 0.5, 0.75]
    assert watch("scratch", values, **options) == watch("torch", values, **options)
    callback = SCHEDULES["keras"].ReduceOnPlateau(**options)
    assert watch_keras(callback, values, 1.0, "val_accuracy") == [1, 1, 0.5, 0.5]
    for framework in ("scratch", "torch"):
        optimizer = [torch_optimizer()] if framework == "torch" else []
        plateau = SCHEDULES[framework].ReduceOnPlateau(*optimizer, **options)
        assert plateau.monitor == "validation_accuracy"


# A real training: the mean squared error of one dense layer.


def regression(dtype):
    rng = np.random.default_rng(3)
    return rng.normal(size=(16, 5)).astype(dtype), rng.normal(size=(16, 3)).astype(dtype)


OPTIMIZER = {"learning_rate": 0.25, "weight_decay": 0.25}


class ByHand:
    """One dense layer of ``scratch`` or ``torch`` and its optimizer, behind the same methods."""

    def __init__(self, framework, dtype):
        self.framework, self.data = framework, regression(dtype)
        self.layer = panel(framework, "layers").Dense(5, 3, seed=1, dtype=dtype)
        named = [self.layer.named_parameters()] if framework == "torch" else []
        self.optimizer = panel(framework, "optimizers").AdamW(*named, **OPTIMIZER)
        if framework == "torch":
            self.data = tuple(map(torch.from_numpy, self.data))

    def update(self):
        x, y = self.data
        if self.framework == "torch":
            self.optimizer.zero_grad()
            torch.nn.functional.mse_loss(self.layer(x), y).backward()
            self.optimizer.step()
        else:
            self.layer.backward((self.layer(x, training=True) - y) * (2 / y.size))
            self.optimizer.step(self.layer.params, self.layer.grads)

    @torch.no_grad()
    def loss(self):
        x, y = self.data
        return float(((self.layer(x) - y) ** 2).mean())

    def weights(self):
        weights = ADAPTERS[self.framework].weights(self.layer)
        return {name: weights[name] for name in ("weight", "bias")}


def keras_model(dtype, learning_rate, jit_compile):
    layers = panel("keras", "layers")
    dense = layers.Dense(5, 3, seed=1, dtype=dtype)
    model = layers.Sequential([keras.Input((5,), dtype=dtype), dense])
    if keras.backend.backend() == "torch":
        jit_compile = False  # would be torch.compile, which needs a C++ compiler
    optimizer = panel("keras", "optimizers").AdamW(**(OPTIMIZER | {"learning_rate": learning_rate}))
    model.compile(optimizer=optimizer, loss="mse", jit_compile=jit_compile)
    return model


def keras_weights(model):
    weights = ADAPTERS["keras"].weights(model)
    return {name: weights[f"dense.{name}"] for name in ("weight", "bias")}


@pytest.mark.parametrize(
    ("name", "options", "dtype", "jit_compile"),
    [
        ("step_decay", {"factor": 0.5, "every": 2}, "float32", True),
        ("exponential_decay", {"factor": 0.5, "every": 3}, "float64", True),
        ("cosine_decay", {"steps": 4, "floor": 0.0625, "warmup_steps": 3}, "float64", False),
        ("multi_step_decay", {"factor": 0.5, "milestones": [3, 5]}, "float32", True),
        ("polynomial_decay", {"steps": 6, "power": 2.0}, "float64", True),
        ("warm_restarts", {"steps": 2, "t_mult": 2}, "float64", True),
        ("one_cycle", {"steps": 8, "pct_start": 0.25, "div_factor": 4.0}, "float32", True),
    ],
)
def test_training_with_a_schedule(parity, name, options, dtype, jit_compile, tmp_path):
    options = options | {"learning_rate": OPTIMIZER["learning_rate"]}
    trained = {}
    for framework in ("scratch", "torch"):
        run = ByHand(framework, dtype)
        optimizer = [run.optimizer] if framework == "torch" else []
        schedule = make(framework, name, *optimizer, **options)
        for step in range(8):
            if framework == "scratch":
                run.optimizer.learning_rate = schedule(step)
            run.update()
            if framework == "torch":
                schedule.step()
        trained[framework] = run.weights()

    x, y = regression(dtype)
    with floatx(dtype):
        model = keras_model(dtype, make("keras", name, **options), jit_compile)
        model.fit(x, y, batch_size=16, epochs=5, verbose=0)
        if name == "cosine_decay":  # saved and resumed
            model.save(tmp_path / "model.keras")
            model = keras.saving.load_model(tmp_path / "model.keras")
        expected = make("scratch", name, **options)(5)
        assert float(model.optimizer.learning_rate) == pytest.approx(expected, rel=1e-6)
        model.fit(x, y, batch_size=16, epochs=3, verbose=0)
    trained["keras"] = keras_weights(model)
    # In each step, sums over 16 rows, 5 features and 3 outputs, as in a training without schedule.
    parity("schedules", trained, terms=8 * (16 + 5 + 3))


def test_training_on_a_plateau(parity):
    """A rate so high that the loss goes up and down."""
    options = {"factor": 0.5, "patience": 1, "threshold": 0.125, "cooldown": 2, "floor": 0.0625}
    found, epochs = {}, 10
    for framework in ("scratch", "torch"):
        run, rates = ByHand(framework, "float64"), []
        plateau = SCHEDULES[framework].ReduceOnPlateau
        plateau = plateau(*[run.optimizer][: framework == "torch"], **options)
        for epoch in range(epochs):
            run.update()
            if framework == "scratch":
                plateau.update(epoch, run.loss(), run.optimizer)
                rates.append(run.optimizer.learning_rate)
            else:
                plateau.step(run.loss())
                rates.append(plateau.get_last_lr()[0])
        found[framework] = {"rates": rates, **run.weights()}

    x, y = regression("float64")
    with floatx("float64"):
        model = keras_model("float64", OPTIMIZER["learning_rate"], jit_compile=False)
        rates = []
        record = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: rates.append(float(model.optimizer.learning_rate))
        )
        model.fit(
            x,
            y,
            batch_size=16,
            epochs=epochs,
            validation_data=(x, y),
            callbacks=[SCHEDULES["keras"].ReduceOnPlateau(**options), record],
            verbose=0,
        )
    found["keras"] = {"rates": rates, **keras_weights(model)}
    assert len(set(rates)) > 2
    parity("schedules", found, terms=epochs * (16 + 5 + 3))


# What is refused.


SIMPLE = ["step_decay", "exponential_decay", "cosine_decay"]
STEPPED = ["multi_step_decay"]


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        (SIMPLE, {"learning_rate": 0}, "learning_rate must be a number in (0, inf), got 0"),
        (SIMPLE, {"learning_rate": NAN}, "learning_rate must be a number in (0, inf), got nan"),
        (SIMPLE, {"learning_rate": None}, "learning_rate must be a number in (0, inf), got None"),
        (
            ["step_decay", "exponential_decay"],
            {"factor": 0.0},
            "factor must be a number in (0, 1], got 0.0",
        ),
        (
            ["step_decay", "exponential_decay"],
            {"factor": 1.5},
            "factor must be a number in (0, 1], got 1.5",
        ),
        (["step_decay", "exponential_decay"], {"every": 0}, "every must be an integer >= 1, got 0"),
        (
            ["step_decay", "exponential_decay"],
            {"every": 2.0},
            "every must be an integer >= 1, got 2.0",
        ),
        (["cosine_decay"], {"steps": 0}, "steps must be an integer >= 1, got 0"),
        (["cosine_decay"], {"floor": 0.75}, "floor must be a number in [0, 0.5], got 0.75"),
        (["cosine_decay"], {"floor": -0.25}, "floor must be a number in [0, 0.5], got -0.25"),
        (STEPPED, {"milestones": []}, "milestones must be a list of steps, got []"),
        (STEPPED, {"milestones": 5}, "milestones must be a list of steps, got 5"),
        (STEPPED, {"milestones": [0]}, "milestones must be an integer >= 1, got 0"),
        (STEPPED, {"milestones": [5, 5]}, "milestones must grow from one to the next, got (5, 5)"),
        (["polynomial_decay"], {"power": 0.0}, "power must be a number in (0, inf), got 0.0"),
        (["polynomial_decay"], {"floor": 0.75}, "floor must be a number in [0, 0.5], got 0.75"),
        (["warm_restarts"], {"t_mult": 1.5}, "t_mult must be an integer >= 1, got 1.5"),
        (["warm_restarts"], {"factor": 0.0}, "factor must be a number in (0, 1], got 0.0"),
        (["one_cycle"], {"steps": 1}, "steps must be an integer >= 2, got 1"),
        (["one_cycle"], {"pct_start": 0.2}, "pct_start must be a number in (0.2, 1), got 0.2"),
        (
            ["one_cycle"],
            {"pct_start": 0.6, "three_phase": True},
            "pct_start must be a number in (0.2, 0.5], got 0.6",
        ),
        (["one_cycle"], {"anneal": "cos"}, "anneal must be one of 'cosine', 'linear', got 'cos'"),
        (["one_cycle"], {"div_factor": 0.5}, "div_factor must be a number in [1, inf), got 0.5"),
        (["one_cycle"], {"three_phase": 1}, "three_phase must be True or False, got 1"),
        (["cosine_decay"], {"warmup_steps": -1}, "warmup_steps must be an integer >= 0, got -1"),
    ],
)
def test_bad_arguments(names, options, message):
    for name in names:
        good = {"factor": 0.5, "every": 5}
        if name == "multi_step_decay":
            good = {"factor": 0.5, "milestones": [5]}
        elif name not in SIMPLE[:2]:
            good = {"steps": 5}
        arguments = {"learning_rate": 0.5} | good | options

        def build(framework, adapter, name=name, arguments=arguments):
            make(framework, name, *[torch_optimizer()][: framework == "torch"], **arguments)

        def call(framework, adapter, name=name, arguments=arguments):
            public(framework, name)(0, **arguments)

        same_error(build, message)
        same_error(call, message)


@pytest.mark.parametrize("step", [-1, 1.5, True, "first"])
def test_bad_steps(step):
    for name in CLASSES:
        options = random_options(name, np.random.default_rng(0))
        same_error(
            lambda f, a, name=name, o=options: public(f, name)(step, **o),
            f"step must be an integer >= 0, got {step!r}",
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"factor": 1.0}, "factor must be a number in (0, 1), got 1.0"),
        ({"factor": 0}, "factor must be a number in (0, 1), got 0"),
        ({"patience": -1}, "patience must be an integer >= 0, got -1"),
        ({"cooldown": 1.5}, "cooldown must be an integer >= 0, got 1.5"),
        ({"floor": -0.5}, "floor must be a number in [0, inf), got -0.5"),
        ({"floor": INF}, "floor must be a number in [0, inf), got inf"),
        ({"threshold": 1.0}, "threshold must be a number in [0, 1), got 1.0"),
        ({"threshold": NAN}, "threshold must be a number in [0, 1), got nan"),
        (
            {"threshold": INF, "threshold_mode": "abs"},
            "threshold must be a number in [0, inf), got inf",
        ),
        ({"threshold_mode": "both"}, "threshold_mode must be one of 'rel', 'abs', got 'both'"),
        ({"mode": "auto"}, "mode must be one of 'min', 'max', got 'auto'"),
        (
            {"monitor": "loss"},
            "monitor must be one of 'validation_loss', 'validation_accuracy', got 'loss'",
        ),
    ],
)
def test_bad_arguments_of_a_plateau(options, message):
    def build(framework, adapter):
        optimizer = [torch_optimizer()][: framework == "torch"]
        SCHEDULES[framework].ReduceOnPlateau(*optimizer, **options)

    same_error(build, message)
    if next(iter(options)) in ("threshold", "threshold_mode", "mode"):
        same_error(lambda f, a: SCHEDULES[f].improves(1.0, 2.0, **options), message)


def test_bad_keywords_of_scratch():
    for options, message in [
        ({"best": NAN}, r"best must be a number in \[-inf, inf\], got nan"),
        ({"one_epoch_more": 1}, "one_epoch_more must be True or False, got 1"),
        ({"minimal_change": -1.0}, r"minimal_change must be a number in \[0, inf\), got -1.0"),
        ({"signed_threshold": None}, "signed_threshold must be True or False, got None"),
    ]:
        with pytest.raises(ValueError, match=f"^{message}$"):
            SCHEDULES["scratch"].ReduceOnPlateau(**options)
