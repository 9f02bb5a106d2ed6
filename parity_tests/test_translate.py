"""Every translation against both frameworks, both directions, 200 random settings each."""

# ruff: noqa: B023 - functions that are called within the round of the loop that they are made in

import itertools
import re
from pathlib import Path

import keras
import numpy as np
import pytest
import torch
from keras import layers, losses
from torch import nn
from torch.nn import functional as F

from parity_tests.translations import EXACT, dyadic, settings, some
from triptych import translate
from triptych.adapters import adapter
from triptych.differences.chapters.early_stopping import ignite_stop, keras_stop, lightning_stop
from triptych.differences.chapters.gradient_clipping import keras_clipped
from triptych.differences.chapters.schedules import (
    keras_plateau,
    keras_rates,
    torch_plateau,
    torch_rates,
)
from triptych.differences.probe import array, keras_tensor, tensor
from triptych.translate import NoCounterpart

FLOAT32 = {"rtol": 2e-6, "atol": 0}  # Keras's schedules on TensorFlow

pytestmark = pytest.mark.usefixtures("float64_in_both")


# Batch norm.


def test_batch_norm(direction):
    for rng in settings():
        momentum, epsilon = dyadic(rng), float(10.0 ** rng.integers(-6, -1))
        if direction == "to_keras":
            theirs = {"momentum": momentum, "eps": epsilon}
            ours = translate.batch_norm_to_keras(**theirs)
        else:
            ours = {"momentum": momentum, "epsilon": epsilon}
            theirs = translate.batch_norm_to_torch(**ours)
        rows, channels, batches = rng.integers(2, 8), int(rng.integers(1, 4)), rng.integers(1, 4)
        bare, layer = nn.BatchNorm1d(channels, **theirs), layers.BatchNormalization(**ours)
        layer.build((None, channels))
        initial = dyadic(rng)
        bare.running_var.fill_(initial)
        layer.moving_variance.assign(np.full(channels, initial))
        for _ in range(batches):
            x = rng.normal(size=(rows, channels))
            np.testing.assert_allclose(
                array(bare(tensor(x))), array(layer(x, training=True)), **EXACT
            )
        options = {"momentum": ours["momentum"], "batches": int(batches), "initial": initial}
        variances = array(bare.running_var), array(layer.moving_variance)
        np.testing.assert_allclose(bare.running_mean, array(layer.moving_mean), **EXACT)
        if direction == "to_keras":
            found = translate.running_variance_to_keras(variances[0], int(rows), **options)
            np.testing.assert_allclose(found, variances[1], **EXACT)
        else:
            found = translate.running_variance_to_torch(variances[1], int(rows), **options)
            np.testing.assert_allclose(found, variances[0], **EXACT)


# Optimizers.


def test_adam_epsilon(direction):
    for rng in settings():
        beta_1, beta_2, epsilon = (
            dyadic(rng, high=1000),
            dyadic(rng, 512),
            2.0 ** -rng.integers(4, 30),
        )
        rate, steps = dyadic(rng), int(rng.integers(1, 6))
        weight, variable = tensor(np.zeros(2), gradient=True), keras.Variable(np.zeros(2))
        theirs = torch.optim.Adam([weight], rate, (beta_1, beta_2), epsilon)
        ours = keras.optimizers.Adam(rate, beta_1, beta_2, epsilon)
        for step in range(1, steps + 1):
            gradient = epsilon * rng.normal(size=2)
            if direction == "to_torch":
                eps = translate.adam_epsilon_to_torch(epsilon, step, beta_2=beta_2)
                theirs.param_groups[0]["eps"] = eps
            else:
                ours.epsilon = keras_tensor(
                    translate.adam_epsilon_to_keras(epsilon, step, beta_2=beta_2)
                )
            weight.grad = tensor(gradient)
            theirs.step()
            ours.apply([keras_tensor(gradient)], [variable])
        np.testing.assert_allclose(array(weight), array(variable), rtol=1e-12)


