"""Dropout, noise, and the training flag.

They agree in the scale 1 / (1 - p), and in the values of alpha dropout.
"""

import keras
import numpy as np
import torch
from keras import layers
from torch import nn
from torch.nn import functional as F

from triptych.differences.entry import Difference
from triptych.differences.probe import array, normal, outcome, tensor


class DropoutBareCall(Difference):
    """A fresh PyTorch module drops; a bare call of a Keras layer does not."""

    pytorch = "modules begin in training mode; `F.dropout(x, p)` too"
    keras = "`layer(x)` is inference, unless `fit` calls it"
    mapping = "say it: `.train()` or `.eval()`, `training=`"
    links = (
        "pytorch/pytorch#26338",
        "pytorch/pytorch#11999",
        "Coderx7/SimpleNet#2",
        "Academic-Hammer/SciTSR#16",
    )
    asked = 6
    words = "dropout training flag default inference inactive not applied call model(x)"

    def in_pytorch(mapped):
        layer = nn.Dropout(0.5)
        return layer.eval()(tensor(normal(8, 8))) if mapped else layer(tensor(normal(8, 8)))

    def in_keras(mapped):
        return layers.Dropout(0.5, seed=0)(normal(8, 8))


class AlphaDropoutFunctionDefault(Difference):
    """`F.alpha_dropout` has training=False by default, though `F.dropout` has True.

    The function in the place of the module does nothing, in training too.
    """

    pytorch = "`F.alpha_dropout(x, p)` returns x"
    keras = "`AlphaDropout` follows the model's training flag"
    mapping = "`F.alpha_dropout(x, p, training=self.training)`"
    differs = 0.1
    words = "alpha dropout selu functional training default no effect"
    bound = 0.05
    because = "the share of units dropped, of 4,000 that each framework draws by itself"

    def in_pytorch(mapped):
        x = torch.ones(4000)
        y = F.alpha_dropout(x, 0.5, training=True) if mapped else F.alpha_dropout(x, 0.5)
        return (y < 0).double().mean()

    def in_keras(mapped):
        y = layers.AlphaDropout(0.5, seed=0)(np.ones(4000), training=True)
        return np.mean(array(y) < 0)


class DropoutNan(Difference):
    """PyTorch multiplies by the mask, so a dropped NaN stays; Keras selects, so it becomes 0.

    A diverging network shows itself in PyTorch at once, in Keras when no mask hides it.
    """

    pytorch = "x * mask: NaN * 0 is NaN"
    keras = "where(mask, x, 0): 0"
    links = ("pytorch/pytorch#59421",)
    asked = 1
    words = "dropout nan hidden infinity propagate"

    def in_pytorch(mapped):
        return torch.isnan(F.dropout(torch.full((64,), torch.nan), 0.5)).all()

    def in_keras(mapped):
        y = layers.Dropout(0.5, seed=0)(np.full(64, np.nan), training=True)
        return np.isnan(array(y)).all()


class DropoutRateOneGradient(Difference):
    """At a rate of 1 PyTorch's gradient is 0; Keras's on TensorFlow is None."""

    pytorch = "gradient of zeros"
    keras = "zeros that do not depend on x: no gradient"
    mapping = "read None as 0"
    words = "dropout p=1 gradient None"
    backends = ("tensorflow",)

    def in_pytorch(mapped):
        x = tensor(normal(3), gradient=True)
        F.dropout(x, 1.0).sum().backward()
        return x.grad

    def in_keras(mapped):
        import tensorflow as tf

        x = tf.Variable(normal(3))
        with tf.GradientTape() as tape:
            y = tf.reduce_sum(layers.Dropout(1.0)(x, training=True))
        gradient = tape.gradient(y, x)
        return np.zeros(3) if mapped and gradient is None else gradient


class DropoutSeed(Difference):
    """PyTorch draws from one global generator, each Keras layer from one of its own.

    Two Keras layers with one seed drop the same units; `set_random_seed` does not reset a layer
    that is there already.
    """

    pytorch = "`torch.manual_seed` before: two layers differ, and the run repeats"
    keras = "`Dropout(rate, seed=0)` twice: equal masks"
    mapping = "distinct seeds, and new layers after `keras.utils.set_random_seed`"
    links = (
        "keras-team/keras#17548",
        "keras-team/keras#10392",
        "NVIDIA/framework-reproducibility#15",
    )
    asked = 5
    words = "reproducible seed same mask two layers set_random_seed manual_seed"

    def in_pytorch(mapped):
        first, second = nn.Dropout(0.5), nn.Dropout(0.5)
        torch.manual_seed(0)
        x = torch.ones(64)
        return torch.equal(first(x), second(x))

    def in_keras(mapped):
        x = np.ones(64)
        first = layers.Dropout(0.5, seed=0)(x, training=True)
        second = layers.Dropout(0.5, seed=1 if mapped else 0)(x, training=True)
        return np.array_equal(array(first), array(second))


