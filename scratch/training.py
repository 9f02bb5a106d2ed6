"""Training, evaluation and prediction with a model and a recipe.

    loss of a step = mean loss over the batch + l1 * sum(abs(w)) + l2 / 2 * sum(w**2)

The visits of the training set in epoch e go in the orders that the stream (seed, "shuffle", e)
draws, so the three panels see the same batches. The validation loss has the penalties too,
as Keras reports it.
"""

import time
from dataclasses import asdict

import numpy as np

from common.checks import check_examples
from common.datasets import Dataset
from common.history import History
from common.progress import progress_bar
from common.recipes import Recipe
from common.streams import Stream
from scratch.early_stopping import EarlyStopping
from scratch.layers import Layer, Sequential
from scratch.losses import (
    binary_cross_entropy,
    binary_cross_entropy_backward,
    softmax_cross_entropy,
    softmax_cross_entropy_backward,
)
from scratch.optimizers import SGD, Adam, AdamW
from scratch.penalties import L1, L2, total_penalty, total_penalty_backward
from scratch.streams import permutation

__all__ = ["batches", "fit", "evaluate", "predict"]

LOSSES = {
    "softmax": (softmax_cross_entropy, softmax_cross_entropy_backward),
    "binary": (binary_cross_entropy, binary_cross_entropy_backward),
}
OPTIMIZERS = {"sgd": SGD, "adam": Adam, "adamw": AdamW}
EVALUATION_BATCH = 1000


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
    loss_function, loss_backward = LOSSES[recipe.loss]
    penalties = _penalties(recipe)
    optimizer = OPTIMIZERS[recipe.optimizer](**recipe.optimizer_options())
    rule = recipe.early_stopping
    stopping = None if rule is None else EarlyStopping(**asdict(rule))
    history = History("scratch")
    start = time.perf_counter()
    steps = recipe.steps_per_epoch(len(x)) * recipe.epochs
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
                optimizer.step(params, grads)
                losses.append(float(loss))
                sizes.append(len(batch))
                advance(f"epoch {epoch + 1}/{recipe.epochs}  loss {losses[-1]:.4f}")
            validation = evaluate(model, recipe, dataset.x_validation, dataset.y_validation)
            history.add_epoch(losses, sizes, *validation)
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
    loss = float(LOSSES[recipe.loss][0](logits, y))
    loss += sum(float(total_penalty(model, penalty)) for penalty in _penalties(recipe))
    predicted = logits.argmax(axis=1) if recipe.loss == "softmax" else logits[:, 0] > 0
    return loss, float(np.mean(predicted == y))


def predict(model: Layer, recipe: Recipe, x: np.ndarray) -> np.ndarray:
    """Logits of shape (N, outputs), in inference mode."""
    check_examples(x.shape, str(x.dtype), recipe.input_shape)
    x = x.astype(recipe.dtype, copy=False)
    starts = range(0, len(x), EVALUATION_BATCH)
    return np.concatenate([model.forward(x[i : i + EVALUATION_BATCH]) for i in starts])


def _penalties(recipe: Recipe) -> list[L1 | L2]:
    both: list[L1 | L2] = [L1(recipe.l1), L2(recipe.l2)]
    return [penalty for penalty in both if penalty.strength > 0]