def test_momentum_buffer(direction):
    for rng in settings():
        rate, momentum = dyadic(rng), dyadic(rng)
        weight, variable = tensor(np.zeros(2), gradient=True), keras.Variable(np.zeros(2))
        theirs = torch.optim.SGD([weight], rate, momentum)
        ours = keras.optimizers.SGD(rate, momentum)
        for _ in range(rng.integers(1, 5)):
            gradient = rng.normal(size=2)
            weight.grad = tensor(gradient)
            theirs.step()
            ours.apply([keras_tensor(gradient)], [variable])
        buffer, velocity = theirs.state[weight]["momentum_buffer"], array(ours.momentums[0])
        if direction == "to_torch":
            found, expected = translate.momentum_buffer_to_torch(velocity, rate), buffer
        else:
            found, expected = translate.momentum_buffer_to_keras(array(buffer), rate), velocity
        np.testing.assert_allclose(found, expected, **EXACT)


TORCH_OPTIONS = {
    "SGD": {},
    "Adam": {"betas": (0.875, 0.9375), "eps": 0},
    "AdamW": {"betas": (0.875, 0.9375), "eps": 0},
    "RMSprop": {"alpha": 0.875, "eps": 0},
}
KERAS_OPTIONS = {
    "SGD": {},
    "Adam": {"beta_1": 0.875, "beta_2": 0.9375, "epsilon": 0},
    "AdamW": {"beta_1": 0.875, "beta_2": 0.9375, "epsilon": 0},
    "RMSprop": {"rho": 0.875, "epsilon": 0},
}


def test_weight_decay(direction):
    panel = adapter("keras")
    for rng in settings():
        rate, strength, momentum = dyadic(rng), dyadic(rng), 0.0
        if direction == "to_keras":
            name = some(rng, *TORCH_OPTIONS)
            momentum = some(rng, 0.0, 0.875) if name == "SGD" else 0.0
            theirs = {"optimizer": name, "weight_decay": strength}
            ours = translate.weight_decay_to_keras(name, strength)
        else:
            name, ours = some(
                rng,
                *((each, {"l2": strength}) for each in ("SGD", "Adam", "RMSprop")),
                *((each, {"weight_decay": strength}) for each in ("SGD", "Adam", "AdamW")),
            )
            theirs = translate.weight_decay_to_torch(name, **ours)
        start = rng.normal(size=3)
        weight, variable = tensor(start, gradient=True), keras.Variable(start)
        momenta = {"momentum": momentum} if name == "SGD" else {}
        kind, decay = getattr(torch.optim, theirs["optimizer"]), theirs["weight_decay"]
        theirs = kind(
            [weight], rate, weight_decay=decay, **TORCH_OPTIONS[theirs["optimizer"]], **momenta
        )
        penalty = keras.regularizers.L2(ours.get("l2", 0.0))
        optimizer = getattr(keras.optimizers, name)(
            rate, weight_decay=ours.get("weight_decay"), **KERAS_OPTIONS[name], **momenta
        )
        for _ in range(3):
            gradient = rng.normal(size=3)
            weight.grad = tensor(gradient)
            theirs.step()
            _, (pull,) = panel.vjp(lambda w: penalty(w), [array(variable)], np.ones(()))
            optimizer.apply([keras_tensor(gradient + pull)], [variable])
        np.testing.assert_allclose(array(weight), array(variable), **EXACT)


def test_what_is_decayed(direction):
    for rng in settings():
        strength = dyadic(rng)
        model = keras.Sequential(
            [keras.Input((2,)), layers.Dense(2), layers.BatchNormalization(), layers.Dense(1)]
        )
        variables = model.trainable_variables
        weights = [tensor(array(variable), gradient=True) for variable in variables]
        ours = keras.optimizers.AdamW(0.5, weight_decay=strength)
        if direction == "to_torch":
            names = [variable.path.replace("/", ".") for variable in variables]
            exclude = [word for word in ("bias", "gamma", "beta") if rng.random() < 0.5]
            groups = translate.decayed_to_torch(
                dict(zip(names, weights, strict=True)),
                strength,
                exclude,
                backend=keras.backend.backend(),
            )
            ours.exclude_from_weight_decay(var_names=exclude)
        else:
            decays = np.where(rng.random(len(weights)) < 0.6, strength, 0.0).tolist()
            paths = [variable.path for variable in variables]
            found = translate.decayed_to_keras(dict(zip(paths, decays, strict=True)))
            ours.weight_decay = found["weight_decay"]
            ours.exclude_from_weight_decay(
                var_list=[each for each in variables if each.path in found["exclude"]]
            )
            groups = [
                {"params": [weight], "weight_decay": decay}
                for weight, decay in zip(weights, decays, strict=True)
            ]
        for weight in weights:
            weight.grad = torch.zeros_like(weight)
        torch.optim.AdamW([group for group in groups if group["params"]], lr=0.5).step()
        ours.apply([keras_tensor(np.zeros(each.shape)) for each in variables], variables)
        for weight, variable in zip(weights, variables, strict=True):
            np.testing.assert_allclose(array(weight), array(variable), **EXACT)


