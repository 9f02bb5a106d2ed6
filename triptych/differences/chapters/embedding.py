"""Embeddings."""

import keras
import numpy as np
import torch
from keras import layers, ops
from torch import nn
from torch.nn import functional as F

from triptych.differences.entry import Difference
from triptych.differences.probe import array, normal, outcome, tensor

ROWS = np.array([[0, 2], [1, 0]])


class EmbeddingInitialWeights(Difference):
    """Embeddings start with a deviation of 1 in PyTorch, within 0.05 of 0 in Keras."""

    pytorch = "N(0, 1)"
    keras = "U(-0.05, 0.05), a deviation of 0.029"
    mapping = "`nn.init.uniform_(weight, -0.05, 0.05)`"
    bound = 0.02
    because = "the deviation of 10,000 numbers that each framework draws by itself"
    differs = 0.1
    links = (
        "pytorch/pytorch#3121",
        "pytorch/examples#595",
        "allenai/allennlp#18",
        "sgrvinod/a-PyTorch-Tutorial-to-Image-Captioning#91",
    )
    asked = 5
    words = "embedding initial weights uniform normal 0.05 default"

    def in_pytorch(mapped):
        layer = nn.Embedding(1000, 10)
        if mapped:
            nn.init.uniform_(layer.weight, -0.05, 0.05)
        return layer.weight.std()

    def in_keras(mapped):
        layer = layers.Embedding(1000, 10, keras.initializers.RandomUniform(seed=0))
        layer.build()
        return array(layer.embeddings).std()


class EmbeddingPaddingIndex(Difference):
    """PyTorch keeps the padding's row at 0 and untrained; Keras trains it and hands a mask on.

    `mask_zero=True` changes neither the row nor its gradient: later layers skip the steps, if they
    take a mask.
    """

    pytorch = "`padding_idx=0`: a row of zeros, with a gradient of 0"
    keras = "`mask_zero=True`: a random row, and a mask for the layers behind"
    mapping = "set the row to 0, and after each step again"
    links = (
        "keras-team/keras#5392",
        "keras-team/keras#2897",
        "ibalazevic/TuckER#17",
        "pytorch/pytorch#1812",
    )
    asked = 4
    words = "padding_idx mask_zero padding token embedding row zero gradient"

    def in_pytorch(mapped):
        layer = nn.Embedding(4, 3, padding_idx=0)
        layer.weight.data[1:] = tensor(normal(3, 3))
        layer(tensor(ROWS)).sum((1, 2)).mean().backward()
        torch.optim.SGD(layer.parameters(), 0.125).step()
        return layer.weight

    def in_keras(mapped):
        class Sum(layers.Layer):
            def call(self, x):
                return ops.sum(x, (1, 2))

        layer = layers.Embedding(4, 3, mask_zero=True)
        model = keras.Sequential([keras.Input((2,), dtype="int32"), layer, Sum()])
        keep = np.array([[0.0 if mapped else 1.0], [1.0], [1.0], [1.0]])
        start = np.concatenate([array(layer.embeddings)[:1], normal(3, 3)])
        layer.embeddings.assign(start * keep)
        model.compile(keras.optimizers.SGD(0.125), lambda y, p: p)
        model.train_on_batch(ROWS, np.zeros(2))
        return array(layer.embeddings) * keep


class EmbeddingRepeatedWord(Difference):
    """A word that a batch has twice moves too far with Adam in Keras on TensorFlow.

    The sparse gradient lists the word twice, and Adam, RMSprop and Adagrad square the two parts
    before they are added: for two equal ones the step is too long by the root of 2.
    """

    pytorch = "the square of the sum of both gradients"
    keras = "the sum of both squares"
    mapping = "`ops.reshape(table, table.shape)` before `ops.take`: the gradient is dense"
    backends = ("tensorflow",)
    words = "embedding adam rmsprop IndexedSlices sparse gradient duplicate repeated token index"

    def in_pytorch(mapped):
        table = torch.zeros(4, 2, requires_grad=True)
        F.embedding(torch.tensor([1, 1]), table).sum().backward()
        torch.optim.Adam([table], lr=0.125, betas=(0.875, 0.9375), eps=1e-30).step()
        return table

    def in_keras(mapped):
        import tensorflow as tf

        table = keras.Variable(np.zeros((4, 2)))
        with tf.GradientTape() as tape:
            rows = ops.reshape(table, table.shape) if mapped else table
            loss = ops.sum(ops.take(rows, np.array([1, 1]), axis=0))
        gradient = tape.gradient(loss, table.value)
        options = {"beta_1": 0.875, "beta_2": 0.9375, "epsilon": 1e-30}
        keras.optimizers.Adam(0.125, **options).apply([gradient], [table])
        return table