class SeedResetsLayers(Difference):
    """A seed set anew repeats PyTorch's draws; Keras layers that are there go on with theirs."""

    pytorch = "`torch.manual_seed(0)` starts every later draw anew"
    keras = "`set_random_seed(0)` acts on layers made afterwards"
    mapping = "make the layers anew after `set_random_seed`"
    words = "set_random_seed not reproducible second run same layer seed generator"
    backends = ("tensorflow", "jax")

    def in_pytorch(mapped):
        layer, x, masks = nn.Dropout(0.5), torch.ones(64), []
        for _ in range(2):
            torch.manual_seed(0)
            masks.append(layer(x))
        return torch.equal(*masks)

    def in_keras(mapped):
        x, masks = np.ones(64), []
        keras.utils.set_random_seed(0)
        layer = layers.Dropout(0.5)
        for _ in range(2):
            keras.utils.set_random_seed(0)
            if mapped:
                layer = layers.Dropout(0.5)
            masks.append(array(layer(x, training=True)))
        return np.array_equal(*masks)


class SeedOfOtherFramework(Difference):
    """`keras.utils.set_random_seed` seeds Python, NumPy and the backend, not PyTorch beside it."""

    pytorch = "`torch.manual_seed`"
    keras = "with TensorFlow or JAX below, PyTorch's generator stays where it was"
    mapping = "call `torch.manual_seed` too"
    words = "seed both frameworks reproducible"
    backends = ("tensorflow", "jax")

    def in_pytorch(mapped):
        torch.manual_seed(7)
        return torch.rand(3)

    def in_keras(mapped):
        torch.manual_seed(1)
        keras.utils.set_random_seed(7)
        if mapped:
            torch.manual_seed(7)
        return torch.rand(3)


class DropoutNoiseShape(Difference):
    """Keras shares a mask along any axes; PyTorch has layers for whole channels only."""

    pytorch = "`Dropout1d`, `2d`, `3d`: one draw for each channel of each example"
    keras = "`noise_shape=(None, 1, 8)`: one draw for all time steps, and any other"
    mapping = "a mask of that shape by hand: `x * F.dropout(torch.ones(shape), p)`"
    links = (
        "pytorch/pytorch#20058",
        "pytorch/pytorch#22735",
        "keras-team/keras#9841",
    )
    asked = 4
    words = "noise_shape shared mask variational dropout time steps broadcast"

    def in_pytorch(mapped):
        x = torch.ones(4, 5, 8)
        y = x * F.dropout(torch.ones(4, 1, 8), 0.5) if mapped else F.dropout(x, 0.5)
        return (y == y[:, :1]).all()

    def in_keras(mapped):
        layer = layers.Dropout(0.5, noise_shape=(None, 1, 8), seed=0)
        y = array(layer(np.ones((4, 5, 8)), training=True))
        return (y == y[:, :1]).all()


class SpatialDropoutRank(Difference):
    """PyTorch's Dropout2d takes three axes for one image, with a warning; Keras refuses them.

    So a batch of sequences, (N, C, L), loses whole examples of its first axis.
    """

    pytorch = "`Dropout2d` of (N, C, L): the channel axis is taken to be N"
    keras = "`SpatialDropout2D`: ValueError"
    mapping = "`Dropout1d` on (N, C, L), `SpatialDropout1D` on (N, L, C)"
    links = (
        "pytorch/pytorch#69801",
        "pytorch/pytorch#79549",
        "braindecode/braindecode#1111",
        "pytorch/pytorch#6442",
    )
    asked = 6
    words = "dropout2d 3-D input warning spatial dropout 1d sequence channels"

    def in_pytorch(mapped):
        x = torch.ones(16, 4, 8)
        y = F.dropout1d(x, 0.5) if mapped else F.dropout2d(x, 0.5)
        # Whether whole examples are dropped, and whole channels.
        return bool((y == y[:, :1, :1]).all()), bool((y == y[:, :, :1]).all())

    def in_keras(mapped):
        x = np.ones((16, 8, 4))
        if not mapped:
            layer = layers.SpatialDropout2D(0.5, seed=0)
            return outcome(lambda: layer(x, training=True), "is incompatible")
        y = array(layers.SpatialDropout1D(0.5, seed=0)(x, training=True))
        return bool((y == y[:, :1, :1]).all()), bool((y == y[:, :1]).all())


class AlphaDropoutRateOne(Difference):
    """Alpha and Gaussian dropout at a rate of 1: PyTorch returns 0, Keras divides by zero."""

    pytorch = "`AlphaDropout(1.0)` returns zeros"
    keras = "ZeroDivisionError"
    words = "alpha dropout rate 1 ZeroDivisionError"

    def in_pytorch(mapped):
        return outcome(lambda: nn.AlphaDropout(1.0)(torch.ones(4)))

    def in_keras(mapped):
        return outcome(
            lambda: layers.AlphaDropout(1.0)(np.ones(4), training=True), "ZeroDivisionError"
        )


