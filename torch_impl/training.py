"""Training, evaluation and prediction with a model and a recipe.

    loss of a step = mean loss over the batch + l1 * sum(abs(w)) + l2 / 2 * sum(w**2)
    gradients      = those of this loss, scaled down to the global norm clip_norm if they exceed it

The visits of the training set in epoch e go in the orders that the stream (seed, "shuffle", e)
draws, so the three panels see the same batches. The validation loss has label smoothing and
penalties too, as Keras reports it.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial

import numpy as np
import torch
from torch import nn
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader, Sampler, TensorDataset

from torch_impl.early_stopping import EarlyStopping
from torch_impl.gradient_clipping import clip_by_global_norm
from torch_impl.label_smoothing import label_smoothing_cross_entropy
from torch_impl.losses import binary_cross_entropy, softmax_cross_entropy
from torch_impl.optimizers import SGD, Adam, AdamW
from torch_impl.penalties import L1, L2, total_penalty
from torch_impl.schedules import CosineDecay, ExponentialDecay, ReduceOnPlateau, StepDecay
from torch_impl.streams import permutation
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

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def batches(recipe: Recipe, examples: int, epoch: int) -> list[torch.Tensor]:
    """The indices of each batch of an epoch, int64."""
    shape = (recipe.passes_per_epoch, examples)
    orders = permutation(Stream(recipe.seed, "shuffle", epoch), shape)
    starts = recipe.batch_starts(examples)
    return [order[i : i + recipe.batch_size] for order in orders for i in starts]


class StreamOrder(Sampler[torch.Tensor]):
    """The batches of an epoch; every pass through the loader is the next epoch."""

    def __init__(self, recipe: Recipe, examples: int) -> None:
        self.recipe, self.examples, self.epoch = recipe, examples, 0

    def __len__(self) -> int:
        return self.recipe.steps_per_epoch(self.examples)

    def __iter__(self) -> Iterator[torch.Tensor]:
        self.epoch += 1
        return iter(batches(self.recipe, self.examples, self.epoch - 1))


def fit(model: nn.Module, recipe: Recipe, dataset: Dataset, *, progress: bool = True) -> History:
    """Train ``model`` in place, for ``recipe.epochs`` epochs or until early stopping."""
    recipe.check_dataset(dataset)
    x = torch.from_numpy(dataset.x_train.astype(recipe.dtype, copy=False))
    y = torch.from_numpy(dataset.y_train)
    loader = DataLoader(
        TensorDataset(x, y),
        sampler=StreamOrder(recipe, len(x)),
        batch_size=None,  # the data set is indexed with a whole batch at once, not row by row
        generator=torch.Generator(),  # else each pass takes a seed from PyTorch's global one
    )
    device = next(model.parameters()).device
    loss_function = _loss(recipe)
    penalties = _penalties(recipe)
    optimizer = OPTIMIZERS[recipe.optimizer](model.named_parameters(), **recipe.optimizer_options())
    schedule, plateau = _schedule(recipe, len(x), optimizer)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    rule = recipe.early_stopping
    stopping = None if rule is None else EarlyStopping(**asdict(rule))
    history = History("torch")
    start = time.perf_counter()
    with progress_bar("torch", len(loader) * recipe.epochs, enabled=progress) as advance:
        for epoch in range(recipe.epochs):
            model.train()
            losses, sizes = [], []
            for images, labels in loader:
                logits = model(images.to(device))
                loss = loss_function(logits, labels.to(device))
                loss = loss + sum(total_penalty(model, penalty) for penalty in penalties)
                optimizer.zero_grad()
                loss.backward()
                if recipe.clips_gradients:
                    grads = [parameter.grad for parameter in trained if parameter.grad is not None]
                    clipped, norm = clip_by_global_norm(grads, recipe.clip_norm)
                    for parameter, grad in zip(trained, clipped, strict=True):
                        parameter.grad = grad
                    history.gradient_norm.append(norm.item())
                learning_rate = optimizer.param_groups[0]["lr"]
                optimizer.step()
                if schedule is not None:
                    schedule.step()
                losses.append(loss.item())
                sizes.append(len(labels))
                advance(f"epoch {epoch + 1}/{recipe.epochs}  loss {losses[-1]:.4f}")
            validation = evaluate(model, recipe, dataset.x_validation, dataset.y_validation)
            history.add_epoch(losses, sizes, *validation, learning_rate)
            if plateau is not None:
                plateau.step(validation[0])
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


def evaluate(model: nn.Module, recipe: Recipe, x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Loss (penalties included) and accuracy in [0, 1], in inference mode."""
    logits = torch.from_numpy(predict(model, recipe, x))
    labels = torch.from_numpy(y)
    with torch.no_grad():
        loss = _loss(recipe)(logits, labels)
        loss = loss + sum(total_penalty(model, penalty) for penalty in _penalties(recipe))
    predicted = logits.argmax(dim=1) if recipe.loss == "softmax" else logits[:, 0] > 0
    return loss.item(), (predicted == labels).double().mean().item()


@torch.no_grad()
def predict(model: nn.Module, recipe: Recipe, x: np.ndarray) -> np.ndarray:
    """Logits of shape (N, outputs), in inference mode."""
    check_examples(x, recipe.input_shape)
    training = model.training
    model.eval()
    device = next(model.parameters()).device
    parts = torch.from_numpy(x.astype(recipe.dtype, copy=False)).split(EVALUATION_BATCH)
    logits = torch.cat([model(part.to(device)).cpu() for part in parts])
    model.train(training)
    return logits.numpy()


def _loss(recipe: Recipe) -> Loss:
    if recipe.loss == "binary":
        return binary_cross_entropy
    if recipe.label_smoothing == 0:
        return softmax_cross_entropy
    return partial(label_smoothing_cross_entropy, smoothing=recipe.label_smoothing)


def _schedule(
    recipe: Recipe, examples: int, optimizer: torch.optim.Optimizer
) -> tuple[LRScheduler | None, ReduceOnPlateau | None]:
    """What sets the learning rate after each step, or after each epoch."""
    options = recipe.schedule_options(examples)
    if recipe.schedule is None:
        return None, None
    if recipe.schedule.kind == "plateau":
        return None, ReduceOnPlateau(optimizer, **options)
    return SCHEDULES[recipe.schedule.kind](optimizer, **options), None


def _penalties(recipe: Recipe) -> list[L1 | L2]:
    both: list[L1 | L2] = [L1(recipe.l1), L2(recipe.l2)]
    return [penalty for penalty in both if penalty.strength > 0]
