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

Here: a loop of steps, by ``ops.scan`` on JAX and where their number is not known: Keras has layers,
and no ops, for them. On TensorFlow a model with one of them is not compiled by XLA. On JAX and
PyTorch, float64 takes ``keras_impl.precision.enable_float64()`` first: without it Keras rounds to
float32. A layer with weights has the dtype that it is made with, whatever Keras's dtype policy is:
under "mixed_float16" it computes in that, and refuses float16. The mask that Keras's embedding
makes reaches the layer by itself.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from keras_impl.dropout import draw_mask
from keras_impl.layers import Checked, StreamGlorotUniform, check_precision, verbatim
from triptych.common.checks import (
    check_directions,
    check_dtype,
    check_flag,
    check_layer_names,
    check_rates,
    check_recurrent,
    check_recurrent_options,
    check_seed,
    check_sequences,
    check_size,
    check_steps_mask,
    remembered,
)
from triptych.common.names import Draws, check_streams, layer_name
from triptych.common.streams import Stream

__all__ = [
    "rnn",
    "lstm",
    "gru",
    "RNN",
    "LSTM",
    "GRU",
    "Bidirectional",
]


def rnn_step(a: Any, s: Any) -> Any:
    """h, (N, units)."""
    return ops.tanh(a + s)


def lstm_step(a: Any, s: Any, c: Any) -> tuple[Any, Any]:
    """h and c, (N, units) from the c of the step before."""
    i, f, g, o = _gates(a + s, 4)
    i, f, g, o = ops.sigmoid(i), ops.sigmoid(f), ops.tanh(g), ops.sigmoid(o)
    c = f * c + i * g
    return o * ops.tanh(c), c


def gru_step(a: Any, s: Any, h: Any) -> Any:
    """h, (N, units) from that of the step before."""
    (a_r, a_z, a_n), (s_r, s_z, s_n) = _gates(a, 3), _gates(s, 3)
    r, z = ops.sigmoid(a_r + s_r), ops.sigmoid(a_z + s_z)
    n = ops.tanh(a_n + r * s_n)
    return (1 - z) * n + z * h


