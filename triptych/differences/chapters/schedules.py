"""Learning rate schedules and plateaus."""

import keras
import numpy as np
import torch
from keras.optimizers import schedules
from torch.optim import lr_scheduler

from triptych.differences.entry import Difference
from triptych.differences.probe import array, outcome
from triptych.translate import (
    cosine_to_keras,
    multi_step_to_keras,
    plateau_to_torch,
    step_to_keras,
    warmup_to_torch,
)


def torch_rates(steps, scheduler, *, lr=0.5, steps_per_epoch=1, last=None):
    """The rate of each step; the scheduler is called once for each epoch, up to step `last`."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr)
    scheduler, rates = scheduler(optimizer), []
    for step in range(1, steps + 1):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step % steps_per_epoch == 0 and (last is None or step <= last):
            scheduler.step()
    return rates


def keras_rates(steps, schedule):
    """The rate of each step."""
    return [float(array(schedule(step))) for step in range(steps)]


def torch_plateau(losses, *, lr=1.0, **options):
    """The rate after each epoch, PyTorch."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr)
    scheduler, rates = lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, **options), []
    for loss in losses:
        scheduler.step(loss)
        rates.append(optimizer.param_groups[0]["lr"])
    return rates


def keras_plateau(losses, *, lr=1.0, **options):
    """The rate after each epoch, Keras."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(lr), "mse")
    callback = keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, **options)
    callback.set_model(model)
    callback.on_train_begin()
    rates = []
    for epoch, loss in enumerate(losses):
        callback.on_epoch_end(epoch, {"loss": loss})
        rates.append(float(array(model.optimizer.learning_rate)))
    return rates


class ScheduleUnit(Difference):
    """PyTorch's schedulers usually count epochs, Keras's steps of the optimizer.

    A number of epochs given to Keras makes the rate fall in the first epoch.
    """

    pytorch = "`StepLR(step_size=2)`, called once for each epoch"
    keras = "`ExponentialDecay(decay_steps=2)`: counts every batch"
    mapping = "decay_steps = step_size * steps_per_epoch"
    links = (
        "keras-team/keras#9938",
        "keras-team/keras#2808",
        "tensorflow/tensorflow#52529",
        "tensorflow/tensorflow#46071",
    )
    asked = 7
    words = "schedule epoch step decay_steps scheduler.step per batch learning rate drops too fast"

    def in_pytorch(mapped):
        return torch_rates(18, lambda o: lr_scheduler.StepLR(o, 2, gamma=0.5), steps_per_epoch=3)

    def in_keras(mapped):
        options = step_to_keras(0.5, 2, gamma=0.5, steps_per_epoch=3 if mapped else 1)
        return keras_rates(18, schedules.ExponentialDecay(**options))


class ScheduleBoundary(Difference):
    """At the boundary itself PyTorch has the new rate, Keras the old one."""

    pytorch = "`MultiStepLR([3])`: from step 3 on"
    keras = "`PiecewiseConstantDecay([3], ...)`: up to step 3 and at it"
    mapping = "boundary = milestone - 1"
    words = "milestones MultiStepLR PiecewiseConstantDecay boundaries off by one"

    def in_pytorch(mapped):
        return torch_rates(8, lambda o: lr_scheduler.MultiStepLR(o, [3, 6], gamma=0.5))

    def in_keras(mapped):
        options = {"boundaries": [3, 6], "values": [0.5, 0.25, 0.125]}
        if mapped:
            options = multi_step_to_keras(0.5, [3, 6], gamma=0.5)
        return keras_rates(8, schedules.PiecewiseConstantDecay(**options))


class CosineAfterTheEnd(Difference):
    """After its last step PyTorch's cosine rises again; Keras's stays at the floor."""

    pytorch = "`CosineAnnealingLR(T_max)`: the cosine goes on"
    keras = "`CosineDecay(decay_steps)`: clamped"
    mapping = "stop calling PyTorch's scheduler after T_max"
    bound = 1e-6
    because = "Keras computes its schedules in float32 on TensorFlow"
    links = (
        "ivadomed/ivadomed#57",
        "kohya-ss/sd-scripts#601",
    )
    asked = 2
    words = "CosineAnnealingLR T_max rises again increases after end"

    def in_pytorch(mapped):
        last = 8 if mapped else None
        cosine = lr_scheduler.CosineAnnealingLR
        return torch_rates(15, lambda o: cosine(o, 8, eta_min=0.125), last=last)

    def in_keras(mapped):
        return keras_rates(15, schedules.CosineDecay(**cosine_to_keras(0.5, 8, eta_min=0.125)))


class CosineFloor(Difference):
    """The cosine's floor is a rate in PyTorch and a share of the first rate in Keras."""

    pytorch = "`eta_min`: the lowest rate"
    keras = "`alpha`: the lowest rate / the first one"
    mapping = "alpha = eta_min / learning rate"
    bound = 1e-6
    because = "Keras computes its schedules in float32 on TensorFlow"
    links = (
        "keras-team/keras#21827",
        "ml-explore/mlx#1138",
    )
    asked = 2
    words = "eta_min alpha cosine decay minimum learning rate"

    def in_pytorch(mapped):
        return torch_rates(8, lambda o: lr_scheduler.CosineAnnealingLR(o, 8, eta_min=0.125))

    def in_keras(mapped):
        options = cosine_to_keras(0.5, 8, eta_min=0.125)
        if not mapped:
            options["alpha"] = 0.125
        return keras_rates(8, schedules.CosineDecay(**options))


