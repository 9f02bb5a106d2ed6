"""One network of a learner, in the same few words for each framework.

``logits(x, training=...)`` runs it; ``parameters`` and ``assign`` get and set what it trains, under
names of their own. Keras's layers must have been called once before they have any.
"""

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
