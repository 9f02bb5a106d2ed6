"""What goes on in a network: norms, gaps and dead units, of arrays of any framework.

    L1, L2                sum(abs(w)), sqrt(sum(w**2)); L1 / L2 is 1 for a single weight that is not
                          0, and sqrt(n) for n of equal size
    sparsity              the share of weights with abs(w) <= threshold
    generalization gap    validation loss - training loss
    overfitting score     validation loss / training loss
    gradient norm         sqrt(sum(g**2)), over the arrays of a layer
    update ratio          sqrt(sum((w after - w before)**2)) / sqrt(sum(w before**2)), likewise;
                          about 0.001 in a step of a run that goes well
    dead units            the share of units that are 0 for every example

"Weights" is an array of NumPy or of any framework, a dict of them, or a model of any framework, of
which the kernels count: no biases, no scales. Everything is computed in float64.

``Diagnostics`` records the norms over a training run, in any of the frameworks:

    recorder = Diagnostics(every=10)
    fit(model, recipe, dataset, watchers=[recorder.watcher("torch")])
    recorder.gradient_norms["dense_1"]         one number for each of recorder.steps

Likewise in a loop of one's own; and Keras's ``model.fit`` takes it as one of its ``callbacks``.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from triptych.adapters import Adapter, adapter
from triptych.common.checks import check_integer, check_number, readable
from triptych.common.watchers import Run, Watcher
from triptych.weights import canonical, framework_of

__all__ = [
    "Diagnostics",
    "Norms",
    "dead_units",
    "generalization_gap",
    "gradient_norms",
    "overfitting_score",
    "relu_outputs",
    "sparsity",
    "update_ratios",
    "weight_histogram",
    "weight_norms",
]


class Norms(NamedTuple):
    l1: float
    l2: float
    ratio: float


def generalization_gap(training: Any, validation: Any) -> np.ndarray:
    """validation - training, of two losses or of two curves of equal length."""
    training, validation = _two(training, validation)
    with np.errstate(invalid="ignore"):  # inf - inf
        return validation - training


def overfitting_score(training: Any, validation: Any) -> np.ndarray:
    """validation / training; where the training loss is 0, 1 if both are and else infinite."""
    training, validation = _two(training, validation)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((training == 0) & (validation == 0), 1.0, validation / training)


def weight_norms(weights: Any) -> Norms:
    """L1, L2 and L1 / L2 over all of the weights; the ratio is NaN if all are 0.

    >>> weight_norms(np.array([[3.0, 0.0], [-4.0, 0.0]]))
    Norms(l1=7.0, l2=5.0, ratio=1.4)
    """
    flat = _flat(weights)
    l1, l2 = float(np.abs(flat).sum()), float(np.linalg.norm(flat))
    return Norms(l1, l2, l1 / l2 if l2 else math.nan)


def sparsity(weights: Any, threshold: float = 0.0) -> float:
    """The share of weights whose size is at most ``threshold``."""
    threshold = check_number("threshold", threshold, "[0, inf)")
    return float(np.mean(np.abs(_flat(weights)) <= threshold))


def weight_histogram(
    weights: Any, bins: int = 60, *, limit: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """How many weights lie in each of ``bins`` intervals of equal width, and their bins + 1 ends,
    from -limit to limit, which is the largest size of a weight unless told otherwise.
    """
    flat = _flat(weights)
    limit = float(np.abs(flat).max()) or 1.0 if limit is None else limit
    limit = check_number("limit", limit, "(0, inf)")
    return np.histogram(flat, check_integer("bins", bins, minimum=1), (-limit, limit))


def gradient_norms(grads: Mapping[str, Any]) -> dict[str, float]:
    """Of each layer: what stands before the last dot of an array's name."""
    return {
        layer: math.hypot(*(float(np.linalg.norm(array)) for array in arrays.values()))
        for layer, arrays in _by_layer(grads).items()
    }


