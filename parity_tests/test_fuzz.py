"""Every public function, layer and object, called with one bad argument at a time.

Each call ends in a result that the panels share, or in one ValueError, of the same text in each,
that names an argument. What may differ stands in DIFFERENCES, with its reason.
"""

import contextlib
import inspect
import io
import re
import warnings
from functools import partial
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest
import torch

from parity_tests.fuzz import BAD_ARRAYS, BAD_VALUES, CALLS, FIRST, LAYERS, OBJECTS, X
from parity_tests.panels import ADAPTERS, PACKAGES, panel
from triptych.catalogue import CARRIERS, TECHNIQUES

pytestmark = pytest.mark.once

DIFFERENCES = {
    r"(batch_norm|normalization).*\(gamma=infinite\)": "infinity times 0, folded in elsewhere",
    r"batch_norm\.batch_norm_train\(x=infinite\)": "inf - inf, where NumPy centres a second time",
    r"affine\.affine\(images=infinite\)": "infinity times a weight of 0 at the pixel next to it",
    r"affine\.affine\(fill_value=large\)": "PyTorch samples images - fill_value: digits are lost",
    r"(resize|random_resized_crop)\..*=infinite\)": "infinity times a weight of 0, of pixels afar",
    r"convolution\.conv2d\(weight=.*weight must have": "PyTorch's weights have another layout",
    r"(recurrent\.\w+|attention\.multi_head_attention)\(\w*weight=.*weight must have": "the same",
    r"pooling\.\w+\(\)?.*\(?x=NaN\)": "TensorFlow's maximum leaves NaN out (docs/findings.md)",
    r"(adaptive_clipping|weight_constraints)\.\w+\(axis=None": "PyTorch's layout",
    r"(averaging.update_batch_norm|uncertainty.monte_carlo)\(x=an axis": "errors of the model",
    r"layers\.Sequential\(\)\(x=(half|float64)\)": "a Keras model has one dtype for what goes in",
}
RATES = ("schedules.", "warmup.", "warm_restarts.", "one_cycle.")
LOOSE = {"float16": 1e-2, "float32": 1e-4, "float64": 1e-10}


class Ended(NamedTuple):
    """How a call ended: its results as NumPy arrays, or the error."""

    kind: str  # "result", "refused" or "raw"
    text: str = ""
    arrays: tuple[Any, ...] = ()


