"""Training, evaluation and prediction with a model and a recipe.

    loss of a step = mean loss over the batch + l1 * sum(abs(w)) + l2 / 2 * sum(w**2)
    gradients      = those of this loss, scaled down to the global norm clip_norm if they exceed it

The visits of the training set in epoch e go in the orders that the stream (seed, "shuffle", e)
draws, so the three panels see the same batches. The validation loss has label smoothing and
penalties too, as Keras reports it. What clips, changes the learning rate or ends the run is a
watcher; ``triptych.common.watchers`` says when ``fit`` calls them. ``watchers`` are the user's own,
called after those of the recipe. A loss that is not finite ends its epoch, and weights that are not
finite end the run, unless ``terminate_on_nan`` is False; ``history.diverged`` says where.
"""

import copy
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Sampler, TensorDataset

from torch_impl.adaptive_clipping import AdaptiveClipping
from torch_impl.averaging import ExponentialMovingAverage, StochasticWeightAveraging
from torch_impl.early_stopping import EarlyStopping
from torch_impl.gradient_accumulation import GradientAccumulation
from torch_impl.gradient_clipping import GlobalNormClipping
from torch_impl.label_smoothing import label_smoothing_cross_entropy
from torch_impl.losses import binary_cross_entropy, softmax_cross_entropy
from torch_impl.mixing import Mixing
from torch_impl.one_cycle import OneCycle
from torch_impl.optimizers import SGD, Adam, AdamW
from torch_impl.penalties import L1, L2, total_penalty
from torch_impl.rmsprop import RMSprop
from torch_impl.schedules import (
    CosineDecay,
    ExponentialDecay,
    MultiStepDecay,
    PolynomialDecay,
    ReduceOnPlateau,
    StepDecay,
)
from torch_impl.streams import Device, permutation
from torch_impl.training_noise import GradientNoise, WeightNoise
from torch_impl.warm_restarts import WarmRestarts
from torch_impl.warmup import Warmup
from torch_impl.weight_constraints import MaxNorm, WeightConstraint
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

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def batches(
    recipe: Recipe, examples: int, epoch: int, lengths: np.ndarray | None = None
) -> list[torch.Tensor]:
    """The indices of each batch of an epoch, int64; of examples with ``lengths``, if that is given,
    those of like length together.
    """
    examples, epoch = _check_batches(recipe, examples, epoch)
    shape = (recipe.passes_per_epoch, examples)
    orders = permutation(Stream(recipe.seed, "shuffle", epoch), shape, device="cpu")  # as the data
    starts = recipe.batch_starts(examples)
    if lengths is not None:
        ordered = [by_length(order, lengths, recipe.batch_size) for order in orders.numpy()]
        orders = torch.from_numpy(np.stack(ordered))
    return [order[i : i + recipe.batch_size] for order in orders for i in starts]


class StreamOrder(Sampler[torch.Tensor]):
    """The batches of an epoch; every pass through the loader is the next epoch."""

    def __init__(self, recipe: Recipe, examples: int, lengths: np.ndarray | None) -> None:
        self.recipe, self.examples, self.lengths = recipe, examples, lengths
        self.epoch = 0

    def __len__(self) -> int:
        return self.recipe.steps_per_epoch(self.examples)

    def __iter__(self) -> Iterator[torch.Tensor]:
        self.epoch += 1
        return iter(batches(self.recipe, self.examples, self.epoch - 1, self.lengths))


def fit(
    model: nn.Module,
    recipe: Recipe,
    dataset: Dataset,
    *,
    progress: bool = True,
    watchers: Sequence[Watcher] = (),
    terminate_on_nan: bool = True,
) -> History:
    """Train ``model`` in place, for ``recipe.epochs`` epochs or until a watcher ends the run."""
    _check_fit(model, recipe, dataset, progress, watchers, terminate_on_nan)
    x = torch.from_numpy(np.ascontiguousarray(dataset.x_train, recipe.input_dtype))
    y = torch.from_numpy(np.ascontiguousarray(dataset.y_train))
    lengths = lengths_of(x.numpy()) if recipe.by_length else None
    loader = DataLoader(
        TensorDataset(x, y),
        sampler=StreamOrder(recipe, len(x), lengths),
        batch_size=None,  # the data set is indexed with a whole batch at once, not row by row
        # Else each pass takes a seed from PyTorch's global one.
        generator=torch.Generator(torch.get_default_device()),
    )
    device = next(model.parameters()).device
    loss_function = _loss(recipe, device)
    penalties = _penalties(recipe)
    options = recipe.optimizer_options([name for name, _ in model.named_parameters()])
    optimizer = OPTIMIZERS[recipe.optimizer](model.named_parameters(), **options)
    watching = [*_watchers(recipe, len(x), optimizer), *watchers]
    history = History("torch")
    run = Run(model, optimizer, history, inputs=x)
    start = time.perf_counter()
    for watcher in watching:
        watcher.before_training(run)
    with progress_bar("torch", len(loader) * recipe.epochs, enabled=progress) as advance:
        for run.epoch in range(recipe.epochs):
            model.train()
            losses, sizes = [], []
            for inputs, labels in loader:
                if lengths is not None:
                    inputs = inputs[:, : columns(inputs.numpy())]
                run.x, run.y = inputs.to(device), labels.to(device)
                for watcher in watching:
                    watcher.before_step(run)
                logits = model(run.x)
                loss = loss_function(logits, run.y)
                loss = loss + sum(total_penalty(model, penalty) for penalty in penalties)
                optimizer.zero_grad()
                loss.backward()
                for watcher in watching:
                    watcher.after_gradients(run)
                learning_rate = _learning_rate(optimizer)
                optimizer.step()
                run.step += 1
                for watcher in watching:
                    watcher.after_step(run)
                losses.append(loss.item())
                sizes.append(len(labels))
                advance(f"epoch {run.epoch + 1}/{recipe.epochs}  loss {losses[-1]:.4f}")
                if terminate_on_nan and not math.isfinite(losses[-1]):
                    break
            for watcher in watching:
                watcher.before_validation(run)
            validation = evaluate(model, recipe, dataset.x_validation, dataset.y_validation)
            history.add_epoch(losses, sizes, *validation, learning_rate)
            if terminate_on_nan:
                history.diverged = divergence(run.step, losses[-1], model.state_dict().items())
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


