"""Precision and mixed precision."""

import keras
import numpy as np
import torch
from keras import layers, ops
from torch import nn

from triptych.differences.entry import Difference
from triptych.differences.probe import array, keras_tensor, normal, outcome, tensor


class Float64Rounded(Difference):
    """Keras on JAX and PyTorch rounds float64 to float32 in many ops.

    Its rule for types says that two float64 make a float32 there. The tensors keep the dtype
    float64, so nobody sees it.
    """

    pytorch = "float64 in, float64 out"
    keras = "`backend.result_type('float64', 'float64')` is float32 on JAX and PyTorch"
    mapping = "`keras_impl.precision.enable_float64()`, which takes that one rule out"
    backends = ("jax", "torch")
    links = (
        "keras-team/keras#23704",
        "tensorflow/tensorflow#35938",
        "tensorflow/tensorflow#57779",
        "keras-team/keras-core#922",
    )
    asked = 4
    words = "float64 double precision rounded float32 jax torch backend digits lost"

    def in_pytorch(mapped):
        return str(torch.promote_types(torch.float64, torch.float64)).removeprefix("torch.")

    def in_keras(mapped):
        from keras.src.backend.common import dtypes

        rule = dtypes.BIT64_TO_BIT32_DTYPE["float64"]
        dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64" if mapped else "float32"
        try:
            return keras.backend.result_type("float64", "float64")
        finally:
            dtypes.BIT64_TO_BIT32_DTYPE["float64"] = rule


class Float32Hyperparameters(Difference):
    """Keras rounds Python numbers to float32 on TensorFlow, also for float64 weights.

    Momentum, the betas, weight decay, attention's 1 / sqrt(d): `ops.cast(0.9, 'float64')` is
    0.8999999761581421.
    """

    pytorch = "Python floats are float64"
    keras = "through float32"
    mapping = "numbers that float32 has: 0.875, 1 - 2**-10"
    differs = 1e-9
    backends = ("tensorflow",)
    words = "hyperparameters float32 rounding beta momentum 0.9 float64 adam digits 1e-8"

    def in_pytorch(mapped):
        weight, beta = tensor(normal(3), gradient=True), 0.875 if mapped else 0.9
        optimizer = torch.optim.Adam([weight], 0.125, (beta, 0.9375 if mapped else 0.999), 0.0)
        for step in range(20):
            weight.grad = tensor(normal(3, seed=step + 1))
            optimizer.step()
        return weight

    def in_keras(mapped):
        weight, beta = keras.Variable(normal(3)), 0.875 if mapped else 0.9
        optimizer = keras.optimizers.Adam(0.125, beta, 0.9375 if mapped else 0.999, 0.0)
        for step in range(20):
            optimizer.apply([keras_tensor(normal(3, seed=step + 1))], [weight])
        return weight


class LearningRateFloat32(Difference):
    """Keras keeps the learning rate in floatx: 0.1 is a float32, whatever the weights are."""

    pytorch = "a Python float"
    keras = "`floatx`, by default float32"
    mapping = "`keras.config.set_floatx('float64')`"
    differs = 1e-9
    words = "learning rate 0.1 float32 rounding floatx variable"

    def in_pytorch(mapped):
        weight = tensor(np.zeros(1), gradient=True)
        weight.grad = torch.ones(1)
        torch.optim.SGD([weight], 0.1).step()
        return weight

    def in_keras(mapped):
        weight = keras.Variable(np.zeros(1), dtype="float64")
        keras.config.set_floatx("float64" if mapped else "float32")
        keras.optimizers.SGD(0.1).apply([keras_tensor(np.ones(1))], [weight])
        return weight


class LateFloatx(Difference):
    """`set_floatx` comes too late once a layer has been made: the policy is kept.

    PyTorch's default dtype acts on every module made after it.
    """

    pytorch = "`torch.set_default_dtype` acts at once"
    keras = "the dtype policy of the first layer stays"
    mapping = "call it first, or `keras.config.set_dtype_policy('float64')` too"
    links = (
        "keras-team/keras#3891",
        "keras-team/keras#7951",
        "keras-team/keras#15594",
    )
    asked = 3
    words = "set_floatx no effect dtype policy float64 layers float32"

    def in_pytorch(mapped):
        torch.set_default_dtype(torch.float32)
        nn.Linear(1, 1)
        torch.set_default_dtype(torch.float64)
        return str(nn.Linear(1, 1).weight.dtype).removeprefix("torch.")

    def in_keras(mapped):
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy("float32")
        layers.Dense(1)
        keras.config.set_floatx("float64")
        if mapped:
            keras.config.set_dtype_policy("float64")
        return layers.Dense(1).dtype


