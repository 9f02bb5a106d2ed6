"""Recurrent layers, attention and embeddings: their translations against both frameworks."""

import keras
import numpy as np
import pytest
import torch
from keras import layers
from torch import nn

from parity_tests.translations import EXACT, settings
from triptych import translate
from triptych.differences.probe import array, keras_tensor, tensor
from triptych.translate import NoCounterpart

pytestmark = pytest.mark.usefixtures("float64_in_both")

# Both layers, how many gates they have, and the translation there and back.
RECURRENT = {
    "lstm": (nn.LSTM, layers.LSTM, 4, translate.lstm_to_keras, translate.lstm_to_torch),
    "gru": (nn.GRU, layers.GRU, 3, translate.gru_to_keras, translate.gru_to_torch),
    "simple_rnn": (
        nn.RNN,
        layers.SimpleRNN,
        1,
        translate.simple_rnn_to_keras,
        translate.simple_rnn_to_torch,
    ),
}


def fill(module, arrays):
    for parameter, values in zip(module.parameters(), arrays, strict=True):
        parameter.data = tensor(values)


@pytest.mark.parametrize("kind", RECURRENT)
def test_recurrent(kind, direction):
    torch_kind, keras_kind, _, to_keras, to_torch = RECURRENT[kind]
    for rng in settings():
        inputs, units, steps = (int(each) for each in rng.integers(1, 5, size=3))
        bias = bool(rng.integers(2))
        module = torch_kind(inputs, units, bias=bias, batch_first=True)
        layer = keras_kind(units, use_bias=bias, return_sequences=True)
        layer.build((None, steps, inputs))
        if direction == "to_keras":
            arrays = [rng.normal(size=each.shape) for each in module.parameters()]
            fill(module, arrays)
            layer.set_weights(to_keras(*arrays))
        else:
            weights = [rng.normal(size=each.shape) for each in layer.get_weights()]
            layer.set_weights(weights)
            fill(module, to_torch(*weights))
        x = rng.normal(size=(2, steps, inputs))
        expected = array(module(tensor(x))[0])
        np.testing.assert_allclose(array(layer(keras_tensor(x))), expected, **EXACT)


@pytest.mark.parametrize("kind", RECURRENT)
def test_recurrent_there_and_back(kind):
    """Exact, but for PyTorch's second bias, which joins the first outside of a GRU."""
    _, _, gates, to_keras, to_torch = RECURRENT[kind]
    shapes = (gates * 4, 3), (gates * 4, 4), (gates * 4,), (gates * 4,)
    arrays = [np.random.default_rng(0).normal(size=shape) for shape in shapes]
    back = to_torch(*to_keras(*arrays))
    for index in range(4 if kind == "gru" else 2):
        np.testing.assert_array_equal(back[index], arrays[index])
    np.testing.assert_array_equal(back[2] + back[3], arrays[2] + arrays[3])


def test_attention(direction):
    for rng in settings():
        heads, steps = (int(each) for each in rng.integers(1, 4, size=2))
        # 1 / sqrt(size), which Keras rounds to float32, is exact here; and with heads of size 1
        # its layer may be wrong on TensorFlow: triptych differences addition-taken-for-bias
        size = int(rng.choice([4, 16]))
        width, bias = heads * size, bool(rng.integers(2))
        module = nn.MultiheadAttention(width, heads, bias=bias, batch_first=True)
        layer = layers.MultiHeadAttention(heads, size, use_bias=bias)
        layer.build((None, steps, width), (None, steps, width))
        if direction == "to_keras":
            state = {name: rng.normal(size=v.shape) for name, v in module.state_dict().items()}
            named = {name.replace(".", "_"): values for name, values in state.items()}
            layer.set_weights(translate.attention_to_keras(heads=heads, **named))
        else:
            weights = [rng.normal(size=each.shape) for each in layer.get_weights()]
            layer.set_weights(weights)
            state = translate.attention_to_torch(weights)
        module.load_state_dict({name: tensor(values) for name, values in state.items()})
        q, kv = (rng.normal(size=(2, steps, width)) for _ in range(2))
        mask = rng.random((2, steps, steps)) < 0.7
        mask |= np.eye(steps, dtype=bool)  # a query with nothing to attend to is another entry
        if direction == "to_torch":
            ours = mask
            theirs = {"attn_mask": tensor(translate.attention_mask_to_torch(mask, heads))}
        else:
            padding = rng.random((2, steps)) < 0.3
            padding[:, 0] = False
            ignored = np.triu(np.ones((steps, steps), bool), 1)
            theirs = {"attn_mask": tensor(ignored), "key_padding_mask": tensor(padding)}
            ours = translate.attention_mask_to_keras(ignored, padding)
        kv = tensor(kv)
        expected = array(module(tensor(q), kv, kv, **theirs)[0])
        # With its scores: the op that does without them computes in float32 on JAX.
        found, _ = layer(
            keras_tensor(q),
            keras_tensor(array(kv)),
            attention_mask=keras_tensor(ours),
            return_attention_scores=True,
        )
        np.testing.assert_allclose(array(found), expected, **EXACT)


