"""Recurrent layers."""

import keras
import numpy as np
import torch
from keras import layers
from torch import nn

from triptych.differences.entry import Difference
from triptych.differences.probe import array, keras_tensor, normal, outcome, tensor
from triptych.translate import gru_to_keras, lstm_to_keras


def arrays_of(module):
    """PyTorch's weights of the first layer: weight_ih, weight_hh, bias_ih, bias_hh."""
    return [array(parameter) for parameter in list(module.parameters())[:4]]


def with_weights(layer, weights, inputs=3):
    """A Keras layer that is built and has these weights."""
    layer.build((None, None, inputs))
    layer.set_weights(weights)
    return layer


class LstmLayout(Difference):
    """LSTM kernels are transposed, and PyTorch's two biases are one in Keras; the gates are alike.

    Both have the order input, forget, cell, output.
    """

    pytorch = "`weight_ih_l0` (4 h, in), `weight_hh_l0` (4 h, h), `bias_ih_l0` + `bias_hh_l0`"
    keras = "kernel (in, 4 h), recurrent_kernel (h, 4 h), bias (4 h,)"
    mapping = "transpose, and add the biases: translate.lstm_to_keras"
    links = (
        "keras-team/keras#3088",
        "tensorflow/tensorflow#29308",
        "tensorflow/tensorflow#29622",
        "keras-team/keras#10179",
    )
    asked = 5
    words = "lstm weights gate order i f g o convert port bias_ih bias_hh lstm-gate-order"

    def in_pytorch(mapped):
        return nn.LSTM(3, 4, batch_first=True)(tensor(normal(2, 5, 3)))[0]

    def in_keras(mapped):
        weights = arrays_of(nn.LSTM(3, 4))
        naive = [weights[0].reshape(3, 16), weights[1].reshape(4, 16), weights[2]]
        layer = layers.LSTM(4, return_sequences=True)
        return with_weights(layer, lstm_to_keras(*weights) if mapped else naive)(normal(2, 5, 3))


class GruGateOrder(Difference):
    """A GRU's first gate is reset in PyTorch, update in Keras."""

    pytorch = "r, z, n"
    keras = "z, r, h"
    mapping = "exchange the first two thirds: translate.gru_to_keras"
    links = (
        "keras-team/keras#8720",
        "keras-team/keras#15915",
        "keras-team/keras#22115",
    )
    asked = 3
    words = "gru gate order reset update weights convert port"

    def in_pytorch(mapped):
        return nn.GRU(3, 4, batch_first=True)(tensor(normal(2, 5, 3)))[0]

    def in_keras(mapped):
        weights = arrays_of(nn.GRU(3, 4))
        transposed = [weights[0].T, weights[1].T, np.stack(weights[2:])]
        layer = layers.GRU(4, return_sequences=True)
        return with_weights(layer, gru_to_keras(*weights) if mapped else transposed)(
            normal(2, 5, 3)
        )


class GruResetAfter(Difference):
    """Keras has two GRUs; PyTorch's is the one that resets after the product.

    `reset_after=False`, the paper's first form and Keras 1's, has no counterpart.
    """

    pytorch = "n = tanh(W x + b + r * (U h + c))"
    keras = "`reset_after=True` the same; False: tanh(W x + b + U (r * h))"
    mapping = "`reset_after=True`, the default, which the fast kernels want too"
    links = (
        "keras-team/keras#9112",
        "keras-team/keras#15915",
        "keras-team/keras#3701",
    )
    asked = 4
    words = "gru reset_after cudnn bias shape two biases"

    def in_pytorch(mapped):
        return nn.GRU(3, 4, batch_first=True)(tensor(normal(2, 5, 3)))[0]

    def in_keras(mapped):
        kernel, recurrent, bias = gru_to_keras(*arrays_of(nn.GRU(3, 4)))
        layer = layers.GRU(4, reset_after=mapped, return_sequences=True)
        weights = [kernel, recurrent, bias if mapped else bias.sum(0)]
        return with_weights(layer, weights)(normal(2, 5, 3))


