"""Training, evaluation and prediction with a model and a recipe.

    loss of a step = mean loss over the batch + l1 * sum(abs(w)) + l2 / 2 * sum(w**2)
    gradients      = those of this loss, scaled down to the global norm clip_norm if they exceed it

The visits of the training set in epoch e go in the orders that the stream (seed, "shuffle", e)
draws, so the three panels see the same batches. The validation loss has label smoothing and
penalties too, as Keras reports it. What clips, changes the learning rate or ends the run is a
watcher; ``triptych.common.watchers`` says when ``fit`` calls them. ``watchers`` are the user's own,
called after those of the recipe. A loss that is not finite ends its epoch, and weights that are not
finite end the run, unless ``terminate_on_nan`` is False; ``history.diverged`` says where.

Here: the penalties are the kernel regularizers of the model; the optimizer clips and asks a
schedule for its rate; other watchers are Keras's callbacks.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import keras
import numpy as np
from keras.callbacks import Callback
from keras.optimizers.schedules import LearningRateSchedule

from keras_impl.adaptive_clipping import AdaptiveClipping
from keras_impl.averaging import ExponentialMovingAverage, StochasticWeightAveraging
from keras_impl.early_stopping import LOGGED_AS, EarlyStopping
from keras_impl.gradient_clipping import GradientNorms
from keras_impl.label_smoothing import label_smoothing_cross_entropy
from keras_impl.losses import binary_cross_entropy, softmax_cross_entropy
from keras_impl.mixing import Mixing
from keras_impl.one_cycle import OneCycle
from keras_impl.optimizers import SGD, Adam, AdamW, parameter_name
from keras_impl.precision import floatx
from keras_impl.rmsprop import RMSprop
from keras_impl.schedules import (
    CosineDecay,
    ExponentialDecay,
    MultiStepDecay,
    PolynomialDecay,
    ReduceOnPlateau,
    StepDecay,
)
from keras_impl.streams import permutation
from keras_impl.training_noise import GradientNoise, WeightNoise
from keras_impl.warm_restarts import WarmRestarts
from keras_impl.warmup import Warmup
from keras_impl.weight_constraints import MaxNorm, WeightConstraint
from triptych.common.checks import (
    check_counts,
    check_examples,
    check_flag,
    check_integer,
    check_kind,
    check_labels,
    check_model,
    check_one_row,
    check_size,
    own_arrays,
)
from triptych.common.datasets import Dataset
from triptych.common.divergence import divergence, warn_of_divergence
from triptych.common.history import History
from triptych.common.names import check_streams
from triptych.common.progress import progress_bar
from triptych.common.recipes import Recipe
from triptych.common.streams import Stream
from triptych.common.text import by_length, columns, lengths_of
from triptych.common.watchers import check_watchers

__all__ = ["batches", "fit", "evaluate", "predict"]

OPTIMIZERS = {"sgd": SGD, "rmsprop": RMSprop, "adam": Adam, "adamw": AdamW}
SCHEDULES = {
    "step": StepDecay,
    "multi_step": MultiStepDecay,
    "exponential": ExponentialDecay,
    "cosine": CosineDecay,
    "polynomial": PolynomialDecay,
    "warm_restarts": WarmRestarts,
    "one_cycle": OneCycle,
}
AVERAGES = {"ema": ExponentialMovingAverage, "swa": StochasticWeightAveraging}
EVALUATION_BATCH = 1000


def batches(
    recipe: Recipe, examples: int, epoch: int, lengths: np.ndarray | None = None
) -> list[np.ndarray]:
    """The indices of each batch of an epoch, int64; of examples with ``lengths``, if that is given,
    those of like length together.
    """
    examples, epoch = _check_batches(recipe, examples, epoch)
    shape = (recipe.passes_per_epoch, examples)
    orders = keras.ops.convert_to_numpy(permutation(Stream(recipe.seed, "shuffle", epoch), shape))
    starts = recipe.batch_starts(examples)
    if lengths is not None:
        orders = np.stack([by_length(order, lengths, recipe.batch_size) for order in orders])
    return [order[i : i + recipe.batch_size] for order in orders for i in starts]


def fit(
    model: keras.Model,
    recipe: Recipe,
    dataset: Dataset,
    *,
    progress: bool = True,
    watchers: Sequence[Callback] = (),
    terminate_on_nan: bool = True,
) -> History:
    """Train ``model`` in place, for ``recipe.epochs`` epochs or until a watcher ends the run."""
    _check_fit(model, recipe, dataset, progress, watchers, terminate_on_nan)
    transforms = _transforms(recipe)
    watching = [*_watchers(recipe, len(dataset.x_train), transforms), *watchers]
    with floatx(recipe.dtype):
        x = dataset.x_train.astype(recipe.input_dtype, copy=False)
        y = dataset.y_train
        lengths = lengths_of(x) if recipe.by_length else None
        _compile(model, recipe, len(x), transforms)
        history = History("keras")
        steps = recipe.steps_per_epoch(len(x))
        about: dict[str, Any] = {"epochs": recipe.epochs, "steps": steps, "verbose": 0}
        about |= {"history": history, "inputs": x}
        callbacks = keras.callbacks.CallbackList(watching, model=model, **about)
        start = time.perf_counter()
        with progress_bar("keras", steps * recipe.epochs, enabled=progress) as advance:
            model.stop_training = False
            callbacks.on_train_begin()
            for epoch in range(recipe.epochs):
                callbacks.on_epoch_begin(epoch)
                losses, sizes = [], []
                for step, batch in enumerate(batches(recipe, len(x), epoch, lengths)):
                    given = {"x": x[batch], "y": y[batch]}
                    if lengths is not None:
                        given["x"] = given["x"][:, : columns(given["x"])]
                    for callback in watching:  # one by one: the list may call in another thread
                        callback.on_train_batch_begin(step, given)
                    # Not ``model.fit``: it reads the batches of a PyDataset in another thread, as
                    # TensorFlow does with a generator, which makes a step up to 1.2 times as long.
                    loss = float(model.train_on_batch(**given, return_dict=True)["loss"])
                    for callback in watching:
                        callback.on_train_batch_end(step, {"loss": loss})
                    losses.append(loss)
                    sizes.append(len(batch))
                    advance(f"epoch {epoch + 1}/{recipe.epochs}  loss {loss:.4f}")
                    if terminate_on_nan and not math.isfinite(losses[-1]):
                        break
                callbacks.on_test_begin()
                validation = evaluate(model, recipe, dataset.x_validation, dataset.y_validation)
                history.add_epoch(losses, sizes, *validation, _last_learning_rate(model.optimizer))
                if terminate_on_nan:
                    weights = ((weight.path, weight.value) for weight in model.weights)
                    history.diverged = divergence(len(history.step_loss), losses[-1], weights)
                logs = {"loss": history.loss[-1]}
                logs |= {LOGGED_AS[name]: getattr(history, name)[-1] for name in LOGGED_AS}
                callbacks.on_epoch_end(epoch, logs)
                if model.stop_training or history.diverged:
                    break
            callbacks.on_train_end(logs)
        history.stopped_early = model.stop_training
        history.seconds = time.perf_counter() - start
    warn_of_divergence(history)
    return history


def evaluate(
    model: keras.Model, recipe: Recipe, x: np.ndarray, y: np.ndarray
) -> tuple[float, float]:
    """Loss (penalties included) and accuracy in [0, 1], in inference mode."""
    _check_labels(model, recipe, x, y)
    logits = predict(model, recipe, x)
    with floatx(recipe.dtype):
        loss = _loss(recipe)(keras.ops.convert_to_tensor(logits, dtype=recipe.dtype), y)
        loss = float(keras.ops.convert_to_numpy(loss + sum(model.losses)))
    predicted = logits.argmax(axis=1) if recipe.loss == "softmax" else logits[:, 0] > 0
    return loss, float(np.mean(predicted == y))


def predict(model: keras.Model, recipe: Recipe, x: np.ndarray) -> np.ndarray:
    """Logits of shape (N, outputs), in inference mode."""
    _check_examples(model, recipe, x)
    parts = [x[i : i + EVALUATION_BATCH] for i in range(0, len(x), EVALUATION_BATCH)]
    with floatx(recipe.dtype):
        tensors = [keras.ops.convert_to_tensor(part, dtype=recipe.input_dtype) for part in parts]
        logits = [keras.ops.convert_to_numpy(model(x, training=False)) for x in tensors]
    return np.concatenate(logits)


def _loss(recipe: Recipe) -> Callable[[Any, Any], Any]:
    if recipe.loss == "binary":
        return binary_cross_entropy
    weights = None
    if recipe.class_weights:
        weights = keras.ops.convert_to_tensor(recipe.class_weights, recipe.dtype)
    if recipe.label_smoothing == 0:
        return partial(softmax_cross_entropy, class_weights=weights)
    options: dict[str, Any] = {"smoothing": recipe.label_smoothing, "class_weights": weights}
    return partial(label_smoothing_cross_entropy, **options)


class OwnLoss(keras.losses.Loss):
    """The loss of a recipe as ``model.compile`` wants one."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(reduction=None)
        self.recipe = recipe

    def call(self, y_true: Any, y_pred: Any) -> Any:
        if not self.recipe.mixes:
            y_true = keras.ops.cast(y_true, "int64")  # Keras hands them over as floats
        return _loss(self.recipe)(y_pred, y_true)