@pytest.mark.once
def test_what_is_decayed_in_a_real_model():
    """PyTorch's names are not Keras's: a pattern that fits none of them is refused."""
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    parameters = dict(model.named_parameters())
    decayed, rest = translate.decayed_to_torch(parameters, 0.1, ["bias", "1/weight"])
    assert decayed == {"params": [model[0].weight], "weight_decay": 0.1}
    assert len(rest["params"]) == 3
    with pytest.raises(ValueError, match="'gamma', which fits none of 0/weight"):
        translate.decayed_to_torch(parameters, 0.1, ["bias", "gamma"])
    with pytest.raises(ValueError, match="a list of patterns"):
        translate.decayed_to_torch(parameters, 0.1, "bias")


@pytest.mark.once
@pytest.mark.parametrize("name", ["Nadam", "Adamax", "Adagrad", "Adadelta", "RMSprop"])
def test_decoupled_decay_that_pytorch_lacks(name):
    with pytest.raises(NoCounterpart, match="adam-weight-decay"):
        translate.weight_decay_to_torch(name, weight_decay=0.1)
    assert hasattr(torch.optim, translate.weight_decay_to_torch(name, l2=0.1)["optimizer"])


@pytest.mark.once
def test_l2_and_adamw():
    with pytest.raises(NoCounterpart, match="no L2"):
        translate.weight_decay_to_torch("AdamW", l2=0.1)
    with pytest.raises(NoCounterpart, match="at once"):
        translate.weight_decay_to_torch("Adam", l2=0.1, weight_decay=0.1)


# Clipping.


def clipped_by_torch(gradients, call, *, each, **options):
    weights = [tensor(np.zeros_like(gradient), gradient=True) for gradient in gradients]
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.grad = tensor(gradient)
    for group in [[weight] for weight in weights] if each else [weights]:
        getattr(nn.utils, call)(group, **options)
    return [array(weight.grad) for weight in weights]


def test_clip_norm(direction):
    for rng in settings():
        gradients = [10.0 ** rng.integers(-9, 3) * rng.normal(size=3)]
        norm = float(np.linalg.norm(gradients[0]))
        limit = float(np.float32(norm * rng.uniform(0.1, 2)))
        theirs = ours = limit
        if direction == "to_torch":
            theirs = translate.clip_norm_to_torch(limit, norm)
        else:
            ours = translate.clip_norm_to_keras(limit, norm)
        # Keras on TensorFlow makes a float32 of the translated limit.
        (found,) = clipped_by_torch(gradients, "clip_grad_norm_", each=False, max_norm=theirs)
        np.testing.assert_allclose(
            found, keras_clipped(*gradients, global_clipnorm=ours)[0], rtol=2e-7
        )


def test_clipping(direction):
    for rng in settings():
        gradients, limit = [rng.normal(size=3), rng.normal(size=(2, 2))], dyadic(rng)
        if direction == "to_keras":
            kind = some(rng, {"max_norm": limit}, {"clip_value": limit})
            ours = translate.clipping_to_keras(**kind)
            call = "clip_grad_norm_" if "max_norm" in kind else "clip_grad_value_"
            theirs = {"call": call, "each": False, **kind}
        else:
            ours = {some(rng, "clipnorm", "global_clipnorm", "clipvalue"): limit}
            theirs = translate.clipping_to_torch(**ours)
        # What 1e-6 beside the norm leaves: the norms here are above 1/10.
        for found, expected in zip(
            clipped_by_torch(gradients, **theirs), keras_clipped(*gradients, **ours), strict=True
        ):
            np.testing.assert_allclose(found, expected, rtol=1e-5)


