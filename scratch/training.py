"""Training, evaluation and prediction with a model and a recipe.

    loss of a step = mean loss over the batch + l1 * sum(abs(w)) + l2 / 2 * sum(w**2)
    gradients      = those of this loss, scaled down to the global norm clip_norm if they exceed it

The visits of the training set in epoch e go in the orders that the stream (seed, "shuffle", e)
draws, so the three panels see the same batches. The validation loss has label smoothing and
penalties too, as Keras reports it. What clips, changes the learning rate or ends the run is a
watcher; ``triptych.common.watchers`` says when ``fit`` calls them. ``watchers`` are the user's own,
called after those of the recipe. A loss that is not finite ends its epoch, and weights that are not
finite end the run, unless ``terminate_on_nan`` is False; ``history.diverged`` says where.

Here: ``fit`` empties the ``grads`` of the layers before each step. A parameter that has no gradient
after ``backward``, or that a watcher takes out of ``run.grads``, is left as it is in that step.
"""

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np

from scratch.adaptive_clipping import AdaptiveClipping
from scratch.averaging import ExponentialMovingAverage, StochasticWeightAveraging
from scratch.early_stopping import EarlyStopping
from scratch.gradient_accumulation import GradientAccumulation
from scratch.gradient_clipping import GlobalNormClipping
from scratch.label_smoothing import (
    label_smoothing_cross_entropy,
    label_smoothing_cross_entropy_backward,
)
from scratch.layers import Layer, Sequential, layers_in
from scratch.losses import (
    binary_cross_entropy,
    binary_cross_entropy_backward,
    softmax_cross_entropy,
    softmax_cross_entropy_backward,
)
from scratch.mixing import Mixing
from scratch.one_cycle import OneCycle
from scratch.optimizers import SGD, Adam, AdamW
from scratch.penalties import L1, L2, total_penalty, total_penalty_backward
from scratch.rmsprop import RMSprop
from scratch.schedules import (
    CosineDecay,
    ExponentialDecay,
    MultiStepDecay,
    PolynomialDecay,
    ReduceOnPlateau,
    StepDecay,
)
from scratch.streams import permutation
from scratch.training_noise import GradientNoise, WeightNoise
from scratch.warm_restarts import WarmRestarts
from scratch.warmup import Warmup
from scratch.weight_constraints import MaxNorm, WeightConstraint
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
from triptych.common.watchers import Run, Watcher, check_watchers

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
    "plateau": ReduceOnPlateau,
}
AVERAGES = {"ema": ExponentialMovingAverage, "swa": StochasticWeightAveraging}
EVALUATION_BATCH = 1000

Loss = Callable[..., np.ndarray]


def batches(
    recipe: Recipe, examples: int, epoch: int, lengths: np.ndarray | None = None
) -> list[np.ndarray]:
    """The indices of each batch of an epoch, int64; of examples with ``lengths``, if that is given,
    those of like length together.
    """
    examples, epoch = _check_batches(recipe, examples, epoch)
    shape = (recipe.passes_per_epoch, examples)
    orders = permutation(Stream(recipe.seed, "shuffle", epoch), shape)
    starts = recipe.batch_starts(examples)
    if lengths is not None:
        orders = np.stack([by_length(order, lengths, recipe.batch_size) for order in orders])
    return [order[i : i + recipe.batch_size] for order in orders for i in starts]


