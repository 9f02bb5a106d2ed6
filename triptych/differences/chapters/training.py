"""The loop of training: what `fit` does that a loop in PyTorch does not."""

import keras
import numpy as np
import torch
from keras import layers
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from triptych.differences.entry import Difference
from triptych.differences.probe import array, normal, outcome, tensor


class TrainingModeStays(Difference):
    """A PyTorch model stays in the mode it was put in; Keras chooses by the method that is called.

    After a validation without `.train()`, PyTorch goes on training without dropout.
    """

    pytorch = "`model.eval()` holds until `model.train()`"
    keras = "`fit` trains, `evaluate` and `predict` infer"
    mapping = "`.train()` at the start of each epoch"
    links = (
        "tensorflow/tensorflow#26552",
        "tensorflow/tensorflow#22555",
        "ArjanCodes/examples#7",
    )
    asked = 4
    words = "model.eval model.train forgot validation dropout disabled training mode"

    def in_pytorch(mapped):
        model = nn.Sequential(nn.Dropout(0.5))
        model.eval()  # a validation in between
        if mapped:
            model.train()
        return bool((model(torch.ones(64)) == 0).any())

    def in_keras(mapped):
        model = keras.Sequential([keras.Input((64,)), layers.Dropout(0.5, seed=0)])
        model.predict(np.ones((1, 64)), verbose=0)
        return bool((array(model(np.ones((1, 64)), training=True)) == 0).any())


class GradientsAddUp(Difference):
    """PyTorch adds every backward pass to the gradients that are there; Keras begins anew.

    A forgotten `zero_grad` sums the gradients of all steps so far.
    """

    pytorch = "`.grad` accumulates until `zero_grad()`"
    keras = "each step's gradients are its own"
    mapping = "`optimizer.zero_grad()` before `backward`"
    words = "zero_grad forgotten gradients accumulate"

    def in_pytorch(mapped):
        weight = tensor(np.zeros(3), gradient=True)
        optimizer = torch.optim.SGD([weight], 0.125)
        for step in range(3):
            if mapped:
                optimizer.zero_grad()
            (weight * tensor(normal(3, seed=step))).sum().backward()
            optimizer.step()
        return weight

    def in_keras(mapped):
        model = keras.Sequential([keras.Input((3,)), layers.Dense(1, use_bias=False)])
        model.layers[0].kernel.assign(np.zeros((3, 1)))
        model.compile(keras.optimizers.SGD(0.125), lambda y, p: p, run_eagerly=True)
        for step in range(3):
            model.train_on_batch(normal(3, seed=step)[None], np.zeros((1, 1)))
        return array(model.layers[0].kernel).ravel()


class EpochLossAverage(Difference):
    """Keras's loss of an epoch weighs each batch by its rows; a plain mean of losses does not.

    A short last batch counts as much as a full one.
    """

    pytorch = "one's own mean over batches"
    keras = "a running mean over rows"
    mapping = "sum(loss * rows) / sum(rows)"
    links = (
        "Lightning-AI/pytorch-lightning#2924",
        "catalyst-team/catalyst#799",
        "pytorch/tutorials#179",
        "dnouri/nolearn#247",
    )
    asked = 5
    words = "epoch loss average running mean last batch smaller weighted"

    def in_pytorch(mapped):
        y, total, rows = tensor(normal(5)), 0.0, 0.0
        for batch in (y[:4], y[4:]):
            weight = len(batch) if mapped else 1
            total += weight * (batch**2).mean()
            rows += weight
        return total / rows

    def in_keras(mapped):
        model = keras.Sequential([keras.Input((1,)), layers.Identity()])
        model.compile("sgd", "mse")
        return model.evaluate(normal(5, 1), np.zeros((5, 1)), batch_size=4, verbose=0)


