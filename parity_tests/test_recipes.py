import json
import math
import re
from dataclasses import MISSING, FrozenInstanceError, asdict, fields, replace

import numpy as np
import pytest

from triptych.common.history import History
from triptych.common.recipes import (
    ACTIVATIONS,
    AugmentationRecipe,
    AveragingRecipe,
    EarlyStoppingRecipe,
    Recipe,
    ScheduleRecipe,
    representable,
)

pytestmark = pytest.mark.once

NAN, INF = math.nan, math.inf
RECIPE = Recipe(input_shape=(4, 4, 1), hidden=(8, 8), outputs=1)
BASES = {
    "Recipe": RECIPE,
    "AugmentationRecipe": AugmentationRecipe(),
    "AveragingRecipe": AveragingRecipe(kind="ema"),
    "EarlyStoppingRecipe": EarlyStoppingRecipe(),
    "ScheduleRecipe": ScheduleRecipe(kind="step"),
}
FLOATS = [
    (kind, field.name)
    for kind, base in BASES.items()
    for field in fields(base)
    if field.type is float
]


def test_representable():
    assert representable(0.1) == 0.10000000149011612
    assert representable(0.75) == 0.75
    assert type(representable(np.float64(0.1))) is type(representable(3)) is float
    assert representable(1e39) == INF


def test_every_float_is_annotated_so():
    """The rounding goes by the annotation: no number with a point may have another one."""
    for kind, base in BASES.items():
        for name, value in asdict(base).items():
            assert isinstance(value, float) == ((kind, name) in FLOATS), name
    assert len(FLOATS) > 15


@pytest.mark.parametrize(("kind", "name"), FLOATS)
@pytest.mark.parametrize("number", [float, np.float64, np.float32])
def test_every_float_is_rounded(kind, name, number):
    value = getattr(replace(BASES[kind], **{name: number(0.1)}), name)
    assert value == 0.10000000149011612
    assert type(value) is float


@pytest.mark.parametrize(("kind", "name"), FLOATS)
def test_an_integer_will_do_for_a_float(kind, name):
    base = BASES[kind]
    try:
        value = getattr(replace(base, **{name: 1}), name)
    except ValueError as error:
        assert "got 1" in str(error)  # noqa: PT017 (1 is outside some intervals)
        value = getattr(replace(base, **{name: 0}), name)
    assert type(value) is float


def test_numbers_of_a_tuple_are_rounded():
    weights = replace(RECIPE, outputs=2, class_weights=(0.1, 2)).class_weights
    assert weights == (0.10000000149011612, 2.0)


def test_defaults_are_rounded_too():
    assert RECIPE.beta_1 == representable(0.9) != 0.9
    for kind, name in FLOATS:
        value = getattr(BASES[kind], name)
        assert value == representable(value), name


@pytest.mark.parametrize("kind", BASES)
def test_frozen_and_hashable(kind):
    base = BASES[kind]
    for field in fields(base):
        with pytest.raises(FrozenInstanceError):
            setattr(base, field.name, getattr(base, field.name))
    assert replace(base) == base
    assert hash(replace(base)) == hash(base)
    with pytest.raises(TypeError):
        type(base)(1.0)  # keywords only


def number(name, interval, *values):
    return [
        ({name: value}, f"{name} must be a number in {interval}, got {value!r}")
        for value in (*values, NAN, "many", None, True)
    ]


def integer(name, allowed, *values):
    return [
        ({name: value}, f"{name} must be an integer {allowed}, got {value!r}")
        for value in (*values, 2.5, "many", None, True)
    ]


def choice(name, *choices):
    names = ", ".join(map(repr, choices))
    message = f"{name} must be one of {names}, got "
    return [({name: value}, message + repr(value)) for value in ("other", None, 1)]


def flag(name):
    message = f"{name} must be True or False, got "
    return [({name: value}, message + repr(value)) for value in (1, None, "yes")]


