"""Penalties on weights and activations."""

import keras
import numpy as np
import torch
from keras import layers, regularizers
from sklearn.linear_model import ElasticNet, Ridge
from torch import nn

from triptych.differences.entry import Difference
from triptych.differences.probe import array, normal, outcome, tensor
from triptych.translate import weight_decay_to_keras


def trained(weight, regularizer, *, steps=3, **options):
    """A Keras weight after steps of SGD on its penalty and a gradient of 1."""
    model = keras.Sequential(
        [
            keras.Input((len(weight),)),
            layers.Dense(1, use_bias=False, kernel_regularizer=regularizer),
        ]
    )
    model.layers[0].kernel.assign(weight)
    model.compile(keras.optimizers.SGD(0.125, **options), lambda y, p: p, run_eagerly=True)
    for _ in range(steps):
        model.train_on_batch(np.ones((2, len(weight))), np.ones((2, 1)))
    return model.layers[0].kernel


def descended(weight, *, steps=3, clip=None, penalty=None, **options):
    """A PyTorch weight after steps of SGD on a gradient of 1, and a penalty if there is one."""
    weight = tensor(weight, gradient=True)
    optimizer = torch.optim.SGD([weight], 0.125, **options)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = weight.sum() if penalty is None else weight.sum() + penalty(weight)
        loss.backward()
        if clip:
            nn.utils.clip_grad_norm_([weight], clip)
        optimizer.step()
    return weight


def after_a_step(w, x, y, penalty):
    """Keras's weight after a step of descent on squared error and penalty: at the minimum, w."""
    dense = layers.Dense(1, use_bias=False, kernel_regularizer=penalty)
    model = keras.Sequential([keras.Input((len(w),)), dense])
    dense.kernel.assign(w[:, None])
    model.compile(keras.optimizers.SGD(0.125), "mse", run_eagerly=True)
    model.train_on_batch(x, y[:, None])
    return array(dense.kernel)[:, 0]


class L2Factor(Difference):
    """Keras's L2 has no one-half: at the same number it pulls twice as hard as PyTorch's.

    PyTorch's weight_decay s adds s * w to the gradient, which is the gradient of s / 2 * sum(w**2).
    Keras's L2(s) is s * sum(w**2), whose gradient is 2 * s * w.
    """

    pytorch = "`SGD(weight_decay=s)`: the gradient gets s * w"
    keras = "`regularizers.L2(s)`: the gradient gets 2 * s * w"
    mapping = "L2(s / 2), for SGD, Adam and all others that add their decay to the gradient"
    links = (
        "mlcommons/hpc#22",
        "titu1994/DenseNet#57",
        "tensorpack/tensorpack#1381",
        "KevinMusgrave/pytorch-metric-learning#299",
    )
    asked = 6
    words = "l2 twice as strong weight decay kernel_regularizer half factor 2 double regularization"

    def in_pytorch(mapped):
        return descended(normal(4, 1), weight_decay=0.25)

    def in_keras(mapped):
        strength = weight_decay_to_keras("SGD", 0.25)["l2"] if mapped else 0.25
        return trained(normal(4, 1), regularizers.L2(strength))


class L2Scope(Difference):
    """PyTorch's weight decay acts on all parameters, biases too; Keras's L2 where it is named."""

    pytorch = "every parameter given to the optimizer"
    keras = "`kernel_regularizer=` acts on the kernel alone"
    mapping = "two parameter groups, biases and norms with `weight_decay=0`"
    links = (
        "pytorch/pytorch#2639",
        "pytorch/pytorch#1402",
        "Lightning-AI/lit-llama#254",
        "torch/torch7#846",
    )
    asked = 10
    words = "weight decay bias batch norm gamma excluded parameter groups no_decay"

    def in_pytorch(mapped):
        kernel, bias = (torch.ones(n, requires_grad=True) for n in (3, 1))
        decayed = {"params": [kernel], "weight_decay": 0.25}
        rest = {"params": [bias], "weight_decay": 0.0 if mapped else 0.25}
        kernel.grad, bias.grad = torch.zeros(3), torch.zeros(1)
        torch.optim.SGD([decayed, rest], 0.125).step()
        return kernel, bias

    def in_keras(mapped):
        model = keras.Sequential(
            [keras.Input((3,)), layers.Dense(1, kernel_regularizer=regularizers.L2(0.125))]
        )
        for variable in model.trainable_variables:
            variable.assign(np.ones(variable.shape))
        model.compile(keras.optimizers.SGD(0.125), lambda y, p: 0 * p, run_eagerly=True)
        model.train_on_batch(np.zeros((1, 3)), np.zeros((1, 1)))
        return [array(variable).ravel() for variable in model.trainable_variables]


