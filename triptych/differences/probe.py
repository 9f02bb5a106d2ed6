"""What the probes of the map are written with.

They run in float64 on both sides (:func:`measuring`), on the same data.
"""

import contextlib
import io
import os
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's notes on its own build

import triptych.torch_first  # noqa: F401 # isort: skip

import keras
import numpy as np
import torch

from keras_impl.precision import enable_float64

__all__ = [
    "array",
    "keras_tensor",
    "lightning_callbacks",
    "measuring",
    "normal",
    "outcome",
    "tensor",
    "torchvision_v2",
]


OPERATORS = torch.library.Library("torchvision", "FRAGMENT")  # undone when it is collected


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    """Standard normal numbers, float64, the same at every call."""
    return np.random.default_rng(seed).normal(size=shape)


def tensor(values: Any, *, gradient: bool = False) -> torch.Tensor:
    """A PyTorch tensor with a copy of the values."""
    return torch.tensor(np.asarray(values), requires_grad=gradient)


def keras_tensor(values: Any) -> Any:
    """A tensor of Keras's backend with the values, float64 unless they are integers or booleans."""
    return keras.ops.convert_to_tensor(np.asarray(values))


def array(values: Any) -> np.ndarray:
    """What is in a tensor of either framework, as NumPy array."""
    if isinstance(values, torch.Tensor):
        return values.detach().cpu().numpy().copy()
    return np.array(keras.ops.convert_to_numpy(values))


def outcome(function: Callable[[], Any], *said: str) -> Any:
    """What the function returns, or the name of the error that it raises.

    The error has to say one of the texts, in its name or in its message; any other is raised.
    """
    try:
        return function()
    except Exception as error:
        if any(text in f"{type(error).__name__}: {error}" for text in said):
            return type(error).__name__
        raise


@contextmanager
def _quietly() -> Iterator[None]:
    """Without warnings, and without what a library prints when it is imported."""
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def torchvision_v2() -> Any:
    """``torchvision.transforms.v2``, also beside a PyTorch for the CPU alone.

    PyPI's torchvision is built for CUDA, and its compiled part does not load there. The transforms
    do without it, but wrappers of its ops want to know that these exist.
    """
    with _quietly():
        try:
            from torchvision.transforms import v2
        except RuntimeError:  # operator torchvision::nms does not exist
            for name in [name for name in sys.modules if name.startswith("torchvision")]:
                del sys.modules[name]
            for name in ("nms", "qnms", "roi_align"):
                OPERATORS.define(f"{name}(Tensor boxes, Tensor scores, float x) -> Tensor")
            from torchvision.transforms import v2
    return v2


def lightning_callbacks() -> Any:
    """``pytorch_lightning.callbacks``, which imports torchvision where that is installed."""
    with contextlib.suppress(ImportError):
        torchvision_v2()
    with _quietly():
        from pytorch_lightning import callbacks

    return callbacks


@contextmanager
def measuring() -> Iterator[None]:
    """float64 by default in both frameworks, seeds of 0, no warnings; all as before afterwards."""
    enable_float64()
    before = torch.get_default_dtype(), keras.config.floatx(), keras.config.dtype_policy()
    python, pytorch = random.getstate(), torch.get_rng_state()
    torch.set_default_dtype(torch.float64)
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    torch.manual_seed(0)
    random.seed(0)  # from here Keras takes the seed of a layer
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.set_default_dtype(before[0])
        keras.config.set_floatx(before[1])
        keras.config.set_dtype_policy(before[2])
        random.setstate(python)
        torch.set_rng_state(pytorch)