def spoiled(value):
    """The bad values that take the place of one argument: (label, value)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of np.matrix, of NaN made an integer
        if isinstance(value, np.ndarray):
            return [(label, spoil(value)) for label, spoil in BAD_ARRAYS.items()]
        if isinstance(value, list) and value and isinstance(value[0], np.ndarray):
            first = {
                f"[0] {label}": [spoil(value[0]), *value[1:]] for label, spoil in BAD_ARRAYS.items()
            }
            return [*first.items(), *BAD_VALUES.items()]
        return list(BAD_VALUES.items())


def ended(framework, call, arguments, read=True):
    """``call``, with the arguments made those of the panel, as any user would hand them over."""
    given = {name: converted(framework, call, value) for name, value in arguments.items()}
    weight = given.get("weight")
    if isinstance(weight, torch.Tensor) and weight.ndim == 4:
        given["weight"] = weight.permute(3, 2, 0, 1)  # PyTorch's layout
    turned = {"in_weight", "out_weight", "recurrent_weight"} & given.keys()
    for key in turned | ({"weight"} if "recurrent_weight" in given else set()):
        if isinstance(given[key], torch.Tensor) and given[key].ndim == 2:
            given[key] = given[key].T
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            result = call(**given)
    except ValueError as error:
        return Ended("refused", str(error))
    except Exception as error:
        return Ended("raw", f"{type(error).__name__}: {error}")
    return Ended("result", arrays=tuple(leaves(framework, result)) if read else ())


def converted(framework, call, value):
    if getattr(value, "__module__", "") == "parity_tests.fuzz":  # made anew for each call
        return value(framework)
    if isinstance(value, list):
        return [converted(framework, call, each) for each in value]
    plain = type(value) is np.ndarray or isinstance(value, np.generic)
    plain = plain and value.dtype.kind not in "OSU"
    bad = any(value is each for each in BAD_VALUES.values())
    # The data sets of a training are NumPy's in every panel.
    training = getattr(call, "__module__", "").endswith(".training")
    if framework == "scratch" or not plain or bad or training:
        return value
    # PyTorch has no negative strides.
    return ADAPTERS[framework].tensor(np.array(value, order="C"))


def leaves(framework, result):
    if isinstance(result, tuple | list):
        for each in result:
            yield from leaves(framework, each)
    elif isinstance(result, dict):
        yield from leaves(framework, list(result.values()))
    elif type(result) is float:  # a loss of float32 tensors, or a rate
        yield np.asarray(result, "float32")
    elif isinstance(result, bool | int | str | np.generic | np.ndarray):
        yield np.asarray(result)
    elif hasattr(result, "dtype") and hasattr(result, "shape"):
        yield ADAPTERS[framework].numpy(result)


def difference(name, first, second):
    if len(first) != len(second):
        return f"{len(first)} and {len(second)} results"
    for a, b in zip(first, second, strict=True):
        if a.shape != b.shape:
            return f"shapes {a.shape} and {b.shape}"
        if a.dtype.kind in "iu" and b.dtype.kind in "iu":  # PyTorch computes in int64 alone
            a, b = a.astype("int64"), b.astype("int64")
        # A rate is a Python number, or a tensor of Keras's floatx.
        if a.dtype != b.dtype and not name.startswith(RATES):
            return f"dtypes {a.dtype} and {b.dtype}"
        loose = max(LOOSE.get(dtype.name, 0) for dtype in (a.dtype, b.dtype))
        with np.errstate(all="ignore"):
            same = np.array_equal(a, b) or (
                a.dtype.kind == "f" and np.allclose(a, b, rtol=loose, atol=loose, equal_nan=True)
            )
        if not same:
            return f"{a.reshape(-1)[:3]} and {b.reshape(-1)[:3]}"
    return ""


def fault(name, arguments, found):
    """What is wrong with how the panels ended, or ""."""
    for framework, end in found.items():
        if end.kind == "raw":
            return f"{framework}: {end.text[:150]}"
        named = any(re.search(rf"\b{each}\b", end.text) for each in arguments)
        if end.kind == "refused" and not named:
            return f"{framework} names no argument: {end.text[:150]}"
    first, *others = found
    for other in others:
        a, b = found[first], found[other]
        if a.kind != b.kind:
            return f"{first} {a.kind}, {other} {b.kind}: {(a.text or b.text)[:150]}"
        if a.text != b.text:
            return f"{first}: {a.text[:100]} | {other}: {b.text[:100]}"
        if different := difference(name, a.arrays, b.arrays):
            return f"{first} and {other} give {different}"
    return ""


def panels_of(name):
    file, _, attribute = name.partition(".")
    found = {framework: panel(framework, file) for framework in PACKAGES}
    return {f: getattr(p, attribute) for f, p in found.items() if hasattr(p, attribute)}


def faults(name, arguments, prepare, named=(), label=""):
    """One line for each bad call: ``prepare(framework, public)`` gives what is called."""
    lines = []
    for argument, value in arguments.items():
        for kind, bad in spoiled(value):
            spoilt = arguments | {argument: bad}
            found = {
                framework: ended(framework, prepare(framework, public), spoilt)
                for framework, public in panels_of(name).items()
            }
            if wrong := fault(name, named or arguments, found):
                lines.append(f"{name}{label}({argument}={kind}): {wrong}")
    return lines


def function(framework, public):
    return public


def constructor(framework, public):
    """Makes an object, and returns nothing of it."""
    first = [FIRST[public.__module__]()] if public.__module__ in FIRST else []

    def make(**arguments):
        public(*first, **arguments)

    return make


def layer(arguments, training):
    """Calls a layer that is made of good arguments."""

    def prepare(framework, public):
        made = public(**{k: converted(framework, public, v) for k, v in arguments.items()})
        if framework == "torch":
            return made.train(training)
        forward = made.forward if framework == "scratch" else made.call
        takes = "training" in inspect.signature(forward).parameters
        return partial(made, training=training) if takes else made

    return lambda framework, public: lambda x: prepare(framework, public)(x)


def function_faults(name):
    return faults(name, CALLS[name], function)


def object_faults(name):
    return faults(name, OBJECTS[name], constructor)


def layer_faults(name):
    arguments, x = LAYERS[name]
    lines = faults(name, arguments, constructor)
    for training in (True, False):
        called = layer(arguments, training)
        lines += faults(name, {"x": x}, called, named=("x", "images"), label="()")
    return lines


def undeclared(lines):
    return [line for line in lines if not any(re.match(kind, line) for kind in DIFFERENCES)]


@pytest.mark.parametrize("name", CALLS)
def test_functions(name):
    lines = undeclared(function_faults(name))
    assert not lines, "\n".join(["", *lines])


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name):
    lines = undeclared(layer_faults(name))
    assert not lines, "\n".join(["", *lines])


@pytest.mark.parametrize("name", OBJECTS)
def test_objects(name):
    lines = undeclared(object_faults(name))
    assert not lines, "\n".join(["", *lines])


def test_differences_are_there():
    """None of DIFFERENCES is left over from a fault that was mended."""
    lines = []
    names = ("batch_norm.batch_norm_train", "affine.affine", "convolution.conv2d", "recurrent.gru")
    for name in names:
        lines += function_faults(name)
    for name in ("averaging.update_batch_norm", "adaptive_clipping.unit_norms", "resize.resize"):
        lines += function_faults(name)
    lines += [*function_faults("pooling.max_pool2d"), *layer_faults("layers.Sequential")]
    for kind in DIFFERENCES:
        assert any(re.match(kind, line) for line in lines), kind


# Named tuples, which functions make.
MADE = ("Uncertainty", "Reliability")


def test_every_public_name_is_called():
    called = {*CALLS, *LAYERS, *OBJECTS}
    for file in (*TECHNIQUES, *CARRIERS):
        for framework in PACKAGES:
            for name in panel(framework, file).__all__:
                assert f"{file}.{name}" in called or name in MADE or name.endswith("Draw"), (
                    framework,
                    name,
                )


# The others take NumPy's arrays, or what was drawn on one device, or run a model.
ELSEWHERE = (
    "training.",
    "streams.",
    "augmentation.",
    "rand",
    "averaging.update_batch_norm",
    "uncertainty.",
)
SHAPES_ALONE = [name for name in CALLS if not name.startswith(ELSEWHERE)]


@pytest.mark.parametrize("name", SHAPES_ALONE)
def test_tensors_without_values(name):
    """PyTorch's on the device "meta", and Keras's symbols: a result, or one ValueError."""
    for framework, public in panels_of(name).items():
        if framework == "scratch":
            continue

        def blank(value, framework=framework, public=public):
            if isinstance(value, list):
                return [blank(each) for each in value]
            tensor = converted(framework, public, value)
            if not isinstance(value, np.ndarray):
                return tensor
            if framework == "torch":
                return tensor.to("meta")
            batch = None if len(value) == len(X) else len(value)
            return keras.KerasTensor((batch, *value.shape[1:]), value.dtype.name)

        arguments = {argument: blank(value) for argument, value in CALLS[name].items()}
        end = ended(framework, public, arguments, read=False)
        named = any(argument in end.text for argument in arguments)
        assert end.kind == "result" or (end.kind == "refused" and named), (framework, end.text)
