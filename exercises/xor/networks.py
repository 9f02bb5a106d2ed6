"""One network of a learner, in the same few words for each framework.

``logits(x, training=...)`` runs it; ``parameters`` and ``assign`` get and set what it trains, under
names of their own. Keras's layers must have been called once before they have any.
"""

import gc
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from triptych.exercises.findings import InterfaceError

__all__ = ["Keras", "Network", "make"]


class Network:
    """``module.build_model(seed)``, in NumPy arrays."""

    def __init__(self, module: ModuleType, seed: int) -> None:
        self.module, self.seed = module, seed
        self.model = module.build_model(seed)
        self.logits(np.zeros((4, 2), np.float32), training=False)

    def anew(self) -> "Network":
        """One as this was built. It takes the place of this one, which may be set back for it."""
        return type(self)(self.module, self.seed)

    def logits(self, x: np.ndarray, *, training: bool) -> np.ndarray:
        """Of shape (N,), float64."""
        return _vector("the network", self._logits(x.astype(np.float32), training), len(x))

    def predict(self, x: np.ndarray) -> np.ndarray:
        """What the learner's ``predict`` returns, as (N,), float64."""
        return _vector("predict", self.module.predict(self.model, x.astype(np.float32)), len(x))

    def train(self, x: np.ndarray, y: np.ndarray, **options: Any) -> list[float]:
        x, y = x.astype(np.float32), y.astype(np.float32)
        losses = self.module.train(self.model, x, y, **options)
        try:
            found = [float(loss) for loss in losses]
        except (TypeError, ValueError):
            raise InterfaceError(
                f"train returns {type(losses).__name__}; it must return a list with the mean loss "
                "of each epoch"
            ) from None
        if len(found) != options.get("epochs", len(found)) or not np.isfinite(found).all():
            raise InterfaceError(
                f"train returns {len(found)} losses for {options.get('epochs', 'its')} epochs, "
                f"{found[:3]}; it must return a finite one for each"
            )
        return found

    def _logits(self, x: np.ndarray, training: bool) -> Any:
        raise NotImplementedError

    def parameters(self) -> dict[str, np.ndarray]:
        """Copies of all that is trained."""
        raise NotImplementedError

    def assign(self, values: dict[str, np.ndarray]) -> None:
        raise NotImplementedError

    def untrained(self) -> list[int]:
        """Sizes of what the network keeps besides, where a framework tells."""
        return []

    def gradients(self, x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
        """Of the mean binary cross-entropy in training, where the framework differentiates."""
        raise NotImplementedError

    def label(self, name: str) -> str:
        """What the learner knows a parameter by."""
        return name

    def rewinder(self) -> Callable[[], None]:
        """What sets the framework's own random numbers back to where they are now."""
        return lambda: None


class Scratch(Network):
    def _logits(self, x: np.ndarray, training: bool) -> Any:
        return self.model.forward(x, training=training)

    def parameters(self) -> dict[str, np.ndarray]:
        return {name: np.array(value) for name, value in self.model.params.items()}

    def assign(self, values: dict[str, np.ndarray]) -> None:
        for name, value in values.items():
            self.model.params[name][...] = value


class Torch(Network):
    def _logits(self, x: np.ndarray, training: bool) -> Any:
        import torch

        self.model.train(training)
        with torch.no_grad():
            dtype = next(self.model.parameters()).dtype
            return self.model(torch.from_numpy(x).to(dtype)).numpy()

    def predict(self, x: np.ndarray) -> np.ndarray:
        self.model.train()  # as training leaves it
        return super().predict(x)

    def train(self, x: np.ndarray, y: np.ndarray, **options: Any) -> list[float]:
        self.model.eval()  # as a prediction leaves it
        return super().train(x, y, **options)

    def parameters(self) -> dict[str, np.ndarray]:
        return {
            name: value.detach().numpy().copy()
            for name, value in self.model.named_parameters()
            if value.requires_grad
        }

    def assign(self, values: dict[str, np.ndarray]) -> None:
        import torch

        own = dict(self.model.named_parameters())
        with torch.no_grad():
            for name, value in values.items():
                own[name].copy_(torch.as_tensor(value))

    def untrained(self) -> list[int]:
        trained = self.parameters()
        return [
            value.numel() for name, value in self.model.state_dict().items() if name not in trained
        ]

    def gradients(self, x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
        import torch
        from torch.nn.functional import binary_cross_entropy_with_logits

        self.model.train()
        own = dict(self.model.named_parameters())
        dtype = next(iter(own.values())).dtype
        logits = self.model(torch.from_numpy(x).to(dtype)).reshape(-1)
        loss = binary_cross_entropy_with_logits(logits, torch.from_numpy(y).to(logits.dtype))
        names = list(self.parameters())
        found = torch.autograd.grad(loss, [own[name] for name in names], allow_unused=True)
        return {
            name: np.zeros(own[name].shape) if gradient is None else gradient.numpy()
            for name, gradient in zip(names, found, strict=True)
        }

    def rewinder(self) -> Callable[[], None]:
        import torch

        holders = [self.module, *self.model.modules()]
        values = [value for holder in holders for value in vars(holder).values()]
        generators = [value for value in values if isinstance(value, torch.Generator)]
        states = [generator.get_state() for generator in generators]

        def rewind() -> None:
            torch.manual_seed(0)
            for generator, state in zip(generators, states, strict=True):
                generator.set_state(state)

        return rewind


class Keras(Network):
    def _logits(self, x: np.ndarray, training: bool) -> Any:
        import keras

        return keras.ops.convert_to_numpy(self._run(x, training))

    def _run(self, x: np.ndarray, training: bool) -> Any:
        return self.model(x, training=training)

    def parameters(self) -> dict[str, np.ndarray]:
        import keras

        return {
            name: np.array(keras.ops.convert_to_numpy(variable))
            for name, variable in self._variables().items()
        }

    def assign(self, values: dict[str, np.ndarray]) -> None:
        own = self._variables()
        for name, value in values.items():
            own[name].assign(value)

    def _variables(self) -> dict[str, Any]:
        """By number: Keras gives a layer another name each time it is made."""
        return {str(i): variable for i, variable in enumerate(self.model.trainable_variables)}

    def untrained(self) -> list[int]:
        return [int(np.prod(each.shape)) for each in self.model.non_trainable_variables]

    def gradients(self, x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
        import keras

        def loss(logits: Any) -> Any:
            logits = keras.ops.reshape(logits, (-1,))
            y_true = keras.ops.cast(keras.ops.convert_to_tensor(y), logits.dtype)
            return keras.ops.mean(
                keras.ops.binary_crossentropy(y_true, logits, from_logits=True), axis=-1
            )

        variables = self._variables()
        tensors = [variable.value for variable in variables.values()]
        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            with tf.GradientTape() as tape:
                value = loss(self.model(x, training=True))
            found = tape.gradient(value, tensors)
        elif keras.backend.backend() == "jax":
            import jax

            others = [variable.value for variable in self.model.non_trainable_variables]

            def stateless(trained: Any) -> Any:
                return loss(self.model.stateless_call(trained, others, x, training=True)[0])

            found = jax.grad(stateless)(tensors)
        else:
            import torch

            value = loss(self.model(x, training=True))
            found = torch.autograd.grad(value, tensors, allow_unused=True)
        return {
            name: np.zeros(variable.shape)
            if gradient is None
            else np.array(keras.ops.convert_to_numpy(gradient))
            for (name, variable), gradient in zip(variables.items(), found, strict=True)
        }

    def label(self, name: str) -> str:
        return str(self._variables()[name].path)

    def rewinder(self) -> Callable[[], None]:
        import keras

        kind = keras.random.SeedGenerator
        generators = [each for each in gc.get_objects() if type(each) is kind]
        states = [np.array(keras.ops.convert_to_numpy(each.state)) for each in generators]

        def rewind() -> None:
            keras.utils.set_random_seed(0)
            for generator, state in zip(generators, states, strict=True):
                generator.state.assign(state)

        return rewind


def _vector(what: str, values: Any, rows: int) -> np.ndarray:
    try:
        found = np.asarray(values, np.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InterfaceError(
            f"{what} returns {type(values).__name__}, which is no NumPy array: {error}"
        ) from None
    if found.size != rows:
        raise InterfaceError(
            f"{what} returns {type(values).__name__} of shape {found.shape} for {rows} examples; "
            f"it must be {rows} numbers"
        )
    return found.reshape(-1)


def make(framework: str) -> type[Network]:
    return {"scratch": Scratch, "torch": Torch, "keras": Keras}[framework]