class L2ReportedLoss(Difference):
    """Keras's loss and val_loss contain the penalties; a PyTorch loss has no weight decay in it.

    So early stopping and plateaus that watch val_loss see the penalty too. A batch whose
    sample weights are all 0 still has it.
    """

    pytorch = "the decay is the optimizer's: it is in no loss"
    keras = "`loss` and `val_loss` are data loss + penalties"
    mapping = "monitor a metric, or add the penalty to PyTorch's loss"
    links = (
        "keras-team/keras#6518",
        "keras-team/keras#2575",
        "keras-team/keras#8242",
        "keras-team/keras#20388",
    )
    asked = 6
    words = "val_loss includes regularization penalty higher loss evaluate training loss differs"

    def in_pytorch(mapped):
        weight = tensor(normal(4, 1))
        loss = nn.functional.mse_loss(torch.ones(2, 4) @ weight, torch.ones(2, 1))
        return loss + 0.25 * (weight**2).sum() if mapped else loss

    def in_keras(mapped):
        model = keras.Sequential(
            [
                keras.Input((4,)),
                layers.Dense(1, use_bias=False, kernel_regularizer=regularizers.L2(0.25)),
            ]
        )
        model.layers[0].kernel.assign(normal(4, 1))
        model.compile("sgd", "mse")
        return model.evaluate(np.ones((2, 4)), np.ones((2, 1)), verbose=0)


class L2AndClipping(Difference):
    """Clipping comes before PyTorch's weight decay and after Keras's L2.

    Keras's own `weight_decay=` is not clipped either.
    """

    pytorch = "the gradient is clipped, then the decay is added to it"
    keras = "the gradient of loss and penalty together is clipped"
    mapping = "in PyTorch add the penalty to the loss"
    words = "clipnorm regularizer gradient clipping weight decay order"

    def in_pytorch(mapped):
        if mapped:
            return descended(normal(4, 1), clip=0.5, penalty=lambda w: 0.25 * (w**2).sum())
        return descended(normal(4, 1), clip=0.5, weight_decay=0.5)

    def in_keras(mapped):
        return trained(normal(4, 1), regularizers.L2(0.25), global_clipnorm=0.5)

    bound = 2e-6
    because = "PyTorch adds 1e-6 to the norm: see clip-epsilon"


class L1Penalty(Difference):
    """PyTorch has no L1 penalty; Keras has it as a regularizer, without a factor."""

    pytorch = "none: add `s * w.abs().sum()` to the loss"
    keras = "`regularizers.L1(s)`: s * sum(abs(w))"
    mapping = "the same term in the loss; the subgradient at 0 is 0 on both sides"
    words = "l1 lasso sparse weights regularization"
    backends = ("tensorflow", "torch")

    def in_pytorch(mapped):
        penalty = (lambda w: 0.25 * w.abs().sum()) if mapped else None
        return descended([[0.0], [1.0], [-2.0]], steps=1, penalty=penalty)

    def in_keras(mapped):
        return trained([[0.0], [1.0], [-2.0]], regularizers.L1(0.25), steps=1)


class RegularizerNames(Difference):
    """The names "l1" and "l2" stand for a strength of 0.01 in Keras; "l1l2" for none at all."""

    pytorch = "a strength is always said"
    keras = "`kernel_regularizer='l2'` is L2(0.01); 'l1l2' is L1L2(0, 0)"
    mapping = "say the strength"
    words = "kernel_regularizer string l2 default strength 0.01 l1_l2"

    def in_pytorch(mapped):
        weight = tensor(normal(4))
        l1, l2 = 0.01 * weight.abs().sum(), 0.01 * (weight**2).sum()
        return l1, l2, l1 + l2

    def in_keras(mapped):
        both = regularizers.L1L2(l1=0.01, l2=0.01) if mapped else regularizers.get("l1l2")
        named = regularizers.get("l1"), regularizers.get("l2"), both
        return [regularizer(normal(4)) for regularizer in named]

    bound = 1e-7
    because = "Keras keeps the strength as a float32"


class L1AtZeroOnJax(Difference):
    """JAX's gradient of abs at 0 is 1, PyTorch's and TensorFlow's is 0.

    So bare Keras L1 on JAX pushes weights that are exactly 0.
    """

    pytorch = "0"
    keras = "on JAX 1"
    mapping = "`w * sign(w)` in the place of `abs(w)`"
    needs = ("jax",)
    words = "l1 jax gradient absolute value zero subgradient sign"

    def in_pytorch(mapped):
        w = tensor(0.0, gradient=True)
        w.abs().backward()
        return w.grad

    def in_keras(mapped):
        import jax

        absolute = (lambda w: w * jax.numpy.sign(w)) if mapped else jax.numpy.abs
        return float(jax.grad(absolute)(0.0))