# Schedules.


def test_step(direction):
    for rng in settings():
        rate, size, gamma = dyadic(rng), int(rng.integers(1, 5)), dyadic(rng, 256)
        per_epoch, smooth = int(rng.integers(1, 4)), False
        if direction == "to_keras":
            ours = translate.step_to_keras(rate, size, gamma=gamma, steps_per_epoch=per_epoch)
            theirs = {"step_size": size, "gamma": gamma}
        else:
            smooth = bool(rng.integers(2))
            per_epoch = 1 if smooth else per_epoch
            ours = {
                "initial_learning_rate": rate,
                "decay_steps": size * per_epoch,
                "decay_rate": gamma,
                "staircase": not smooth,
            }
            theirs = translate.step_to_torch(**ours, steps_per_epoch=per_epoch)
            assert theirs.pop("lr") == rate
        found = torch_rates(
            12,
            lambda optimizer, options=theirs: torch.optim.lr_scheduler.StepLR(optimizer, **options),
            lr=rate,
            steps_per_epoch=per_epoch,
        )
        expected = keras_rates(12, keras.optimizers.schedules.ExponentialDecay(**ours))
        np.testing.assert_allclose(found, expected, **FLOAT32)


def test_multi_step(direction):
    for rng in settings():
        rate, gamma, per_epoch = dyadic(rng), dyadic(rng, 256), int(rng.integers(1, 4))
        count = int(rng.integers(1, 4))
        milestones = sorted(rng.choice(np.arange(1, 9), count, replace=False).tolist())
        if direction == "to_keras":
            theirs = {"milestones": milestones, "gamma": gamma}
            ours = translate.multi_step_to_keras(rate, **theirs, steps_per_epoch=per_epoch)
        else:
            ours = {
                "boundaries": [each * per_epoch - 1 for each in milestones],
                "values": [rate * gamma**k for k in range(count + 1)],
            }
            theirs = translate.multi_step_to_torch(**ours, steps_per_epoch=per_epoch)
            assert theirs.pop("lr") == rate
        found = torch_rates(
            30,
            lambda optimizer, options=theirs: torch.optim.lr_scheduler.MultiStepLR(
                optimizer, **options
            ),
            lr=rate,
            steps_per_epoch=per_epoch,
        )
        expected = keras_rates(30, keras.optimizers.schedules.PiecewiseConstantDecay(**ours))
        np.testing.assert_allclose(found, expected, **FLOAT32)


def test_milestones_given_twice():
    ours = translate.multi_step_to_keras(1.0, [4, 2, 2], gamma=0.5)
    assert ours == {"boundaries": [1, 3], "values": [1.0, 0.25, 0.125]}
    found = torch_rates(
        6, lambda o: torch.optim.lr_scheduler.MultiStepLR(o, [2, 2, 4], gamma=0.5), lr=1.0
    )
    assert found == keras_rates(6, keras.optimizers.schedules.PiecewiseConstantDecay(**ours))


def test_cosine(direction):
    for rng in settings():
        rate, steps, floor = dyadic(rng, 512), int(rng.integers(2, 12)), dyadic(rng, 1, 256)
        if direction == "to_keras":
            theirs = {"T_max": steps, "eta_min": floor}
            ours = translate.cosine_to_keras(rate, **theirs)
        else:
            ours = {"initial_learning_rate": rate, "decay_steps": steps, "alpha": floor}
            theirs = translate.cosine_to_torch(rate, steps, alpha=floor)
            assert theirs.pop("lr") == rate
        found = torch_rates(
            steps + 1,
            lambda o, options=theirs: torch.optim.lr_scheduler.CosineAnnealingLR(o, **options),
            lr=rate,
        )
        expected = keras_rates(steps + 1, keras.optimizers.schedules.CosineDecay(**ours))
        np.testing.assert_allclose(found, expected, **FLOAT32)


