"""Optimizers: epsilon, momentum, weight decay and the defaults."""

import keras
import numpy as np
import torch
from keras import layers

from triptych.differences.entry import Difference
from triptych.differences.probe import array, keras_tensor, normal, outcome, tensor
from triptych.translate import adam_epsilon_to_torch, decayed_to_torch, momentum_buffer_to_torch


def torch_steps(optimizer, *, steps=5, scale=1.0, **options):
    """A weight after steps of an optimizer of PyTorch, each with a gradient of its own."""
    weight = tensor(normal(3), gradient=True)
    optimizer = optimizer([weight], **options)
    for step in range(steps):
        weight.grad = tensor(scale * normal(3, seed=step + 1))
        optimizer.step()
    return weight


def keras_steps(optimizer, *, steps=5, scale=1.0, **options):
    """The same in Keras."""
    weight = keras.Variable(normal(3))
    optimizer = optimizer(**options)
    for step in range(steps):
        optimizer.apply([keras_tensor(scale * normal(3, seed=step + 1))], [weight])
    return weight


class AdamWeightDecay(Difference):
    """PyTorch's Adam adds its weight decay to the gradient; every Keras optimizer shrinks weights.

    The one is L2, scaled by Adam like any gradient; the other is AdamW's decoupled decay.
    """

    pytorch = "`Adam(weight_decay=s)`: g + s * w goes through the moments"
    keras = "`Adam(weight_decay=s)`: w -= learning_rate * s * w before the step, as AdamW"
    mapping = "`torch.optim.AdamW`; or in Keras `L2(s / 2)` on the weights"
    links = (
        "pytorch/pytorch#38767",
        "pytorch/pytorch#48793",
        "keras-team/keras#19051",
        "pytorch/pytorch#41679",
    )
    asked = 7
    words = "adam weight decay coupled decoupled adamw l2 regularization different"

    def in_pytorch(mapped):
        kind = torch.optim.AdamW if mapped else torch.optim.Adam
        return torch_steps(kind, lr=0.125, weight_decay=0.25, betas=(0.875, 0.9375), eps=0)

    def in_keras(mapped):
        options = {"beta_1": 0.875, "beta_2": 0.9375, "epsilon": 0}
        return keras_steps(keras.optimizers.Adam, learning_rate=0.125, weight_decay=0.25, **options)


class AdamwDecayDefault(Difference):
    """AdamW decays by 0.01 in PyTorch and by 0.004 in Keras, if nothing is said."""

    pytorch = "`AdamW(weight_decay=0.01)`"
    keras = "`AdamW(weight_decay=0.004)`"
    mapping = "set one to the other"
    differs = 1e-6
    words = "adamw default weight decay"

    def in_pytorch(mapped):
        decay = {"weight_decay": 0.0078125} if mapped else {}
        return torch_steps(torch.optim.AdamW, lr=0.125, betas=(0.875, 0.9375), eps=0, **decay)

    def in_keras(mapped):
        options = {"beta_1": 0.875, "beta_2": 0.9375, "epsilon": 0}
        decay = {"weight_decay": 0.0078125} if mapped else {}
        return keras_steps(keras.optimizers.AdamW, learning_rate=0.125, **options, **decay)


class SgdWeightDecay(Difference):
    """SGD's weight decay enters PyTorch's momentum, and stays out of Keras's.

    Without momentum they are the same.
    """

    pytorch = "v = m * v + g + s * w"
    keras = "w -= learning_rate * s * w, then v from g alone"
    mapping = "in PyTorch by hand before the step: `w.mul_(1 - lr * s)`"
    links = (
        "loshchil/SGDR#4",
        "facebookresearch/detectron2#2127",
        "leondgarse/Keras_insightface#5",
    )
    asked = 3
    words = "sgd momentum weight decay decoupled sgdw"

    def in_pytorch(mapped):
        weight = tensor(normal(3), gradient=True)
        decay = 0.0 if mapped else 0.25
        optimizer = torch.optim.SGD([weight], 0.125, momentum=0.875, weight_decay=decay)
        for step in range(5):
            weight.grad = tensor(normal(3, seed=step + 1))
            if mapped:
                weight.data.mul_(1 - 0.125 * 0.25)
            optimizer.step()
        return weight

    def in_keras(mapped):
        options = {"momentum": 0.875, "weight_decay": 0.25}
        return keras_steps(keras.optimizers.SGD, learning_rate=0.125, **options)


