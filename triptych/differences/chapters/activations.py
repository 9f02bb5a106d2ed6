"""Activations and elementwise operations."""

import keras
import numpy as np
import torch
from keras import layers, ops
from torch import nn
from torch.nn import functional as F

from triptych.differences.entry import Difference
from triptych.differences.probe import array, keras_tensor, normal, outcome, tensor


class GeluForm(Difference):
    """GELU is exact in PyTorch and in Keras's activations, the tanh form in `keras.ops.gelu`."""

    pytorch = "`gelu(x)`: x * Phi(x), with erf"
    keras = "`keras.activations.gelu` exact; `keras.ops.gelu` has approximate=True"
    mapping = "`approximate='none'` and False, or `'tanh'` and True"
    differs = 1e-5
    links = (
        "pytorch/pytorch#39853",
        "goodfire-ai/spd#624",
        "chelsea0x3b/dfdx#804",
        "AlexanderLutsenko/nobuco#9",
    )
    asked = 7
    words = "gelu approximate tanh erf bert gpt activation"

    def in_pytorch(mapped):
        return F.gelu(tensor(normal(9)))

    def in_keras(mapped):
        x = keras_tensor(normal(9))
        return keras.activations.gelu(x) if mapped else ops.gelu(x)

    bound = 1e-8
    because = "on TensorFlow sqrt(2), and 0.044715 of the tanh form, are kept in float32"


class LeakyReluSlope(Difference):
    """Leaky ReLU falls by 0.01 in PyTorch; by 0.3 or 0.2 in Keras, as a layer or a function.

    Keras 2's argument was `alpha`.
    """

    pytorch = "`negative_slope=0.01`"
    keras = "`layers.LeakyReLU()`: 0.3; `activations.leaky_relu`, 'leaky_relu': 0.2"
    mapping = "say the slope"
    links = (
        "pytorch/pytorch#83821",
        "jinyu121/DW2TF#2",
        "microsoft/onnxconverter-common#117",
    )
    asked = 4
    words = "leaky relu alpha negative_slope default"

    def in_pytorch(mapped):
        return nn.LeakyReLU(*([0.25] if mapped else []))(tensor(normal(9)))

    def in_keras(mapped):
        return layers.LeakyReLU(**({"negative_slope": 0.25} if mapped else {}))(normal(9))


class LeakyReluString(Difference):
    """Keras's string "leaky_relu" is another slope than its layer `LeakyReLU`."""

    pytorch = "0.01 in the module and in the function"
    keras = "`activation='leaky_relu'`: 0.2; `LeakyReLU()`: 0.3"
    mapping = "a function with the slope said"
    words = "leaky_relu activation string differs from layer"

    def in_pytorch(mapped):
        return F.leaky_relu(tensor(normal(9)), *([0.25] if mapped else []))

    def in_keras(mapped):
        x = keras_tensor(normal(9))
        if mapped:
            return keras.activations.leaky_relu(x, negative_slope=0.25)
        return keras.activations.get("leaky_relu")(x)


class LeakyReluSlopeRounding(Difference):
    """TensorFlow keeps the slope of leaky ReLU in float32, whatever the dtype of the input."""

    pytorch = "0.01 in float64"
    keras = "on TensorFlow 0.00999999977648258; JAX and PyTorch have the slope as it is said"
    mapping = "written out: `ops.where(x > 0, x, 0.01 * x)`, or a slope that float32 has"
    differs = 1e-8
    backends = ("tensorflow",)
    words = "leaky relu alpha float64 precision attribute rounding"

    def in_pytorch(mapped):
        return F.leaky_relu(tensor([-1.0, -2.0]), 0.01)

    def in_keras(mapped):
        x = keras_tensor([-1.0, -2.0])
        return ops.where(x > 0, x, 0.01 * x) if mapped else ops.leaky_relu(x, 0.01)


class LeakyReluGradientAtZero(Difference):
    """At 0 itself JAX's leaky ReLU has the gradient of the right, 1; PyTorch's that of the left."""

    pytorch = "`negative_slope`"
    keras = "on JAX 1; on TensorFlow and PyTorch the slope"
    mapping = "`where(x > 0, x, negative_slope * x)`"
    needs = ("jax",)
    words = "leaky relu derivative at zero subgradient jax"

    def in_pytorch(mapped):
        x = tensor([-1.0, 0.0, 1.0], gradient=True)
        F.leaky_relu(x, 0.25).sum().backward()
        return x.grad

    def in_keras(mapped):
        import jax
        import jax.numpy as jnp

        def summed(x):
            y = jnp.where(x > 0, x, 0.25 * x) if mapped else jax.nn.leaky_relu(x, 0.25)
            return y.sum()

        return np.asarray(jax.grad(summed)(jnp.array([-1.0, 0.0, 1.0])))


