"""Training, evaluation and prediction with a model and a recipe.

    loss of a step = mean loss over the batch + l1 * sum(abs(w)) + l2 / 2 * sum(w**2)
    gradients      = those of this loss, scaled down to the global norm clip_norm if they exceed it

The visits of the training set in epoch e go in the orders that the stream (seed, "shuffle", e)
draws, so the three panels see the same batches. The validation loss has label smoothing and
penalties too, as Keras reports it.
"""

import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial

import numpy as np

from scratch.early_stopping import EarlyStopping
from scratch.gradient_clipping import clip_by_global_norm
from scratch.label_smoothing import (
    label_smoothing_cross_entropy,
    label_smoothing_cross_entropy_backward,
)
from scratch.layers import Layer, Sequential
from scratch.losses import (
    binary_cross_entropy,
    binary_cross_entropy_backward,
    softmax_cross_entropy,
    softmax_cross_entropy_backward,
)
from scratch.optimizers import SGD, Adam, AdamW
from scratch.penalties import L1, L2, total_penalty, total_penalty_backward
from scratch.schedules import CosineDecay, ExponentialDecay, ReduceOnPlateau, StepDecay
from scratch.streams import permutation
from triptych.common.checks import check_examples
from triptych.common.datasets import Dataset
from triptych.common.history import History
from triptych.common.progress import progress_bar
from triptych.common.recipes import Recipe
from triptych.common.streams import Stream

__all__ = ["batches", "fit", "evaluate", "predict"]

OPTIMIZERS = {"sgd": SGD, "adam": Adam, "adamw": AdamW}
SCHEDULES = {"step": StepDecay, "exponential": ExponentialDecay, "cosine": CosineDecay}
EVALUATION_BATCH = 1000

Loss = Callable[..., np.ndarray]


def batches(recipe: Recipe, examples: int, epoch: int) -> list[np.ndarray]:
    """The indices of each batch of an epoch, int64."""
    shape = (recipe.passes_per_epoch, examples)
    orders = permutation(Stream(recipe.seed, "shuffle", epoch), shape)
    starts = recipe.batch_starts(examples)
    return [order[i : i + recipe.batch_size] for order in orders for i in starts]


def fit(model: Sequential, recipe: Recipe, dataset: Dataset, *, progress: bool = True) -> History:
    """Train ``model`` in place, for ``recipe.epochs`` epochs or until early stopping."""
    recipe.check_dataset(dataset)
    x = dataset.x_train.astype(recipe.dtype, copy=False)
    y = dataset.y_train
    loss_function, loss_backward = _loss(recipe)
    penalties = _penalties(recipe)
    optimizer = OPTIMIZERS[recipe.optimizer](**recipe.optimizer_options())
    schedule, plateau = _schedule(recipe, len(x))
    rule = recipe.early_stopping
    stopping = None if rule is None else EarlyStopping(**asdict(rule))
    history = History("scratch")
    start = time.perf_counter()
    steps = recipe.steps_per_epoch(len(x)) * recipe.epochs
    _keep_freed_memory()
    with progress_bar("scratch", steps, enabled=progress) as advance:
        for epoch in range(recipe.epochs):
            losses, sizes = [], []
            for batch in batches(recipe, len(x), epoch):
                logits = model.forward(x[batch], training=True)
                loss = loss_function(logits, y[batch])
                model.backward_parameters(loss_backward(logits, y[batch]))
                for penalty in penalties:
                    loss += total_penalty(model, penalty)
                    total_penalty_backward(model, penalty)
                params, grads = {}, {}
                for name, layer, key in model.parameters():
                    params[name], grads[name] = layer.params[key], layer.grads[key]
                if recipe.clips_gradients:
                    clipped, norm = clip_by_global_norm(list(grads.values()), recipe.clip_norm)
                    grads = dict(zip(grads, clipped, strict=True))
                    history.gradient_norm.append(float(norm))
                if schedule is not None:
                    optimizer.learning_rate = schedule(int(optimizer.state["step"]))
                optimizer.step(params, grads)
                losses.append(float(loss))
                sizes.append(len(batch))
                advance(f"epoch {epoch + 1}/{recipe.epochs}  loss {losses[-1]:.4f}")
            validation = evaluate(model, recipe, dataset.x_validation, dataset.y_validation)
            history.add_epoch(losses, sizes, *validation, optimizer.learning_rate)
            if plateau is not None:
                plateau.update(epoch, validation[0], optimizer)
            if stopping is not None:
                value = getattr(history, stopping.monitor)[-1]
                if stopping.update(epoch, value, model):
                    history.stopped_early = True
                    break
    if stopping is not None:
        stopping.restore(model)
        history.best_epoch = stopping.best_epoch
    history.seconds = time.perf_counter() - start
    return history


def evaluate(
    model: Sequential, recipe: Recipe, x: np.ndarray, y: np.ndarray
) -> tuple[float, float]:
    """Loss (penalties included) and accuracy in [0, 1], in inference mode."""
    logits = predict(model, recipe, x)
    loss = float(_loss(recipe)[0](logits, y))
    loss += sum(float(total_penalty(model, penalty)) for penalty in _penalties(recipe))
    predicted = logits.argmax(axis=1) if recipe.loss == "softmax" else logits[:, 0] > 0
    return loss, float(np.mean(predicted == y))


def predict(model: Layer, recipe: Recipe, x: np.ndarray) -> np.ndarray:
    """Logits of shape (N, outputs), in inference mode."""
    check_examples(x, recipe.input_shape)
    x = x.astype(recipe.dtype, copy=False)
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
    if recipe.label_smoothing == 0:
        return softmax_cross_entropy, softmax_cross_entropy_backward
    return (
        partial(label_smoothing_cross_entropy, smoothing=recipe.label_smoothing),
        partial(label_smoothing_cross_entropy_backward, smoothing=recipe.label_smoothing),
    )


def _schedule(
    recipe: Recipe, examples: int
) -> tuple[Callable[[int], float] | None, ReduceOnPlateau | None]:
    """What sets the learning rate before each step, or after each epoch."""
    options = recipe.schedule_options(examples)
    if recipe.schedule is None:
        return None, None
    if recipe.schedule.kind == "plateau":
        return None, ReduceOnPlateau(**options)
    return SCHEDULES[recipe.schedule.kind](**options), None


def _penalties(recipe: Recipe) -> list[L1 | L2]:
    both: list[L1 | L2] = [L1(recipe.l1), L2(recipe.l2)]
    return [penalty for penalty in both if penalty.strength > 0]