class WarmupFirstStep(Difference):
    """Keras's warm-up starts at a rate of 0, so the first step does nothing; PyTorch's cannot.

    `LinearLR` wants a start_factor above 0; its default is a third.
    """

    pytorch = "`LinearLR(start_factor=1/3)`, then the cosine, in a `SequentialLR`"
    keras = "`CosineDecay(0.0, warmup_target=lr, warmup_steps=n)`"
    mapping = "a first rate above 0 on both sides"
    bound = 1e-6
    because = "Keras computes its schedules in float32 on TensorFlow"
    links = (
        "pytorch/torchtitan#1261",
        "tinygrad/tinygrad#10981",
    )
    asked = 2
    words = "linear warmup warm-up first step zero learning rate LinearLR start_factor"

    def in_pytorch(mapped):
        options = {"start_factor": 1 / 3, "total_iters": 4, "T_max": 8, "eta_min": 0.0}
        if mapped:
            options = warmup_to_torch(0.125, 0.5, 4, 8)

        def sequence(optimizer):
            start = {key: options[key] for key in ("start_factor", "total_iters")}
            warmup = lr_scheduler.LinearLR(optimizer, **start)
            cosine = lr_scheduler.CosineAnnealingLR(optimizer, options["T_max"])
            return lr_scheduler.SequentialLR(optimizer, [warmup, cosine], [4])

        return torch_rates(12, sequence)

    def in_keras(mapped):
        first = 0.125 if mapped else 0.0
        schedule = schedules.CosineDecay(first, 8, warmup_target=0.5, warmup_steps=4)
        return keras_rates(12, schedule)


class PlateauWithSchedule(Difference):
    """A plateau rule on top of a schedule works in PyTorch; in Keras it is a TypeError."""

    pytorch = "schedulers stack: each multiplies the optimizer's rate"
    keras = "`ReduceLROnPlateau` needs a rate that is a number"
    mapping = "one of the two"
    links = (
        "tensorflow/tensorflow#36612",
        "tensorflow/tensorflow#51399",
    )
    asked = 2
    words = "ReduceLROnPlateau LearningRateSchedule TypeError not settable learning rate"

    def in_pytorch(mapped):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 1.0)
        plateau = lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=0)
        schedule = None if mapped else lr_scheduler.ExponentialLR(optimizer, 0.5)
        for _ in range(3):
            optimizer.step()
            plateau.step(1.0)
            if schedule:
                schedule.step()
        return optimizer.param_groups[0]["lr"]

    def in_keras(mapped):
        rate = 1.0 if mapped else schedules.ExponentialDecay(1.0, 1, 0.5)
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(rate), "mse")
        callback = keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1)
        callback.set_model(model)
        callback.on_train_begin()

        def epochs():
            for epoch in range(3):
                callback.on_epoch_end(epoch, {"loss": 1.0})
            return float(array(model.optimizer.learning_rate))

        return outcome(epochs, "created with a `LearningRateSchedule`")