class WeightDecayExclusion(Difference):
    """What is not decayed: a parameter group in PyTorch, names to exclude in Keras.

    By default both decay biases and the weights of norms too. Keras looks for the patterns in a
    variable's path on TensorFlow; on JAX and PyTorch in its own name, without the layer's.
    """

    pytorch = "a group with `weight_decay=0`"
    keras = "`optimizer.exclude_from_weight_decay(var_names=['bias'])`, before `build`"
    mapping = "one pattern for the names on both sides"
    links = (
        "keras-team/keras#16201",
        "huggingface/transformers#4360",
        "huggingface/transformers#42754",
        "google-research/bert#289",
    )
    asked = 7
    words = "no weight decay on bias layernorm parameter groups exclude_from_weight_decay"

    def in_pytorch(mapped):
        parameters = {n: tensor(normal(3), gradient=True) for n in ("kernel", "bias")}
        exclude = ["bias"] if mapped else []
        optimizer = torch.optim.AdamW(decayed_to_torch(parameters, 0.25, exclude), lr=0.125)
        for parameter in parameters.values():
            parameter.grad = torch.zeros(3)
        optimizer.step()
        return list(parameters.values())

    def in_keras(mapped):
        variables = [keras.Variable(normal(3), name=name) for name in ("kernel", "bias")]
        optimizer = keras.optimizers.AdamW(0.125, weight_decay=0.25)
        optimizer.exclude_from_weight_decay(var_names=["bias"])
        optimizer.apply([keras_tensor(np.zeros(3))] * 2, variables)
        return variables


class WeightDecayOfUnusedLayer(Difference):
    """A weight that no output depends on is not decayed in PyTorch; in Keras on JAX it is.

    JAX has a gradient of zeros there, the others have none.
    """

    pytorch = "`grad` is None: the optimizer leaves it out"
    keras = "on JAX the gradient is 0 and the decay acts; on TensorFlow and PyTorch as PyTorch"
    mapping = "give the optimizer only what is used: `variable.trainable = False`"
    backends = ("jax",)
    words = "unused parameter weight decay jax zero gradient None"

    def in_pytorch(mapped):
        weight = torch.ones(3, requires_grad=True)
        torch.optim.AdamW([weight], lr=0.125, weight_decay=0.25).step()
        return weight

    def in_keras(mapped):
        class Layer(layers.Layer):
            def build(self, shape):
                self.used = self.add_weight(shape=(), initializer="ones")
                self.unused = self.add_weight(shape=(3,), initializer="ones")

            def call(self, x):
                return self.used * x

        layer = Layer()
        model = keras.Sequential([keras.Input((1,)), layer])
        layer.unused.trainable = not mapped
        model.compile(keras.optimizers.AdamW(0.125, weight_decay=0.25), "mse")
        model.train_on_batch(np.ones((2, 1)), np.ones((2, 1)))
        return layer.unused