class RunningLossOfEpoch(Difference):
    """The loss that `fit` shows is a mean over the epoch, taken while the weights moved.

    `evaluate` on the same data, after the epoch, gives another number: usually a lower one.
    """

    pytorch = "a loss measured after the epoch"
    keras = "`history['loss']`: the mean of the losses before each step"
    mapping = "`evaluate` after the epoch"
    words = "fit loss evaluate loss differ same data training loss higher than evaluate"

    def in_pytorch(mapped):
        x, y, weight = tensor(normal(8, 1)), tensor(normal(8, 1)), torch.zeros(1, 1)
        weight.requires_grad_()
        optimizer = torch.optim.SGD([weight], 0.125)
        for part in (slice(4), slice(4, 8)):
            optimizer.zero_grad()
            ((x[part] @ weight - y[part]) ** 2).mean().backward()
            optimizer.step()
        return ((x @ weight - y) ** 2).mean()

    def in_keras(mapped):
        model = keras.Sequential([keras.Input((1,)), layers.Dense(1, use_bias=False)])
        model.layers[0].kernel.assign(np.zeros((1, 1)))
        model.compile(keras.optimizers.SGD(0.125), "mse")
        options = {"batch_size": 4, "verbose": 0}
        x = normal(8, 1)
        history = model.fit(x, x, shuffle=False, **options).history
        return model.evaluate(x, x, **options) if mapped else history["loss"][0]


class BatchSizeDefault(Difference):
    """A batch is 1 row in PyTorch's DataLoader and 32 in Keras's `fit`, if nothing is said."""

    pytorch = "`DataLoader(batch_size=1)`"
    keras = "`fit(batch_size=32)`"
    mapping = "say it"
    links = (
        "ageron/handson-ml2#186",
        "keras-team/keras#9492",
        "keras-team/keras#8502",
    )
    asked = 3
    words = "default batch size DataLoader fit"

    def in_pytorch(mapped):
        loader = DataLoader(
            TensorDataset(torch.zeros(64, 1)), **({"batch_size": 32} if mapped else {})
        )
        return len(loader)

    def in_keras(mapped):
        steps = []
        model = keras.Sequential([keras.Input((1,)), layers.Dense(1)])
        model.compile("sgd", "mse", run_eagerly=True)
        counter = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: steps.append(1)
        )
        model.fit(np.zeros((64, 1)), np.zeros((64, 1)), verbose=0, callbacks=[counter])
        return len(steps)


class ShuffleDefault(Difference):
    """Keras shuffles the rows of each epoch unless told not to; PyTorch's DataLoader does not."""

    pytorch = "`DataLoader(shuffle=False)`"
    keras = "`fit(shuffle=True)`, for arrays"
    mapping = "say it"
    links = (
        "Deci-AI/super-gradients#416",
        "keras-team/keras#6955",
        "jiecaoyu/XNOR-Net-PyTorch#38",
        "CSAILVision/semantic-segmentation-pytorch#140",
    )
    asked = 5
    words = "shuffle default DataLoader fit order of the data"

    def in_pytorch(mapped):
        return next(iter(DataLoader(torch.arange(64.0), batch_size=32))).mean()

    def in_keras(mapped):
        losses = []
        model = keras.Sequential([keras.Input((1,)), layers.Identity()])
        model.compile("sgd", lambda y, p: p)
        watch = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: losses.append(logs["loss"])
        )
        rows, options = np.arange(64.0)[:, None], {"shuffle": False} if mapped else {}
        model.fit(rows, rows, batch_size=32, verbose=0, callbacks=[watch], **options)
        return losses[0]  # the mean of the first 32 rows


class ParametersInTwoPlaces(Difference):
    """Keras on PyTorch keeps parameters by path: of two with one path, one is not set to zero.

    Its gradient adds up from step to step.
    """

    pytorch = "`zero_grad` reaches every parameter"
    keras = "on PyTorch two layers of one name share an entry of the list"
    mapping = "names that differ"
    backends = ("torch",)
    words = "keras torch backend duplicate layer names gradient accumulates zero_grad path"

    def in_pytorch(mapped):
        pair = nn.ModuleDict({"first": nn.Linear(1, 1, False), "second": nn.Linear(1, 1, False)})
        return len(list(pair.parameters()))

    def in_keras(mapped):
        class Pair(layers.Layer):
            def __init__(self):
                super().__init__(name="pair")
                self.first = layers.Dense(1, use_bias=False, name="dense")
                self.second = layers.Dense(1, use_bias=False, name="other" if mapped else "dense")

            def build(self, shape):
                self.first.build(shape)
                self.second.build(shape)
                self.built = True

            def call(self, x):
                return self.first(x) + self.second(x)

        model = keras.Sequential([keras.Input((1,)), Pair()])
        return len(model.torch_params)