def test_attention_mask_alone():
    ignored = np.triu(np.ones((3, 3), bool), 1)
    padding = np.array([[False, False, True]])
    assert translate.attention_mask_to_keras(ignored).shape == (1, 3, 3)
    assert translate.attention_mask_to_keras(key_padding_mask=padding).shape == (1, 1, 3)


def test_embedding(direction):
    for rng in settings():
        rows, size = (int(each) for each in rng.integers(1, 6, size=2))
        table, index = rng.normal(size=(rows, size)), rng.integers(rows, size=(2, 3))
        if direction == "to_keras":
            module = nn.Embedding(rows, size)
            module.weight.data = tensor(table)
            options, weights = translate.embedding_to_keras(table)
            layer = layers.Embedding(**options)
            layer.build()
            layer.set_weights(weights)
        else:
            layer = layers.Embedding(rows, size)
            layer.build()
            layer.set_weights([table])
            options, state = translate.embedding_to_torch(table)
            module = nn.Embedding(**options)
            module.load_state_dict({name: tensor(values) for name, values in state.items()})
        np.testing.assert_array_equal(array(layer(index)), array(module(tensor(index))))


ONES = np.ones
REFUSED = {
    "gru-reset-after": lambda: translate.gru_to_torch(
        ONES((1, 3)), ONES((1, 3)), reset_after=False
    ),
    "attention-extra-keys": lambda: translate.attention_to_keras(
        ONES((6, 2)), ONES((2, 2)), 1, add_zero_attn=True
    ),
    "attention-head-size": lambda: translate.attention_to_torch(
        [ONES((4, 2, 4)), ONES((4, 2, 4)), ONES((4, 2, 4)), ONES((2, 4, 4))]
    ),
    "embedding-padding-index": lambda: translate.embedding_to_keras(ONES((2, 2)), padding_idx=0),
    "embedding-max-norm": lambda: translate.embedding_to_keras(ONES((2, 2)), max_norm=1.0),
}


@pytest.mark.once
@pytest.mark.parametrize("entry", REFUSED)
def test_no_counterpart(entry):
    with pytest.raises(NoCounterpart, match=f"triptych differences {entry}"):
        REFUSED[entry]()
    with pytest.raises(NoCounterpart, match="embedding-padding-index"):
        translate.embedding_to_torch(ONES((2, 2)), mask_zero=True)


BAD = {
    "4 gates": lambda: translate.lstm_to_keras(ONES((4, 2)), ONES((3, 1))),
    "4 columns of gates": lambda: translate.lstm_to_keras(ONES((3, 2)), ONES((4, 1))),
    "both biases": lambda: translate.lstm_to_keras(ONES((4, 2)), ONES((4, 1)), ONES(4)),
    "a bias must have shape": lambda: translate.lstm_to_torch(ONES((2, 4)), ONES((1, 4)), ONES(3)),
    "bias must have shape": lambda: translate.gru_to_torch(ONES((2, 3)), ONES((1, 3)), ONES(3)),
    "must have shapes": lambda: translate.attention_to_keras(ONES((2, 2)), ONES((2, 2)), 1),
    "heads must divide": lambda: translate.attention_to_keras(ONES((6, 2)), ONES((2, 2)), 3),
    "give both": lambda: translate.attention_to_keras(
        ONES((6, 2)), ONES((2, 2)), 1, in_proj_bias=ONES(6)
    ),
    "4 arrays, or 8": lambda: translate.attention_to_torch([ONES(2)]),
    "3 axes": lambda: translate.attention_to_torch([ONES((2, 2))] * 4),
    "attn_mask must be boolean": lambda: translate.attention_mask_to_keras(ONES((2, 2))),
    "key_padding_mask must have shape": lambda: translate.attention_mask_to_keras(
        key_padding_mask=ONES(3, bool)
    ),
    "one length s": lambda: translate.attention_mask_to_keras(
        ONES((2, 2), bool), ONES((1, 3), bool)
    ),
    "in_proj_bias and out_proj_bias": lambda: translate.attention_to_keras(
        ONES((6, 2)), ONES((2, 2)), 1, in_proj_bias=ONES(6), out_proj_bias=ONES(3)
    ),
    "give attn_mask": lambda: translate.attention_mask_to_keras(),
    "shape (n, t, s)": lambda: translate.attention_mask_to_torch(ONES((2, 2), bool), 1),
    "two axes": lambda: translate.embedding_to_torch(ONES(2)),
}


@pytest.mark.once
@pytest.mark.parametrize("text", BAD)
def test_bad_input(text):
    with pytest.raises(ValueError, match=text.replace("(", r"\(").replace(")", r"\)")) as caught:
        BAD[text]()
    assert not isinstance(caught.value, NoCounterpart)


def test_setting_is_float64():
    assert keras.config.floatx() == "float64"
    assert torch.get_default_dtype() == torch.float64