BAD = {
    "Recipe": [
        *choice("loss", "softmax", "binary"),
        *choice("activation", *ACTIVATIONS),
        *choice("optimizer", "sgd", "rmsprop", "adam", "adamw"),
        *flag("amsgrad"),
        *number("layer_decay", "(0, 1]", 0, -0.5, 1.5),
        *number("rho", "[0, 1)", -0.5, 1),
        *integer("rand_augment", "in [0, 100]", -1, 101),
        *number("rand_augment_magnitude", "[0, 30]", -1.0, 31),
        *choice("dtype", "float32", "float64"),
        *number("dropout", "[0, 1)", -0.5, 1),
        *number("spatial_dropout", "[0, 1)", -0.5, 1),
        *number("stochastic_depth", "[0, 1)", -0.5, 1),
        *number("label_smoothing", "[0, 1]", -0.5, 1.5),
        *number("clip_norm", "(0, inf]", 0, -1.0),
        *number("adaptive_clip", "(0, inf]", 0, -1.0),
        *number("max_norm", "(0, inf]", 0, -1.0),
        *number("mixup", "[0, inf)", -1.0, INF),
        *number("cutmix", "[0, inf)", -1.0, INF),
        *number("weight_noise", "[0, inf)", -1.0, INF),
        *number("gradient_noise", "[0, inf)", -1.0, INF),
        *integer("accumulate", ">= 1", 0, -1),
        *number("batch_norm_momentum", "[0, 1]", -0.5, 1.5),
        *number("batch_norm_epsilon", "(0, inf)", 0, -1.0, INF),
        *number("l1", "[0, inf)", -1.0, INF),
        *number("l2", "[0, inf)", -1.0, INF),
        *number("weight_decay", "[0, inf)", -1.0, INF),
        *number("learning_rate", "(0, inf)", 0, -1.0, INF),
        *number("momentum", "[0, 1)", -0.5, 1),
        *number("beta_1", "[0, 1)", -0.5, 1),
        *number("beta_2", "[0, 1)", -0.5, 1),
        *number("epsilon", "(0, inf)", 0, -1.0, INF),
        *flag("batch_norm"),
        *flag("nesterov"),
        *flag("drop_last"),
        *integer("blocks", ">= 1", 0, -1),
        *integer("vocabulary", ">= 0", -1),
        *integer("width", ">= 1", 0, -1),
        *choice("positions", "sinusoidal", "learned"),
        *integer("heads", ">= 1", 0, -1),
        *integer("expansion", ">= 1", 0, -1),
        *choice("cell", "rnn", "lstm", "gru"),
        *flag("bidirectional"),
        *flag("by_length"),
        *number("embedding_dropout", "[0, 1)", -0.5, 1),
        *number("attention_dropout", "[0, 1)", -0.5, 1),
        *number("recurrent_dropout", "[0, 1)", -0.5, 1),
        *number("zoneout", "[0, 1)", -0.5, 1),
        *number("layer_norm_epsilon", "(0, inf)", 0, -1.0, INF),
        *integer("outputs", ">= 1", 0, -1),
        *integer("batch_size", ">= 1", 0, -1),
        *integer("passes_per_epoch", ">= 1", 0, -1),
        *integer("epochs", ">= 1", 0, -1),
        *integer("seed", "in [0, 18446744073709551615]", -1, 2**64),
    ],
    "AveragingRecipe": [
        *choice("kind", "ema", "swa"),
        *number("decay", "[0, 1)", -0.5, 1),
        *flag("warmup"),
        *integer("start_epoch", ">= 0", -1),
    ],
    "AugmentationRecipe": [
        *number("rotation", "[0, 180]", -1.0, 181),
        *number("zoom", "[0, 1)", -0.5, 1),
        *number("translation", "[0, 1]", -0.5, 1.5),
        *number("shear", "[0, 90)", -1, 90),
        *choice("interpolation", "bilinear", "nearest"),
        *choice("fill_mode", "constant", "nearest", "reflect"),
        *number("fill_value", "(-inf, inf)", INF, -INF),
        *flag("horizontal_flip"),
        *flag("vertical_flip"),
        *integer("crop_padding", ">= 0", -1),
        *number("brightness", "[0, 1]", -0.5, 1.5),
        *number("contrast", "[0, 1]", -0.5, 1.5),
        *integer("cutout", ">= 0", -1),
        *number("noise", "[0, inf)", -0.5, INF),
    ],
    "EarlyStoppingRecipe": [
        *choice("monitor", "validation_loss", "validation_accuracy"),
        *integer("patience", ">= 0", -1),
        *number("min_delta", "[0, inf)", -0.5, INF),
        *choice("mode", "min", "max"),
        *integer("start_from_epoch", ">= 0", -1),
        *flag("restore_best_weights"),
    ],
    "ScheduleRecipe": [
        *choice(
            "kind",
            "step",
            "multi_step",
            "exponential",
            "cosine",
            "polynomial",
            "warm_restarts",
            "one_cycle",
            "plateau",
        ),
        *number("power", "(0, inf)", 0, -1.0, INF),
        *integer("t_mult", ">= 1", 0, -1),
        *number("factor", "(0, 1]", 0, -0.5, 1.5),
        *integer("every", ">= 1", 0, -1),
        *integer("warmup", ">= 0", -1),
        *number("floor", "[0, inf)", -1.0, INF),
        *integer("patience", ">= 0", -1),
        *number("threshold", "[0, 1)", -0.5, 1),
        *choice("threshold_mode", "rel", "abs"),
        *integer("cooldown", ">= 0", -1),
    ],
}


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [(kind, options, message) for kind, cases in BAD.items() for options, message in cases],
)
def test_bad_value(kind, options, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the text is compared below)
        replace(BASES[kind], **options)
    assert str(caught.value) == message