def evaluate(model: nn.Module, recipe: Recipe, x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Loss (penalties included) and accuracy in [0, 1], in inference mode."""
    _check_labels(model, recipe, x, y)
    logits = torch.from_numpy(predict(model, recipe, x))
    labels = torch.from_numpy(np.ascontiguousarray(y))
    with torch.no_grad():
        loss = _loss(recipe)(logits, labels)
        loss = loss + sum(total_penalty(model, penalty) for penalty in _penalties(recipe))
    predicted = logits.argmax(dim=1) if recipe.loss == "softmax" else logits[:, 0] > 0
    return loss.item(), (predicted == labels).double().mean().item()


@torch.no_grad()
def predict(model: nn.Module, recipe: Recipe, x: np.ndarray) -> np.ndarray:
    """Logits of shape (N, outputs), in inference mode."""
    _check_examples(model, recipe, x)
    training = model.training
    model.eval()
    device = next(model.parameters()).device
    parts = torch.from_numpy(np.ascontiguousarray(x, recipe.input_dtype)).split(EVALUATION_BATCH)
    logits = torch.cat([model(part.to(device)).cpu() for part in parts])
    model.train(training)
    return logits.numpy()


def _learning_rate(optimizer: torch.optim.Optimizer) -> float:
    """That of the recipe, which groups of parameters have times a factor."""
    first = optimizer.param_groups[0]
    return first["lr"] / first.get("factor", 1.0)


def _loss(recipe: Recipe, device: Device = None) -> Loss:
    if recipe.loss == "binary":
        return binary_cross_entropy
    weights = None
    if recipe.class_weights:
        dtype = getattr(torch, recipe.dtype)
        weights = torch.tensor(recipe.class_weights, dtype=dtype, device=device)
    if recipe.label_smoothing == 0:
        return partial(softmax_cross_entropy, class_weights=weights)
    options: dict[str, Any] = {"smoothing": recipe.label_smoothing, "class_weights": weights}
    return partial(label_smoothing_cross_entropy, **options)


def _watchers(recipe: Recipe, examples: int, optimizer: torch.optim.Optimizer) -> list[Watcher]:
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
        kind = SCHEDULES[recipe.schedule.kind]
        schedule = kind(optimizer, **recipe.schedule_options(examples))
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
    model: nn.Module,
    recipe: Recipe,
    dataset: Dataset,
    progress: bool,
    watchers: Sequence[Watcher],
    terminate_on_nan: bool,
) -> None:
    check_model(model, nn.Module)
    check_kind("recipe", recipe, Recipe)
    check_kind("dataset", dataset, Dataset)
    check_flag("progress", progress)
    check_flag("terminate_on_nan", terminate_on_nan)
    check_watchers(watchers)
    check_streams(model.modules())
    recipe.check_dataset(dataset)
    _check_last_batch(model, recipe, dataset)


@own_arrays
def _check_examples(model: nn.Module, recipe: Recipe, x: np.ndarray) -> None:
    check_model(model, nn.Module)
    check_kind("recipe", recipe, Recipe)
    check_examples(x, recipe.input_shape, recipe.vocabulary)


@own_arrays
def _check_labels(model: nn.Module, recipe: Recipe, x: np.ndarray, y: np.ndarray) -> None:
    _check_examples(model, recipe, x)
    check_labels((None, recipe.outputs), y, binary=recipe.loss == "binary", name="y")
    check_counts(len(x), len(y), "x")


def _check_last_batch(model: nn.Module, recipe: Recipe, dataset: Dataset) -> None:
    x = torch.from_numpy(dataset.x_train[:1].astype(recipe.input_dtype))
    if recipe.last_batch(len(dataset.x_train)) == 1:
        copied, device = copy.deepcopy(model).train(), next(model.parameters()).device
        check_one_row(lambda: copied(x.to(device)), len(dataset.x_train), recipe.batch_size)
