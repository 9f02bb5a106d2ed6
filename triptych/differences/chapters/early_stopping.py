"""Early stopping. PyTorch has none: its side is Lightning's callback, or Ignite's."""

import logging

import keras
import numpy as np
import torch

from triptych.differences.entry import Difference
from triptych.differences.probe import lightning_callbacks, outcome
from triptych.translate import early_stopping_to_ignite, early_stopping_to_lightning


def keras_stop(values, monitor="loss", **options):
    """The epoch after which Keras stops, counted from 0; -1 if it does not."""
    callback = keras.callbacks.EarlyStopping(monitor, **{"mode": "min"} | options)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, value in enumerate(values):
        callback.on_epoch_end(epoch, {monitor: value})
        if model.stop_training:
            return epoch
    return -1


def lightning_stop(values, **options):
    """The same in Lightning."""
    callback = lightning_callbacks().EarlyStopping("loss", **options)
    for epoch, value in enumerate(values):
        # The rule itself: what the callback does with the number that a trainer has logged.
        if callback.check_finite and not np.isfinite(value):
            return epoch
        stop, _ = callback._evaluate_stopping_criteria(torch.tensor(value))
        if stop:
            return epoch
    return -1


def ignite_stop(values, *, sign=-1, **options):
    """The same in Ignite, whose score is to grow."""
    from ignite.engine import Engine
    from ignite.handlers import EarlyStopping

    logging.getLogger("ignite").setLevel(logging.WARNING)
    trainer = Engine(lambda engine, batch: None)
    evaluator = Engine(lambda engine, batch: batch)
    handler = EarlyStopping(
        score_function=lambda engine: sign * engine.state.output, trainer=trainer, **options
    )
    for epoch, value in enumerate(values):
        evaluator.run([value])
        handler(evaluator)
        if trainer.should_terminate:
            return epoch
    return -1


class EarlyStoppingDefaults(Difference):
    """Lightning waits 3 epochs by default; Keras stops at the first one without a gain."""

    pytorch = "Lightning's `EarlyStopping(patience=3)`"
    keras = "`EarlyStopping(patience=0)`, which stops where 1 does"
    mapping = "set `patience`"
    needs = ("pytorch_lightning",)
    links = (
        "keras-team/keras#17305",
        "keras-team/keras#8100",
        "Lightning-AI/pytorch-lightning#1699",
        "allenai/allennlp#1267",
    )
    asked = 7
    words = "early stopping patience default stops too early lightning"

    def in_pytorch(mapped):
        options = early_stopping_to_lightning(patience=2, mode="min") if mapped else {}
        return lightning_stop([1.0] * 9, **options)

    def in_keras(mapped):
        return keras_stop([1.0] * 9, **({"patience": 2} if mapped else {}))


class EarlyStoppingNan(Difference):
    """Lightning stops at the first NaN; Keras counts it as an epoch without a gain."""

    pytorch = "Lightning's `check_finite=True`"
    keras = "waits on; `TerminateOnNaN` stops, for the loss of a batch"
    mapping = "`check_finite=False`"
    needs = ("pytorch_lightning",)
    words = "early stopping nan check_finite diverged terminate"

    def in_pytorch(mapped):
        options = {"patience": 3, "check_finite": False} if mapped else {"patience": 3}
        return lightning_stop([1.0, np.nan, 0.5, 0.4], **options)

    def in_keras(mapped):
        return keras_stop([1.0, np.nan, 0.5, 0.4], patience=3)


class EarlyStoppingFirstNan(Difference):
    """A NaN at the first epoch is Keras's best for ever, and its weights are restored.

    Nothing is less than NaN, so Keras stops when its patience is over, whatever comes.
    """

    pytorch = "Lightning's best stays infinite, with `check_finite=False`"
    keras = "the best is NaN from then on"
    mapping = "leave epochs that are not finite out"
    needs = ("pytorch_lightning",)
    words = "early stopping nan first epoch best restore_best_weights"

    def in_pytorch(mapped):
        values = [np.nan, 1.0, 0.5, 0.4, 0.3, 0.2]
        return lightning_stop(values[mapped:], patience=3, check_finite=False)

    def in_keras(mapped):
        values = [np.nan, 1.0, 0.5, 0.4, 0.3, 0.2]
        return keras_stop(values[mapped:], patience=3)


class EarlyStoppingSmallGains(Difference):
    """Ignite's best follows gains below min_delta, Keras's does not.

    So many small gains in a row stop Ignite and not Keras.
    """

    pytorch = "Ignite's `cumulative_delta=False`"
    keras = "the best moves only with a gain of more than `min_delta`"
    mapping = "`cumulative_delta=True`"
    needs = ("ignite",)
    links = (
        "pytorch/ignite#685",
        "keras-team/keras#4360",
    )
    asked = 2
    words = "early stopping min_delta cumulative slow improvement ignite"

    def in_pytorch(mapped):
        values = [1.0 - 0.06 * epoch for epoch in range(12)]
        options = {"patience": 3, "min_delta": 0.1}
        if mapped:
            options = early_stopping_to_ignite(mode="min", **options)
        return ignite_stop(values, **options)

    def in_keras(mapped):
        values = [1.0 - 0.06 * epoch for epoch in range(12)]
        return keras_stop(values, patience=3, min_delta=0.1)


