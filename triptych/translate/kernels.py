"""Weights of dense layers and convolutions: the order of their axes, and of flattened rows.

    dense          PyTorch (out, in)                       Keras (in, out)
    convolution    PyTorch (out, in / groups, *window)     Keras (*window, in / groups, out)
    transposed     PyTorch (in, out / groups, *window)     Keras (*window, out, in)
    depthwise      PyTorch (in * multiplier, 1, *window)   Keras (*window, in, multiplier)

A convolution of Keras does not turn its kernel round, nor does PyTorch's.
"""

from collections.abc import Sequence

import numpy as np

from triptych.common.checks import check_choice, check_size
from triptych.layouts import chw_from_hwc, from_torch_layout, hwc_from_chw, to_torch_layout

__all__ = ["KINDS", "kernel_to_keras", "kernel_to_torch"]

KINDS = {"dense": (2, 2), "convolution": (3, 5), "transposed": (3, 5), "depthwise": (3, 4)}


def kernel_to_keras(
    weight: np.ndarray,
    kind: str = "dense",
    *,
    channels: int | None = None,
    flattened: Sequence[int] | None = None,
) -> np.ndarray:
    """Keras's kernel for PyTorch's ``weight``, of one of the ``KINDS``.

    ``flattened`` is the (height, width, channels) of the images that a dense layer's input is the
    flattening of: PyTorch flattens channels first. ``channels`` are a depthwise convolution's "in".
    """
    weight = _check(weight, kind)
    kernel = from_torch_layout("weight", weight)
    if kind == "depthwise":
        if weight.shape[1] != 1:
            raise ValueError(
                f"a depthwise weight must have shape (out, 1, ...), got {weight.shape}"
            )
        channels = _channels(channels, kernel.shape[-1])
        return kernel.reshape(*kernel.shape[:-2], channels, -1)
    if flattened is not None:
        _only_dense(kind)
        return hwc_from_chw(kernel, flattened)
    return kernel


def kernel_to_torch(
    kernel: np.ndarray, kind: str = "dense", *, flattened: Sequence[int] | None = None
) -> np.ndarray:
    """PyTorch's ``weight`` for Keras's ``kernel``; a depthwise one wants ``groups=in``."""
    kernel = _check(kernel, kind)
    if kind == "depthwise":
        kernel = kernel.reshape(*kernel.shape[:-2], 1, -1)
    if flattened is not None:
        _only_dense(kind)
        kernel = chw_from_hwc(kernel, flattened)
    return to_torch_layout("weight", kernel)


def _check(array: np.ndarray, kind: str) -> np.ndarray:
    least, most = KINDS[check_choice("kind", kind, tuple(KINDS))]
    array = np.asarray(array)
    if not least <= array.ndim <= most:
        axes = f"{least}" if least == most else f"{least} to {most}"
        raise ValueError(f"a {kind} kernel must have {axes} axes, got shape {array.shape}")
    return array


def _channels(channels: int | None, outputs: int) -> int:
    if channels is None or outputs % check_size("channels", channels):
        raise ValueError(f"channels must divide the {outputs} filters, got {channels!r}")
    return channels


def _only_dense(kind: str) -> None:
    if kind != "dense":
        raise ValueError(f"flattened is for a dense kernel, not for a {kind} one")