class SeluGradientAtZero(Difference):
    """At 0 itself TensorFlow's SELU has the gradient of the right; PyTorch's that of the left."""

    pytorch = "scale * alpha, 1.758"
    keras = "on TensorFlow scale, 1.051; on JAX and PyTorch 1.758"
    mapping = "written out: `scale * where(x > 0, x, alpha * expm1(x))`"
    backends = ("tensorflow",)
    words = "selu derivative at zero subgradient tensorflow"

    def in_pytorch(mapped):
        x = tensor([-1.0, 0.0, 1.0], gradient=True)
        F.selu(x).sum().backward()
        return x.grad

    def in_keras(mapped):
        import tensorflow as tf

        x = tf.Variable(np.array([-1.0, 0.0, 1.0]))
        with tf.GradientTape() as tape:
            alpha, scale = 1.6732632423543772, 1.0507009873554805
            y = scale * ops.where(x > 0, x, alpha * ops.expm1(x)) if mapped else ops.selu(x)
        return tape.gradient(y, x)


class SoftplusThreshold(Difference):
    """PyTorch's softplus is x itself above 20; Keras's is log(1 + exp(x)) everywhere."""

    pytorch = "`softplus(x, threshold=20)`"
    keras = "log(1 + exp(x))"
    mapping = "`threshold` above 40"
    differs = 1e-11
    backends = ("tensorflow", "jax")
    words = "softplus threshold 20 linear"

    def in_pytorch(mapped):
        return F.softplus(tensor([20.5, 21.0]), threshold=50 if mapped else 20)

    def in_keras(mapped):
        return ops.softplus(keras_tensor([20.5, 21.0]))


class SoftmaxAxis(Difference):
    """A softmax without an axis: Keras takes the last; PyTorch guesses, with a warning.

    For one, and for three axes PyTorch guesses axis 0.
    """

    pytorch = "`F.softmax(x)`: axis 0 of one or three, axis 1 of two or four axes"
    keras = "`softmax(x, axis=-1)`"
    mapping = "`dim=-1`"
    links = (
        "pytorch/pytorch#1763",
        "pytorch/pytorch#37399",
        "pytorch/pytorch#3238",
        "meta-pytorch/botorch#2123",
    )
    asked = 8
    words = "softmax implicit dimension choice dim deprecated axis"

    def in_pytorch(mapped):
        return F.softmax(tensor(normal(2, 3, 4)), **({"dim": -1} if mapped else {}))

    def in_keras(mapped):
        return ops.softmax(keras_tensor(normal(2, 3, 4)))


class SoftmaxMask(Difference):
    """Keras's softmax layer takes a mask and adds -1e9 or so; PyTorch wants -inf filled in.

    A row that is masked everywhere is uniform in Keras, NaN in PyTorch.
    """

    pytorch = "`softmax(x.masked_fill(~mask, -inf))`: NaN where nothing is left"
    keras = "`Softmax()(x, mask=mask)`: finite"
    mapping = "where a row is empty, set it to 0 on both sides"
    words = "softmax mask -inf nan all masked row layer"

    def in_pytorch(mapped):
        mask = torch.tensor([[True, True, False], [False, False, False]])
        p = F.softmax(tensor(normal(2, 3)).masked_fill(~mask, -torch.inf), -1)
        return torch.where(mask.any(-1, keepdim=True), p, 0.0) if mapped else p

    def in_keras(mapped):
        mask = np.array([[True, True, False], [False, False, False]])
        p = array(layers.Softmax()(keras_tensor(normal(2, 3)), mask=mask))
        return np.where(mask.any(-1, keepdims=True), p, 0.0) if mapped else p


class ClipGradientAtBounds(Difference):
    """At the bounds themselves JAX's clip passes half of the gradient, PyTorch's all of it.

    Black and white pixels lie there.
    """

    pytorch = "`clamp`: 1 at the bounds, up to PyTorch 2.13"
    keras = "on JAX 1/2; on TensorFlow and PyTorch 1"
    mapping = "two `where`s"
    since = "up to PyTorch 2.13; from 2.14 on `clamp` passes nothing at the bounds"
    needs = ("jax",)
    words = "clip clamp gradient at bound jax one half"

    def in_pytorch(mapped):
        x = tensor([0.0, 0.5, 1.0], gradient=True)
        x.clamp(0, 1).sum().backward()
        return x.grad

    def in_keras(mapped):
        import jax
        import jax.numpy as jnp

        def clipped(x):
            if not mapped:
                return jnp.clip(x, 0, 1).sum()
            return jnp.where(x < 0, 0, jnp.where(x > 1, 1, x)).sum()

        return np.asarray(jax.grad(clipped)(jnp.array([0.0, 0.5, 1.0])))


class SignOfNan(Difference):
    """The sign of NaN is 0 in PyTorch, NaN in TensorFlow and JAX.

    An L1 gradient hides a NaN there.
    """

    pytorch = "`torch.sign(nan)` is 0"
    keras = "NaN on TensorFlow and JAX; 0 on PyTorch"
    mapping = "`torch.where(x.isnan(), x, x.sign())`"
    backends = ("tensorflow", "jax")
    words = "sign nan zero hides"

    def in_pytorch(mapped):
        x = tensor([np.nan, -2.0])
        return torch.where(x.isnan(), x, x.sign()) if mapped else x.sign()

    def in_keras(mapped):
        return ops.sign(keras_tensor([np.nan, -2.0]))


