"""A Keras network run as graphs of TensorFlow: its check in less than half of the time.

The check makes a thousand passes. One that goes through the layers in Python takes TensorFlow 10
ms, one as a graph less than 1. But a graph has only what TensorFlow knows of: a mask that NumPy
draws would be drawn once, statistics kept in an attribute would be lost. So ``fastest`` tries the
learner's network both ways before it decides.
"""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

from .networks import Keras

__all__ = ["fastest", "unoptimized"]


class Graphs(Keras):
    """Passes as graphs, one for each mode, from the fifth on: few are not worth a graph."""

    def __init__(self, module: ModuleType, seed: int) -> None:
        self.passes: Counter[bool] = Counter()
        self.graphs: dict[bool, Callable[[np.ndarray], Any]] = {}
        super().__init__(module, seed)
        self.start = _values(self.model)

    def anew(self) -> "Graphs":
        _set(self.model, self.start)
        return self

    def _run(self, x: np.ndarray, training: bool) -> Any:
        self.passes[training] += 1
        if self.passes[training] < 5:
            return super()._run(x, training)
        if training not in self.graphs:
            self.graphs[training] = _graph(self.model, training)
        return self.graphs[training](x)


def fastest(module: ModuleType, seed: int) -> type[Keras]:
    """``Graphs`` where a network of the learner's does the same in them, else ``Keras``."""
    try:
        same = _backend() == "tensorflow" and _the_same(Keras(module, seed))
    except Exception:  # of whatever kind: what the file does is then not for a graph
        same = False
    return Graphs if same else Keras


def _the_same(network: Keras) -> bool:
    """Do passes in both modes give and leave the same, from Python and as graphs?

    They do if all that changes from pass to pass, states of generators too, is in variables.
    """
    rng = np.random.default_rng(0)
    batches = [(rng.normal(size=(rows, 2)).astype(np.float32), rows > 4) for rows in (8, 6, 4)]
    start = _values(network.model)

    def results(run: Callable[[np.ndarray, bool], Any]) -> list[np.ndarray]:
        _set(network.model, start)
        outputs = [_array(run(x, training)) for x, training in batches]
        return outputs + _values(network.model)

    graphs = {training: _graph(network.model, training) for training in (True, False)}
    called = results(network._run)
    traced = results(lambda x, training: graphs[training](x))
    return all(np.allclose(a, b, atol=1e-5) for a, b in zip(called, traced, strict=True))


def _backend() -> str:
    import keras

    return keras.backend.backend()


def _values(model: Any) -> list[np.ndarray]:
    """Of all that a network has: what is trained, running statistics, states of generators."""
    return [_array(variable) for variable in model.variables]


def _array(tensor: Any) -> np.ndarray:
    import keras

    return np.array(keras.ops.convert_to_numpy(tensor))


def _set(model: Any, values: list[np.ndarray]) -> None:
    for variable, value in zip(model.variables, values, strict=True):
        variable.assign(value)


def _graph(model: Any, training: bool) -> Callable[[np.ndarray], Any]:
    import tensorflow as tf

    signature = [tf.TensorSpec((None, 2), tf.float32)]
    return tf.function(lambda x: model(x, training=training), signature, autograph=False)


@contextlib.contextmanager
def unoptimized(framework: str) -> Iterator[None]:
    """TensorFlow's graphs as they are written: to optimize them takes longer than to run them."""
    if framework != "keras" or _backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    options = tf.config.optimizer
    before = options.get_experimental_options().get("disable_meta_optimizer", False)
    options.set_experimental_options({"disable_meta_optimizer": True})
    try:
        yield
    finally:
        options.set_experimental_options({"disable_meta_optimizer": before})
