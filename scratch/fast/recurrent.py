"""One step of the recurrent layers in few passes over memory, all gates of an array at once.

sigmoid(x) = 1/2 + 1/2 tanh(x / 2)
"""

import numpy as np

__all__ = [
    "gru_step",
    "gru_step_backward",
    "lstm_step",
    "lstm_step_backward",
    "rnn_step",
    "rnn_step_backward",
]

Arrays = tuple[np.ndarray, ...]


def rnn_step(a: np.ndarray, s: np.ndarray) -> np.ndarray:
    """``s`` is written over."""
    s += a
    return np.tanh(s, out=s)


def rnn_step_backward(dh: np.ndarray, h: np.ndarray) -> np.ndarray:
    da = h * h
    np.subtract(1, da, out=da)
    da *= dh
    return da


def lstm_step(a: np.ndarray, s: np.ndarray, c: np.ndarray) -> Arrays:
    """``s`` is written over."""
    s += a
    units = s.shape[1] // 4
    half = np.full(s.shape[1], 0.5, s.dtype)
    half[2 * units : 3 * units] = 1  # g is a tanh itself
    s *= half
    np.tanh(s, out=s)
    s *= half
    s += 1 - half
    i, f, g, o = (s[:, k * units : (k + 1) * units] for k in range(4))
    c = f * c
    c += i * g
    h = np.tanh(c)
    h *= o
    return h, c, s


def lstm_step_backward(
    dh: np.ndarray, dc: np.ndarray, old_c: np.ndarray, c: np.ndarray, gates: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    units = c.shape[1]
    i, f, g, o = (gates[:, k * units : (k + 1) * units] for k in range(4))
    da = np.empty((len(c), 4 * units), c.dtype)
    di, df, dg, do = (da[:, k * units : (k + 1) * units] for k in range(4))
    tanh = np.tanh(c)
    np.multiply(dh, tanh, out=do)
    tanh *= tanh
    np.subtract(1, tanh, out=tanh)
    tanh *= o
    tanh *= dh
    tanh += dc  # the gradient of c
    np.multiply(tanh, g, out=di)
    np.multiply(tanh, old_c, out=df)
    np.multiply(tanh, i, out=dg)
    slope = 1 - gates
    slope *= gates
    squares = g * g
    np.subtract(1, squares, out=slope[:, 2 * units : 3 * units])
    da *= slope
    tanh *= f
    return da, tanh


def gru_step(a: np.ndarray, s: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, Arrays]:
    """``s`` is written over."""
    units = h.shape[1]
    both, s_n = s[:, : 2 * units], s[:, 2 * units :]
    both += a[:, : 2 * units]
    both *= 0.5
    np.tanh(both, out=both)
    both *= 0.5
    both += 0.5
    r, z = both[:, :units], both[:, units:]
    n = r * s_n
    n += a[:, 2 * units :]
    np.tanh(n, out=n)
    new = h - n
    new *= z
    new += n
    return new, (r, z, n, s_n)


def gru_step_backward(
    dh: np.ndarray, old_h: np.ndarray, gates: Arrays
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r, z, n, s_n = gates
    units = n.shape[1]
    da = np.empty((len(n), 3 * units), n.dtype)
    da_r, da_z, da_n = (da[:, k * units : (k + 1) * units] for k in range(3))
    rest = 1 - z
    np.multiply(dh, rest, out=da_n)
    da_n *= 1 - n * n
    np.multiply(da_n, s_n, out=da_r)
    da_r *= r
    da_r *= 1 - r
    np.subtract(old_h, n, out=da_z)
    da_z *= dh
    da_z *= z
    da_z *= rest
    ds = da.copy()
    ds[:, 2 * units :] *= r
    return da, ds, dh * z