class SoftShrinkNan(Difference):
    """Soft shrinkage turns NaN into 0 in Keras on TensorFlow and JAX; PyTorch keeps it."""

    pytorch = "`softshrink(nan)` is NaN"
    keras = "`ops.soft_shrink(nan)` is 0"
    mapping = "written out: `sign(x) * max(abs(x) - t, 0)`"
    backends = ("tensorflow", "jax")
    words = "softshrink proximal soft threshold nan"

    def in_pytorch(mapped):
        return F.softshrink(tensor([np.nan, -2.0]))

    def in_keras(mapped):
        x = keras_tensor([np.nan, -2.0])
        if mapped:
            return ops.sign(x) * ops.maximum(ops.abs(x) - 0.5, 0.0)
        return ops.soft_shrink(x)


class FusedReluNan(Difference):
    """A dense layer with bias and ReLU hides NaN in a TensorFlow graph; PyTorch's ReLU keeps it.

    Grappler fuses the three on the CPU. Eagerly, under XLA, and without its remapper NaN stays; and
    on some processors the fused kernel keeps it too.
    """

    pytorch = "NaN"
    keras = "in a compiled graph on TensorFlow's CPU: 0"
    mapping = "`tf.config.optimizer.set_experimental_options({'remapping': False})`, or eager"
    backends = ("tensorflow",)
    words = "relu nan graph grappler remapper fused hides nan tf.function"

    def in_pytorch(mapped):
        layer = nn.Linear(2, 3).float()
        return torch.isnan(F.relu(layer(torch.full((1, 2), torch.nan).float()))).all()

    def in_keras(mapped):
        import tensorflow as tf

        layer = layers.Dense(3, "relu", dtype="float32")
        call = layer if mapped else tf.function(layer)
        return np.isnan(array(call(tf.fill((1, 2), np.float32(np.nan))))).all()


class GluLayer(Difference):
    """GLU is a layer in PyTorch, in Keras a function only. Both gate the last axis."""

    pytorch = "`nn.GLU()`"
    keras = "`keras.activations.glu`, no layer"
    mapping = "`layers.Activation('glu')`"
    words = "glu gated linear unit layer"

    def in_pytorch(mapped):
        return outcome(lambda: nn.GLU()(tensor(normal(2, 4))))

    def in_keras(mapped):
        if mapped:
            return layers.Activation("glu")(normal(2, 4))
        return outcome(lambda: layers.GLU()(normal(2, 4)), "no attribute 'GLU'")


class DivisionByZeroGradient(Difference):
    """The gradient of a norm at 0: NaN or 0 in PyTorch, NaN in Keras on TensorFlow.

    `torch.linalg.vector_norm` has the subgradient 0 there; the root of a sum of squares has NaN on
    both sides.
    """

    pytorch = "`vector_norm`: 0; `sqrt(sum(x**2))`: NaN"
    keras = "`ops.norm`: NaN on TensorFlow"
    mapping = "the root of a sum of squares on both sides"
    backends = ("tensorflow",)
    words = "norm gradient zero nan sqrt"

    def in_pytorch(mapped):
        x = tensor(np.zeros(3), gradient=True)
        (x.square().sum().sqrt() if mapped else torch.linalg.vector_norm(x)).backward()
        return x.grad

    def in_keras(mapped):
        import tensorflow as tf

        x = tf.Variable(np.zeros(3))
        with tf.GradientTape() as tape:
            y = ops.sqrt(ops.sum(ops.square(x))) if mapped else ops.norm(x)
        return tape.gradient(y, x)


class AdditionTakenForBias(Difference):
    """On TensorFlow `keras.ops.add` adds (3, 1) to (2, 3, 3, 1) along the wrong axis.

    What has one axis longer than 1 is taken for a bias, and added along axis 1 if the size fits
    there and not at the last axis. Broadcasting would have taken axis 2. `EinsumDense` adds its
    bias so: `MultiHeadAttention` with heads of size 1 is wrong where there are as many steps as
    heads.
    """

    pytorch = "broadcasting aligns the last axes"
    keras = "on TensorFlow `tf.nn.bias_add(data_format='NCHW')`; JAX and PyTorch broadcast"
    mapping = "the operator, `x + y`"
    backends = ("tensorflow",)
    words = "ops.add wrong broadcasting bias_add axis tensorflow EinsumDense attention heads size 1"

    def in_pytorch(mapped):
        return tensor(normal(2, 3, 3, 1)) + tensor(normal(3, 1, seed=1))

    def in_keras(mapped):
        x, y = keras_tensor(normal(2, 3, 3, 1)), keras_tensor(normal(3, 1, seed=1))
        return x + y if mapped else ops.add(x, y)