class AdamEpsilon(Difference):
    """Adam's epsilon is 1e-8 after the bias correction in PyTorch, 1e-7 before it in Keras.

    Before the correction it counts 1 / sqrt(1 - beta_2) as much at step 1: 31.6 times at 0.999. So
    small gradients move the weights less in Keras, most of all at the start.
    """

    pytorch = "`eps=1e-8`: m_hat / (sqrt(v_hat) + eps)"
    keras = "`epsilon=1e-7`, the paper's epsilon hat: the correction is in the rate"
    mapping = "at step t: eps = epsilon / sqrt(1 - beta_2**t)"
    links = (
        "keras-team/keras#17391",
        "keras-team/tf-keras#315",
        "tensorflow/tensorflow#35102",
        "tensorflow/tensorflow#9047",
    )
    asked = 6
    words = "adam differs at step 1 first step epsilon hat bias correction small gradients"

    def in_pytorch(mapped):
        weight = tensor(np.zeros(3), gradient=True)
        optimizer = torch.optim.Adam([weight], 0.125, betas=(0.875, 0.9375))
        for step in range(1, 6):
            if mapped:
                epsilon = adam_epsilon_to_torch(2.0**-23, step, beta_2=0.9375)
                optimizer.param_groups[0]["eps"] = epsilon
            weight.grad = tensor(1e-7 * normal(3, seed=step))
            optimizer.step()
        return weight

    def in_keras(mapped):
        weight = keras.Variable(np.zeros(3))
        options = {"epsilon": 2.0**-23} if mapped else {}
        optimizer = keras.optimizers.Adam(0.125, beta_1=0.875, beta_2=0.9375, **options)
        for step in range(1, 6):
            optimizer.apply([keras_tensor(1e-7 * normal(3, seed=step))], [weight])
        return weight


class SgdMomentumLearningRate(Difference):
    """Momentum: the rate multiplies PyTorch's step and is inside Keras's velocity.

    At a constant rate they are the same. After a drop of the rate, Keras goes on at the old speed
    until the velocity has faded.
    """

    pytorch = "v = m * v + g; w -= lr * v"
    keras = "v = m * v - lr * g; w += v"
    mapping = "when the rate changes, multiply PyTorch's buffer by old / new"
    links = (
        "pytorch/pytorch#1099",
        "cjlin1/simpleNN#7",
        "apache/mxnet#15533",
        "jax-ml/jax#1528",
    )
    asked = 6
    words = "sgd momentum schedule learning rate drop velocity buffer"

    def in_pytorch(mapped):
        weight = tensor(np.zeros(3), gradient=True)
        optimizer = torch.optim.SGD([weight], 0.5, momentum=0.875)
        for rate in (0.5, 0.5, 0.125, 0.125):
            before = optimizer.param_groups[0]["lr"]
            if mapped and rate != before:
                buffer = optimizer.state[weight]["momentum_buffer"]
                buffer *= before / rate
            optimizer.param_groups[0]["lr"] = rate
            weight.grad = tensor(np.ones(3))
            optimizer.step()
        return weight

    def in_keras(mapped):
        weight, optimizer = keras.Variable(np.zeros(3)), keras.optimizers.SGD(0.5, momentum=0.875)
        for rate in (0.5, 0.5, 0.125, 0.125):
            optimizer.learning_rate = rate
            optimizer.apply([keras_tensor(np.ones(3))], [weight])
        return weight


class MomentumBuffer(Difference):
    """A saved momentum has the other sign in Keras, and the rate in it."""

    pytorch = "`state['momentum_buffer']`: the sum of gradients"
    keras = "`optimizer.momentums`: minus the sum of rate times gradient"
    mapping = "buffer = -velocity / learning rate"
    words = "optimizer state checkpoint momentum_buffer convert resume"

    def in_pytorch(mapped):
        weight = tensor(np.zeros(3), gradient=True)
        optimizer = torch.optim.SGD([weight], 0.125, momentum=0.875)
        for step in range(3):
            weight.grad = tensor(normal(3, seed=step))
            optimizer.step()
        return optimizer.state[weight]["momentum_buffer"]

    def in_keras(mapped):
        weight, optimizer = keras.Variable(np.zeros(3)), keras.optimizers.SGD(0.125, momentum=0.875)
        for step in range(3):
            optimizer.apply([keras_tensor(normal(3, seed=step))], [weight])
        velocity = array(optimizer.momentums[0])
        return momentum_buffer_to_torch(velocity, 0.125) if mapped else velocity


