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

Here: without a mask, recurrent dropout and zoneout it is PyTorch's own ``torch.rnn_tanh``,
``torch.lstm`` and ``torch.gru``; else a loop of steps. The weights keep PyTorch's layout, (gates
units, in) and (gates units, units).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from torch_impl.dropout import draw_mask
from torch_impl.layers import check_precision, glorot_uniform
from triptych.common.checks import (
    check_directions,
    check_dtype,
    check_flag,
    check_floating,
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

Tensors = tuple[torch.Tensor, ...]
Maybe = torch.Tensor | None


def rnn_step(a: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
    """h, (N, units)."""
    return torch.tanh(a + s)


def lstm_step(a: torch.Tensor, s: torch.Tensor, c: torch.Tensor) -> Tensors:
    """h and c, (N, units) from the c of the step before."""
    i, f, g, o = (a + s).chunk(4, dim=1)
    i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    c = f * c + i * g
    return o * c.tanh(), c


def gru_step(a: torch.Tensor, s: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
    """h, (N, units) from that of the step before."""
    (a_r, a_z, a_n), (s_r, s_z, s_n) = a.chunk(3, dim=1), s.chunk(3, dim=1)
    r, z = (a_r + s_r).sigmoid(), (a_z + s_z).sigmoid()
    n = torch.tanh(a_n + r * s_n)
    return (1 - z) * n + z * h


# The three as the loop over time takes them: from the states before, h or h and c, to those behind.


def _rnn(a: torch.Tensor, s: torch.Tensor, states: Tensors) -> Tensors:
    return (rnn_step(a, s),)


def _lstm(a: torch.Tensor, s: torch.Tensor, states: Tensors) -> Tensors:
    return lstm_step(a, s, states[1])


def _gru(a: torch.Tensor, s: torch.Tensor, states: Tensors) -> Tensors:
    return (gru_step(a, s, states[0]),)


class Cell(NamedTuple):
    states: int
    gates: int
    step: Callable[..., Tensors]
    own: Callable[..., Tensors]  # PyTorch's


CELLS = {
    "rnn": Cell(1, 1, _rnn, torch.rnn_tanh),
    "lstm": Cell(2, 4, _lstm, torch.lstm),
    "gru": Cell(1, 3, _gru, torch.gru),
}


def rnn(
    x: torch.Tensor,
    weight: torch.Tensor,
    recurrent_weight: torch.Tensor,
    bias: torch.Tensor | None,
    recurrent_bias: torch.Tensor | None,
    *,
    mask: torch.Tensor | None = None,
    reverse: bool = False,
    rate: float = 0.0,
    keep: torch.Tensor | None = None,
    zoneout: float = 0.0,
    zones: torch.Tensor | None = None,
) -> torch.Tensor:
    """y, the states behind each step, (N, T, units)."""
    options: tuple[Any, ...] = (mask, reverse, rate, keep, (zoneout,), (zones,))
    return _through_time("rnn", x, weight, recurrent_weight, bias, recurrent_bias, *options)


def lstm(
    x: torch.Tensor,
    weight: torch.Tensor,
    recurrent_weight: torch.Tensor,
    bias: torch.Tensor | None,
    recurrent_bias: torch.Tensor | None,
    *,
    mask: torch.Tensor | None = None,
    reverse: bool = False,
    rate: float = 0.0,
    keep: torch.Tensor | None = None,
    zoneout: float = 0.0,
    zones: torch.Tensor | None = None,
    cell_zoneout: float = 0.0,
    cell_zones: torch.Tensor | None = None,
) -> torch.Tensor:
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
    x: torch.Tensor,
    weight: torch.Tensor,
    recurrent_weight: torch.Tensor,
    bias: torch.Tensor | None,
    recurrent_bias: torch.Tensor | None,
    *,
    mask: torch.Tensor | None = None,
    reverse: bool = False,
    rate: float = 0.0,
    keep: torch.Tensor | None = None,
    zoneout: float = 0.0,
    zones: torch.Tensor | None = None,
) -> torch.Tensor:
    """y, the states behind each step, (N, T, units)."""
    options: tuple[Any, ...] = (mask, reverse, rate, keep, (zoneout,), (zones,))
    return _through_time("gru", x, weight, recurrent_weight, bias, recurrent_bias, *options)


def _through_time(
    kind: str,
    x: torch.Tensor,
    weight: torch.Tensor,
    recurrent_weight: torch.Tensor,
    bias: Maybe,
    recurrent_bias: Maybe,
    mask: Maybe,
    reverse: bool,
    rate: float,
    keep: Maybe,
    zoneouts: tuple[float, ...],
    zones: tuple[Maybe, ...],
) -> torch.Tensor:
    _check(
        *(kind, x, weight, recurrent_weight, bias, recurrent_bias),
        *(mask, reverse, rate, keep, zoneouts, zones),
    )
    cell, (count, steps, _) = CELLS[kind], x.shape
    zero = x.new_zeros(count, recurrent_weight.shape[1])
    carried = [_carried(*both, mask, x.dtype) for both in zip(zoneouts, zones, strict=True)]
    if keep is None and all(part is None for part in carried):
        weights = [w for w in (weight, recurrent_weight, bias, recurrent_bias) if w is not None]
        start = (zero[None],) * cell.states if cell.states > 1 else zero[None]
        forward = x.flip(1) if reverse else x
        # of one layer, without dropout, in training, in one direction, with the batch first
        y = cell.own(forward, start, weights, bias is not None, 1, 0.0, True, False, True)[0]
        return y.flip(1) if reverse else y
    a = F.linear(x, weight, bias)
    factor = None if keep is None else keep.to(a.dtype) * (1 / (1 - rate))
    states: Tensors = (zero,) * cell.states
    outputs = [zero] * steps
    for t in range(steps)[::-1] if reverse else range(steps):
        h = states[0] if factor is None else states[0] * factor
        new = cell.step(a[:, t], F.linear(h, recurrent_weight, recurrent_bias), states)
        parts = [part[:, t] if isinstance(part, torch.Tensor) else part for part in carried]
        states = tuple(
            after if part is None else part * before + (1 - part) * after
            for part, before, after in zip(parts, states, new, strict=True)
        )
        outputs[t] = states[0]
    return torch.stack(outputs, dim=1)


def _carried(zoneout: float, zone: Maybe, mask: Maybe, dtype: torch.dtype) -> Any:
    """Of each step the part of a state that stays as it was: None is nothing, 1 is all."""
    part: Any = (zoneout or None) if zone is None else zone.to(dtype)
    if mask is None:
        return part
    return torch.where(mask[:, :, None], 0.0 if part is None else part, 1.0).to(dtype)


class _Recurrent(Draws, nn.Module):
    """What the three layers share. The masks of recurrent dropout and zoneout come from the streams
    (seed, name.recurrent_dropout, step), (seed, name.zoneout, step) and (seed, name.cell_zoneout,
    step); ``step`` counts training passes.
    """

    takes_mask = True
    kind_of_weights = "recurrent"  # which have PyTorch's layout
    kind: str
    weight: torch.Tensor
    recurrent_weight: torch.Tensor
    bias: Maybe
    recurrent_bias: Maybe
    step: torch.Tensor

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
        super().__init__()
        self.name = layer_name("torch", self.kind, name)
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
            drawn = glorot_uniform((rows, columns), seed=seed, name=stream, dtype=dtype)
            self.register_parameter(key, nn.Parameter(drawn.T.contiguous()))
        for key in ("bias", "recurrent_bias"):
            zeros = torch.zeros(columns, dtype=getattr(torch, dtype))
            if self.kind == "lstm" and key == "bias":  # the forget gate starts open
                zeros[self.units : 2 * self.units] = 1
            self.register_parameter(key, nn.Parameter(zeros) if use_bias else None)
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    def compute_mask(self, x: torch.Tensor, mask: Maybe = None) -> Maybe:
        return mask if self.return_sequences else None

    def forward(self, x: torch.Tensor, mask: Maybe = None) -> torch.Tensor:
        _check_layer(x, mask, self.in_features)
        check_precision(x, self.weight)
        weights = self.weight, self.recurrent_weight, self.bias, self.recurrent_bias
        y = _through_time(self.kind, x, *weights, mask, self.reverse, *self._drawn(x))
        return y if self.return_sequences else y[:, 0 if self.reverse else -1]

    def _drawn(self, x: torch.Tensor) -> tuple[Any, ...]:
        """The rates and masks of recurrent dropout and zoneout."""
        count, steps, _ = x.shape
        keep: Maybe = None
        zones: dict[str, Maybe] = dict.fromkeys(self.zoneouts)
        if self.training:
            if self.rate > 0:
                stream = self._stream("recurrent_dropout")
                keep = draw_mask(stream, (count, self.units), self.rate, device=x.device)
            for name, zoneout in self.zoneouts.items():
                if zoneout > 0:
                    shape = count, steps, self.units
                    zones[name] = ~draw_mask(self._stream(name), shape, zoneout, device=x.device)
            self.step += 1
        return self.rate, keep, tuple(self.zoneouts.values()), tuple(zones.values())

    def _stream(self, of: str) -> Stream:
        return Stream(self.seed, f"{self.name}.{of}", self.step)

    def extra_repr(self) -> str:
        return f"{self.in_features}, {self.units}, reverse={self.reverse}"


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


class Bidirectional(nn.Module):
    """Two recurrent layers, the second of them in ``reverse``: their outputs side by side."""

    takes_mask = True

    def __init__(self, forward: nn.Module, backward: nn.Module, *, name: str | None = None) -> None:
        super().__init__()
        self.name = layer_name("torch", "bidirectional", name)
        check_directions(forward, backward, _Recurrent)
        names = [str(layer.name) for layer in (forward, backward)]
        check_layer_names(names)
        self.names = names
        for layer in (forward, backward):
            self.add_module(str(layer.name), layer)
        check_streams(self.modules())

    def compute_mask(self, x: torch.Tensor, mask: Maybe = None) -> Any:
        return self.get_submodule(self.names[0]).compute_mask(x, mask)  # type: ignore[operator]

    def forward(self, x: torch.Tensor, mask: Maybe = None) -> torch.Tensor:
        both = [self.get_submodule(name)(x, mask) for name in self.names]
        return torch.cat(both, dim=-1)


@remembered
def _check(
    kind: str,
    x: torch.Tensor,
    weight: torch.Tensor,
    recurrent_weight: torch.Tensor,
    bias: torch.Tensor | None,
    recurrent_bias: torch.Tensor | None,
    *options: Any,
) -> None:
    check_recurrent(
        x, weight, recurrent_weight, bias, recurrent_bias, CELLS[kind].gates, turned=True
    )
    check_recurrent_options((*x.shape[:2], recurrent_weight.shape[1]), *options)


@remembered
def _check_layer(x: torch.Tensor, mask: torch.Tensor | None, in_features: int) -> None:
    check_sequences(x, in_features)
    check_floating("x", x)
    check_steps_mask(mask, x)
