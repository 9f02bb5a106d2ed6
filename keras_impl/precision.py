"""float64 in Keras on every backend.

``keras.backend.result_type("float64", "float64")`` is "float64" on TensorFlow and "float32" on JAX
and PyTorch, so there ``keras.ops.matmul`` and many other ops round float64 tensors to float32 and
carry on (keras-team/keras#23704). ``enable_float64`` takes that one rule out, and switches on JAX's
64-bit mode. Nothing changes for float32, nor on TensorFlow. ``fit`` and the models of recipes call
it for float64; a float64 layer that is made by hand without it says so, once: ``RoundedFloat64``.
"""

import functools
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import keras

__all__ = ["RoundedFloat64", "enable_float64", "floatx", "warn_of_rounding"]


class RoundedFloat64(UserWarning):
    """What says float64 has the digits of float32."""


def enable_float64() -> None:
    """Make ``keras.ops`` keep float64; call it before the first float64 tensor is made."""
    if keras.backend.backend() == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)
    from keras.src.backend.common import dtypes

    # Keras has no public switch: the rule is a private table, read at every promotion.
    dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"
    if keras.backend.result_type("float64", "float64") != "float64":
        raise RuntimeError(
            f"Keras {keras.__version__} on {keras.backend.backend()} rounds float64 to float32; "
            "use dtype='float32' or the TensorFlow backend"
        )


@contextmanager
def floatx(dtype: str) -> Iterator[None]:
    """Keras keeps losses, metrics, learning rate and data in ``floatx``, not the layers' dtype."""
    if dtype == "float64":
        enable_float64()
    before = keras.config.floatx()
    keras.config.set_floatx(dtype)
    try:
        yield
    finally:
        keras.config.set_floatx(before)


def warn_of_rounding(dtype: str) -> None:
    """Say once in a process that Keras will round what a layer of ``dtype`` computes."""
    if dtype == "float64" and keras.backend.result_type(dtype, dtype) != dtype:
        _warn()


@functools.cache
def _warn() -> None:
    warnings.warn(
        f"a float64 layer was made, and Keras on {keras.backend.backend()} rounds float64 to "
        "float32: call keras_impl.precision.enable_float64() before the first layer is made, or "
        "use dtype='float32'",
        RoundedFloat64,
        stacklevel=2,
    )