class NesterovWithoutMomentum(Difference):
    """PyTorch refuses Nesterov without momentum, Keras takes it for plain descent."""

    pytorch = "ValueError: Nesterov momentum requires a momentum and zero dampening"
    keras = "`SGD(nesterov=True, momentum=0)` is SGD"
    mapping = "leave `nesterov` out"
    links = (
        "keras-team/keras#14115",
        "pytorch/pytorch#5920",
        "pytorch/pytorch#1099",
        "ml-explore/mlx#87",
    )
    asked = 4
    words = "nesterov momentum zero error ValueError dampening"

    def in_pytorch(mapped):
        try:
            return torch_steps(torch.optim.SGD, lr=0.125, nesterov=not mapped)
        except ValueError as error:
            return type(error).__name__

    def in_keras(mapped):
        return keras_steps(keras.optimizers.SGD, learning_rate=0.125, nesterov=True)


class SgdDampening(Difference):
    """PyTorch can dampen the momentum's gradient, but not at the first step; Keras cannot."""

    pytorch = "`dampening=d`: v = m * v + (1 - d) * g, the first v is g itself"
    keras = "none"
    mapping = "`dampening=0`, the default"
    words = "dampening sgd momentum exponential average"

    def in_pytorch(mapped):
        options = {} if mapped else {"dampening": 0.5}
        return torch_steps(torch.optim.SGD, lr=0.125, momentum=0.875, **options)

    def in_keras(mapped):
        return keras_steps(keras.optimizers.SGD, learning_rate=0.125, momentum=0.875)


class SgdLearningRateDefault(Difference):
    """SGD's rate is 0.001 in PyTorch, 0.01 in Keras, if nothing is said."""

    pytorch = "`SGD(lr=0.001)`; up to PyTorch 2.2 it had to be given"
    keras = "`SGD(learning_rate=0.01)`"
    mapping = "set one to the other"
    words = "sgd default learning rate"

    def in_pytorch(mapped):
        return torch_steps(torch.optim.SGD, **({"lr": 0.125} if mapped else {}))

    def in_keras(mapped):
        return keras_steps(keras.optimizers.SGD, **({"learning_rate": 0.125} if mapped else {}))


class RmspropEpsilon(Difference):
    """RMSprop's epsilon is outside of the root in PyTorch, inside in Keras."""

    pytorch = "g / (sqrt(v) + eps), `eps=1e-8`"
    keras = "g / sqrt(v + epsilon), `epsilon=1e-7`"
    mapping = "epsilon 0 on both sides"
    links = (
        "pytorch/pytorch#23796",
        "chainer/chainer#4754",
        "tensorflow/tensorflow#58412",
        "jax-ml/jax#1427",
    )
    asked = 9
    words = "rmsprop eps inside square root small gradients"

    def in_pytorch(mapped):
        options = {"eps": 0.0} if mapped else {}
        return torch_steps(torch.optim.RMSprop, lr=0.125, alpha=0.875, scale=1e-4, **options)

    def in_keras(mapped):
        options = {"learning_rate": 0.125, "rho": 0.875} | ({"epsilon": 0.0} if mapped else {})
        return keras_steps(keras.optimizers.RMSprop, scale=1e-4, **options)


class RmspropDefaults(Difference):
    """RMSprop forgets ten times slower in PyTorch, and its rate is ten times higher."""

    pytorch = "`lr=0.01, alpha=0.99`"
    keras = "`learning_rate=0.001, rho=0.9`"
    mapping = "set both, and epsilon to 0"
    words = "rmsprop default alpha rho learning rate"

    def in_pytorch(mapped):
        options = {"lr": 0.125, "alpha": 0.875, "eps": 0} if mapped else {}
        return torch_steps(torch.optim.RMSprop, **options)

    def in_keras(mapped):
        options = {"learning_rate": 0.125, "rho": 0.875, "epsilon": 0} if mapped else {}
        return keras_steps(keras.optimizers.RMSprop, **options)