def _gates(columns: Any, count: int) -> list[Any]:
    """The columns of each gate. The gradient of ``ops.split`` is wrong on JAX for 6 float64 units,
    on processors without AVX-512: see docs/findings.md.
    """
    rows = ops.reshape(columns, (-1, count, columns.shape[1] // count))
    return ops.unstack(rows, axis=1)


# The three as the loop over time takes them: from the states before, h or h and c, to those behind.


def _rnn(a: Any, s: Any, states: tuple[Any, ...]) -> tuple[Any, ...]:
    return (rnn_step(a, s),)


def _lstm(a: Any, s: Any, states: tuple[Any, ...]) -> tuple[Any, ...]:
    return lstm_step(a, s, states[1])


def _gru(a: Any, s: Any, states: tuple[Any, ...]) -> tuple[Any, ...]:
    return (gru_step(a, s, states[0]),)


class Cell(NamedTuple):
    states: int
    gates: int
    step: Callable[..., tuple[Any, ...]]


CELLS = {"rnn": Cell(1, 1, _rnn), "lstm": Cell(2, 4, _lstm), "gru": Cell(1, 3, _gru)}


def rnn(
    x: Any,
    weight: Any,
    recurrent_weight: Any,
    bias: Any | None,
    recurrent_bias: Any | None,
    *,
    mask: Any | None = None,
    reverse: bool = False,
    rate: float = 0.0,
    keep: Any | None = None,
    zoneout: float = 0.0,
    zones: Any | None = None,
) -> Any:
    """y, the states behind each step, (N, T, units)."""
    options: tuple[Any, ...] = (mask, reverse, rate, keep, (zoneout,), (zones,))
    return _through_time("rnn", x, weight, recurrent_weight, bias, recurrent_bias, *options)


def lstm(
    x: Any,
    weight: Any,
    recurrent_weight: Any,
    bias: Any | None,
    recurrent_bias: Any | None,
    *,
    mask: Any | None = None,
    reverse: bool = False,
    rate: float = 0.0,
    keep: Any | None = None,
    zoneout: float = 0.0,
    zones: Any | None = None,
    cell_zoneout: float = 0.0,
    cell_zones: Any | None = None,
) -> Any:
    """y, the states behind each step, (N, T, units)."""
    options: tuple[Any, ...] = (
        mask,
        reverse,
        rate,
        keep,
        (zoneout, cell_zoneout),
        (zones, cell_zones),
    )
    return _through_time("lstm", x, weight, recurrent_weight, bias, recurrent_bias, *options)


def gru(
    x: Any,
    weight: Any,
    recurrent_weight: Any,
    bias: Any | None,
    recurrent_bias: Any | None,
    *,
    mask: Any | None = None,
    reverse: bool = False,
    rate: float = 0.0,
    keep: Any | None = None,
    zoneout: float = 0.0,
    zones: Any | None = None,
) -> Any:
    """y, the states behind each step, (N, T, units)."""
    options: tuple[Any, ...] = (mask, reverse, rate, keep, (zoneout,), (zones,))
    return _through_time("gru", x, weight, recurrent_weight, bias, recurrent_bias, *options)


def _through_time(
    kind: str,
    x: Any,
    weight: Any,
    recurrent_weight: Any,
    bias: Any | None,
    recurrent_bias: Any | None,
    mask: Any | None,
    reverse: bool,
    rate: float,
    keep: Any | None,
    zoneouts: tuple[float, ...],
    zones: tuple[Any | None, ...],
) -> Any:
    _check(
        *(kind, x, weight, recurrent_weight, bias, recurrent_bias),
        *(mask, reverse, rate, keep, zoneouts, zones),
    )
    cell = CELLS[kind]
    a = ops.matmul(x, weight)
    if bias is not None:
        a = a + bias
    factor = None if keep is None else ops.cast(keep, a.dtype) * (1 / (1 - rate))
    carried = [_carried(*both, mask, a.dtype) for both in zip(zoneouts, zones, strict=True)]
    by_step = [i for i, part in enumerate(carried) if ops.is_tensor(part)]

    def one_step(states: tuple[Any, ...], of_step: tuple[Any, ...]) -> tuple[Any, Any]:
        a_t, *parts_of_step = of_step
        parts = list(carried)
        for i, part in zip(by_step, parts_of_step, strict=True):
            parts[i] = part
        s = ops.matmul(states[0] if factor is None else states[0] * factor, recurrent_weight)
        if recurrent_bias is not None:
            s = s + recurrent_bias
        states = tuple(
            after if part is None else part * before + (1 - part) * after
            for part, before, after in zip(parts, states, cell.step(a_t, s, states), strict=True)
        )
        return states, states  # on TensorFlow, what is collected has to be like what is carried

    zero = ops.zeros_like(a[:, 0, : recurrent_weight.shape[0]])
    of_steps = tuple(ops.swapaxes(array, 0, 1) for array in (a, *(carried[i] for i in by_step)))
    states, steps = (zero,) * cell.states, x.shape[1]
    if keras.backend.backend() == "jax":
        _, collected = ops.scan(one_step, states, of_steps, reverse=reverse)
        return ops.swapaxes(collected[0], 0, 1)
    if steps is None:  # on TensorFlow, where Keras then scans no more than one array
        ends = np.cumsum([0, *(array.shape[-1] for array in of_steps)]).tolist()

        def one_row(states: tuple[Any, ...], row: Any) -> tuple[Any, Any]:
            return one_step(states, tuple(row[:, i:j] for i, j in pairwise(ends)))

        rows = ops.concatenate(of_steps, axis=-1)
        _, collected = ops.scan(one_row, states, rows, reverse=reverse)
        return ops.swapaxes(collected[0], 0, 1)
    # On TensorFlow, XLA cannot compile the gradient of a scan.
    outputs = [zero] * steps
    for t in range(steps)[::-1] if reverse else range(steps):
        states, _ = one_step(states, tuple(array[t] for array in of_steps))
        outputs[t] = states[0]
    return ops.stack(outputs, axis=1)


def _carried(zoneout: float, zone: Any | None, mask: Any | None, dtype: Any) -> Any:
    """Of each step the part of a state that stays as it was: None is nothing, 1 is all."""
    part: Any = (zoneout or None) if zone is None else ops.cast(zone, dtype)
    if mask is None:
        return part
    one = ops.ones((), dtype)
    return ops.where(ops.expand_dims(mask, -1), one * (0 if part is None else part), one)


class _Recurrent(Checked, Draws, keras.layers.Layer):
    """What the three layers share. The masks of recurrent dropout and zoneout come from the streams
    (seed, name.recurrent_dropout, step), (seed, name.zoneout, step) and (seed, name.cell_zoneout,
    step); ``step`` counts training passes.
    """

    has_weights = passes_mask = True
    kind_of_weights = "own"
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
        kernel_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        name = layer_name("keras", self.kind, name)
        super().__init__(name=name, dtype=check_dtype(dtype), **kwargs)
        self.in_features = check_size("in_features", in_features)
        self.units = check_size("units", units)
        self.use_bias = check_flag("use_bias", use_bias)
        self.reverse = check_flag("reverse", reverse)
        self.return_sequences = check_flag("return_sequences", return_sequences)
        self.rate, self.zoneouts = check_rates(rate, zoneouts)
        self.seed = check_seed(seed)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        columns = CELLS[self.kind].gates * self.units
        for key, rows in (("weight", self.in_features), ("recurrent_weight", self.units)):
            weight = self.add_weight(
                name=key,
                shape=(rows, columns),
                initializer=StreamGlorotUniform(seed, f"{name}.{key}"),
                regularizer=self.kernel_regularizer,
            )
            setattr(self, key, weight)
        for key in ("bias", "recurrent_bias"):
            bias = (
                self.add_weight(name=key, shape=(columns,), initializer="zeros")
                if use_bias
                else None
            )
            setattr(self, key, bias)
        if use_bias and self.kind == "lstm":  # the forget gate starts open
            forget = ops.arange(columns) // self.units == 1
            self.bias.assign(ops.cast(forget, self.bias.dtype))
        self.step = self.add_weight(
            name="step", shape=(), initializer="zeros", dtype="int64", trainable=False
        )
        self.build((None, None, self.in_features))
        if keras.backend.backend() == "tensorflow":
            # XLA cannot compile the gradient where the number of steps is not known, as it is not
            # once ``fit`` has met two of them: "auto" then leaves XLA alone.
            self.supports_jit = False

    def check(self, inputs: Any) -> None:
        check_sequences(inputs, self.in_features)
        check_precision(inputs, self.weight)

    def compute_mask(self, x: Any, mask: Any | None = None) -> Any:
        return mask if self.return_sequences else None

    @verbatim()
    def call(self, inputs: Any, mask: Any | None = None, training: bool = False) -> Any:
        check_steps_mask(mask, inputs)
        weights = self.weight, self.recurrent_weight, self.bias, self.recurrent_bias
        drawn = self._drawn(inputs, training)
        y = _through_time(self.kind, inputs, *weights, mask, self.reverse, *drawn)
        return y if self.return_sequences else y[:, 0 if self.reverse else -1]

    def _drawn(self, x: Any, training: bool) -> tuple[Any, ...]:
        """The rates and masks of recurrent dropout and zoneout."""
        count, steps, _ = ops.shape(x)
        keep, zones = None, dict.fromkeys(self.zoneouts)
        if training:
            if self.rate > 0:
                keep = draw_mask(self._stream("recurrent_dropout"), (count, self.units), self.rate)
            for name, zoneout in self.zoneouts.items():
                if zoneout > 0:
                    kept = draw_mask(self._stream(name), (count, steps, self.units), zoneout)
                    zones[name] = ops.logical_not(kept)
            self.step.assign_add(1)
        return self.rate, keep, tuple(self.zoneouts.values()), tuple(zones.values())

    def _stream(self, of: str) -> Stream:
        return Stream(self.seed, f"{self.name}.{of}", self.step.value)

    def get_config(self) -> dict[str, Any]:
        own: dict[str, Any] = {
            "in_features": self.in_features,
            "units": self.units,
            "use_bias": self.use_bias,
        }
        own |= {"reverse": self.reverse, "return_sequences": self.return_sequences}
        own |= {"recurrent_dropout": self.rate, "seed": self.seed, **self.zoneouts}
        regularizer = keras.regularizers.serialize(self.kernel_regularizer)
        return super().get_config() | own | {"kernel_regularizer": regularizer}


@keras.saving.register_keras_serializable("triptych")
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
        **kwargs: Any,
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
            **kwargs,
        )


@keras.saving.register_keras_serializable("triptych")
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
        **kwargs: Any,
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
            **kwargs,
        )


