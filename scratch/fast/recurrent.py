"""One step of the recurrent layers in few passes over memory, in the array of the gates.

sigmoid(x) = 1/2 + 1/2 tanh(x / 2) = 1 / (1 + exp(-x))
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
    """``a`` is written over."""
    a += s
    return np.tanh(a, out=a)


def rnn_step_backward(dh: np.ndarray, h: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    da = np.multiply(h, h, out=out)
    np.subtract(1, da, out=da)
    da *= dh
    return da


def lstm_step(a: np.ndarray, s: np.ndarray, c: np.ndarray) -> Arrays:
    """``a`` is written over, with the gates."""
    units = c.shape[1]
    a += s
    for gates in (a[:, : 2 * units], a[:, 3 * units :]):
        gates *= -1  # np.negative in place gives wrong numbers for some strides
        with np.errstate(over="ignore"):  # the gate is 0 then
            np.exp(gates, out=gates)
        gates += 1
        np.reciprocal(gates, out=gates)
    i, f, g, o = (a[:, k * units : (k + 1) * units] for k in range(4))
    np.tanh(g, out=g)
    c = f * c
    c += i * g
    tanh_c = np.tanh(c)
    return o * tanh_c, c, tanh_c, a


def lstm_step_backward(
    dh: np.ndarray,
    dc: np.ndarray,
    old_c: np.ndarray,
    tanh_c: np.ndarray,
    gates: np.ndarray,
    out: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    units = tanh_c.shape[1]
    i, f, g, o = (gates[:, k * units : (k + 1) * units] for k in range(4))
    da = np.subtract(1, gates, out=out)
    da *= gates
    di, df, dg, do = (da[:, k * units : (k + 1) * units] for k in range(4))
    slope = g * g
    np.subtract(1, slope, out=dg)
    do *= dh * tanh_c
    np.multiply(tanh_c, tanh_c, out=slope)
    np.subtract(1, slope, out=slope)
    slope *= o
    slope *= dh
    slope += dc  # the gradient of c
    three = da.reshape(len(da), 4, units)[:, :3]
    three *= slope[:, np.newaxis]
    di *= g
    df *= old_c
    dg *= i
    slope *= f
    return da, slope


def gru_step(a: np.ndarray, s: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, Arrays]:
    """``a`` is written over."""
    units = h.shape[1]
    both, n, s_n = a[:, : 2 * units], a[:, 2 * units :], s[:, 2 * units :]
    both += s[:, : 2 * units]
    both *= 0.5
    np.tanh(both, out=both)
    both *= 0.5
    both += 0.5
    r, z = both[:, :units], both[:, units:]
    n += r * s_n
    np.tanh(n, out=n)
    new = h - n
    new *= z
    new += n
    return new, (r, z, n, s_n)


def gru_step_backward(
    dh: np.ndarray,
    old_h: np.ndarray,
    gates: Arrays,
    out: tuple[np.ndarray | None, np.ndarray | None] = (None, None),
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r, z, n, s_n = gates
    units = n.shape[1]
    da, ds = (np.empty((len(n), 3 * units), n.dtype) if o is None else o for o in out)
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
    ds[...] = da
    ds[:, 2 * units :] *= r
    return da, ds, dh * z
