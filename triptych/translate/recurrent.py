"""Recurrent layers: one layer, one direction.

    PyTorch    weight_ih (gates * h, in), weight_hh (gates * h, h), bias_ih and bias_hh (gates * h,)
    Keras      kernel (in, gates * h), recurrent_kernel (h, gates * h), bias (gates * h,);
               of a GRU with reset_after (2, gates * h)

Gates: i, f, g, o of an LSTM in both; r, z, n of a GRU in PyTorch, z, r, h in Keras. PyTorch's two
biases are added in an LSTM and in a simple RNN, so one of Keras's is their sum; back, the second is
0. A GRU's recurrent bias stands inside of r * (...), so there both are kept.
"""

from collections.abc import Sequence

import numpy as np

from triptych.translate.refusal import NoCounterpart

__all__ = [
    "gru_to_keras",
    "gru_to_torch",
    "lstm_to_keras",
    "lstm_to_torch",
    "simple_rnn_to_keras",
    "simple_rnn_to_torch",
]

Array = np.ndarray
SWAPPED = (1, 0, 2)  # r, z, n to z, r, h, and back


def lstm_to_keras(
    weight_ih: Array, weight_hh: Array, bias_ih: Array | None = None, bias_hh: Array | None = None
) -> list[Array]:
    """``LSTM.set_weights`` for the arrays of ``nn.LSTM``; without biases, of ``use_bias=False``."""
    return _summed(4, weight_ih, weight_hh, bias_ih, bias_hh)


def lstm_to_torch(kernel: Array, recurrent_kernel: Array, bias: Array | None = None) -> list[Array]:
    """weight_ih, weight_hh, bias_ih and bias_hh of ``nn.LSTM`` for ``LSTM.get_weights()``."""
    return _split(4, kernel, recurrent_kernel, bias)


def simple_rnn_to_keras(
    weight_ih: Array, weight_hh: Array, bias_ih: Array | None = None, bias_hh: Array | None = None
) -> list[Array]:
    """``SimpleRNN.set_weights`` for the arrays of ``nn.RNN``."""
    return _summed(1, weight_ih, weight_hh, bias_ih, bias_hh)


def simple_rnn_to_torch(
    kernel: Array, recurrent_kernel: Array, bias: Array | None = None
) -> list[Array]:
    """weight_ih, weight_hh, bias_ih and bias_hh of ``nn.RNN`` for ``SimpleRNN.get_weights()``."""
    return _split(1, kernel, recurrent_kernel, bias)


def gru_to_keras(
    weight_ih: Array, weight_hh: Array, bias_ih: Array | None = None, bias_hh: Array | None = None
) -> list[Array]:
    """``GRU.set_weights``, with ``reset_after=True``, for the arrays of ``nn.GRU``."""
    arrays = _checked(3, weight_ih, weight_hh, bias_ih, bias_hh)
    kernel, recurrent, *biases = (_swap(array) for array in arrays)
    return [kernel.T.copy(), recurrent.T.copy(), *([np.stack(biases)] if biases else [])]


def gru_to_torch(
    kernel: Array, recurrent_kernel: Array, bias: Array | None = None, *, reset_after: bool = True
) -> list[Array]:
    """weight_ih, weight_hh, bias_ih and bias_hh of ``nn.GRU`` for ``GRU.get_weights()``.

    ``reset_after=False``, the gate before the product, is refused: PyTorch has no such GRU.
    """
    if not reset_after:
        text = "PyTorch's GRU applies its reset gate after the product"
        raise NoCounterpart("gru-reset-after", text)
    biases: Sequence[Array | None] = (None, None)
    if bias is not None:
        bias = np.asarray(bias)
        if bias.ndim != 2 or len(bias) != 2:
            raise ValueError(f"bias must have shape (2, 3 * units), got {bias.shape}")
        biases = (bias[0], bias[1])
    kernel, recurrent_kernel = np.asarray(kernel).T, np.asarray(recurrent_kernel).T
    return [_swap(array) for array in _checked(3, kernel, recurrent_kernel, *biases)]


def _summed(
    gates: int, weight_ih: Array, weight_hh: Array, bias_ih: Array | None, bias_hh: Array | None
) -> list[Array]:
    kernel, recurrent, *biases = _checked(gates, weight_ih, weight_hh, bias_ih, bias_hh)
    return [kernel.T.copy(), recurrent.T.copy(), *([biases[0] + biases[1]] if biases else [])]


def _split(gates: int, kernel: Array, recurrent_kernel: Array, bias: Array | None) -> list[Array]:
    second = None if bias is None else np.zeros_like(bias)
    arrays = np.asarray(kernel).T, np.asarray(recurrent_kernel).T, bias, second
    return [array.copy() for array in _checked(gates, *arrays)]


def _checked(
    gates: int, weight_ih: Array, weight_hh: Array, bias_ih: Array | None, bias_hh: Array | None
) -> list[Array]:
    """The arrays that are given, whose shapes fit, in PyTorch's layout."""
    weight_ih, weight_hh = np.asarray(weight_ih), np.asarray(weight_hh)
    rows, units = weight_hh.shape if weight_hh.ndim == 2 else (0, 0)
    if not units or rows != gates * units:
        raise ValueError(
            f"the recurrent kernel must have {gates} gates of one number of units, "
            f"got shape {weight_hh.shape}"
        )
    if weight_ih.ndim != 2 or len(weight_ih) != rows:
        raise ValueError(
            f"the kernel must have {rows} columns of gates, got shape {weight_ih.shape}"
        )
    if (bias_ih is None) != (bias_hh is None):
        raise ValueError("give both biases or none")
    biases = [np.asarray(bias) for bias in (bias_ih, bias_hh) if bias is not None]
    for bias in biases:
        if bias.shape != (rows,):
            raise ValueError(f"a bias must have shape ({rows},), got {bias.shape}")
    return [weight_ih, weight_hh, *biases]


def _swap(array: Array) -> Array:
    parts = np.split(array, 3)
    return np.concatenate([parts[gate] for gate in SWAPPED])
