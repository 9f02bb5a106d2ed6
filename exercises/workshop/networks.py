"""A learner's model in the same few words for each framework: run it, read and set its weights."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from triptych.exercises.findings import InterfaceError
from triptych.extras import keras_backend

__all__ = ["CLASSES", "SHAPE", "Network", "eagerly", "make"]

SHAPE, CLASSES = (4, 5, 1), 10
PIXELS = math.prod(SHAPE)
Arrays = dict[str, np.ndarray]


class Network:
    """``module.build_model``, for small images. The roles of its weights are told by the shapes.

    first, output : matrices, units by inputs and classes by units, either way round
    scales, shifts : one number for each hidden unit, 1 and 0 at first: gamma; bias and beta
    bias : of the output
    """

    def __init__(self, module: ModuleType, seed: int) -> None:
        self.module = module
        self.model = module.build_model(SHAPE, seed)
        own = self.parameters()
        shapes = {name: value.shape for name, value in own.items()}
        matrices = [name for name, shape in shapes.items() if len(shape) == 2 and 1 not in shape]
        firsts = [name for name in matrices if PIXELS in shapes[name]]
        if len(matrices) != 2 or len(firsts) != 1:
            raise self._reshaped(shapes)
        self.first = firsts[0]
        (self.output,) = set(matrices) - {self.first}
        self.units = math.prod(shapes[self.first]) // PIXELS
        vectors = {name: math.prod(shape) for name, shape in shapes.items() if name not in matrices}
        of_units = [name for name, size in vectors.items() if size == self.units]
        self.scales = [name for name in of_units if (own[name] == 1).all()]
        self.shifts = [name for name in of_units if name not in self.scales]
        biases = [name for name, size in vectors.items() if size == CLASSES]
        if sorted(shapes[self.output]) != sorted((self.units, CLASSES)) or not biases:
            raise self._reshaped(shapes)
        self.bias = biases[-1]
        self.others = {
            name: size for name, size in vectors.items() if name not in (*of_units, self.bias)
        }
        self.flipped = {self.first: shapes[self.first][0] != PIXELS} | {
            self.output: shapes[self.output][0] == CLASSES
        }

    @staticmethod
    def _reshaped(shapes: dict[str, tuple[int, ...]]) -> InterfaceError:
        return InterfaceError(
            "the network must keep its shape, one hidden layer of 64 units between the pixels and "
            f"10 logits; for images of {PIXELS} pixels its parameters have the shapes "
            f"{', '.join(map(str, shapes.values())) or 'none'}"
        )

    def set(
        self,
        *,
        first: Any = None,
        output: Any = None,
        scales: float | None = None,
        shifts: float | None = None,
        bias: Any = None,
    ) -> None:
        """Weights by their roles: ``first`` (pixels, units), ``output`` (units, classes)."""
        own, values = self.parameters(), {}
        for name, value in ((self.first, first), (self.output, output)):
            if value is not None:
                array = np.asarray(value, np.float32)
                values[name] = array.T if self.flipped[name] else array
        for names, number in ((self.scales, scales), (self.shifts, shifts), ([self.bias], bias)):
            if number is not None:
                for name in names:
                    values[name] = np.broadcast_to(np.float32(number), own[name].shape)
        self.assign(values)

    def get(self, name: str) -> np.ndarray:
        """A parameter, matrices as (inputs, outputs)."""
        value = self.parameters()[name]
        return value.T if self.flipped.get(name) else value

    def hidden(self, images: np.ndarray, *, training: bool) -> np.ndarray:
        """(N, units): the hidden layer as the output layer sees it, ten units in each pass."""
        before, columns = self.get(self.output), []
        for start in range(0, self.units, CLASSES):
            chosen = np.zeros((self.units, CLASSES))
            for column, unit in enumerate(range(start, min(start + CLASSES, self.units))):
                chosen[unit, column] = 1
            self.set(output=chosen, bias=0)
            columns.append(self.logits(images, training=training))
        self.set(output=before)
        return np.concatenate(columns, axis=1)[:, : self.units]

    def logits(self, images: np.ndarray, *, training: bool) -> np.ndarray:
        found = np.array(self._logits(images.astype(np.float32), training), np.float64)
        if found.shape != (len(images), CLASSES):
            raise InterfaceError(
                f"the model returns shape {found.shape} for {len(images)} images; it must return "
                f"logits of shape ({len(images)}, {CLASSES})"
            )
        return found

    def predict(self, images: np.ndarray) -> np.ndarray:
        found = np.asarray(self.module.predict(self.model, images.astype(np.float32)), np.float64)
        if found.shape != (len(images), CLASSES) or not np.allclose(found.sum(axis=1), 1, 0, 1e-3):
            raise InterfaceError(
                f"predict must return probabilities, an array of shape ({len(images)}, {CLASSES}) "
                f"whose rows add up to 1; it returns shape {found.shape}"
            )
        return found

    def step(self, images: np.ndarray, labels: np.ndarray, *rates: float) -> Arrays:
        """Minus what a step adds to each parameter, by the learning rate; the last, if several."""
        optimizer = self.module.make_optimizer(self.model)
        for rate in rates or (0.1,):
            before = self.parameters()
            self.module.set_learning_rate(optimizer, rate)
            self.module.train_step(self.model, optimizer, images.astype(np.float32), labels)
        after = self.parameters()
        return {name: (before[name].astype(float) - after[name]) / rate for name in before}

    def parameters(self) -> Arrays:
        """Copies of all that is trained."""
        raise NotImplementedError

    def state(self) -> Arrays:
        """And of what is kept besides, such as running statistics."""
        raise NotImplementedError

    def assign(self, values: Arrays) -> None:
        raise NotImplementedError

    def _logits(self, images: np.ndarray, training: bool) -> Any:
        raise NotImplementedError

    def gradient_norm(self) -> float | None:
        """Of the gradients that the last step has left, where a framework keeps them."""
        return None


class Scratch(Network):
    def parameters(self) -> Arrays:
        return {name: layer.params[key].copy() for name, layer, key in self.model.parameters()}

    def state(self) -> Arrays:
        every: Arrays = self.model.get_weights()
        return {name: value for name, value in every.items() if value.dtype.kind == "f"}

    def assign(self, values: Arrays) -> None:
        for name, layer, key in self.model.parameters():
            if name in values:
                layer.params[key][...] = values[name]

    def _logits(self, images: np.ndarray, training: bool) -> Any:
        return self.model.forward(images, training=training)


class Torch(Network):
    def parameters(self) -> Arrays:
        named = self.model.named_parameters()
        return {name: value.detach().numpy().copy() for name, value in named if value.requires_grad}

    def state(self) -> Arrays:
        every = self.model.state_dict().items()
        return {name: v.numpy().copy() for name, v in every if v.is_floating_point()}

    def assign(self, values: Arrays) -> None:
        import torch

        own = dict(self.model.named_parameters())
        with torch.no_grad():
            for name, value in values.items():
                own[name].copy_(torch.tensor(value))

    def _logits(self, images: np.ndarray, training: bool) -> Any:
        import torch

        self.model.train(training)
        with torch.no_grad():
            return self.model(torch.from_numpy(images)).numpy()

    def predict(self, images: np.ndarray) -> np.ndarray:
        self.model.train()  # as a step leaves it
        return super().predict(images)

    def gradient_norm(self) -> float | None:
        grads = [p.grad.numpy() for p in self.model.parameters() if p.grad is not None]
        return math.sqrt(sum(float((grad.astype(float) ** 2).sum()) for grad in grads))


class Keras(Network):
    def parameters(self) -> Arrays:
        return self._arrays(self.model.trainable_variables)

    def state(self) -> Arrays:
        arrays = self._arrays(self.model.variables)
        return {name: value for name, value in arrays.items() if value.dtype.kind == "f"}

    def _arrays(self, variables: list[Any]) -> Arrays:
        from keras import ops

        return {str(i): np.array(ops.convert_to_numpy(v)) for i, v in enumerate(variables)}

    def assign(self, values: Arrays) -> None:
        for i, variable in enumerate(self.model.trainable_variables):
            if str(i) in values:
                variable.assign(values[str(i)])

    def _logits(self, images: np.ndarray, training: bool) -> Any:
        from keras import ops

        return ops.convert_to_numpy(self.model(images, training=training))


@contextmanager
def eagerly(framework: str) -> Iterator[None]:
    """TensorFlow without graphs: for a few steps of a model they take longer than the steps."""
    if framework != "keras" or keras_backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)


def make(framework: str) -> type[Network]:
    return {"scratch": Scratch, "torch": Torch, "keras": Keras}[framework]