class AdagradStart(Difference):
    """Adagrad's sums of squares start at 0 in PyTorch, at 0.1 in Keras; epsilon is inside there."""

    pytorch = "`lr=0.01, initial_accumulator_value=0, eps=1e-10`, outside of the root"
    keras = "`learning_rate=0.001, initial_accumulator_value=0.1, epsilon=1e-7`, inside"
    mapping = "equal rates and starts, epsilon 0"
    links = (
        "pytorch/pytorch#6616",
        "OpenNMT/OpenNMT-py#408",
        "NVIDIA/recsys-examples#46",
    )
    asked = 4
    words = "adagrad initial accumulator value default"

    def in_pytorch(mapped):
        mapping = {"initial_accumulator_value": 0.125, "eps": 0} if mapped else {}
        return torch_steps(torch.optim.Adagrad, lr=0.125, **mapping)

    def in_keras(mapped):
        mapping = {"initial_accumulator_value": 0.125, "epsilon": 0} if mapped else {}
        return keras_steps(keras.optimizers.Adagrad, learning_rate=0.125, **mapping)


class AdadeltaDefaults(Difference):
    """Adadelta's rate is the paper's 1 in PyTorch and 0.001 in Keras, a thousandth of the step."""

    pytorch = "`lr=1.0, rho=0.9, eps=1e-6`"
    keras = "`learning_rate=0.001, rho=0.95, epsilon=1e-7`"
    mapping = "set the three"
    words = "adadelta not learning slow default learning rate"

    def in_pytorch(mapped):
        options = {"lr": 1.0, "rho": 0.875, "eps": 2.0**-20} if mapped else {}
        return torch_steps(torch.optim.Adadelta, **options)

    def in_keras(mapped):
        options = {"learning_rate": 1.0, "rho": 0.875, "epsilon": 2.0**-20} if mapped else {}
        return keras_steps(keras.optimizers.Adadelta, **options)


class NadamDecay(Difference):
    """NAdam's momentum rises with 0.96**(0.004 t) in PyTorch, with 0.96**t in Keras."""

    pytorch = "`momentum_decay=0.004`, `lr=0.002`"
    keras = "a decay of 1 for each step, `learning_rate=0.001`"
    mapping = "`momentum_decay=1.0`"
    bound = 1e-7
    because = "Keras keeps 0.96 as a float32"
    links = ("pytorch/pytorch#59009",)
    asked = 1
    words = "nadam momentum decay psi schedule"

    def in_pytorch(mapped):
        mapping = {"momentum_decay": 1.0} if mapped else {}
        return torch_steps(torch.optim.NAdam, lr=0.125, betas=(0.875, 0.9375), eps=0, **mapping)

    def in_keras(mapped):
        options = {"beta_1": 0.875, "beta_2": 0.9375, "epsilon": 0}
        return keras_steps(keras.optimizers.Nadam, learning_rate=0.125, **options)


class AdamaxDefaults(Difference):
    """Adamax's rate is 0.002 in PyTorch, 0.001 in Keras; epsilon is inside PyTorch's maximum."""

    pytorch = "u = max(beta_2 * u, abs(g) + eps)"
    keras = "m / (u + epsilon)"
    mapping = "equal rates, epsilon 0"
    words = "adamax infinity norm epsilon default learning rate"

    def in_pytorch(mapped):
        mapping = {"lr": 0.125, "eps": 0} if mapped else {}
        return torch_steps(torch.optim.Adamax, betas=(0.875, 0.9375), **mapping)

    def in_keras(mapped):
        mapping = {"learning_rate": 0.125, "epsilon": 0} if mapped else {}
        return keras_steps(keras.optimizers.Adamax, beta_1=0.875, beta_2=0.9375, **mapping)