def test_warmup(direction):
    schedulers = torch.optim.lr_scheduler
    for rng in settings():
        rate, share, floor = dyadic(rng, 512), dyadic(rng), dyadic(rng, 1, 256)
        warm, steps = int(rng.integers(1, 6)), int(rng.integers(2, 9))
        if direction == "to_keras":
            theirs = {"start_factor": share, "total_iters": warm, "T_max": steps, "eta_min": floor}
            ours = translate.warmup_to_keras(rate, share, warm, steps, eta_min=floor)
        else:
            ours = {
                "initial_learning_rate": share * rate,
                "warmup_target": rate,
                "warmup_steps": warm,
                "decay_steps": steps,
                "alpha": floor,
            }
            theirs = translate.warmup_to_torch(**ours)
            assert theirs.pop("lr") == rate

        def sequence(optimizer, options=theirs, warm=warm):
            start = {key: options[key] for key in ("start_factor", "total_iters")}
            rest = {key: options[key] for key in ("T_max", "eta_min")}
            both = [
                schedulers.LinearLR(optimizer, **start),
                schedulers.CosineAnnealingLR(optimizer, **rest),
            ]
            return schedulers.SequentialLR(optimizer, both, [warm])

        found = torch_rates(warm + steps, sequence, lr=rate)
        expected = keras_rates(warm + steps, keras.optimizers.schedules.CosineDecay(**ours))
        # In float32, where the cosine near its floor is a difference of numbers near 1.
        np.testing.assert_allclose(found, expected, rtol=5e-6)


def losses_of_a_run(rng, epochs=30):
    return np.round(np.cumsum(rng.normal(size=epochs)) / 4, 3).tolist()


def test_plateau(direction):
    for rng in settings():
        patience, cooldown, delta = int(rng.integers(0, 5)), int(rng.integers(0, 4)), dyadic(rng)
        if direction == "to_torch":
            ours = {"patience": patience, "cooldown": cooldown, "min_delta": delta}
            theirs = translate.plateau_to_torch(**ours)
        else:
            theirs = {
                "patience": patience,
                "cooldown": cooldown,
                "threshold": delta,
                "threshold_mode": "abs",
                "eps": 0,
            }
            ours = translate.plateau_to_keras(**theirs)
        values = losses_of_a_run(rng)
        assert torch_plateau(values, **theirs) == keras_plateau(values, **ours)


def test_early_stopping_of_lightning(direction):
    for rng in settings():
        options = {"patience": int(rng.integers(0, 5)), "min_delta": dyadic(rng, 1, 256)}
        options["mode"] = some(rng, "min", "max")
        if direction == "to_torch":
            ours, theirs = options, translate.early_stopping_to_lightning(**options)
        else:
            theirs = options | {"check_finite": False}
            ours = translate.early_stopping_from_lightning(**theirs)
        values = losses_of_a_run(rng)
        assert lightning_stop(values, **theirs) == keras_stop(values, **ours)


def test_early_stopping_of_ignite(direction):
    for rng in settings():
        patience, delta, mode = (
            int(rng.integers(0, 5)),
            dyadic(rng, 1, 256),
            some(rng, "min", "max"),
        )
        if direction == "to_torch":
            ours = {"patience": patience, "min_delta": delta, "mode": mode}
            theirs = translate.early_stopping_to_ignite(**ours)
        else:
            theirs = {
                "patience": patience + 1,
                "min_delta": delta,
                "cumulative_delta": True,
                "sign": 1 if mode == "max" else -1,
            }
            ours = translate.early_stopping_from_ignite(**theirs)
        values = losses_of_a_run(rng)
        assert ignite_stop(values, **theirs) == keras_stop(values, **ours)


# Losses.


def batch(rng):
    rows, classes = int(rng.integers(1, 7)), int(rng.integers(2, 5))
    logits, labels = rng.normal(size=(rows, classes)), rng.integers(classes, size=rows)
    return logits, labels, rng.uniform(0.1, 3, size=classes)


def same_loss(logits, theirs, ours):
    """Equal values and equal gradients with respect to the logits."""
    z = tensor(logits, gradient=True)
    theirs(z).backward()
    value, (gradient,) = adapter("keras").vjp(ours, [logits], np.ones(()))
    np.testing.assert_allclose(array(theirs(z)), value, **EXACT)
    np.testing.assert_allclose(array(z.grad), gradient, **EXACT)