class RecurrentTwoBiases(Difference):
    """PyTorch's recurrent layers have two biases for each gate, Keras's one, except for a GRU.

    The two of an LSTM are added, so training moves each at the full rate: their sum moves twice as
    fast as Keras's one.
    """

    pytorch = "a step of SGD moves bias_ih and bias_hh by the same gradient"
    keras = "one bias, moved once"
    mapping = "freeze one of the two: `bias_hh.requires_grad_(False)`"
    links = (
        "pytorch/pytorch#36905",
        "pytorch/pytorch#15843",
        "onnx/onnx#1127",
        "apache/mxnet#7486",
    )
    asked = 7
    words = (
        "lstm bias_ih bias_hh two biases number of parameters count differs recurrent-two-biases"
    )

    def in_pytorch(mapped):
        module = nn.LSTM(3, 4, batch_first=True)
        module.bias_hh_l0.requires_grad_(not mapped)
        start = module.bias_ih_l0.detach() + module.bias_hh_l0.detach()
        module(tensor(normal(2, 5, 3)))[0].sum().backward()
        torch.optim.SGD([p for p in module.parameters() if p.requires_grad], 0.125).step()
        return module.bias_ih_l0 + module.bias_hh_l0 - start

    def in_keras(mapped):
        layer = layers.LSTM(4, return_sequences=True)
        model = keras.Sequential([keras.Input((5, 3)), layer])
        layer.set_weights(lstm_to_keras(*arrays_of(nn.LSTM(3, 4))))
        start = array(layer.cell.bias)
        model.compile(keras.optimizers.SGD(0.125), lambda y, p: 40 * p)  # the mean becomes a sum
        model.train_on_batch(normal(2, 5, 3), np.zeros((2, 5, 4)))
        return array(layer.cell.bias) - start


class LstmForgetBias(Difference):
    """An LSTM's forget gate starts open in Keras: its bias is 1; PyTorch's is near 0."""

    pytorch = "U(-1 / sqrt(h), 1 / sqrt(h)), as all weights"
    keras = "`unit_forget_bias=True`: 1; the other biases 0"
    mapping = "fill the biases by hand"
    links = (
        "pytorch/pytorch#20102",
        "pytorch/pytorch#750",
        "Lasagne/Lasagne#368",
        "coetaur0/ESIM#2",
    )
    asked = 8
    words = "lstm unit_forget_bias initial bias forget gate 1"

    def in_pytorch(mapped):
        module = nn.LSTM(3, 4)
        if mapped:
            for bias in (module.bias_ih_l0, module.bias_hh_l0):
                nn.init.zeros_(bias)
            module.bias_ih_l0.data[4:8] = 1
        return module.bias_ih_l0 + module.bias_hh_l0

    def in_keras(mapped):
        layer = layers.LSTM(4)
        layer.build((None, None, 3))
        return layer.cell.bias


class RecurrentInitialWeights(Difference):
    """Recurrent kernels start orthogonal in Keras, uniform up to 1 / sqrt(h) in PyTorch."""

    pytorch = "every array from U(-1 / sqrt(h), 1 / sqrt(h))"
    keras = "kernel Glorot uniform, recurrent kernel orthogonal, bias 0"
    mapping = "`nn.init.orthogonal_(weight_hh)`: of Keras's (h, 4 h) the rows are orthonormal"
    words = "lstm rnn initial weights orthogonal recurrent initializer default"

    def in_pytorch(mapped):
        module = nn.LSTM(3, 4)
        if mapped:
            nn.init.orthogonal_(module.weight_hh_l0)
        return module.weight_hh_l0.T @ module.weight_hh_l0

    def in_keras(mapped):
        layer = layers.LSTM(4)
        layer.build((None, None, 3))
        kernel = array(layer.cell.recurrent_kernel)
        return kernel @ kernel.T


