"""One network of a learner, in the same few words for each framework.

``logits(x, training=...)`` runs it; ``parameters`` and ``assign`` get and set what it trains, under
names of their own. Keras's layers must have been called once before they have any.
"""

from types import ModuleType
from typing import Any

import numpy as np

__all__ = ["Network", "make"]


class Network:
    """``module.build_model(seed)``, in NumPy arrays."""

    def __init__(self, module: ModuleType, seed: int) -> None:
        self.module = module
        self.model = module.build_model(seed)
        self.logits(np.zeros((4, 2), np.float32), training=False)

    def logits(self, x: np.ndarray, *, training: bool) -> np.ndarray:
        """Of shape (N,), float64."""
        values = np.asarray(self._logits(x.astype(np.float32), training), np.float64)
        if values.size != len(x):
            raise ValueError(
                f"for {len(x)} examples the network returns logits of shape {values.shape}, "
                f"it must be ({len(x)}, 1)"
            )
        return values.reshape(-1)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """What the learner's ``predict`` returns, as (N,), float64."""
        values = np.asarray(self.module.predict(self.model, x.astype(np.float32)), np.float64)
        if values.size != len(x):
            raise ValueError(
                f"predict returns an array of shape {values.shape} for {len(x)} examples, "
                f"it must be ({len(x)},)"
            )
        return values.reshape(-1)

    def train(self, x: np.ndarray, y: np.ndarray, **options: Any) -> list[float]:
        x, y = x.astype(np.float32), y.astype(np.float32)
        losses = self.module.train(self.model, x, y, **options)
        return [float(loss) for loss in losses]

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
            return self.model(torch.from_numpy(x)).numpy()

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

        return keras.ops.convert_to_numpy(self.model(x, training=training))

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


def make(framework: str) -> type[Network]:
    return {"scratch": Scratch, "torch": Torch, "keras": Keras}[framework]