def test_class_weight(direction):
    for rng in settings():
        logits, labels, weight = batch(rng)
        ours = losses.SparseCategoricalCrossentropy(from_logits=True)
        factor, rows = 1.0, weight[labels]
        if direction == "to_keras":
            rows = translate.class_weight_to_keras(labels, weight)
        else:
            factor = translate.class_weight_to_torch(labels, weight)
        same_loss(
            logits,
            lambda z: factor * F.cross_entropy(z, tensor(labels), weight=tensor(weight)),
            lambda z: ours(labels, z, sample_weight=rows),
        )


def test_smoothed_class_weight(direction):
    for rng in settings():
        logits, labels, weight = batch(rng)
        smoothing, one_hot = dyadic(rng), np.eye(len(weight))[labels]
        if direction == "to_keras":
            targets, rows = translate.smoothed_class_weight_to_keras(labels, weight, smoothing)
            same_loss(
                logits,
                lambda z: F.cross_entropy(
                    z, tensor(labels), weight=tensor(weight), label_smoothing=smoothing
                ),
                lambda z: losses.CategoricalCrossentropy(from_logits=True)(targets, z, rows),
            )
        else:
            targets, rows = translate.smoothed_class_weight_to_torch(labels, weight, smoothing)
            same_loss(
                logits,
                lambda z: (
                    tensor(rows) * F.cross_entropy(z, tensor(targets), reduction="none")
                ).mean(),
                lambda z: losses.CategoricalCrossentropy(
                    from_logits=True, label_smoothing=smoothing
                )(one_hot, z, weight[labels]),
            )


def test_huber(direction):
    for rng in settings():
        y, delta = rng.normal(size=(5, 2)), dyadic(rng)
        if direction == "to_torch":
            beta, factor = translate.huber_to_torch(delta)
            ours, theirs = (1.0, delta), (factor, beta)
        else:
            threshold, factor = translate.smooth_l1_to_keras(delta)
            ours, theirs = (factor, threshold), (1.0, delta)
        same_loss(
            y,
            lambda z: theirs[0] * F.smooth_l1_loss(z, torch.zeros(5, 2), beta=theirs[1]),
            lambda z: ours[0] * losses.Huber(delta=ours[1])(np.zeros((5, 2)), z),
        )


# Convolutions.


def keras_convolution(kind, kernel, x, **options):
    """A Keras layer of that kind with that kernel and no bias, on images of channels first."""
    window = kernel.shape[:-2]
    names = {
        "convolution": "Conv{}D",
        "transposed": "Conv{}DTranspose",
        "depthwise": "DepthwiseConv{}D",
    }
    layer = getattr(layers, names[kind].format(len(window)))
    if kind == "depthwise":
        layer = layer(window, depth_multiplier=kernel.shape[-1], use_bias=False, **options)
    else:
        filters = kernel.shape[-2 if kind == "transposed" else -1]
        layer = layer(filters, window, use_bias=False, **options)
    images = np.moveaxis(x, 1, -1)
    layer.build(images.shape)
    layer.kernel.assign(kernel)
    return np.moveaxis(array(layer(images)), -1, 1)


@pytest.mark.parametrize("kind", ["convolution", "transposed", "depthwise"])
def test_kernels(kind, direction):
    for rng in settings():
        axes = int(rng.integers(1, 3 if kind == "depthwise" else 4))
        window = tuple(rng.integers(1, 4, size=axes).tolist())
        channels, filters = (int(each) for each in rng.integers(1, 4, size=2))
        if kind == "depthwise":
            shapes = (channels * filters, 1, *window), (*window, channels, filters)
        elif kind == "transposed":
            shapes = (channels, filters, *window), (*window, filters, channels)
        else:
            shapes = (filters, channels, *window), (*window, channels, filters)
        if direction == "to_keras":
            weight = rng.normal(size=shapes[0])
            known = {"channels": channels} if kind == "depthwise" else {}
            kernel = translate.kernel_to_keras(weight, kind, **known)
        else:
            kernel = rng.normal(size=shapes[1])
            weight = translate.kernel_to_torch(kernel, kind)
        x = rng.normal(size=(2, channels, *rng.integers(4, 6, size=axes)))
        call = getattr(F, f"conv_transpose{axes}d" if kind == "transposed" else f"conv{axes}d")
        groups = {"groups": channels} if kind == "depthwise" else {}
        expected = array(call(tensor(x), tensor(weight), **groups))
        np.testing.assert_allclose(keras_convolution(kind, kernel, x), expected, **EXACT)