def _last_learning_rate(optimizer: keras.optimizers.Optimizer) -> float:
    """Of the last step; ``optimizer.learning_rate`` is that of the next one."""
    schedule, rate = optimizer._learning_rate, optimizer.learning_rate
    if isinstance(schedule, LearningRateSchedule):
        rate = schedule(optimizer._iterations - 1)  # batches: ``iterations`` counts updates
    return float(keras.ops.convert_to_numpy(rate))


def _compile(model: keras.Model, recipe: Recipe, examples: int, transforms: list[Any]) -> None:
    if recipe.loss == "softmax":
        loss: keras.losses.Loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    else:
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
    if recipe.label_smoothing > 0 or recipe.class_weights or recipe.mixes:
        loss = OwnLoss(recipe)
    names = [parameter_name(variable) for variable in model.trainable_variables]
    options = recipe.optimizer_options(names) | {"transforms": transforms}
    if recipe.accumulate > 1:
        options["gradient_accumulation_steps"] = recipe.accumulate
    if recipe.clips_gradients:
        options["global_clipnorm"] = recipe.clip_norm
    if recipe.schedule is not None and recipe.schedule.kind in SCHEDULES:
        schedule = SCHEDULES[recipe.schedule.kind](**recipe.schedule_options(examples))
        warmup = recipe.warmup_steps(examples)
        options["learning_rate"] = Warmup(schedule, steps=warmup) if warmup > 0 else schedule
    optimizer = OPTIMIZERS[recipe.optimizer](**options)
    # TensorFlow traces a step twice in which the optimizer makes its variables.
    optimizer.build(model.trainable_variables)
    model.compile(optimizer=optimizer, loss=loss)


