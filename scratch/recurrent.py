r"""Recurrent layers: a state that each step of a sequence changes, with the same weights each time.

    a_t = x_t W + b,   s_t = h_{t-1} U + b_h                of the input, and of the state; h_0 = 0

    RNN     h_t = tanh(a_t + s_t)
    LSTM    i, f, o = sigmoid(a_t + s_t),   g = tanh(a_t + s_t)      each in columns of its own
            c_t = f c_{t-1} + i g                                    the cell; c_0 = 0
            h_t = o tanh(c_t)
    GRU     r, z = sigmoid(a_t + s_t),   n = tanh(a_t + r s_t)       each in columns of its own
            h_t = (1 - z) n + z h_{t-1}

    recurrent dropout   s_t = k h_{t-1} U + b_h,  k = keep / (1 - rate)   one mask for all steps
    zoneout             h_t <- m h_{t-1} + (1 - m) h_t   m is zone in training, its mean, zoneout,
                                                         in inference; so too c_t, once h_t is made
    padding             h_t <- h_{t-1},   c_t <- c_{t-1}       where a step is not real: m is 1

The gradient goes back through time, from the last step to the first, and begins each with
dh_t += dy_t. Of dh_t and dc_t the part m goes to the step before as it is, and 1 - m through

    RNN     da = ds = dh_t (1 - h_t^2)                         with the h_t that tanh gave
    LSTM    dc_t += dh_t o (1 - tanh(c_t)^2),   dc_{t-1} = dc_t f
            da = ds = dc_t g i (1 - i),   dc_t c_{t-1} f (1 - f),   dc_t i (1 - g^2),
                      dh_t tanh(c_t) o (1 - o)                       for i, f, g and o
    GRU     dh_{t-1} = dh_t z,   da_n = dh_t (1 - z) (1 - n^2),   ds_n = da_n r
            da = ds = da_n s_n r (1 - r),   dh_t (h_{t-1} - n) z (1 - z)     for r and z
    all     dh_{t-1} += k ds U^T,   dU = sum_t (k h_{t-1})^T ds,   db_h = sum_t ds
            dx_t = da W^T,          dW = sum_t x_t^T da,           db = sum_t da

``x`` has shape (N, T, in); y is h at each step, (N, T, units). ``weight`` is W, (in, gates *
units), ``recurrent_weight`` U, (units, gates * units), ``bias`` and ``recurrent_bias`` b and b_h,
both (gates * units,) or both None. The columns stand in the order i, f, g, o and r, z, n. ``mask``
(N, T) is True where a step is real, or None: so the state behind the last real step is the last one
of y, of sequences of any length. ``reverse`` begins with the last step, and then the first one of y
is the last state. ``keep`` (N, units), True = keep, or None without recurrent dropout, and
``zones`` and ``cell_zones`` (N, T, units), True = as before, or None in inference, are booleans;
``rate``, ``zoneout`` and ``cell_zoneout`` lie in [0, 1). A ``ValueError`` says which argument does
not fit.

Papers: Elman, "Finding structure in time", Cognitive Science 14, 1990; Hochreiter and Schmidhuber,
"Long short-term memory", Neural Computation 9, 1997; Gers, Schmidhuber and Cummins, "Learning to
forget", ICANN 1999 (the forget gate); Cho et al., "Learning phrase representations using RNN
encoder-decoder for statistical machine translation", EMNLP 2014 (GRU); Gal and Ghahramani, "A
theoretically grounded application of dropout in recurrent neural networks", NeurIPS 2016; Krueger
et al., "Zoneout: regularizing RNNs by randomly preserving hidden activations", ICLR 2017.

Framework differences: gates stand in PyTorch's order; there are two biases, of which Keras has one
but for a GRU; a GRU resets after the product with U, as both do by default, where Cho et al. reset
before; padding keeps the state, as in Keras, where PyTorch's packed sequences give zeros; the
forget gate starts open, with a bias of 1, as in Keras; W and U are Glorot uniform. Neither
framework has zoneout, PyTorch no recurrent dropout, and that of Keras has a mask for each gate of
an LSTM or GRU, where ours is one for all. See ``triptych differences``: lstm-layout,
gru-gate-order, gru-reset-after, recurrent-two-biases, lstm-forget-bias, recurrent-initial-weights,
recurrent-outputs, bidirectional-last, masked-steps, recurrent-dropout, stacked-recurrent-layers,
stateful-layers.

Here: ``rnn_step``, ``lstm_step`` and ``gru_step`` are the equations of one step, each with its
gradient; what goes through time is the same for all. The layers take the steps from
``scratch.fast.recurrent``, which gives the same.
"""