def test_dense_after_flatten(direction):
    for rng in settings():
        height, width, channels, units = (int(each) for each in rng.integers(1, 5, size=4))
        inputs, flattened = height * width * channels, (height, width, channels)
        if rng.integers(2):
            flattened = None
        if direction == "to_keras":
            weight = rng.normal(size=(units, inputs))
            kernel = translate.kernel_to_keras(weight, flattened=flattened)
        else:
            kernel = rng.normal(size=(inputs, units))
            weight = translate.kernel_to_torch(kernel, flattened=flattened)
        x = rng.normal(size=(2, channels, height, width))
        layer = layers.Dense(units, use_bias=False)
        layer.build((None, inputs))
        layer.kernel.assign(kernel)
        images = np.moveaxis(x, 1, -1) if flattened else x
        found = layer(layers.Flatten(data_format="channels_last")(images))
        expected = F.linear(tensor(x).flatten(1), tensor(weight))
        np.testing.assert_allclose(array(found), array(expected), **EXACT)


def test_same_padding(direction):
    for rng in settings():
        size, window, dilation = int(rng.integers(4, 12)), int(rng.integers(1, 5)), 1
        stride = int(rng.integers(1, 4))
        if stride == 1:
            dilation = int(rng.integers(1, 3))
        x, weight = rng.normal(size=(1, 2, size)), rng.normal(size=(3, 2, window))
        kernel = translate.kernel_to_keras(weight, "convolution")
        options = {"strides": stride, "dilation_rate": dilation}
        if direction == "to_torch":
            sides = translate.same_padding_to_torch(size, window, stride=stride, dilation=dilation)
            found = F.conv1d(F.pad(tensor(x), sides), tensor(weight), None, stride, 0, dilation)
            ours = keras_convolution("convolution", kernel, x, padding="same", **options)
        else:
            padding = int(rng.integers(0, 4))
            if (window - 1) * dilation + 1 > size + 2 * padding:
                continue
            found = F.conv1d(tensor(x), tensor(weight), None, stride, padding, dilation)
            how = translate.padding_to_keras(
                padding, size, window, stride=stride, dilation=dilation
            )
            if isinstance(how, tuple):
                x, how = np.pad(x, ((0, 0), (0, 0), how)), "valid"
            ours = keras_convolution("convolution", kernel, x, padding=how, **options)
        np.testing.assert_allclose(array(found), ours, **EXACT)


# What is refused.


REFUSED = {
    "batch-norm-cumulative-average": lambda: translate.batch_norm_to_keras(momentum=None),
    "batch-norm-without-statistics": lambda: translate.batch_norm_to_keras(
        track_running_stats=False
    ),
    "batch-norm-renorm": lambda: translate.batch_norm_to_torch(renorm=True),
    "batch-norm-one-value": lambda: translate.running_variance_to_torch(
        np.ones(1), 1, momentum=0.9, batches=1
    ),
    "sgd-weight-decay": lambda: translate.weight_decay_to_torch(
        "SGD", weight_decay=0.1, momentum=0.9
    ),
    "adam-weight-decay": lambda: translate.weight_decay_to_torch("RMSprop", weight_decay=0.1),
    "weight-decay-exclusion": lambda: translate.decayed_to_keras({"a": 0.1, "b": 0.2}),
    "clip-zero": lambda: translate.clipping_to_keras(max_norm=0.0),
    "clip-norm-type": lambda: translate.clipping_to_keras(max_norm=1.0, norm_type=3.0),
    "schedule-unit": lambda: translate.step_to_torch(
        1.0, 5, 0.5, staircase=True, steps_per_epoch=2
    ),
    "schedule-boundary": lambda: translate.multi_step_to_torch([1, 2], [1.0, 0.5, 0.2501]),
    "warmup-first-step": lambda: translate.warmup_to_torch(0.0, 1.0, 5, 5),
    "plateau-threshold": lambda: translate.plateau_to_keras(),
    "plateau-least-change": lambda: translate.plateau_to_keras(threshold_mode="abs"),
    "early-stopping-nan": lambda: translate.early_stopping_from_lightning(),
    "early-stopping-baseline": lambda: translate.early_stopping_to_lightning(
        mode="min", baseline=0.5
    ),
    "early-stopping-restore": lambda: translate.early_stopping_to_ignite(
        mode="min", restore_best_weights=True
    ),
    "early-stopping-small-gains": lambda: translate.early_stopping_from_ignite(
        patience=2, min_delta=0.1
    ),
    "huber-smooth-l1": lambda: translate.smooth_l1_to_keras(0.0),
}