def _transforms(recipe: Recipe) -> list[Any]:
    """What the optimizer does with the gradients before it clips them."""
    transforms: list[Any] = []
    if recipe.weight_noise > 0:
        transforms.append(WeightNoise(recipe.weight_noise, seed=recipe.seed, name="weight_noise"))
    if recipe.gradient_noise > 0:
        noise = GradientNoise(recipe.gradient_noise, seed=recipe.seed, name="gradient_noise")
        transforms.append(noise)
    if recipe.adaptive_clip < math.inf:
        transforms.append(AdaptiveClipping(recipe.adaptive_clip))
    return transforms


def _watchers(recipe: Recipe, examples: int, transforms: list[Any]) -> list[Callback]:
    """Those that the recipe asks for and that are no arguments of the optimizer alone."""
    watchers: list[Callback] = []
    if recipe.mixes:
        watchers.append(Mixing(**recipe.mixing_options()))
    watchers += [transform for transform in transforms if isinstance(transform, Callback)]
    if recipe.clips_gradients:
        watchers.append(GradientNorms())
    if recipe.schedule is not None and recipe.schedule.kind == "plateau":
        watchers.append(ReduceOnPlateau(**recipe.schedule_options(examples)))
    if recipe.max_norm < math.inf:
        watchers.append(WeightConstraint(MaxNorm(recipe.max_norm)))
    if recipe.averaging is not None:
        watchers.append(AVERAGES[recipe.averaging.kind](**recipe.averaging_options()))
    if recipe.early_stopping is not None:
        watchers.append(EarlyStopping(**asdict(recipe.early_stopping)))
    return watchers


def _check_batches(recipe: Recipe, examples: int, epoch: int) -> tuple[int, int]:
    check_kind("recipe", recipe, Recipe)
    return check_size("examples", examples), check_integer("epoch", epoch, maximum=2**63 - 1)


def _check_fit(
    model: keras.Model,
    recipe: Recipe,
    dataset: Dataset,
    progress: bool,
    watchers: Sequence[Any],
    terminate_on_nan: bool,
) -> None:
    check_model(model, keras.Model)
    check_kind("recipe", recipe, Recipe)
    check_kind("dataset", dataset, Dataset)
    check_flag("progress", progress)
    check_flag("terminate_on_nan", terminate_on_nan)
    check_watchers(watchers, Callback)
    check_streams(model._flatten_layers())
    recipe.check_dataset(dataset)
    _check_last_batch(model, recipe, dataset)


@own_arrays
def _check_examples(model: keras.Model, recipe: Recipe, x: np.ndarray) -> None:
    check_model(model, keras.Model)
    check_kind("recipe", recipe, Recipe)
    check_examples(x, recipe.input_shape, recipe.vocabulary)


@own_arrays
def _check_labels(model: keras.Model, recipe: Recipe, x: np.ndarray, y: np.ndarray) -> None:
    _check_examples(model, recipe, x)
    check_labels((None, recipe.outputs), y, binary=recipe.loss == "binary", name="y")
    check_counts(len(x), len(y), "x")


def _check_last_batch(model: keras.Model, recipe: Recipe, dataset: Dataset) -> None:
    x = dataset.x_train[:1].astype(recipe.input_dtype)
    if recipe.last_batch(len(dataset.x_train)) == 1:
        model(x)  # which builds it
        state = [(variable, variable.numpy()) for variable in model.variables]
        call = partial(model, x, training=True)
        try:
            check_one_row(call, len(dataset.x_train), recipe.batch_size)
        finally:
            for variable, value in state:
                variable.assign(value)