def update_ratios(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, float]:
    """Of each layer; NaN where its weights were 0."""
    if before.keys() != after.keys():
        raise ValueError(
            f"before and after must have the same names, got {list(before)} and {list(after)}"
        )
    updates = {name: _numbers(after[name]) - _numbers(before[name]) for name in before}
    sizes, changes = gradient_norms(before), gradient_norms(updates)
    return {layer: changes[layer] / sizes[layer] if sizes[layer] else math.nan for layer in sizes}


def dead_units(activations: Any, *, axis: int = -1) -> float:
    """The share of units, which lie along ``axis``, whose activation is 0 for every example, and
    at every pixel: an ReLU that is never active passes no gradient on, and may never wake up.

    >>> dead_units(np.array([[0.0, 1.0, 0.0, 0.5], [0.0, 0.0, 0.0, 2.0]]))
    0.5
    """
    found = _numbers(activations)
    if found.ndim < 2:
        raise ValueError(f"activations must have shape (N, ..., units), got {found.shape}")
    units = np.moveaxis(found, axis, -1)
    return float(np.mean((units == 0).all(axis=tuple(range(units.ndim - 1)))))


def relu_outputs(model: Any, x: np.ndarray) -> dict[str, np.ndarray]:
    """What each ReLU layer of a model of any framework gives for the examples, in inference mode.

    ``{name: dead_units(array) for name, array in relu_outputs(model, x).items()}`` has the dead
    units of each layer. A function, ``torch.relu`` in a ``forward``, is no layer and is not found.
    """
    return adapter(framework_of(model)).relu_outputs(model, x)


class Diagnostics:
    """Records at every ``every``-th training step, counted from 1.

    ``steps`` says at which; ``l1``, ``l2`` and ``sparsity`` are those of all kernels after the
    step; ``gradient_norms`` and ``update_ratios`` have a list for each layer. The gradients are
    those that the optimizer gets, after they were clipped.
    """

    def __init__(self, every: int = 1) -> None:
        self.every = check_integer("every", every, minimum=1)
        self.begin()

    def begin(self) -> None:
        """Forget what was recorded."""
        self.steps: list[int] = []
        self.l1: list[float] = []
        self.l2: list[float] = []
        self.sparsity: list[float] = []
        self.gradient_norms: dict[str, list[float]] = {}
        self.update_ratios: dict[str, list[float]] = {}

    def record(
        self, before: Mapping[str, Any], after: Mapping[str, Any], grads: Mapping[str, Any]
    ) -> None:
        """One step: the trained arrays before and after it, and the gradients, by name.

        The norm of a gradient stands for it as well as the gradient does.
        """
        self.steps.append(self.every * (len(self.steps) + 1))
        kernels = _kernels(after)
        norms = weight_norms(kernels)
        self.l1.append(norms.l1)
        self.l2.append(norms.l2)
        self.sparsity.append(sparsity(kernels))
        for found, lists in (
            (gradient_norms(grads), self.gradient_norms),
            (update_ratios(before, after), self.update_ratios),
        ):
            for layer, value in found.items():
                lists.setdefault(layer, []).append(value)

    def watcher(self, framework: str) -> Any:
        """What ``fit`` takes as one of its watchers: in Keras a callback."""
        return _callback(self) if framework == "keras" else _Watching(self, adapter(framework))


class _Watching(Watcher):
    def __init__(self, recorder: Diagnostics, adapter: Adapter) -> None:
        self.recorder, self.adapter = recorder, adapter

    def before_training(self, run: Run) -> None:
        self.recorder.begin()

    def after_gradients(self, run: Run) -> None:
        self.before: dict[str, np.ndarray] | None = None
        if (run.step + 1) % self.recorder.every == 0:
            trained = self.adapter.trained(run.model)
            self.before = {name: _numbers(array) for name, array in trained.items()}
            grads = run.grads
            if grads is None:  # PyTorch
                grads = {name: p.grad for name, p in trained.items() if p.grad is not None}
            self.grads = {name: _numbers(grad) for name, grad in grads.items()}

    def after_step(self, run: Run) -> None:
        if self.before is not None:
            self.recorder.record(self.before, self.adapter.trained(run.model), self.grads)