class EarlyStoppingBaseline(Difference):
    """Keras's baseline stops a run that stays above it, but not one that keeps improving.

    An epoch that is the best so far returns before the waiting is looked at. Lightning's
    stopping_threshold is the opposite: it stops a run that has become good enough.
    """

    pytorch = "Lightning's `stopping_threshold`: stop once it is beaten"
    keras = "`baseline`: stop where it has not been beaten, unless each epoch is the best"
    links = (
        "keras-team/keras#13860",
        "keras-team/keras#23559",
        "netket/netket#1947",
    )
    asked = 4
    words = "early stopping baseline threshold stop when accuracy reached"
    needs = ("pytorch_lightning",)

    def in_pytorch(mapped):
        values = [1.0 - 0.1 * epoch for epoch in range(9)]
        return lightning_stop(values, patience=3, stopping_threshold=0.55)

    def in_keras(mapped):
        values = [1.0 - 0.1 * epoch for epoch in range(9)]
        return keras_stop(values, patience=3, baseline=0.55)


class EarlyStoppingRestore(Difference):
    """Only Keras's callback can restore the best weights."""

    pytorch = "none: keep a copy of the best `state_dict`"
    keras = "`restore_best_weights=True`, also where the run was not stopped"
    mapping = "copy `state_dict` at each best epoch, load it at the end"
    links = (
        "keras-team/keras#12511",
        "keras-team/keras#16876",
        "tensorflow/tensorflow#35634",
        "keras-team/keras#11371",
    )
    asked = 7
    words = "restore_best_weights best model checkpoint last epoch weights"

    def in_pytorch(mapped):
        module = torch.nn.Linear(1, 1, bias=False)
        best, kept = np.inf, None
        for loss, weight in ((0.5, 1.0), (0.25, 2.0), (0.75, 3.0)):
            torch.nn.init.constant_(module.weight, weight)
            if loss < best:
                best, kept = loss, {k: v.clone() for k, v in module.state_dict().items()}
        if mapped:
            module.load_state_dict(kept)
        return module.weight

    def in_keras(mapped):
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
        model.compile("sgd", "mse")
        callback = keras.callbacks.EarlyStopping(
            "loss", 0, 9, mode="min", restore_best_weights=True
        )
        callback.set_model(model)
        callback.on_train_begin()
        for epoch, (loss, weight) in enumerate(((0.5, 1.0), (0.25, 2.0), (0.75, 3.0))):
            model.layers[0].kernel.assign([[weight]])
            callback.on_epoch_end(epoch, {"loss": loss})
        callback.on_train_end()
        return model.layers[0].kernel


class EarlyStoppingMode(Difference):
    """Keras guesses from a metric's name whether more is better, and refuses other names.

    Lightning minimizes unless it is told.
    """

    pytorch = "Lightning's `mode='min'`"
    keras = "`mode='auto'`: min for a loss, the metric's own direction, else ValueError"
    mapping = "say the mode"
    needs = ("pytorch_lightning",)
    links = (
        "keras-team/keras#18798",
        "keras-team/keras#17593",
        "tensorflow/tensorflow#44509",
        "fastai/fastai#2442",
    )
    asked = 8
    words = "early stopping mode auto max accuracy custom metric ValueError"

    def in_pytorch(mapped):
        return lightning_stop([0.5, 0.6, 0.7, 0.8], patience=2, mode="max" if mapped else "min")

    def in_keras(mapped):
        mode = "max" if mapped else "auto"
        return outcome(
            lambda: keras_stop([0.5, 0.6, 0.7, 0.8], "score", patience=2, mode=mode),
            "isn't able to",
        )


class EarlyStoppingFloat32(Difference):
    """Keras compares the values in float32: a gain of 1e-9 is none.

    On TensorFlow the comparison goes through its ops, which make a float32 of a Python number.
    """

    pytorch = "Lightning compares the tensors that were logged, in their own precision"
    keras = "rounded to float32"
    mapping = "log values that float32 tells apart: a loss in other units"
    needs = ("pytorch_lightning",)
    backends = ("tensorflow",)
    words = "early stopping tiny improvement precision float32 min_delta"

    def in_pytorch(mapped):
        values = [1.0 - (0.1 if mapped else 1e-9) * epoch for epoch in range(6)]
        return lightning_stop(values, patience=2)

    def in_keras(mapped):
        values = [1.0 - (0.1 if mapped else 1e-9) * epoch for epoch in range(6)]
        return keras_stop(values, patience=2)


class EarlyStoppingMissingMetric(Difference):
    """A metric that does not exist: Lightning raises, Keras warns and never stops."""

    pytorch = "Lightning's `strict=True`: RuntimeError"
    keras = "a warning at each epoch"
    mapping = "`strict=False`"
    needs = ("pytorch_lightning",)
    words = "early stopping conditioned on metric val_loss which is not available"

    def in_pytorch(mapped):
        callback = lightning_callbacks().EarlyStopping("val_loss", strict=not mapped)
        return outcome(
            lambda: int(callback._validate_condition_metric({"loss": torch.ones(())})),
            "Early stopping conditioned on metric",
        )

    def in_keras(mapped):
        callback = keras.callbacks.EarlyStopping("val_loss", mode="min")
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        callback.set_model(model)
        callback.on_train_begin()
        callback.on_epoch_end(0, {"loss": 1.0})
        return outcome(lambda: int(model.stop_training))