@pytest.mark.parametrize("entry", REFUSED)
def test_no_counterpart(entry):
    with pytest.raises(NoCounterpart, match=f"triptych differences {entry}") as caught:
        REFUSED[entry]()
    assert caught.value.entry == entry
    assert isinstance(caught.value, ValueError)


BAD = {
    "momentum must be a number in [0, 1]": lambda: translate.batch_norm_to_keras(momentum=2.0),
    "step must be": lambda: translate.adam_epsilon_to_torch(1e-7, 0),
    "one of max_norm and clip_value": lambda: translate.clipping_to_keras(),
    "one of clipnorm": lambda: translate.clipping_to_torch(clipnorm=1.0, clipvalue=1.0),
    "labels must lie in": lambda: translate.class_weight_to_keras([0, 3], [1.0, 1.0]),
    "labels must be integers": lambda: translate.class_weight_to_keras([0.5], [1.0, 1.0]),
    "classes of all labels weigh 0": lambda: translate.class_weight_to_torch([0], [0.0, 1.0]),
    "weight must have one finite number": lambda: translate.class_weight_to_torch([0], [-1.0]),
    "kind must be": lambda: translate.kernel_to_keras(np.ones((2, 2)), "bilinear"),
    "must have 2 axes": lambda: translate.kernel_to_keras(np.ones((2, 2, 2)), "dense"),
    "channels must divide": lambda: translate.kernel_to_keras(np.ones((3, 1, 2)), "depthwise"),
    "flattened is for a dense": lambda: translate.kernel_to_torch(
        np.ones((2, 2, 2)), "convolution", flattened=(1, 1, 2)
    ),
    "values must be one more": lambda: translate.multi_step_to_torch([1], [1.0]),
    "boundaries must rise": lambda: translate.multi_step_to_torch([4, 2], [1.0, 0.5, 0.25]),
    "sign must be": lambda: translate.early_stopping_from_ignite(patience=1, sign=0),
    "threshold_mode must be": lambda: translate.plateau_to_keras(threshold_mode="foo"),
    "optimizer must be": lambda: translate.weight_decay_to_keras("adamw", 0.1),
    "must have shape (out, 1": lambda: translate.kernel_to_keras(
        np.ones((6, 2, 3, 3)), "depthwise", channels=3
    ),
    "mode must be": lambda: translate.early_stopping_to_lightning(mode="auto"),
}


@pytest.mark.parametrize("text", BAD)
def test_bad_input(text):
    with pytest.raises(ValueError, match=re.escape(text)) as caught:
        BAD[text]()
    assert not isinstance(caught.value, NoCounterpart)


def test_every_function_is_tested():
    files = Path(__file__).parent.glob("test_translate*.py")
    source = "".join(path.read_text("utf-8") for path in files)
    names = [name for name in translate.__all__ if name != "NoCounterpart"]
    assert not [name for name in names if not re.search(rf"translate\.{name}\b", source)]


def test_directions_are_inverse():
    """There and back, for numbers; arrays are compared above with what both frameworks compute."""
    for rng in itertools.islice(settings(), 50):
        value, step = dyadic(rng), int(rng.integers(1, 9))
        there = translate.adam_epsilon_to_torch(value, step)
        assert translate.adam_epsilon_to_keras(there, step) == pytest.approx(value, rel=1e-14)
        there = translate.clip_norm_to_torch(value, 0.5)
        assert translate.clip_norm_to_keras(there, 0.5) == pytest.approx(value, rel=1e-14)