def _callback(recorder: Diagnostics) -> Any:
    """In Keras no callback sees a gradient. So while it trains, the optimizer keeps their norms, in
    a variable of its own: what a compiled step assigns to one can be read after it.
    """
    found: Any = adapter("keras")
    import keras
    from keras import ops

    class Watching(keras.callbacks.Callback):
        def on_train_begin(self, logs: Any = None) -> None:
            recorder.begin()
            self.step = 0
            self.optimizer, variables = self.model.optimizer, self.model.trainable_variables
            if not self.optimizer.built:
                self.optimizer.build(variables)
            self.norms = self.optimizer.add_variable(
                (len(variables),), dtype=variables[0].dtype, name="gradient_norms"
            )
            vars(self.optimizer).pop("apply", None)  # of a run that did not come to its end
            apply = self.optimizer.apply

            def keep_norms(grads: Any, trainable_variables: Any = None) -> None:
                given = [grad for grad in grads if grad is not None]
                clipped = iter(self.optimizer._clip_gradients(given))
                zero = ops.zeros((), self.norms.dtype)
                norms = [zero if g is None else ops.norm(ops.ravel(next(clipped))) for g in grads]
                self.norms.assign(ops.stack(norms))
                apply(grads, trainable_variables)

            self.optimizer.apply = keep_norms
            self.model.make_train_function(force=True)  # one from before has no norms

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            self.step += 1
            if self.step % recorder.every == 0:
                self.before = {name: _numbers(v.value) for name, v in self.trained().items()}

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if self.step % recorder.every == 0:
                trained = self.trained()
                after = {name: _numbers(v.value) for name, v in trained.items()}
                grads = dict(zip(trained, _numbers(self.norms.value), strict=True))
                recorder.record(self.before, after, grads)

        def on_train_end(self, logs: Any = None) -> None:
            del self.optimizer.apply
            self.optimizer._untrack_variable(self.norms)
            self.model.make_train_function(force=True)

        def trained(self) -> dict[str, Any]:
            if found.backend == "jax":  # which has the weights elsewhere while it trains
                self.model.jax_state_sync()
            return found.trained(self.model)

    return Watching()


def _two(training: Any, validation: Any) -> tuple[np.ndarray, np.ndarray]:
    training, validation = np.asarray(training, np.float64), np.asarray(validation, np.float64)
    if training.shape != validation.shape:
        raise ValueError(
            "training and validation must have the same shape, got "
            f"{training.shape} and {validation.shape}"
        )
    return training, validation


def _numbers(array: Any) -> np.ndarray:
    found = readable(array)
    if found is not None and found.dtype.name == "bfloat16":  # which NumPy takes for no number
        found = found.astype(np.float32)
    if found is None or found.dtype.kind not in "biuf":
        raise ValueError(f"an array of numbers was expected, got {type(array).__name__}")
    return found.astype(np.float64)


def _kernels(arrays: Mapping[str, Any]) -> dict[str, Any]:
    return {name: a for name, a in arrays.items() if name.rpartition(".")[2] == "weight"}


def _flat(weights: Any) -> np.ndarray:
    """All of them, one after the other."""
    if hasattr(weights, "shape"):
        weights = {"": weights}
    elif not isinstance(weights, Mapping):
        weights = _kernels(canonical(weights))
    parts = [_numbers(array).ravel() for array in weights.values()]
    flat = np.concatenate(parts) if parts else np.empty(0)
    if not flat.size:
        raise ValueError("weights must be one number at least, got none")
    return flat


def _by_layer(arrays: Mapping[str, Any]) -> dict[str, dict[str, np.ndarray]]:
    layers: dict[str, dict[str, np.ndarray]] = {}
    for name, array in arrays.items():
        layer, _, key = name.rpartition(".")
        layers.setdefault(layer, {})[key] = _numbers(array)
    return layers