def test_every_argument_has_its_bad_values():
    for kind, base in BASES.items():
        tried = {name for options, _ in BAD[kind] for name in options}
        if kind == "Recipe":  # their own tests follow
            tried |= {"input_shape", "channels", "hidden", "recurrent"}
            tried |= {"early_stopping", "augmentation", "schedule", "averaging", "class_weights"}
        if kind == "ScheduleRecipe":
            tried.add("milestones")
        assert tried == {field.name for field in fields(base)}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dropout": 1 - 1e-9}, "dropout must be a number in [0, 1), got 1.0"),
        ({"beta_2": 1 - 1e-9}, "beta_2 must be a number in [0, 1), got 1.0"),
        ({"learning_rate": 1e-60}, "learning_rate must be a number in (0, inf), got 0.0"),
        ({"epsilon": 1e-60}, "epsilon must be a number in (0, inf), got 0.0"),
        ({"l2": 1e39}, "l2 must be a number in [0, inf), got inf"),
    ],
)
def test_rounding_does_not_leave_the_interval(options, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the text is compared below)
        replace(RECIPE, **options)
    assert str(caught.value) == message


SHAPE = "input_shape must be (features,) or (height, width, channels), got "


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input_shape": (4, 4)}, SHAPE + "(4, 4)"),
        ({"input_shape": ()}, SHAPE + "()"),
        ({"input_shape": [4]}, SHAPE + "[4]"),
        ({"input_shape": 4}, SHAPE + "4"),
        ({"input_shape": (0,)}, "input_shape must be an integer >= 1, got 0"),
        ({"input_shape": (4, 4.5, 1)}, "input_shape must be an integer >= 1, got 4.5"),
        ({"hidden": [8]}, "hidden must be a tuple of unit counts, got [8]"),
        ({"hidden": 8}, "hidden must be a tuple of unit counts, got 8"),
        ({"hidden": (8, 0)}, "hidden must be an integer >= 1, got 0"),
        ({"channels": [8]}, "channels must be a tuple of channel counts, got [8]"),
        ({"channels": (8, 0)}, "channels must be an integer >= 1, got 0"),
        (
            {"input_shape": (16,), "channels": (8,)},
            "channels need images: input_shape must be (height, width, channels), got (16,)",
        ),
        (
            {"loss": "binary", "label_smoothing": 0.1},
            "label_smoothing must be 0 for the binary loss: it smooths classes",
        ),
        (
            {"loss": "binary", "outputs": 1, "mixup": 0.5},
            "mixup and cutmix must be 0 for the binary loss: they mix classes",
        ),
        (
            {"input_shape": (16,), "cutmix": 0.5},
            "cutmix needs images: input_shape must be (height, width, channels), got (16,)",
        ),
        ({"class_weights": [1.0]}, "class_weights must be a tuple of weights, got [1.0]"),
        ({"class_weights": (0,)}, "class_weights must be a number in (0, inf), got 0"),
        (
            {"outputs": 3, "class_weights": (1.0, 2.0)},
            "class_weights must be one for each of the 3 classes of the softmax loss, got 2",
        ),
        ({"averaging": "ema"}, "averaging must be an AveragingRecipe or None"),
        (
            {"input_shape": (16,), "rand_augment": 2},
            "rand_augment needs images: input_shape must be (height, width, channels), got (16,)",
        ),
        (
            {"optimizer": "sgd", "amsgrad": True},
            "amsgrad must be False for the optimizer 'sgd', got True",
        ),
        (
            {"learning_rate": 0.5, "schedule": ScheduleRecipe(kind="polynomial", floor=0.75)},
            "floor must be a number in [0, 0.5], got 0.75",
        ),
        ({"schedule": "cosine"}, "schedule must be a ScheduleRecipe or None"),
        ({"augmentation": 1}, "augmentation must be an AugmentationRecipe or None"),
        (
            {"epochs": 3, "schedule": ScheduleRecipe(kind="cosine", warmup=3)},
            "warmup must be an integer in [0, 2], got 3",
        ),
        (
            {"learning_rate": 0.5, "schedule": ScheduleRecipe(kind="cosine", floor=0.75)},
            "floor must be a number in [0, 0.5], got 0.75",
        ),
        (
            {"loss": "binary", "outputs": 2},
            "outputs must be 1 (a single logit) for the binary loss, got 2",
        ),
        (
            {"input_shape": (16,), "augmentation": AugmentationRecipe()},
            "augmentation needs images: input_shape must be (height, width, channels), got (16,)",
        ),
    ],
)
def test_bad_architecture(options, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the text is compared below)
        replace(RECIPE, **options)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("Recipe", {"nesterov": True}, "momentum must be a number in (0, 1), got 0.0"),
        (
            "Recipe",
            {"nesterov": True, "momentum": 2},
            "momentum must be a number in (0, 1), got 2",
        ),
        (
            "Recipe",
            {"optimizer": "adamw"},
            "weight_decay must be a number in (0, inf), got 0.0",
        ),
        (
            "ScheduleRecipe",
            {"kind": "multi_step"},
            "milestones must be epochs for the kind 'multi_step', got ()",
        ),
        (
            "ScheduleRecipe",
            {"kind": "multi_step", "milestones": [3]},
            "milestones must be a tuple of epochs, got [3]",
        ),
        (
            "ScheduleRecipe",
            {"kind": "one_cycle", "warmup": 1},
            "warmup must be 0 for the kind 'one_cycle', got 1",
        ),
        ("Recipe", {"early_stopping": 1}, "early_stopping must be an EarlyStoppingRecipe or None"),
        (
            "EarlyStoppingRecipe",
            {"monitor": "validation_accuracy"},
            "mode must be 'max' for validation_accuracy, got 'min'",
        ),
        (
            "ScheduleRecipe",
            {"kind": "plateau", "factor": 1},
            "factor must be a number in (0, 1), got 1",
        ),
        (
            "ScheduleRecipe",
            {"threshold": -0.5, "threshold_mode": "abs"},
            "threshold must be a number in [0, inf), got -0.5",
        ),
    ],
)
def test_what_one_field_asks_of_another(kind, options, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the text is compared below)
        replace(BASES[kind], **options)
    assert str(caught.value) == message