def fit(
    model: Sequential,
    recipe: Recipe,
    dataset: Dataset,
    *,
    progress: bool = True,
    watchers: Sequence[Watcher] = (),
    terminate_on_nan: bool = True,
) -> History:
    """Train ``model`` in place, for ``recipe.epochs`` epochs or until a watcher ends the run."""
    _check_fit(model, recipe, dataset, progress, watchers, terminate_on_nan)
    watching = [*_watchers(recipe, len(dataset.x_train)), *watchers]
    x = dataset.x_train.astype(recipe.input_dtype, copy=False)
    y = dataset.y_train
    lengths = lengths_of(x) if recipe.by_length else None
    loss_function, loss_backward = _loss(recipe)
    penalties = _penalties(recipe)
    trained = list(model.parameters())
    options = recipe.optimizer_options([name for name, _, _ in trained])
    optimizer = OPTIMIZERS[recipe.optimizer](**options)
    history = History("scratch")
    run = Run(model, optimizer, history, inputs=x)
    start = time.perf_counter()
    for watcher in watching:
        watcher.before_training(run)
    steps = recipe.steps_per_epoch(len(x)) * recipe.epochs
    _keep_freed_memory()
    with progress_bar("scratch", steps, enabled=progress) as advance:
        for run.epoch in range(recipe.epochs):
            losses, sizes = [], []
            for batch in batches(recipe, len(x), run.epoch, lengths):
                for _, layer, _ in trained:
                    layer.grads.clear()  # those of the step before
                run.x, run.y = x[batch], y[batch]
                if lengths is not None:
                    run.x = run.x[:, : columns(run.x)]
                for watcher in watching:
                    watcher.before_step(run)
                logits = model.forward(run.x, training=True)
                loss = loss_function(logits, run.y)
                model.backward_parameters(loss_backward(logits, run.y))
                for penalty in penalties:
                    loss += total_penalty(model, penalty)
                    total_penalty_backward(model, penalty)
                run.grads = {
                    name: layer.grads[key] for name, layer, key in trained if key in layer.grads
                }
                for watcher in watching:
                    watcher.after_gradients(run)
                learning_rate = optimizer.learning_rate
                params = {name: layer.params[key] for name, layer, key in trained}
                optimizer.step({name: params[name] for name in run.grads}, run.grads)
                run.step += 1
                for watcher in watching:
                    watcher.after_step(run)
                losses.append(float(loss))
                sizes.append(len(batch))
                advance(f"epoch {run.epoch + 1}/{recipe.epochs}  loss {losses[-1]:.4f}")
                if terminate_on_nan and not math.isfinite(losses[-1]):
                    break
            for watcher in watching:
                watcher.before_validation(run)
            validation = evaluate(model, recipe, dataset.x_validation, dataset.y_validation)
            history.add_epoch(losses, sizes, *validation, learning_rate)
            if terminate_on_nan:
                history.diverged = divergence(run.step, losses[-1], model.arrays())
            for watcher in watching:
                watcher.after_epoch(run)
            if run.stop or history.diverged:
                break
    for watcher in watching:
        watcher.after_training(run)
    history.stopped_early = run.stop
    history.seconds = time.perf_counter() - start
    warn_of_divergence(history)
    return history


def evaluate(
    model: Sequential, recipe: Recipe, x: np.ndarray, y: np.ndarray
) -> tuple[float, float]:
    """Loss (penalties included) and accuracy in [0, 1], in inference mode."""
    _check_labels(model, recipe, x, y)
    logits = predict(model, recipe, x)
    loss = float(_loss(recipe)[0](logits, y))
    loss += sum(float(total_penalty(model, penalty)) for penalty in _penalties(recipe))
    predicted = logits.argmax(axis=1) if recipe.loss == "softmax" else logits[:, 0] > 0
    return loss, float(np.mean(predicted == y))


def predict(model: Layer, recipe: Recipe, x: np.ndarray) -> np.ndarray:
    """Logits of shape (N, outputs), in inference mode."""
    _check_examples(model, recipe, x)
    x = x.astype(recipe.input_dtype, copy=False)
    starts = range(0, len(x), EVALUATION_BATCH)
    return np.concatenate([model.forward(x[i : i + EVALUATION_BATCH]) for i in starts])


def _keep_freed_memory() -> None:
    """Have the C library keep what a step frees for the next one: 5 % of the time of a CNN's step.

    glibc gives free memory at the top of its heap back to the system once that is more than twice
    the largest block that was ever mapped and freed; of blocks above 32 MB it takes no notice.
    """
    np.empty(2**25 - 2**13, np.uint8)