class GaussianNoiseLayer(Difference):
    """Keras has layers of additive and multiplicative Gaussian noise; PyTorch has none."""

    pytorch = "none"
    keras = "`GaussianNoise(s)`: x + N(0, s**2), s <= 1 enforced; active in training"
    mapping = "`x + s * torch.randn_like(x)`, while training"
    bound = 0.05
    because = "the deviation of 10,000 numbers that each framework draws by itself"
    differs = 0.1
    links = ("pytorch/pytorch#173163",)
    asked = 1
    words = "gaussian noise layer stddev augmentation"

    def in_pytorch(mapped):
        x = torch.zeros(10_000)
        return (x + 0.5 * torch.randn_like(x) if mapped else x).std()

    def in_keras(mapped):
        return array(layers.GaussianNoise(0.5, seed=0)(np.zeros(10_000), training=True)).std()


class GaussianDropoutLayer(Difference):
    """Gaussian dropout multiplies: Keras's rate p means a deviation of sqrt(p / (1 - p))."""

    pytorch = "none"
    keras = "`GaussianDropout(p)`: x * N(1, p / (1 - p))"
    mapping = "`x * (1 + sqrt(p / (1 - p)) * torch.randn_like(x))`, while training"
    bound = 0.05
    because = "the deviation of 10,000 numbers that each framework draws by itself"
    differs = 0.1
    words = "gaussian dropout multiplicative noise rate"

    def in_pytorch(mapped):
        x = torch.ones(10_000)
        deviation = (0.3 / 0.7) ** 0.5 if mapped else 0.3
        return (x * (1 + deviation * torch.randn_like(x))).std()

    def in_keras(mapped):
        return array(layers.GaussianDropout(0.3, seed=0)(np.ones(10_000), training=True)).std()


class DropoutInplace(Difference):
    """PyTorch's dropout can write into its input; Keras's never does."""

    pytorch = "`Dropout(p, inplace=True)` changes x"
    keras = "returns a new tensor"
    mapping = "`inplace=False`, the default"
    words = "inplace modified tensor autograd error dropout relu"

    def in_pytorch(mapped):
        x = torch.ones(64)
        nn.Dropout(0.5, inplace=not mapped)(x)
        return x

    def in_keras(mapped):
        x = keras.ops.ones(64)
        layers.Dropout(0.5, seed=0)(x, training=True)
        return x


class MonteCarloDropout(Difference):
    """A `training=True` wired into a functional Keras model is ignored by `predict`.

    The documented idiom of Keras 2. PyTorch keeps single modules in training mode.
    """

    pytorch = "`model.eval()`, then `.train()` for each `nn.Dropout`: predictions vary"
    keras = "`Dropout(p)(h, training=True)` in a functional model: `predict` repeats itself"
    mapping = "a subclass of Dropout whose `call` passes `training=True`"
    links = (
        "keras-team/keras#20285",
        "keras-team/keras#9412",
        "keras-team/keras#16000",
        "rstudio/keras3#358",
    )
    asked = 5
    words = "mc dropout uncertainty bayesian training=True predict deterministic same functional"

    def in_pytorch(mapped):
        model = nn.Sequential(nn.Linear(4, 64), nn.Dropout(0.5)).eval()
        model[1].train()
        x = tensor(normal(2, 4))
        return torch.equal(model(x), model(x))

    def in_keras(mapped):
        class AlwaysDropout(layers.Dropout):
            def call(self, x, training=None):
                return super().call(x, training=True)

        inputs = keras.Input((4,))
        hidden = layers.Dense(64)(inputs)
        outputs = (
            AlwaysDropout(0.5)(hidden) if mapped else layers.Dropout(0.5)(hidden, training=True)
        )
        model = keras.Model(inputs, outputs)
        first, second = (model.predict(normal(2, 4), verbose=0) for _ in range(2))
        return np.array_equal(first, second)


class HardWiredTrainingFlag(Difference):
    """`training=False` wired into a functional Keras model is overridden by `fit`.

    So a batch norm that was meant to be frozen moves its statistics.
    """

    pytorch = "a module in eval mode stays there until `.train()` is called"
    keras = "`norm(x, training=False)` in a functional model trains under `fit`"
    mapping = "`norm.trainable = False` before `compile`"
    links = (
        "keras-team/keras#20285",
        "tensorflow/models#9538",
    )
    asked = 2
    words = "training=False functional model fit frozen batch norm moves ignored transfer learning"

    def in_pytorch(mapped):
        layer = nn.BatchNorm1d(3).eval()
        layer(tensor(3 + normal(8, 3)))
        return layer.running_mean

    def in_keras(mapped):
        layer = layers.BatchNormalization()
        layer.trainable = not mapped
        inputs = keras.Input((3,))
        model = keras.Model(inputs, layers.Dense(1)(layer(inputs, training=False)))
        model.compile("sgd", "mse")
        model.train_on_batch(3 + normal(8, 3), normal(8, 1))
        return layer.moving_mean