@pytest.mark.parametrize("kind", BASES)
def test_every_field_declares_what_it_allows(kind):
    for field in fields(BASES[kind]):
        check = field.metadata["check"]
        if field.default is not MISSING:
            check(field.name, field.default)
        with pytest.raises(ValueError, match=f"^{field.name} must be "):
            check(field.name, object())


def test_a_recipe_is_checked_when_it_is_made_and_never_again(monkeypatch):
    inner = ScheduleRecipe(kind="cosine")
    recipe = replace(RECIPE, channels=(2,), schedule=inner)
    for kind in (Recipe, ScheduleRecipe):
        monkeypatch.setattr(kind, "check", lambda self: pytest.fail("checked again"))
    recipe.schedule_options(100)
    recipe.optimizer_options()
    recipe.image_shape()
    assert hash(recipe) == hash(recipe)
    monkeypatch.undo()
    monkeypatch.setattr(ScheduleRecipe, "check", lambda self: pytest.fail("checked again"))
    assert replace(recipe, seed=1).schedule is inner


def test_good_architectures():
    linear = Recipe(input_shape=(2,), hidden=(), outputs=1, loss="binary")
    assert linear.hidden == ()
    both = replace(RECIPE, augmentation=AugmentationRecipe(), early_stopping=EarlyStoppingRecipe())
    assert both.early_stopping.patience == 0