@keras.saving.register_keras_serializable("triptych")
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
        **kwargs: Any,
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
            **kwargs,
        )


@keras.saving.register_keras_serializable("triptych")
class Bidirectional(Checked, keras.layers.Layer):
    """Two recurrent layers, the second of them in ``reverse``: their outputs side by side."""

    has_weights = passes_mask = True

    def __init__(
        self, forward: Any, backward: Any, *, name: str | None = None, **kwargs: Any
    ) -> None:
        name = layer_name("keras", "bidirectional", name)
        super().__init__(name=name, **kwargs)
        check_directions(forward, backward, _Recurrent)
        self.layers = [forward, backward]
        check_layer_names([layer.name for layer in self.layers])
        check_streams(self._flatten_layers())
        self.build((None, None, forward.in_features))

    def check(self, inputs: Any) -> None:
        self.layers[0].check(inputs)

    def compute_mask(self, x: Any, mask: Any | None = None) -> Any:
        return self.layers[0].compute_mask(x, mask)

    @verbatim()
    def call(self, inputs: Any, mask: Any | None = None, training: bool = False) -> Any:
        both = [layer(inputs, mask=mask, training=training) for layer in self.layers]
        return ops.concatenate(both, axis=-1)

    def get_config(self) -> dict[str, Any]:
        forward, backward = map(keras.saving.serialize_keras_object, self.layers)
        return super().get_config() | {"forward": forward, "backward": backward}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Bidirectional":
        both = {
            key: keras.saving.deserialize_keras_object(config[key])
            for key in ("forward", "backward")
        }
        return cls(**(config | both))


@remembered
def _check(
    kind: str,
    x: Any,
    weight: Any,
    recurrent_weight: Any,
    bias: Any | None,
    recurrent_bias: Any | None,
    *options: Any,
) -> None:
    check_recurrent(x, weight, recurrent_weight, bias, recurrent_bias, CELLS[kind].gates)
    check_recurrent_options((*x.shape[:2], recurrent_weight.shape[0]), *options)