class PlateauPatience(Difference):
    """PyTorch's plateau waits one epoch longer than Keras's at the same patience.

    PyTorch reduces the rate when the bad epochs are more than the patience, Keras when they are as
    many. In Keras 0 is the same as 1.
    """

    pytorch = "reduces when bad epochs > patience"
    keras = "reduces when waited epochs >= patience"
    mapping = "patience in PyTorch = max(patience in Keras, 1) - 1"
    links = (
        "pytorch/pytorch#119763",
        "pytorch/pytorch#2545",
        "keras-team/keras#9541",
        "pytorch/pytorch#7151",
    )
    asked = 8
    words = "plateau one epoch late ReduceLROnPlateau patience off by one"

    def in_pytorch(mapped):
        options = plateau_to_torch(patience=3, min_delta=0.0) if mapped else {"patience": 3}
        return torch_plateau([1.0] * 9, **options)

    def in_keras(mapped):
        return keras_plateau([1.0] * 9, patience=3, min_delta=0.0)


class PlateauCooldown(Difference):
    """The last epoch of a cooldown counts as bad in Keras, and not in PyTorch.

    PyTorch rests one epoch longer.
    """

    pytorch = "bad epochs stay 0 through the whole cooldown"
    keras = "the cooldown ends, and that epoch counts already"
    mapping = "cooldown in PyTorch = max(cooldown in Keras - 1, 0)"
    links = (
        "pytorch/pytorch#2545",
        "keras-team/keras#3991",
    )
    asked = 3
    words = "plateau cooldown ReduceLROnPlateau late"

    def in_pytorch(mapped):
        options = plateau_to_torch(patience=2, cooldown=2, min_delta=0.0)
        return torch_plateau([1.0] * 12, **options if mapped else options | {"cooldown": 2})

    def in_keras(mapped):
        return keras_plateau([1.0] * 12, patience=2, cooldown=2, min_delta=0.0)


class PlateauThreshold(Difference):
    """The least gain is relative in PyTorch, absolute in Keras, both 1e-4 by default."""

    pytorch = "`threshold_mode='rel'`: below best * (1 - threshold)"
    keras = "`min_delta`: below best - min_delta"
    mapping = "`threshold_mode='abs'`"
    links = (
        "keras-team/keras#15863",
        "talmolab/sleap#2469",
        "allenai/allennlp#4173",
    )
    asked = 3
    words = "plateau threshold min_delta relative absolute ReduceLROnPlateau"

    def in_pytorch(mapped):
        losses = [100.0 - 0.005 * epoch for epoch in range(9)]
        return torch_plateau(losses, patience=1, threshold_mode="abs" if mapped else "rel")

    def in_keras(mapped):
        losses = [100.0 - 0.005 * epoch for epoch in range(9)]
        return keras_plateau(losses, patience=2)


class PlateauLeastChange(Difference):
    """PyTorch leaves out a reduction of the rate by less than 1e-8; Keras makes it."""

    pytorch = "`eps=1e-8`"
    keras = "none; `min_lr` alone"
    mapping = "`eps=0`"
    words = "plateau eps minimal decay learning rate stuck tiny"

    def in_pytorch(mapped):
        options = {"eps": 0.0} if mapped else {}
        return torch_plateau([1.0] * 4, lr=2.0**-27, patience=0, **options)[-1]

    def in_keras(mapped):
        return keras_plateau([1.0] * 4, lr=2.0**-27, patience=1)[-1]


class PlateauFirstNan(Difference):
    """A NaN at the first epoch counts as bad in PyTorch; in Keras it is the best for ever.

    Nothing is below NaN, so from then on no epoch is a gain.
    """

    pytorch = "the best stays infinite"
    keras = "the best becomes NaN"
    mapping = "leave epochs that are not finite out"
    words = "plateau nan first epoch best never improves"

    def in_pytorch(mapped):
        losses = [np.nan, *(1.0 / epoch for epoch in range(1, 9))]
        return torch_plateau(losses[1:] if mapped else losses, patience=1)

    def in_keras(mapped):
        losses = [np.nan, *(1.0 / epoch for epoch in range(1, 9))]
        return keras_plateau(losses[1:] if mapped else losses, patience=2)


class PlateauNegativeBest(Difference):
    """Below 0 PyTorch's relative threshold has the wrong sign: no change at all is a gain.

    It compares with best * (1 - threshold), which lies above a negative best.
    """

    pytorch = "of -1 again and again every epoch is better than -0.9999"
    keras = "absolute: none is"
    mapping = "`threshold_mode='abs'`"
    links = (
        "pytorch/pytorch#47513",
        "pytorch/pytorch#38622",
        "google-deepmind/optax#1767",
    )
    asked = 3
    words = "negative metric loss plateau relative threshold likelihood"

    def in_pytorch(mapped):
        return torch_plateau([-1.0] * 6, patience=1, threshold_mode="abs" if mapped else "rel")

    def in_keras(mapped):
        return keras_plateau([-1.0] * 6, patience=2)