class GradientAccumulation(Difference):
    """Accumulated gradients add up in PyTorch; Keras takes their mean.

    A schedule of Keras goes on counting the small batches.
    """

    pytorch = "k calls of `backward`: the sum of k gradients"
    keras = "`gradient_accumulation_steps=k`: their mean"
    mapping = "in PyTorch `(loss / k).backward()`"
    links = (
        "facebookresearch/fairseq#5256",
        "andreped/GradientAccumulator#132",
        "NVIDIA/DeepLearningExamples#625",
        "karpathy/nanoGPT#605",
    )
    asked = 6
    words = "gradient accumulation steps sum mean micro batch effective batch size"

    def in_pytorch(mapped):
        weight = tensor(normal(3), gradient=True)
        optimizer = torch.optim.SGD([weight], 0.125)
        for step in range(4):
            ((weight * tensor(normal(3, seed=step))).sum() / (4 if mapped else 1)).backward()
        optimizer.step()
        return weight

    def in_keras(mapped):
        weight = keras.Variable(normal(3))
        optimizer = keras.optimizers.SGD(0.125, gradient_accumulation_steps=4)
        for step in range(4):
            optimizer.apply([keras_tensor(normal(3, seed=step))], [weight])
        return weight


class EmbeddingGradient(Difference):
    """A sparse PyTorch embedding leaves unused rows alone; Keras's momentum moves them on.

    Keras's gradient is sparse too, its update is not.
    """

    pytorch = "`Embedding(sparse=True)` with `SparseAdam`: only rows of this batch"
    keras = "Adam moves every row that has a momentum"
    mapping = "a dense embedding with `torch.optim.Adam`"
    links = (
        "keras-team/keras#19992",
        "tensorflow/tensorflow#6460",
        "pytorch/pytorch#1285",
        "tensorflow/tensorflow#23668",
    )
    asked = 6
    words = "embedding sparse gradient lazy adam unused rows move IndexedSlices"

    def in_pytorch(mapped):
        table = tensor(normal(4, 2), gradient=True)
        kind = torch.optim.Adam if mapped else torch.optim.SparseAdam
        optimizer = kind([table], lr=0.125, betas=(0.875, 0.9375), eps=1e-30)
        for row in (0, 1):
            optimizer.zero_grad()
            index = torch.tensor([row])
            torch.nn.functional.embedding(index, table, sparse=not mapped).sum().backward()
            optimizer.step()
        return table

    def in_keras(mapped):
        layer = layers.Embedding(4, 2)
        model = keras.Sequential([keras.Input((1,), dtype="int32"), layer])
        layer.embeddings.assign(normal(4, 2))
        optimizer = keras.optimizers.Adam(0.125, beta_1=0.875, beta_2=0.9375, epsilon=1e-30)
        model.compile(optimizer, lambda y, p: keras.ops.sum(p, -1), run_eagerly=True)
        for row in (0, 1):
            model.train_on_batch(np.array([[row]]), np.zeros((1, 1, 2)))
        return layer.embeddings


class ExponentialMovingAverage(Difference):
    """Averaged weights are a second model in PyTorch; Keras overwrites the weights after fit.

    Until then Keras evaluates the weights as they are, unless `ema_overwrite_frequency` is set.
    """

    pytorch = "`swa_utils.AveragedModel`: the trained weights stay"
    keras = "`use_ema=True`: `finalize_variable_values` puts the averages in their place"
    mapping = "read `AveragedModel.module` after the run"
    links = ("keras-team/keras#18949",)
    asked = 1
    words = "ema exponential moving average weights use_ema swa averaged model overwrite"

    def in_pytorch(mapped):
        module = torch.nn.Linear(1, 1, bias=False)
        module.weight.data = torch.ones(1, 1)
        average = torch.optim.swa_utils.get_ema_multi_avg_fn(0.5)
        averaged = torch.optim.swa_utils.AveragedModel(module, multi_avg_fn=average)
        optimizer = torch.optim.SGD(module.parameters(), 1.0)
        for _ in range(3):  # the first average is a copy
            module.weight.grad = torch.full((1, 1), -1.0)
            optimizer.step()
            averaged.update_parameters(module)
        return (averaged.module if mapped else module).weight.ravel()

    def in_keras(mapped):
        weight = keras.Variable(np.ones(1))
        optimizer = keras.optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5)
        optimizer.build([weight])
        for _ in range(3):
            optimizer.apply([keras_tensor(np.array([-1.0]))], [weight])
        optimizer.finalize_variable_values([weight])
        return weight