def _loss(recipe: Recipe) -> tuple[Loss, Loss]:
    """The loss, and its gradient with respect to the logits."""
    if recipe.loss == "binary":
        return binary_cross_entropy, binary_cross_entropy_backward
    weights = np.array(recipe.class_weights, recipe.dtype) if recipe.class_weights else None
    if recipe.label_smoothing == 0:
        return (
            partial(softmax_cross_entropy, class_weights=weights),
            partial(softmax_cross_entropy_backward, class_weights=weights),
        )
    options: dict[str, Any] = {"smoothing": recipe.label_smoothing, "class_weights": weights}
    return (
        partial(label_smoothing_cross_entropy, **options),
        partial(label_smoothing_cross_entropy_backward, **options),
    )


def _watchers(recipe: Recipe, examples: int) -> list[Watcher]:
    """Those that the recipe asks for."""
    watchers: list[Watcher] = []
    if recipe.mixes:
        watchers.append(Mixing(**recipe.mixing_options()))
    if recipe.weight_noise > 0:
        watchers.append(WeightNoise(recipe.weight_noise, seed=recipe.seed, name="weight_noise"))
    if recipe.accumulate > 1:
        watchers.append(GradientAccumulation(recipe.accumulate))
    if recipe.gradient_noise > 0:
        noise = GradientNoise(recipe.gradient_noise, seed=recipe.seed, name="gradient_noise")
        watchers.append(noise)
    if recipe.adaptive_clip < math.inf:
        watchers.append(AdaptiveClipping(recipe.adaptive_clip))
    if recipe.clips_gradients:
        watchers.append(GlobalNormClipping(recipe.clip_norm))
    if recipe.schedule is not None:
        schedule = SCHEDULES[recipe.schedule.kind](**recipe.schedule_options(examples))
        warmup = recipe.warmup_steps(examples)
        watchers.append(Warmup(schedule, steps=warmup) if warmup > 0 else schedule)
    if recipe.max_norm < math.inf:
        watchers.append(WeightConstraint(MaxNorm(recipe.max_norm)))
    if recipe.averaging is not None:
        watchers.append(AVERAGES[recipe.averaging.kind](**recipe.averaging_options()))
    if recipe.early_stopping is not None:
        watchers.append(EarlyStopping(**asdict(recipe.early_stopping)))
    return watchers


def _penalties(recipe: Recipe) -> list[L1 | L2]:
    both: list[L1 | L2] = [L1(recipe.l1), L2(recipe.l2)]
    return [penalty for penalty in both if penalty.strength > 0]


def _check_batches(recipe: Recipe, examples: int, epoch: int) -> tuple[int, int]:
    check_kind("recipe", recipe, Recipe)
    return check_size("examples", examples), check_integer("epoch", epoch, maximum=2**63 - 1)


def _check_fit(
    model: Layer,
    recipe: Recipe,
    dataset: Dataset,
    progress: bool,
    watchers: Sequence[Watcher],
    terminate_on_nan: bool,
) -> None:
    check_model(model, Layer)
    check_kind("recipe", recipe, Recipe)
    check_kind("dataset", dataset, Dataset)
    check_flag("progress", progress)
    check_flag("terminate_on_nan", terminate_on_nan)
    check_watchers(watchers)
    check_streams(layers_in(model))
    recipe.check_dataset(dataset)
    _check_last_batch(model, recipe, dataset)


@own_arrays
def _check_examples(model: Layer, recipe: Recipe, x: np.ndarray) -> None:
    check_model(model, Layer)
    check_kind("recipe", recipe, Recipe)
    check_examples(x, recipe.input_shape, recipe.vocabulary)


@own_arrays
def _check_labels(model: Layer, recipe: Recipe, x: np.ndarray, y: np.ndarray) -> None:
    _check_examples(model, recipe, x)
    check_labels((None, recipe.outputs), y, binary=recipe.loss == "binary", name="y")
    check_counts(len(x), len(y), "x")


def _check_last_batch(model: Layer, recipe: Recipe, dataset: Dataset) -> None:
    x = dataset.x_train[:1].astype(recipe.input_dtype)
    if recipe.last_batch(len(dataset.x_train)) == 1:
        copied = copy.deepcopy(model)
        call = partial(copied.forward, x, training=True)
        check_one_row(call, len(dataset.x_train), recipe.batch_size)
