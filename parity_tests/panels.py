"""What the parity tests share: the panels by name, and one error in three frameworks."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from triptych.adapters import Adapter, adapter
from triptych.extras import keras_backend
from triptych.panels import PACKAGES, panel

__all__ = [
    "ADAPTERS",
    "DTYPES",
    "PACKAGES",
    "assert_gradient",
    "assert_parameter_gradients",
    "assert_survives_saving",
    "central_difference",
    "everywhere",
    "panel",
    "same_error",
    "traced",
]

# For the cases that take JAX long, which compiles every shape and dtype for itself: both on the
# default backend, the stricter one on the others.
DTYPES = ["float64", "float32"] if keras_backend() == "tensorflow" else ["float64"]

# "cuda" measures the PyTorch panel there.
DEVICE = os.environ.get("TRIPTYCH_TORCH_DEVICE", "cpu")

ADAPTERS: dict[str, Adapter] = {name: adapter(name, device=DEVICE) for name in PACKAGES}


def everywhere(call: Callable[[str, Adapter], Any]) -> dict[str, Any]:
    """``call(framework, adapter)`` in each framework."""
    return {name: call(name, ADAPTERS[name]) for name in PACKAGES}


def same_error(call: Callable[[str, Adapter], Any], message: str) -> None:
    """``call`` raises a ValueError with exactly this text in each framework."""
    for framework in PACKAGES:
        with pytest.raises(ValueError) as caught:  # noqa: PT011 (the text is compared below)
            call(framework, ADAPTERS[framework])
        assert str(caught.value) == message, framework


def central_difference(
    function: Callable[[np.ndarray], float], x: np.ndarray, step: float = 1e-6
) -> np.ndarray:
    """The gradient of a scalar function at x, over all indices: (f(x+h) - f(x-h)) / 2h."""
    gradient = np.empty_like(x)
    for index in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[index] += step
        down[index] -= step
        gradient[index] = (function(up) - function(down)) / (2 * step)
    return gradient


def assert_gradient(
    function: Callable[[np.ndarray], float], x: np.ndarray, grad: np.ndarray
) -> None:
    """``grad`` is the gradient of ``function`` at x, to 1e-6 of the array's scale."""
    expected = central_difference(function, x)
    assert grad.shape == expected.shape
    scale = max(np.abs(expected).max(), np.abs(grad).max(), 1e-12)
    assert np.abs(grad - expected).max() / scale <= 1e-6


def traced(function: Callable[[Any], Any], shape: tuple[int | None, ...], dtype: str) -> list[Any]:
    """A Keras function of one tensor, each way the backend can compile it: for TensorFlow as a
    graph for ``shape``, where None is any size, and by XLA; for PyTorch, which has none, as it is.
    """
    backend = ADAPTERS["keras"].backend
    if backend == "tensorflow":
        import tensorflow as tf

        signature = [tf.TensorSpec(shape, dtype)]
        graph = tf.function(function, input_signature=signature)
        return [graph, tf.function(function, jit_compile=True)]
    if backend == "jax":
        import jax

        return [jax.jit(function)]
    return [function]


def assert_parameter_gradients(model: Any, loss: Callable[[], float]) -> None:
    """What ``backward`` left in the ``grads`` of a scratch model is the gradient of ``loss()``."""
    grads = {name: layer.grads[key].copy() for name, layer, key in model.parameters()}
    for name, layer, key in model.parameters():
        original = layer.params[key]

        def varied(value: np.ndarray, layer: Any = layer, key: str = key) -> float:
            layer.params[key] = value
            return loss()

        assert_gradient(varied, original, grads[name])
        layer.params[key] = original


def assert_survives_saving(layer: Any, x: np.ndarray, path: Path) -> None:
    """A Keras layer with draws of its own, saved after a step and loaded, goes on as it would."""
    adapter = ADAPTERS["keras"]
    model = panel("keras", "layers").Sequential([layer])
    adapter.step(model, x, x)
    model.save(path)
    copy = adapter.keras.saving.load_model(path)
    assert copy.layers[0].get_config() == layer.get_config()
    expected, found = (adapter.step(m, x, x) for m in (model, copy))
    assert expected[f"state.{layer.name}.step"] == 2
    for key in expected:
        np.testing.assert_array_equal(found[key], expected[key])