class BatchFirst(Difference):
    """Sequences are (time, batch, features) in PyTorch unless told, (batch, time, ...) in Keras.

    Nothing fails: the batch is taken for time.
    """

    pytorch = "`batch_first=False`"
    keras = "batch first"
    mapping = "`batch_first=True`"
    links = (
        "pytorch/pytorch#1538",
        "yunjey/pytorch-tutorial#195",
        "gabrielloye/LSTM_Sentiment-Analysis#3",
        "Cadene/vqa.pytorch#40",
    )
    asked = 9
    words = "batch_first time major sequence axis lstm gru rnn transpose"

    def in_pytorch(mapped):
        return nn.LSTM(3, 4, batch_first=mapped)(tensor(normal(5, 5, 3)))[0]

    def in_keras(mapped):
        weights = lstm_to_keras(*arrays_of(nn.LSTM(3, 4)))
        return with_weights(layers.LSTM(4, return_sequences=True), weights)(normal(5, 5, 3))


class RecurrentOutputs(Difference):
    """PyTorch returns every step and the last state, Keras the last step's output alone."""

    pytorch = "`output, (h, c) = lstm(x)`"
    keras = "`return_sequences=False, return_state=False`"
    mapping = "both True: `[output, h, c]`"
    words = "return_sequences return_state output hidden state shape lstm last"

    def in_pytorch(mapped):
        output, (h, c) = nn.LSTM(3, 4, batch_first=True)(tensor(normal(2, 5, 3)))
        return (output, h[0], c[0]) if mapped else output

    def in_keras(mapped):
        layer = layers.LSTM(4, return_sequences=mapped, return_state=mapped)
        return with_weights(layer, lstm_to_keras(*arrays_of(nn.LSTM(3, 4))))(normal(2, 5, 3))


class BidirectionalLast(Difference):
    """The backward direction's last output is at the sequence's end in PyTorch, its own in Keras.

    At the last time step PyTorch's backward direction has seen one step only. Both concatenate.
    """

    pytorch = "`output[:, -1]`: forward after all steps, backward after one"
    keras = "`Bidirectional(LSTM(h))`: each direction after all of its steps"
    mapping = "`h_n`: concatenate its two rows"
    words = "bidirectional lstm last output backward direction concatenate h_n"

    def in_pytorch(mapped):
        module = nn.LSTM(3, 4, batch_first=True, bidirectional=True)
        output, (h, _) = module(tensor(normal(2, 5, 3)))
        return torch.cat([h[0], h[1]], -1) if mapped else output[:, -1]

    def in_keras(mapped):
        parameters = [array(p) for p in nn.LSTM(3, 4, bidirectional=True).parameters()]
        weights = lstm_to_keras(*parameters[:4]) + lstm_to_keras(*parameters[4:])
        return with_weights(layers.Bidirectional(layers.LSTM(4)), weights)(normal(2, 5, 3))


class MaskedSteps(Difference):
    """What stands at the padded steps: zeros after PyTorch's packing, the last output in Keras."""

    pytorch = "`pad_packed_sequence`: 0"
    keras = "the output before it is repeated"
    mapping = "`zero_output_for_mask=True`"
    words = "mask padding packed sequence pack_padded_sequence masking lstm output repeated"

    def in_pytorch(mapped):
        module, lengths = nn.LSTM(3, 4, batch_first=True), torch.tensor([5, 2])
        packed = nn.utils.rnn.pack_padded_sequence(tensor(normal(2, 5, 3)), lengths, True)
        return nn.utils.rnn.pad_packed_sequence(module(packed)[0], batch_first=True)[0]

    def in_keras(mapped):
        mask = keras_tensor(np.arange(5) < np.array([[5], [2]]))
        layer = layers.LSTM(4, return_sequences=True, zero_output_for_mask=mapped)
        weights = lstm_to_keras(*arrays_of(nn.LSTM(3, 4)))
        return with_weights(layer, weights)(normal(2, 5, 3), mask=mask)