import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from scratch.dropout import draw_mask
from scratch.fast import recurrent as fast
from scratch.layers import Composite, Layer, glorot_uniform, sigmoid
from triptych.common.checks import (
    check_directions,
    check_dtype,
    check_flag,
    check_floats,
    check_precision,
    check_rates,
    check_recurrent,
    check_recurrent_options,
    check_same_shape,
    check_seed,
    check_sequences,
    check_size,
    check_steps_mask,
    remembered,
)
from triptych.common.names import Draws, layer_name
from triptych.common.streams import Stream

__all__ = [
    "rnn",
    "rnn_backward",
    "lstm",
    "lstm_backward",
    "gru",
    "gru_backward",
    "RNN",
    "LSTM",
    "GRU",
    "Bidirectional",
]

Arrays = tuple[np.ndarray, ...]


def rnn_step(a: np.ndarray, s: np.ndarray) -> np.ndarray:
    """h, (N, units)."""
    return np.tanh(a + s)


def rnn_step_backward(dh: np.ndarray, h: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """da, which is ds too; ``out`` is where it goes."""
    return np.multiply(dh, 1 - h**2, out=out)


def lstm_step(a: np.ndarray, s: np.ndarray, c: np.ndarray) -> Arrays:
    """h and c, (N, units) from those of the step before, then tanh(c) and the gates in a row."""
    i, f, g, o = np.split(a + s, 4, axis=1)
    i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
    c = f * c + i * g
    tanh_c = np.tanh(c)
    return o * tanh_c, c, tanh_c, np.concatenate([i, f, g, o], axis=1)


def lstm_step_backward(
    dh: np.ndarray,
    dc: np.ndarray,
    old_c: np.ndarray,
    tanh_c: np.ndarray,
    gates: np.ndarray,
    out: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """da, which is ds too, and the dc of the step before; ``out`` is where da goes."""
    i, f, g, o = np.split(gates, 4, axis=1)
    dc = dc + dh * o * (1 - tanh_c**2)
    di, df, dg, do = dc * g, dc * old_c, dc * i, dh * tanh_c
    da = [di * i * (1 - i), df * f * (1 - f), dg * (1 - g**2), do * o * (1 - o)]
    return np.concatenate(da, axis=1, out=out), dc * f


def gru_step(a: np.ndarray, s: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, Arrays]:
    """h, (N, units) from that of the step before, and r, z, n and the s of n."""
    a_r, a_z, a_n = np.split(a, 3, axis=1)
    s_r, s_z, s_n = np.split(s, 3, axis=1)
    r, z = sigmoid(a_r + s_r), sigmoid(a_z + s_z)
    n = np.tanh(a_n + r * s_n)
    return (1 - z) * n + z * h, (r, z, n, s_n)


def gru_step_backward(
    dh: np.ndarray,
    old_h: np.ndarray,
    gates: Arrays,
    out: tuple[np.ndarray | None, np.ndarray | None] = (None, None),
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """da, ds, and what goes to the h of the step before without ds; ``out`` is for da and ds."""
    r, z, n, s_n = gates
    da_n = dh * (1 - z) * (1 - n**2)
    da_r, da_z = da_n * s_n * r * (1 - r), dh * (old_h - n) * z * (1 - z)
    da = np.concatenate([da_r, da_z, da_n], axis=1, out=out[0])
    return da, np.concatenate([da_r, da_z, da_n * r], axis=1, out=out[1]), dh * z


def rnn(
    x: np.ndarray,
    weight: np.ndarray,
    recurrent_weight: np.ndarray,
    bias: np.ndarray | None,
    recurrent_bias: np.ndarray | None,
    *,
    mask: np.ndarray | None = None,
    reverse: bool = False,
    rate: float = 0.0,
    keep: np.ndarray | None = None,
    zoneout: float = 0.0,
    zones: np.ndarray | None = None,
) -> np.ndarray:
    """y, the states behind each step, (N, T, units)."""
    weights = weight, recurrent_weight, bias, recurrent_bias
    options = Options(mask, reverse, rate, keep, (zoneout,), (zones,))
    return _forward("rnn", x, *weights, options)[0]


def rnn_backward(
    grad: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray,
    recurrent_weight: np.ndarray,
    bias: np.ndarray | None,
    recurrent_bias: np.ndarray | None,
    *,
    mask: np.ndarray | None = None,
    reverse: bool = False,
    rate: float = 0.0,
    keep: np.ndarray | None = None,
    zoneout: float = 0.0,
    zones: np.ndarray | None = None,
) -> Arrays:
    """dL/dx, then those of the two weights and of the two biases, from dL/dy."""
    weights = weight, recurrent_weight, bias, recurrent_bias
    options = Options(mask, reverse, rate, keep, (zoneout,), (zones,))
    _, kept = _forward("rnn", x, *weights, options)
    return _backward("rnn", grad, x, *weights[:2], options, kept)


def lstm(
    x: np.ndarray,
    weight: np.ndarray,
    recurrent_weight: np.ndarray,
    bias: np.ndarray | None,
    recurrent_bias: np.ndarray | None,
    *,
    mask: np.ndarray | None = None,
    reverse: bool = False,
    rate: float = 0.0,
    keep: np.ndarray | None = None,
    zoneout: float = 0.0,
    zones: np.ndarray | None = None,
    cell_zoneout: float = 0.0,
    cell_zones: np.ndarray | None = None,
) -> np.ndarray:
    """y, the states behind each step, (N, T, units)."""
    weights = weight, recurrent_weight, bias, recurrent_bias
    options = Options(mask, reverse, rate, keep, (zoneout, cell_zoneout), (zones, cell_zones))
    return _forward("lstm", x, *weights, options)[0]


def lstm_backward(
    grad: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray,
    recurrent_weight: np.ndarray,
    bias: np.ndarray | None,
    recurrent_bias: np.ndarray | None,
    *,
    mask: np.ndarray | None = None,
    reverse: bool = False,
    rate: float = 0.0,
    keep: np.ndarray | None = None,
    zoneout: float = 0.0,
    zones: np.ndarray | None = None,
    cell_zoneout: float = 0.0,
    cell_zones: np.ndarray | None = None,
) -> Arrays:
    """dL/dx, then those of the two weights and of the two biases, from dL/dy."""
    weights = weight, recurrent_weight, bias, recurrent_bias
    options = Options(mask, reverse, rate, keep, (zoneout, cell_zoneout), (zones, cell_zones))
    _, kept = _forward("lstm", x, *weights, options)
    return _backward("lstm", grad, x, *weights[:2], options, kept)


def gru(
    x: np.ndarray,
    weight: np.ndarray,
    recurrent_weight: np.ndarray,
    bias: np.ndarray | None,
    recurrent_bias: np.ndarray | None,
    *,
    mask: np.ndarray | None = None,
    reverse: bool = False,
    rate: float = 0.0,
    keep: np.ndarray | None = None,
    zoneout: float = 0.0,
    zones: np.ndarray | None = None,
) -> np.ndarray:
    """y, the states behind each step, (N, T, units)."""
    weights = weight, recurrent_weight, bias, recurrent_bias
    options = Options(mask, reverse, rate, keep, (zoneout,), (zones,))
    return _forward("gru", x, *weights, options)[0]


def gru_backward(
    grad: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray,
    recurrent_weight: np.ndarray,
    bias: np.ndarray | None,
    recurrent_bias: np.ndarray | None,
    *,
    mask: np.ndarray | None = None,
    reverse: bool = False,
    rate: float = 0.0,
    keep: np.ndarray | None = None,
    zoneout: float = 0.0,
    zones: np.ndarray | None = None,
) -> Arrays:
    """dL/dx, then those of the two weights and of the two biases, from dL/dy."""
    weights = weight, recurrent_weight, bias, recurrent_bias
    options = Options(mask, reverse, rate, keep, (zoneout,), (zones,))
    _, kept = _forward("gru", x, *weights, options)
    return _backward("gru", grad, x, *weights[:2], options, kept)


# The three as the loop over time takes them: from the states before, h or h and c, to those behind
# and what the gradient needs; and from the gradients of the states behind to those of the states
# before, with da and ds filled. ``steps`` has the functions above: this module, or
# ``scratch.fast.recurrent``.


def _rnn(steps: Any, a: np.ndarray, s: np.ndarray, states: Arrays) -> tuple[Arrays, Any]:
    h = steps.rnn_step(a, s)
    return (h,), h


def _rnn_backward(
    steps: Any, dstates: Sequence[Any], states: Arrays, h: Any, out: Arrays
) -> tuple[Any, ...]:
    steps.rnn_step_backward(dstates[0], h, out[0])
    return (0,)  # it hands all back through s


def _lstm(steps: Any, a: np.ndarray, s: np.ndarray, states: Arrays) -> tuple[Arrays, Any]:
    h, c, *kept = steps.lstm_step(a, s, states[1])
    return (h, c), kept


def _lstm_backward(
    steps: Any, dstates: Sequence[Any], states: Arrays, kept: Any, out: Arrays
) -> tuple[Any, ...]:
    _, dc = steps.lstm_step_backward(*dstates, states[1], *kept, out[0])
    return 0, dc


def _gru(steps: Any, a: np.ndarray, s: np.ndarray, states: Arrays) -> tuple[Arrays, Any]:
    h, gates = steps.gru_step(a, s, states[0])
    return (h,), gates


def _gru_backward(
    steps: Any, dstates: Sequence[Any], states: Arrays, gates: Any, out: Arrays
) -> tuple[Any, ...]:
    *_, dh = steps.gru_step_backward(dstates[0], states[0], gates, out)
    return (dh,)


class Cell(NamedTuple):
    states: int
    gates: int
    sums: bool  # it has only the sum of a and s, so da is ds
    step: Callable[..., tuple[Arrays, Any]]
    backward: Callable[..., tuple[Any, ...]]


CELLS = {
    "rnn": Cell(1, 1, True, _rnn, _rnn_backward),
    "lstm": Cell(2, 4, True, _lstm, _lstm_backward),
    "gru": Cell(1, 3, False, _gru, _gru_backward),
}


PLAIN = sys.modules[__name__]


class Options(NamedTuple):
    """What else decides a pass: padding, direction, recurrent dropout, zoneout of each state."""

    mask: np.ndarray | None
    reverse: bool
    rate: float
    keep: np.ndarray | None
    zoneouts: tuple[float, ...]
    zones: tuple[np.ndarray | None, ...]

    def order(self, steps: int) -> Sequence[int]:
        return range(steps)[::-1] if self.reverse else range(steps)

    def factor(self, dtype: Any) -> np.ndarray | None:
        """k, which recurrent dropout multiplies the state by, or None."""
        return None if self.keep is None else self.keep.astype(dtype) * (1 / (1 - self.rate))

    def carried(self, dtype: Any) -> list[Any]:
        """Of each state and step, the part that stays as it was: None is nothing, 1 is all."""
        parts: list[Any] = [
            zoneout or None if zone is None else zone.astype(dtype)
            for zoneout, zone in zip(self.zoneouts, self.zones, strict=True)
        ]
        if self.mask is None:
            return parts
        real = self.mask[:, :, np.newaxis]
        return [np.where(real, 0 if p is None else p, 1).astype(dtype) for p in parts]


def _forward(
    kind: str,
    x: np.ndarray,
    weight: np.ndarray,
    recurrent_weight: np.ndarray,
    bias: np.ndarray | None,
    recurrent_bias: np.ndarray | None,
    options: Options,
    functions: Any = PLAIN,
) -> tuple[np.ndarray, tuple[np.ndarray, list[Any]]]:
    """y, and what the gradient needs: x and h side by side, and of each step the rest."""
    _check(kind, x, weight, recurrent_weight, bias, recurrent_bias, *options)
    cell, (count, steps, _), units = CELLS[kind], x.shape, len(recurrent_weight)
    inputs = np.empty((steps, count, x.shape[-1] + units), x.dtype)
    inputs[:, :, :-units] = x.swapaxes(0, 1)
    a = inputs.reshape(steps * count, -1)[:, :-units] @ weight  # of all steps at once
    if bias is not None and recurrent_bias is not None:  # or both are None
        a += bias + recurrent_bias if cell.sums else bias
    a = a.reshape(steps, count, -1)
    buffer = np.empty_like(a[0]) if cell.sums else None  # the gradient of a GRU needs every s
    factor, carried = options.factor(x.dtype), options.carried(x.dtype)
    states: Arrays = (np.zeros((count, units), x.dtype),) * cell.states
    y = np.empty((count, steps, units), x.dtype)
    kept: list[Any] = [None] * steps
    for t in options.order(steps):
        h = inputs[t, :, -units:]
        h[...] = states[0] if factor is None else states[0] * factor
        s = np.matmul(h, recurrent_weight, out=buffer)
        if recurrent_bias is not None and not cell.sums:
            s += recurrent_bias
        new, of_cell = cell.step(functions, a[t], s, states)
        kept[t] = states, of_cell
        states = tuple(
            after if part is None else part * before + (1 - part) * after
            for part, before, after in zip(_at(carried, t), states, new, strict=True)
        )
        y[:, t] = states[0]
    return y, (inputs, kept)


def _at(carried: list[Any], t: int) -> list[Any]:
    return [part[:, t] if isinstance(part, np.ndarray) else part for part in carried]


def _backward(
    kind: str,
    grad: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray,
    recurrent_weight: np.ndarray,
    options: Options,
    kept: tuple[np.ndarray, list[Any]],
    functions: Any = PLAIN,
) -> Arrays:
    _check_backward(grad, x, recurrent_weight)
    cell, (count, steps, _), units = CELLS[kind], x.shape, len(recurrent_weight)
    factor, carried = options.factor(x.dtype), options.carried(x.dtype)
    inputs, of_steps = kept
    da = np.empty((steps, count, cell.gates * units), x.dtype)
    ds = da if cell.sums else np.empty_like(da)
    dstates: list[Any] = [np.zeros((count, units), x.dtype)] * cell.states
    for t in reversed(options.order(steps)):
        states, of_cell = of_steps[t]
        dstates[0] = dstates[0] + grad[:, t]
        both = list(zip(_at(carried, t), dstates, strict=True))
        dnew = [d if part is None else (1 - part) * d for part, d in both]
        before = cell.backward(functions, dnew, states, of_cell, (da[t], ds[t]))
        dstates = [
            new if part is None else part * d + new
            for (part, d), new in zip(both, before, strict=True)
        ]
        dh = ds[t] @ recurrent_weight.T
        dstates[0] = dstates[0] + (dh if factor is None else dh * factor)
    da, ds = da.reshape(steps * count, -1), ds.reshape(steps * count, -1)
    dx = (da @ weight.T).reshape(steps, count, -1).swapaxes(0, 1)
    inputs = inputs.reshape(steps * count, -1)
    dbias = da.sum(axis=0)
    if cell.sums:  # one product for both weights
        return dx, *np.split(inputs.T @ da, [-units]), dbias, dbias.copy()
    dweight, drecurrent_weight = inputs[:, :-units].T @ da, inputs[:, -units:].T @ ds
    return dx, dweight, drecurrent_weight, dbias, ds.sum(axis=0)


class _Recurrent(Draws, Layer):
    """What the three layers share. The masks of recurrent dropout and zoneout come from the streams
    (seed, name.recurrent_dropout, step), (seed, name.zoneout, step) and (seed, name.cell_zoneout,
    step); ``step`` counts training passes.
    """

    takes_mask = True
    kind: str

    def __init__(
        self,
        in_features: int,
        units: int,
        *,
        use_bias: bool,
        reverse: bool,
        return_sequences: bool,
        rate: float,
        zoneouts: dict[str, float],
        seed: int,
        name: str | None,
        dtype: str,
    ) -> None:
        super().__init__(layer_name("scratch", self.kind, name))
        self.in_features = check_size("in_features", in_features)
        self.units = check_size("units", units)
        check_flag("use_bias", use_bias)
        self.reverse = check_flag("reverse", reverse)
        self.return_sequences = check_flag("return_sequences", return_sequences)
        self.rate, self.zoneouts = check_rates(rate, zoneouts)
        self.seed = check_seed(seed)
        check_dtype(dtype)
        columns = CELLS[self.kind].gates * self.units
        for key, rows in (("weight", self.in_features), ("recurrent_weight", self.units)):
            stream = f"{self.name}.{key}"
            self.params[key] = glorot_uniform((rows, columns), seed=seed, name=stream, dtype=dtype)
        if use_bias:
            self.params["bias"] = np.zeros(columns, dtype)
            self.params["recurrent_bias"] = np.zeros(columns, dtype)
            if self.kind == "lstm":  # the forget gate starts open
                self.params["bias"][self.units : 2 * self.units] = 1
        self.state["step"] = np.zeros((), np.int64)

    def compute_mask(self, x: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray | None:
        return mask if self.return_sequences else None

    def forward(
        self, x: np.ndarray, *, mask: np.ndarray | None = None, training: bool = False
    ) -> np.ndarray:
        _check_layer(x, mask, training, self.in_features, self.params["weight"])
        self._x, self._options = x, self._drawn(x, mask, training)
        weights = self.params["weight"], self.params["recurrent_weight"]
        biases = self.params.get("bias"), self.params.get("recurrent_bias")
        y, self._steps = _forward(self.kind, x, *weights, *biases, self._options, fast)
        return y if self.return_sequences else y[:, self._last]

    def _drawn(self, x: np.ndarray, mask: np.ndarray | None, training: bool) -> Options:
        count, steps, _ = x.shape
        keep, zones = None, dict.fromkeys(self.zoneouts)
        if training:
            if self.rate > 0:
                stream = self._stream("recurrent_dropout")
                keep = draw_mask(stream, (count, self.units), self.rate)
            for name, zoneout in self.zoneouts.items():
                if zoneout > 0:
                    shape = count, steps, self.units
                    zones[name] = ~draw_mask(self._stream(name), shape, zoneout)
            self.state["step"] += 1
        zoneouts, drawn = tuple(self.zoneouts.values()), tuple(zones.values())
        return Options(mask, self.reverse, self.rate, keep, zoneouts, drawn)

    def _stream(self, of: str) -> Stream:
        return Stream(self.seed, f"{self.name}.{of}", self.state["step"])

    @property
    def _last(self) -> int:
        return 0 if self.reverse else -1

    def backward(self, grad: np.ndarray) -> np.ndarray:
        if not self.return_sequences:
            last, grad = grad, np.zeros((*self._x.shape[:2], self.units), grad.dtype)
            grad[:, self._last] = last
        weights = self.params["weight"], self.params["recurrent_weight"]
        arguments = grad, self._x, *weights, self._options, self._steps
        dx, *grads = _backward(self.kind, *arguments, fast)
        for key, gradient in zip(self.params, grads, strict=False):  # there may be no biases
            self.grads[key] = gradient
        return dx


class RNN(_Recurrent):
    kind = "rnn"

    def __init__(
        self,
        in_features: int,
        units: int,
        *,
        use_bias: bool = True,
        reverse: bool = False,
        return_sequences: bool = True,
        recurrent_dropout: float = 0.0,
        zoneout: float = 0.0,
        seed: int = 0,
        name: str | None = None,
        dtype: str = "float32",
    ) -> None:
        super().__init__(
            in_features,
            units,
            use_bias=use_bias,
            reverse=reverse,
            return_sequences=return_sequences,
            rate=recurrent_dropout,
            zoneouts={"zoneout": zoneout},
            seed=seed,
            name=name,
            dtype=dtype,
        )


class LSTM(_Recurrent):
    """``cell_zoneout`` is that of the cell, ``zoneout`` that of h."""

    kind = "lstm"

    def __init__(
        self,
        in_features: int,
        units: int,
        *,
        use_bias: bool = True,
        reverse: bool = False,
        return_sequences: bool = True,
        recurrent_dropout: float = 0.0,
        zoneout: float = 0.0,
        cell_zoneout: float = 0.0,
        seed: int = 0,
        name: str | None = None,
        dtype: str = "float32",
    ) -> None:
        super().__init__(
            in_features,
            units,
            use_bias=use_bias,
            reverse=reverse,
            return_sequences=return_sequences,
            rate=recurrent_dropout,
            zoneouts={"zoneout": zoneout, "cell_zoneout": cell_zoneout},
            seed=seed,
            name=name,
            dtype=dtype,
        )


class GRU(_Recurrent):
    kind = "gru"

    def __init__(
        self,
        in_features: int,
        units: int,
        *,
        use_bias: bool = True,
        reverse: bool = False,
        return_sequences: bool = True,
        recurrent_dropout: float = 0.0,
        zoneout: float = 0.0,
        seed: int = 0,
        name: str | None = None,
        dtype: str = "float32",
    ) -> None:
        super().__init__(
            in_features,
            units,
            use_bias=use_bias,
            reverse=reverse,
            return_sequences=return_sequences,
            rate=recurrent_dropout,
            zoneouts={"zoneout": zoneout},
            seed=seed,
            name=name,
            dtype=dtype,
        )


class Bidirectional(Composite):
    """Two recurrent layers, the second of them in ``reverse``: their outputs side by side."""

    takes_mask = True

    def __init__(self, forward: Layer, backward: Layer, *, name: str | None = None) -> None:
        name = layer_name("scratch", "bidirectional", name)
        check_directions(forward, backward, _Recurrent)
        super().__init__([forward, backward], name)
        self.units = forward.units  # type: ignore[attr-defined]

    def compute_mask(self, x: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray | None:
        return self.layers[0].compute_mask(x, mask)  # type: ignore[attr-defined]

    def forward(
        self, x: np.ndarray, *, mask: np.ndarray | None = None, training: bool = False
    ) -> np.ndarray:
        both = [layer(x, mask=mask, training=training) for layer in self.layers]
        return np.concatenate(both, axis=-1)

    def backward(self, grad: np.ndarray) -> np.ndarray:
        first, second = np.split(grad, [self.units], axis=-1)
        return self.layers[0].backward(first) + self.layers[1].backward(second)


@remembered
def _check(
    kind: str,
    x: np.ndarray,
    weight: np.ndarray,
    recurrent_weight: np.ndarray,
    bias: np.ndarray | None,
    recurrent_bias: np.ndarray | None,
    *options: Any,
) -> None:
    check_recurrent(x, weight, recurrent_weight, bias, recurrent_bias, CELLS[kind].gates)
    check_recurrent_options((*x.shape[:2], recurrent_weight.shape[0]), *options)


@remembered
def _check_backward(grad: np.ndarray, x: np.ndarray, recurrent_weight: np.ndarray) -> None:
    check_floats(x=x, grad=grad)
    check_same_shape("grad", grad, (*x.shape[:2], recurrent_weight.shape[0]))


@remembered
def _check_layer(
    x: np.ndarray, mask: np.ndarray | None, training: bool, in_features: int, weight: np.ndarray
) -> None:
    check_sequences(x, in_features)
    check_precision(x, weight)
    check_steps_mask(mask, x)
    check_flag("training", training)