class ScheduleFloat32(Difference):
    """Keras's schedules compute in float32 on TensorFlow, also where floatx is float64."""

    pytorch = "Python floats, float64"
    keras = "float32; on JAX and PyTorch floatx"
    mapping = "the formula in Python, `0.5 * lr * (1 + cos(pi * step / steps))`"
    differs = 1e-9
    backends = ("tensorflow",)
    words = "schedule precision float32 float64 floatx learning rate digits"

    def in_pytorch(mapped):
        return torch_rates(7, lambda o: lr_scheduler.CosineAnnealingLR(o, 7))

    def in_keras(mapped):
        if mapped:
            return [0.5 * 0.5 * (1 + np.cos(np.pi * step / 7)) for step in range(7)]
        return keras_rates(7, schedules.CosineDecay(0.5, 7))


class ScheduleRounding(Difference):
    """PyTorch multiplies the last rate, so rounding piles up; Keras takes the closed form."""

    pytorch = "`ExponentialLR`: lr = lr * gamma, step after step"
    keras = "lr * gamma**step"
    mapping = "`LambdaLR(optimizer, lambda step: gamma**step)`"
    differs = 1e-16
    bound = 0.0
    words = "ExponentialLR accumulates rounding recursive chainable closed form"

    def in_pytorch(mapped):
        if mapped:
            return torch_rates(400, lambda o: lr_scheduler.LambdaLR(o, lambda step: 0.99**step))[-1]
        return torch_rates(400, lambda o: lr_scheduler.ExponentialLR(o, 0.99))[-1]

    def in_keras(mapped):
        # As keras.optimizers.schedules.ExponentialDecay, which is in float32 on TensorFlow.
        return 0.5 * keras.ops.power(np.array(0.99), np.array(399.0))


class WarmRestartsDefault(Difference):
    """Warm restarts come at equal distances in PyTorch, and in Keras ever later."""

    pytorch = "`CosineAnnealingWarmRestarts(T_mult=1)`"
    keras = "`CosineDecayRestarts(t_mul=2.0)`: each cycle twice as long"
    mapping = "set `T_mult` or `t_mul`"
    bound = 1e-6
    because = "Keras computes its schedules in float32 on TensorFlow"
    words = "SGDR warm restarts T_mult t_mul cosine restart period doubles"

    def in_pytorch(mapped):
        return torch_rates(15, lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 3))

    def in_keras(mapped):
        options = {"t_mul": 1.0} if mapped else {}
        return keras_rates(15, schedules.CosineDecayRestarts(0.5, 3, **options))


class WarmRestartsRounding(Difference):
    """Keras finds a restart by a float32 logarithm, which gives some steps the rate 0 instead.

    Cycles of 1, 2, 4, ... steps: step 8191 begins the 14th, and Keras has the end of the 13th. On
    JAX and PyTorch that rests on how their logarithm rounds.
    """

    pytorch = "`CosineAnnealingWarmRestarts`: counts, and restarts on the step"
    keras = "`CosineDecayRestarts(first_decay_steps=1)`: the rate of step 8191 is 0"
    backends = ("tensorflow",)
    words = "SGDR CosineDecayRestarts restart late off by one rounding log float32 zero rate"

    def in_pytorch(mapped):
        cosine = lr_scheduler.CosineAnnealingWarmRestarts
        rates = torch_rates(8192, lambda optimizer: cosine(optimizer, 1, 2))
        return [rates[4095], rates[8191]]

    def in_keras(mapped):
        schedule = schedules.CosineDecayRestarts(0.5, 1)
        return [float(array(schedule(step))) for step in (4095, 8191)]


class OneCycleMomentum(Difference):
    """PyTorch's one-cycle schedule moves the momentum too; Keras has no such schedule."""

    pytorch = "`OneCycleLR(cycle_momentum=True)`: momentum falls while the rate rises"
    keras = "none; a callback may set `optimizer.momentum`, eagerly"
    mapping = "`cycle_momentum=False`"
    words = "one cycle super convergence OneCycleLR momentum"

    def in_pytorch(mapped):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.5, momentum=0.875)
        lr_scheduler.OneCycleLR(optimizer, 0.5, total_steps=10, cycle_momentum=not mapped)
        return optimizer.param_groups[0]["momentum"]

    def in_keras(mapped):
        return keras.optimizers.SGD(0.5, momentum=0.875).momentum