@pytest.mark.parametrize(
    ("examples", "drop_last", "starts"),
    [
        (10, False, [0, 4, 8]), (10, True, [0, 4]), (8, False, [0, 4]), (8, True, [0, 4]),
        (4, True, [0]), (3, False, [0]), (1, False, [0]),
    ],
)  # fmt: skip
def test_batches(examples, drop_last, starts):
    recipe = replace(RECIPE, batch_size=4, drop_last=drop_last)
    assert list(recipe.batch_starts(examples)) == starts
    assert recipe.steps_per_epoch(examples) == len(starts)
    assert replace(recipe, passes_per_epoch=3).steps_per_epoch(examples) == 3 * len(starts)


def test_no_whole_batch():
    message = "batch_size must be at most the number of training examples (3) with drop_last, got 4"
    recipe = replace(RECIPE, batch_size=4, drop_last=True)
    for call in (recipe.batch_starts, recipe.steps_per_epoch):
        with pytest.raises(ValueError) as caught:  # noqa: PT011 (the text is compared below)
            call(3)
        assert str(caught.value) == message


def test_optimizer_options():
    sgd = replace(RECIPE, optimizer="sgd", momentum=0.5, nesterov=True, learning_rate=0.25)
    assert sgd.optimizer_options() == {
        "learning_rate": 0.25, "weight_decay": 0.0, "momentum": 0.5, "nesterov": True,
    }  # fmt: skip
    for name in ("adam", "adamw"):
        options = replace(
            RECIPE, optimizer=name, beta_1=0.5, weight_decay=0.125
        ).optimizer_options()
        assert options == {
            "learning_rate": representable(1e-3), "weight_decay": 0.125,
            "beta_1": 0.5, "beta_2": representable(0.999), "epsilon": representable(1e-8),
            "amsgrad": False,
        }  # fmt: skip
    rmsprop = replace(RECIPE, optimizer="rmsprop", rho=0.75, momentum=0.5)
    assert rmsprop.optimizer_options() == {
        "learning_rate": representable(1e-3), "weight_decay": 0.0,
        "rho": 0.75, "momentum": 0.5, "epsilon": representable(1e-8),
    }  # fmt: skip


def test_image_shape():
    assert replace(RECIPE, channels=(2,)).image_shape() == (4, 4, 1)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the text is compared below)
        RECIPE.image_shape()
    assert str(caught.value) == "channels must count the feature maps of a stage at least, got ()"


def test_schedules_count_in_steps():
    """100 examples in batches of 8, the last one smaller: 13 steps an epoch."""
    assert RECIPE.schedule_options(100) == {}

    def options(**schedule):
        recipe = replace(RECIPE, batch_size=8, epochs=5, learning_rate=0.5)
        return replace(recipe, schedule=ScheduleRecipe(**schedule)).schedule_options(100)

    decay = {"learning_rate": 0.5, "factor": 0.25, "every": 26}
    assert options(kind="step", factor=0.25, every=2) == decay
    assert options(kind="exponential", factor=0.25, every=2) == decay
    assert options(kind="cosine", warmup=1, floor=0.125) == {
        "learning_rate": 0.5, "steps": 52, "warmup_steps": 13, "floor": 0.125,
    }  # fmt: skip
    assert options(kind="plateau", factor=0.5, patience=2, threshold=0.25, cooldown=1) == {
        "factor": 0.5, "patience": 2, "threshold": 0.25, "threshold_mode": "rel", "cooldown": 1,
        "floor": 0.0,
    }  # fmt: skip


def test_a_schedule_allows_what_its_kind_does():
    assert ScheduleRecipe(kind="step", factor=1).factor == 1
    with pytest.raises(ValueError, match=r"factor must be a number in \(0, 1\), got 1"):
        ScheduleRecipe(kind="plateau", factor=1)
    absolute = ScheduleRecipe(kind="plateau", threshold=2.0, threshold_mode="abs")
    assert absolute.threshold == 2.0