class ElasticNetScale(Difference):
    """scikit-learn's elastic net halves its squares, Keras's L1L2 does not, nor divides by n.

    scikit-learn minimizes (1 / 2n) ||y - Xw||**2 + a r ||w||_1 + a (1 - r) / 2 ||w||**2. Keras's
    mean squared error has no one-half: everything else is doubled.
    """

    pytorch = "scikit-learn's `ElasticNet(alpha=a, l1_ratio=r)` beside it"
    keras = "`mse + L1L2(l1, l2)`"
    mapping = "l1 = 2 a r, l2 = a (1 - r)"
    links = ("keras-team/keras#6585",)
    asked = 1
    words = "elastic net sklearn scikit-learn alpha l1_ratio l1_l2"

    def in_pytorch(mapped):
        x = normal(20, 3)
        y = x @ [1.0, -2.0, 3.0] + normal(20, seed=1)
        return ElasticNet(alpha=0.5, l1_ratio=0.5, fit_intercept=False, tol=1e-14).fit(x, y).coef_

    def in_keras(mapped):
        x = normal(20, 3)
        y = x @ [1.0, -2.0, 3.0] + normal(20, seed=1)
        w = ElasticNet(alpha=0.5, l1_ratio=0.5, fit_intercept=False, tol=1e-14).fit(x, y).coef_
        l1, l2 = (0.5, 0.25) if mapped else (0.25, 0.125)  # 2 a r, a (1 - r); a r, a (1 - r) / 2
        return after_a_step(w, x, y, regularizers.L1L2(l1=l1, l2=l2))

    bound = 1e-9
    because = "scikit-learn stops there"


class RidgeScale(Difference):
    """scikit-learn's Ridge sums its squared errors, Keras averages them."""

    pytorch = "`Ridge(alpha=a)`: ||y - Xw||**2 + a ||w||**2"
    keras = "`mse + L2(s)`"
    mapping = "s = a / n"
    words = "ridge regression sklearn alpha l2"

    def in_pytorch(mapped):
        x, y = normal(20, 3), normal(20, seed=1)
        return Ridge(alpha=0.5, fit_intercept=False).fit(x, y).coef_

    def in_keras(mapped):
        x, y = normal(20, 3), normal(20, seed=1)
        w = Ridge(alpha=0.5, fit_intercept=False).fit(x, y).coef_
        return after_a_step(w, x, y, regularizers.L2(0.5 / 20 if mapped else 0.5))

    bound = 1e-7
    because = "Keras keeps the strength as a float32"


class ActivityRegularizerBatch(Difference):
    """Keras divides an activity penalty by the batch size, a kernel penalty not."""

    pytorch = "none: a term of one's own, usually a sum"
    keras = "`activity_regularizer=L2(s)`: s * sum(y**2) / N"
    mapping = "divide by the batch size"
    links = (
        "keras-team/keras#22018",
        "keras-team/keras#22021",
    )
    asked = 2
    since = "Keras 3.14; before, neither divided"
    words = "activity regularizer batch size sparse activations"

    def in_pytorch(mapped):
        y = tensor(normal(8, 3))
        return 0.25 * (y**2).sum() / (len(y) if mapped else 1)

    def in_keras(mapped):
        layer = layers.ActivityRegularization(l2=0.25)
        layer(normal(8, 3))
        return layer.losses[0]

    bound = 1e-7
    because = "Keras keeps the strength as a float32"


class OrthogonalRegularizer(Difference):
    """PyTorch makes a weight orthogonal, Keras penalizes what it lacks, in rows of (in, out).

    The rows of Keras's kernel are the columns of PyTorch's weight. Kernels of rank 2 only; a
    float64 kernel raises.
    """

    pytorch = "`parametrizations.orthogonal(layer)`: a hard constraint"
    keras = "`OrthogonalRegularizer(s)`: s times the mean absolute cosine of two rows"
    mapping = "s / 2 * sum(abs(cosines off the diagonal)) / (k (k - 1) / 2)"
    bound = 1e-6
    because = "Keras computes in float32"
    words = "orthogonal regularizer parametrization weight"

    def in_pytorch(mapped):
        weight = torch.tensor(normal(4, 3))
        rows = weight if mapped else weight.T
        rows = rows / rows.norm(dim=1, keepdim=True)
        cosines = rows @ rows.T
        k = len(rows)
        return (
            0.125 / 2 * (cosines - torch.diag(torch.diag(cosines))).abs().sum() / (k * (k - 1) / 2)
        )

    def in_keras(mapped):
        return regularizers.OrthogonalRegularizer(0.125)(normal(4, 3).astype("float32"))


class OrthogonalRegularizerFloat64(Difference):
    """Keras's orthogonal regularizer raises for a float64 kernel on TensorFlow."""

    pytorch = "PyTorch's parametrization takes any float"
    keras = "a float32 constant meets the float64 kernel: an error"
    mapping = "a float32 kernel"
    backends = ("tensorflow",)
    words = "orthogonal regularizer float64 dtype error InvalidArgumentError"

    def in_pytorch(mapped):
        layer = nn.Linear(3, 3, dtype=torch.float32 if mapped else torch.float64)
        orthogonal = nn.utils.parametrizations.orthogonal
        return outcome(lambda: str(orthogonal(layer).weight.dtype).removeprefix("torch."))

    def in_keras(mapped):
        kernel = keras.ops.ones((2, 3), dtype="float32" if mapped else "float64")
        regularizer = regularizers.OrthogonalRegularizer(0.01)
        return outcome(
            lambda: keras.backend.standardize_dtype(regularizer(kernel).dtype),
            "InvalidArgumentError",
        )