class SilentCast(Difference):
    """An input of another float type: PyTorch raises, Keras casts it to the layer's."""

    pytorch = "RuntimeError: mat1 and mat2 must have the same dtype"
    keras = "cast to `layer.compute_dtype`"
    mapping = "cast by hand"
    words = "mat1 and mat2 must have the same dtype double float numpy float64 input"

    def in_pytorch(mapped):
        layer, x = nn.Linear(3, 2).float(), tensor(normal(4, 3))
        return outcome(
            lambda: str(layer(x.float() if mapped else x).dtype).removeprefix("torch."),
            "must have the same dtype",
        )

    def in_keras(mapped):
        layer = layers.Dense(2, dtype="float32")
        return outcome(lambda: keras.backend.standardize_dtype(layer(normal(4, 3)).dtype))


class LossScaleStart(Difference):
    """Loss scaling starts at 2**16 in PyTorch, at 2**15 in Keras, which scales by itself.

    Under the policy mixed_float16 `compile` wraps the optimizer; PyTorch's GradScaler is called by
    hand. Both halve the scale after an infinite gradient, and leave the step out.
    """

    pytorch = "`torch.amp.GradScaler(init_scale=65536)`"
    keras = "`LossScaleOptimizer(initial_scale=32768)`"
    mapping = "`init_scale=2.0**15`"
    words = "GradScaler loss scale mixed precision amp initial scale 65536 32768"

    def in_pytorch(mapped):
        options = {"init_scale": 2.0**15} if mapped else {}
        return torch.amp.GradScaler("cpu", **options).get_scale()

    def in_keras(mapped):
        optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD())
        return optimizer.initial_scale


class LossScaleByItself(Difference):
    """Keras scales the loss by itself under mixed_float16; PyTorch's autocast does not."""

    pytorch = "`torch.autocast` alone: gradients below 6e-8 become 0"
    keras = "`compile` under the policy mixed_float16 wraps the optimizer"
    mapping = "`torch.amp.GradScaler`"
    words = "mixed_float16 LossScaleOptimizer autocast underflow gradients zero auto_scale_loss"

    def in_pytorch(mapped):
        weight = torch.ones(1, 1, dtype=torch.float32, requires_grad=True)
        optimizer = torch.optim.SGD([weight], 2.0**24)
        scaler = torch.amp.GradScaler("cpu", init_scale=2.0**15, enabled=mapped)
        with torch.autocast("cpu", dtype=torch.float16):
            y = nn.functional.linear(torch.ones(1, 1, dtype=torch.float32), weight)
        scaler.scale(2.0**-26 * y.float().sum()).backward()
        scaler.step(optimizer)
        return weight

    def in_keras(mapped):
        keras.config.set_dtype_policy("mixed_float16")
        dense = layers.Dense(1, use_bias=False, kernel_initializer="ones")
        model = keras.Sequential([keras.Input((1,)), dense])
        optimizer = keras.optimizers.SGD(2.0**24)
        model.compile(optimizer, lambda y, p: 2.0**-26 * ops.cast(p, "float32"), run_eagerly=True)
        model.train_on_batch(np.ones((1, 1)), np.ones((1, 1)))
        return dense.kernel


class Bfloat16Weights(Difference):
    """`model.bfloat16()` makes PyTorch's weights half too; Keras's mixed policy keeps float32 ones.

    Updates below 1/256 of a weight are lost in the former.
    """

    pytorch = "weights and updates in bfloat16"
    keras = "mixed_bfloat16: weights float32, computation bfloat16"
    mapping = "`torch.autocast` around a float32 model"
    words = "bfloat16 weights update lost stagnates mixed_bfloat16 master weights"

    def in_pytorch(mapped):
        layer = nn.Linear(1, 1, bias=False).to(torch.float32 if mapped else torch.bfloat16)
        nn.init.ones_(layer.weight)
        optimizer = torch.optim.SGD(layer.parameters(), 2.0**-10)
        for _ in range(8):
            layer.weight.grad = torch.ones_like(layer.weight)
            optimizer.step()
        return layer.weight.float()

    def in_keras(mapped):
        layer = layers.Dense(1, use_bias=False, dtype="mixed_bfloat16")
        layer.build((None, 1))
        layer.kernel.assign([[1.0]])
        optimizer = keras.optimizers.SGD(2.0**-10)
        for _ in range(8):
            optimizer.apply([ops.ones((1, 1), "float32")], [layer.kernel])
        return array(layer.kernel)


class PythonFloatOnPytorch(Difference):
    """Keras on PyTorch takes a Python float through float32 in `multiply` and `clip`."""

    pytorch = "`x * 0.1` is exact for float64"
    keras = "`ops.multiply(x, 0.1)`: 0.1 as a float32"
    mapping = "the tensor's own operator, `x * 0.1`"
    differs = 1e-9
    backends = ("torch",)
    words = "ops.multiply python float rounding torch backend float64"

    def in_pytorch(mapped):
        return tensor(normal(3)) * 0.1

    def in_keras(mapped):
        keras.config.set_floatx("float32")  # as it is by default
        x = keras_tensor(normal(3))
        return x * 0.1 if mapped else ops.multiply(x, 0.1)
