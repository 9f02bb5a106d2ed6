"""One short class per framework: arrays in and out, gradients, and the weights of a model.

Weights have one name and one layout everywhere, those of ``scratch``: "dense_1.weight" of shape
(in, out), "dense_1.bias", "batch_norm_1.gamma", "batch_norm_1.running_mean", "dropout_1.step".
A framework is imported when its adapter is made.
"""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from triptych.layouts import from_torch_layout, to_torch_layout

__all__ = ["Adapter", "KerasAdapter", "ScratchAdapter", "TorchAdapter", "adapter"]

Arrays = dict[str, np.ndarray]


class Adapter:
    name: str

    def tensor(self, array: Any) -> Any:
        """The framework's tensor with the values and dtype of a NumPy array."""
        raise NotImplementedError

    def numpy(self, tensor: Any) -> np.ndarray:
        raise NotImplementedError

    def vjp(
        self, function: Callable[..., Any], inputs: tuple[np.ndarray, ...], upstream: Any
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """``function(*inputs)`` and, by automatic differentiation, its gradients for dL/dy."""
        raise NotImplementedError

    def step(self, layer: Any, x: np.ndarray, upstream: Any, *, training: bool = True) -> Arrays:
        """One forward and backward pass: "output", "gradient.x", "gradient.NAME", "state.NAME"."""
        raise NotImplementedError

    def weights(self, model: Any) -> Arrays:
        """Every parameter and every piece of state of a layer or model, copied."""
        raise NotImplementedError

    def load(self, model: Any, weights: Arrays) -> None:
        """Set what ``weights`` returns."""
        raise NotImplementedError


class ScratchAdapter(Adapter):
    name = "scratch"

    def tensor(self, array: Any) -> np.ndarray:
        return np.array(array)

    def numpy(self, tensor: Any) -> np.ndarray:
        return np.array(tensor)

    def step(self, layer: Any, x: np.ndarray, upstream: Any, *, training: bool = True) -> Arrays:
        output = layer.forward(x, training=training)
        result = {"output": np.array(output), "gradient.x": layer.backward(upstream)}
        for prefix, sublayer in self._layers(layer):
            for key, grad in sublayer.grads.items():
                result[f"gradient.{prefix}{key}"] = np.array(grad)
            for key, value in sublayer.state.items():
                result[f"state.{prefix}{key}"] = np.array(value)
        return result

    def weights(self, model: Any) -> Arrays:
        return model.get_weights()

    def load(self, model: Any, weights: Arrays) -> None:
        model.set_weights(weights)

    def _layers(self, layer: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
        """Every layer that has no layers of its own, and what its names begin with."""
        if not hasattr(layer, "layers"):
            yield prefix, layer
            return
        for inner in layer.layers:
            yield from self._layers(inner, f"{prefix}{inner.name}.")


class TorchAdapter(Adapter):
    name = "torch"

    def __init__(self, device: str = "cpu") -> None:
        import torch

        self.torch, self.device = torch, device

    def tensor(self, array: Any) -> Any:
        return self.torch.tensor(np.asarray(array), device=self.device)

    def numpy(self, tensor: Any) -> np.ndarray:
        return np.array(tensor.detach().cpu().numpy())

    def vjp(
        self, function: Callable[..., Any], inputs: tuple[np.ndarray, ...], upstream: Any
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        tensors = [self.tensor(value).requires_grad_() for value in inputs]
        output = function(*tensors)
        grads = self.torch.autograd.grad(output, tensors, self.tensor(upstream))
        return self.numpy(output), [self.numpy(grad) for grad in grads]

    def step(self, layer: Any, x: np.ndarray, upstream: Any, *, training: bool = True) -> Arrays:
        layer.to(self.device).train(training)
        layer.zero_grad()
        inputs = self.tensor(x).requires_grad_()
        output = layer(inputs)
        output.backward(self.tensor(upstream))
        result = {"output": self.numpy(output), "gradient.x": self.numpy(inputs.grad)}
        for name, parameter in layer.named_parameters():
            if parameter.grad is not None:
                result[f"gradient.{name}"] = from_torch_layout(name, self.numpy(parameter.grad))
        for name, buffer in layer.named_buffers():
            result[f"state.{name}"] = self.numpy(buffer)
        return result

    def weights(self, model: Any) -> Arrays:
        return {
            name: from_torch_layout(name, self.numpy(value))
            for name, value in model.state_dict().items()
        }

    def load(self, model: Any, weights: Arrays) -> None:
        own = model.state_dict()
        model.load_state_dict(
            {name: self.tensor(to_torch_layout(name, weights[name])) for name in own}
        )


KERAS_NAMES = {
    "kernel": "weight",
    "moving_mean": "running_mean",
    "moving_variance": "running_variance",
}


class KerasAdapter(Adapter):
    name = "keras"

    def __init__(self) -> None:
        import keras

        self.keras, self.backend = keras, keras.backend.backend()

    def tensor(self, array: Any) -> Any:
        # Without the dtype, a float64 array would be rounded to float32 on the way in.
        array = np.asarray(array)
        return self.keras.ops.convert_to_tensor(array, dtype=array.dtype.name)

    def numpy(self, tensor: Any) -> np.ndarray:
        return np.array(self.keras.ops.convert_to_numpy(tensor))

    def vjp(
        self, function: Callable[..., Any], inputs: tuple[np.ndarray, ...], upstream: Any
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        tensors = [self.tensor(value) for value in inputs]
        output, grads = self._vjp(function, tensors, self.tensor(upstream))
        return self.numpy(output), [self.numpy(grad) for grad in grads]

    def _vjp(self, function: Callable[..., Any], tensors: list[Any], upstream: Any) -> Any:
        if self.backend == "tensorflow":
            import tensorflow as tf

            with tf.GradientTape() as tape:
                tape.watch(tensors)
                output = function(*tensors)
            grads = tape.gradient(output, tensors, upstream, unconnected_gradients="zero")
        elif self.backend == "jax":
            import jax

            output, pullback = jax.vjp(function, *tensors)
            grads = pullback(upstream)
        else:
            import torch

            tensors = [tensor.detach().clone().requires_grad_() for tensor in tensors]
            output = function(*tensors)
            grads = torch.autograd.grad(output, tensors, upstream, materialize_grads=True)
        return output, grads

    def step(self, layer: Any, x: np.ndarray, upstream: Any, *, training: bool = True) -> Arrays:
        if not layer.built:
            layer.build(x.shape)
        trainable, kept = layer.trainable_variables, layer.non_trainable_variables
        takes_flag = "training" in inspect.signature(layer.call).parameters
        options = {"training": training} if takes_flag else {}
        updated: list[Any] = []

        def forward(inputs: Any, *parameters: Any) -> Any:
            # Stateless, so that one code serves the backends with tapes and those without.
            output, state = layer.stateless_call(
                list(parameters), [v.value for v in kept], inputs, **options
            )
            updated[:] = state
            return output

        if self.backend == "jax":
            # Under jax.vjp the state would leak as tracers: take it from a plain call.
            output, state = layer.stateless_call(
                [v.value for v in trainable], [v.value for v in kept], self.tensor(x), **options
            )
        tensors = [self.tensor(x), *(v.value for v in trainable)]
        output, grads = self._vjp(forward, tensors, self.tensor(upstream))
        for variable, value in zip(kept, state if self.backend == "jax" else updated, strict=True):
            variable.assign(value)
        result = {"output": self.numpy(output), "gradient.x": self.numpy(grads[0])}
        names = self._names(layer)
        for variable, grad in zip(trainable, grads[1:], strict=True):
            result[f"gradient.{names[id(variable)]}"] = self.numpy(grad)
        for variable in kept:
            result[f"state.{names[id(variable)]}"] = self.numpy(variable.value)
        return result

    def weights(self, model: Any) -> Arrays:
        names = self._names(model)
        return {names[id(v)]: self.numpy(v.value) for v in model.weights}

    def load(self, model: Any, weights: Arrays) -> None:
        names = self._names(model)
        for variable in model.weights:
            variable.assign(weights[names[id(variable)]])

    def _names(self, layer: Any, prefix: str = "") -> dict[int, str]:
        """By the id of a variable: "dense_1.weight"; without the layer for a lone layer."""
        if not hasattr(layer, "layers"):
            keys = [(variable, variable.name) for variable in layer.weights]
            return {id(v): f"{prefix}{KERAS_NAMES.get(key, key)}" for v, key in keys}
        names: dict[int, str] = {}
        for inner in layer.layers:
            names |= self._names(inner, f"{prefix}{inner.name}.")
        return names


def adapter(name: str, *, device: str = "cpu") -> Adapter:
    """The adapter of "scratch", "torch" or "keras"; ``device`` is PyTorch's."""
    if name == "scratch":
        return ScratchAdapter()
    if name == "torch":
        return TorchAdapter(device)
    if name == "keras":
        return KerasAdapter()
    raise ValueError(f"framework must be 'scratch', 'torch' or 'keras', got {name!r}")