class DeterminismSwitch(Difference):
    """Made deterministic, TensorFlow refuses random ops without a seed; PyTorch draws.

    Both switches are off by default. PyTorch's raises where an op has no deterministic form. On an
    H100 with PyTorch 2.11 `index_add_` gave another sum each time without it, and the same with it.
    """

    pytorch = "`torch.use_deterministic_algorithms(True)`"
    keras = "`tf.config.experimental.enable_op_determinism()`: RuntimeError for an unseeded draw"
    mapping = "`keras.utils.set_random_seed` first"
    backends = ("tensorflow",)
    links = (
        "keras-team/keras#2280",
        "keras-team/keras#12800",
        "pytorch/pytorch#11278",
        "tensorflow/tensorflow#38197",
    )
    asked = 8
    words = "deterministic reproducible gpu enable_op_determinism use_deterministic_algorithms"

    def in_pytorch(mapped):
        before = torch.are_deterministic_algorithms_enabled()
        torch.use_deterministic_algorithms(True)
        try:
            return outcome(lambda: torch.rand(3).shape[0])
        finally:
            torch.use_deterministic_algorithms(before)

    def in_keras(mapped):
        import tensorflow as tf
        from tensorflow.python.framework.config import disable_op_determinism

        tf.random.set_seed(0 if mapped else None)
        tf.config.experimental.enable_op_determinism()
        try:
            return outcome(lambda: tf.random.normal([3]).shape[0], "Random ops require a seed")
        finally:
            disable_op_determinism()


class Tf32Products(Difference):
    """On newer GPUs TensorFlow rounds products to TF32 by default, PyTorch in convolutions only.

    On an H100 with PyTorch 2.11 convolutions were off by 3e-4, without TF32 by 9e-7; products of
    matrices by 3e-7, with TF32 by 3e-4.
    """

    pytorch = "`torch.backends.cuda.matmul.allow_tf32` False, `cudnn.allow_tf32` True"
    keras = "`tf.config.experimental.tensor_float_32_execution_enabled()` True"
    mapping = "switch it off on both sides"
    backends = ("tensorflow",)
    links = (
        "pytorch/pytorch#67384",
        "pytorch/pytorch#53635",
        "huggingface/transformers#16588",
        "pytorch/pytorch#153195",
    )
    asked = 6
    words = "tf32 tensor float 32 ampere matmul precision allow_tf32"

    def in_pytorch(mapped):
        return bool(torch.backends.cuda.matmul.allow_tf32)

    def in_keras(mapped):
        import tensorflow as tf

        switch = tf.config.experimental
        before = switch.tensor_float_32_execution_enabled()
        if mapped:
            switch.enable_tensor_float_32_execution(False)
        try:
            return bool(switch.tensor_float_32_execution_enabled())
        finally:
            switch.enable_tensor_float_32_execution(before)


class LabelsCastByCompile(Difference):
    """A loss of one's own given to `compile` gets integer labels as floats."""

    pytorch = "labels as they are"
    keras = "`compile(loss=f)`: cast to floatx before f sees them"
    mapping = "cast back inside f"
    words = "compile custom loss function labels cast float y_true int"

    def in_pytorch(mapped):
        seen = []

        def loss(logits, labels):
            seen.append(str(labels.dtype).removeprefix("torch.")[:3])
            return logits.sum()

        loader = DataLoader(TensorDataset(torch.zeros(2, 3), torch.tensor([0, 2])), batch_size=2)
        for logits, labels in loader:
            loss(logits, labels)
        return seen[-1]

    def in_keras(mapped):
        seen = []

        def loss(labels, logits):
            labels = keras.ops.cast(labels, "int32") if mapped else labels
            seen.append(keras.backend.standardize_dtype(labels.dtype)[:3])
            return keras.ops.sum(logits, -1)

        model = keras.Sequential([keras.Input((1,)), layers.Dense(3)])
        model.compile("sgd", loss, run_eagerly=True)
        model.train_on_batch(np.zeros((2, 1)), np.array([0, 2]))
        return seen[-1]