class SwaFloat32(Difference):
    """PyTorch's faster equal average of weights divides in float32, where they are float64 too.

    `get_swa_multi_avg_fn`, on a GPU the default, takes 1 / (n + 1) of an integer tensor. Keras has
    no such average.
    """

    pytorch = "`swa_utils.get_swa_multi_avg_fn()`: off by up to 3e-8 of the weights' spread"
    keras = "none: with `ops`, in the dtype of the weights"
    mapping = "`AveragedModel(model, avg_fn=swa_utils.get_swa_avg_fn())`"
    differs = 1e-9
    words = "swa stochastic weight averaging float64 precision averagedmodel avg_fn"

    def in_pytorch(mapped):
        averages = torch.optim.swa_utils
        how = {"multi_avg_fn": averages.get_swa_multi_avg_fn()}
        if mapped:
            how = {"avg_fn": averages.get_swa_avg_fn()}
        module = torch.nn.Linear(1, 1, bias=False).double()
        averaged = averages.AveragedModel(module, **how)
        usual = torch.get_default_dtype()
        torch.set_default_dtype(torch.float32)
        for weight in (1.0, 2.0, 4.0, 5.0):
            module.weight.data = torch.full((1, 1), weight, dtype=torch.float64)
            averaged.update_parameters(module)
        torch.set_default_dtype(usual)
        return averaged.module.weight.ravel()

    def in_keras(mapped):
        average = keras_tensor(np.ones(1))
        for n, weight in enumerate((2.0, 4.0, 5.0), start=1):
            average = average + (weight - average) / (n + 1)
        return average


class AmsgradMaximum(Difference):
    """AMSGrad's epsilon is outside of the bias correction in PyTorch, inside in Keras.

    PyTorch divides by the corrected root plus eps, Keras adds epsilon to the uncorrected one.
    """

    pytorch = "`Adam(amsgrad=True)`, eps after the correction"
    keras = "`Adam(amsgrad=True)`, epsilon before it"
    mapping = "epsilon 0: they agree"
    words = "amsgrad vmax adam variant"

    def in_pytorch(mapped):
        options = {"betas": (0.875, 0.9375), "amsgrad": True} | ({"eps": 0} if mapped else {})
        return torch_steps(torch.optim.Adam, lr=0.125, scale=1e-6, **options)

    def in_keras(mapped):
        options = {"beta_1": 0.875, "beta_2": 0.9375, "amsgrad": True}
        options |= {"epsilon": 0} if mapped else {}
        return keras_steps(keras.optimizers.Adam, learning_rate=0.125, scale=1e-6, **options)


class WeightDecayAllExcluded(Difference):
    """Keras on PyTorch fails where every variable is excluded from weight decay."""

    pytorch = "a group with `weight_decay=0`"
    keras = "on PyTorch an error of the multi-tensor multiplication: its list is empty"
    mapping = "`weight_decay=None`"
    backends = ("torch",)
    words = "exclude_from_weight_decay all variables error torch backend foreach empty"

    def in_pytorch(mapped):
        weight = torch.ones(3, requires_grad=True)
        weight.grad = torch.zeros(3)

        def step():
            torch.optim.AdamW([weight], lr=0.125, weight_decay=0).step()
            return weight

        return outcome(step)

    def in_keras(mapped):
        weight = keras.Variable(np.ones(3), name="bias")
        optimizer = keras.optimizers.Adam(0.125, weight_decay=None if mapped else 0.25)
        if not mapped:
            optimizer.exclude_from_weight_decay(var_names=["bias"])

        def step():
            optimizer.apply([keras_tensor(np.zeros(3))], [weight])
            return array(weight)

        return outcome(step, "Tensor list must have at least one tensor")