class EmbeddingOutOfRange(Difference):
    """An index beyond the table: PyTorch raises, Keras raises on the CPU or returns something.

    TensorFlow returns zeros on a GPU, JAX NaN.
    """

    pytorch = "IndexError: index out of range in self"
    keras = "InvalidArgumentError on TensorFlow's CPU, NaN on JAX"
    words = "index out of range in self embedding vocabulary size nan"
    backends = ("tensorflow", "jax")

    def in_pytorch(mapped):
        return outcome(
            lambda: F.embedding(torch.tensor([4]), tensor(normal(4, 3))),
            "index out of range in self",
        )

    def in_keras(mapped):
        layer = layers.Embedding(4, 3)
        return outcome(lambda: array(layer(np.array([4]))), "InvalidArgumentError")


class EmbeddingMaxNorm(Difference):
    """PyTorch can shorten rows as they are looked up, and writes that into the table.

    So a forward pass changes weights. Keras constrains after each step.
    """

    pytorch = "`Embedding(max_norm=1)`: rows that are used are renormalized in place"
    keras = "`embeddings_constraint=MaxNorm(1, axis=1)`: all rows, after a step"
    mapping = "no `max_norm`; constrain after the step on both sides"
    words = "embedding max_norm modifies weight in forward in-place renorm"

    def in_pytorch(mapped):
        layer = nn.Embedding(4, 3, max_norm=None if mapped else 0.5)
        layer.weight.data = tensor(normal(4, 3))
        layer(torch.tensor([1]))
        return layer.weight

    def in_keras(mapped):
        constraint = keras.constraints.MaxNorm(0.5, axis=1)
        layer = layers.Embedding(4, 3, embeddings_constraint=constraint)
        layer.build()
        layer.embeddings.assign(normal(4, 3))
        layer(np.array([1]))
        return layer.embeddings


class EmbeddingFloatIndex(Difference):
    """Float indices: PyTorch refuses them, Keras casts them."""

    pytorch = "RuntimeError: expected tensor for argument 'indices' to have Long or Int"
    keras = "cast to int32, 1.9 becomes 1"
    mapping = "`.long()`"
    words = "Expected tensor for argument #1 'indices' to have scalar types Long Int float"

    def in_pytorch(mapped):
        index, table = tensor([1.9]), tensor(normal(4, 3))
        return outcome(
            lambda: array(F.embedding(index.long() if mapped else index, table)),
            "Expected tensor for argument #1 'indices'",
        )

    def in_keras(mapped):
        layer = layers.Embedding(4, 3)
        layer.build()
        layer.embeddings.assign(normal(4, 3))
        return outcome(lambda: array(layer(np.array([1.9]))))


class EmbeddingBagLayer(Difference):
    """PyTorch can look up and average in one layer; Keras has no embedding bag."""

    pytorch = "`EmbeddingBag(mode='mean')`"
    keras = "`Embedding`, then `GlobalAveragePooling1D`"
    mapping = "those two layers"
    words = "EmbeddingBag mean sum offsets bag of words"

    def in_pytorch(mapped):
        return F.embedding_bag(tensor(ROWS), tensor(normal(4, 3)), mode="mean")

    def in_keras(mapped):
        layer = layers.Embedding(4, 3)
        layer.build()
        layer.embeddings.assign(normal(4, 3))
        y = layer(ROWS)
        return layers.GlobalAveragePooling1D()(y) if mapped else y