def test_which_gradients_are_clipped():
    assert not RECIPE.clips_gradients
    assert replace(RECIPE, clip_norm=5.0).clips_gradients


@pytest.mark.parametrize(
    ("options", "moves", "clips"),
    [
        ({}, False, False),
        ({"rotation": 1}, True, False),
        ({"zoom": 0.1}, True, False),
        ({"translation": 0.1}, True, False),
        ({"shear": 1}, True, False),
        ({"brightness": 0.1}, False, True),
        ({"contrast": 0.1}, False, True),
        ({"noise": 0.1}, False, True),
        ({"horizontal_flip": True, "cutout": 3, "crop_padding": 2}, False, False),
    ],
)
def test_what_an_augmentation_does(options, moves, clips):
    recipe = AugmentationRecipe(**options)
    assert (recipe.moves, recipe.clips) == (moves, clips)


# The history of a run.


def test_add_epoch():
    history = History("scratch")
    assert history.epochs == 0
    history.add_epoch([3.0, 1.0], [4, 2], 1.5, 0.5, 0.1)
    history.add_epoch([np.float32(0.5)], [4], np.float32(0.25), np.float64(0.75), np.float32(1))
    assert history.step_loss == [3.0, 1.0, 0.5]
    assert history.loss == [14 / 6, 0.5]  # weighted by batch size
    assert history.validation_loss == [1.5, 0.25]
    assert history.validation_accuracy == [0.5, 0.75]
    assert history.learning_rate == [0.1, 1.0]
    assert history.epochs == 2
    curves = [history.step_loss, history.loss, history.validation_loss]
    curves += [history.validation_accuracy, history.learning_rate]
    assert all(type(value) is float for curve in curves for value in curve)
    assert (history.best_epoch, history.stopped_early, history.seconds) == (None, False, 0.0)


def test_a_history_is_saved_and_a_damaged_one_refused(tmp_path):
    history, path = History("scratch", best_epoch=1), tmp_path / "history.json"
    history.add_epoch([3.0, 1.0], [4, 2], 1.5, 0.5, 0.1)
    history.save(path)
    assert History.load(path) == history
    content = path.read_bytes()
    other = content.replace(b"seconds", b"second")
    for damaged in (content[:-5], b"", b"[1]", b"3", b"{}", b"\xff" + content, other):
        path.write_bytes(damaged)
        message = re.escape(f"path must be a file that save wrote, got {path}, which is none or is")
        with pytest.raises(ValueError, match=message):
            History.load(path)
    with pytest.raises(FileNotFoundError):
        History.load(tmp_path / "none")


def test_histories_share_no_lists():
    History("scratch").add_epoch([1.0], [1], 1.0, 1.0, 1.0)
    assert History("torch").loss == []


def test_add_epoch_keeps_the_callers_list():
    losses = [1.0, 2.0]
    history = History("scratch")
    history.add_epoch(losses, [1, 1], 0.0, 0.0, 0.1)
    history.add_epoch([3.0], [1], 0.0, 0.0, 0.1)
    assert losses == [1.0, 2.0]


@pytest.mark.parametrize("best_epoch", [None, 3])
def test_save_and_load(tmp_path, best_epoch):
    history = History("keras", best_epoch=best_epoch, stopped_early=True, seconds=1.25)
    history.add_epoch([0.1, 1 / 3, 1e-300], [4, 4, 1], 2 / 3, 1.0, 1 / 3)
    for path in (tmp_path / "history.json", str(tmp_path / "other.json")):
        history.save(path)
        assert History.load(path) == history  # every bit of every float
    text = (tmp_path / "history.json").read_text("utf-8")
    assert text.endswith("}\n")
    assert json.loads(text)["framework"] == "keras"


def test_a_diverged_run_is_saved_too(tmp_path):
    history = History("torch")
    history.add_epoch([INF, NAN], [1, 1], NAN, 0.0, 0.1)
    history.save(tmp_path / "history.json")
    loaded = History.load(tmp_path / "history.json")
    assert loaded.step_loss[0] == INF
    assert math.isnan(loaded.step_loss[1])
    assert math.isnan(loaded.validation_loss[0])