class RecurrentDropout(Difference):
    """`dropout=` acts between PyTorch's stacked layers, on the inputs of a Keras layer.

    In PyTorch a single layer has none, with a warning. Keras draws one mask for all time steps,
    PyTorch one for each; Keras's recurrent_dropout has no counterpart.
    """

    pytorch = "`LSTM(dropout=0.5)` of one layer: nothing is dropped"
    keras = "`LSTM(dropout=0.5)`: the inputs, one mask for all time steps"
    mapping = "no dropout in the layer; `Dropout(noise_shape=(None, 1, n))` before it"
    links = (
        "pytorch/pytorch#15987",
        "pytorch/pytorch#37731",
        "tensorflow/tensorflow#35724",
        "keras-team/keras#20663",
    )
    asked = 6
    words = "lstm dropout num_layers warning recurrent_dropout variational mask time steps"

    def in_pytorch(mapped):
        module = nn.LSTM(3, 4, dropout=0.5, batch_first=True)
        return module(tensor(normal(2, 5, 3)))[0]

    def in_keras(mapped):
        rate = 0.0 if mapped else 0.5
        layer = layers.LSTM(4, dropout=rate, return_sequences=True, seed=1)
        weights = lstm_to_keras(*arrays_of(nn.LSTM(3, 4)))
        return with_weights(layer, weights)(normal(2, 5, 3), training=True)


class StackedRecurrentLayers(Difference):
    """Several layers are one module in PyTorch, several layers in Keras."""

    pytorch = "`LSTM(num_layers=2)`"
    keras = "a second `LSTM` after the first with `return_sequences=True`"
    mapping = "the arrays of layer l end in `_l{l}`"
    words = "num_layers stacked lstm multi layer"

    def in_pytorch(mapped):
        module = nn.LSTM(3, 4, num_layers=2, batch_first=True)
        return module(tensor(normal(2, 5, 3)))[0]

    def in_keras(mapped):
        parameters = [array(p) for p in nn.LSTM(3, 4, num_layers=2).parameters()]
        x, sizes = normal(2, 5, 3), (3, 4)
        for size, weights in list(zip(sizes, (parameters[:4], parameters[4:]), strict=True))[
            : 1 + mapped
        ]:
            layer = layers.LSTM(4, return_sequences=True)
            x = with_weights(layer, lstm_to_keras(*weights), size)(x)
        return x


class ProjectionSize(Difference):
    """PyTorch's LSTM can project its hidden state, Keras's cannot."""

    pytorch = "`LSTM(proj_size=2)`: h of size 2, c of size 4"
    keras = "no such argument"
    words = "proj_size lstm projection unexpected keyword"

    def in_pytorch(mapped):
        return outcome(lambda: nn.LSTM(3, 4, proj_size=2)(tensor(normal(5, 2, 3)))[0].shape[-1])

    def in_keras(mapped):
        return outcome(
            lambda: layers.LSTM(4, proj_size=2)(normal(2, 5, 3)).shape[-1],
            "Unrecognized keyword arguments",
        )


class StatefulLayers(Difference):
    """Keras's layers can keep their state from batch to batch; PyTorch's begin at 0 unless told.

    With `stateful=True` a second call goes on where the first one ended.
    """

    pytorch = "`lstm(x, (h, c))`: hand the state over, detached"
    keras = "`stateful=True`, a fixed batch size, and `reset_state()`"
    mapping = "pass the state of the last call"
    words = "stateful lstm carry hidden state between batches reset_states truncated bptt"

    def in_pytorch(mapped):
        module, x = nn.LSTM(3, 4, batch_first=True), tensor(normal(2, 5, 3))
        _, state = module(x)
        return module(x, state if mapped else None)[0]

    def in_keras(mapped):
        layer = layers.LSTM(4, return_sequences=True, stateful=True)
        layer.build((2, 5, 3))
        layer.set_weights(lstm_to_keras(*arrays_of(nn.LSTM(3, 4))))
        layer(normal(2, 5, 3))
        return layer(normal(2, 5, 3))
