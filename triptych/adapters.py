"""One short class per framework: arrays in and out, gradients, and the weights of a model.

Weights have one name and one layout everywhere, those of ``scratch``: "dense_1.weight" of shape
(in, out), "dense_1.bias", "batch_norm_1.gamma", "batch_norm_1.running_mean", "dropout_1.step".
Which array is which is told by the kind of its layer, never by its shape; an array of two or more
axes in a layer of another kind is refused with a ``ValueError``. With one axis or none there is one
layout only, so such arrays pass under the layer's own names for them.
A framework is imported when its adapter is made.
"""

import functools
import inspect
import math
import re
from collections.abc import Callable, Iterator, Mapping
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

    def step(
        self, layer: Any, x: np.ndarray, upstream: Any, *, training: bool = True, **arrays: Any
    ) -> Arrays:
        """One forward and backward pass: "output", "gradient.x", "gradient.NAME", "state.NAME".

        ``arrays`` are what the layer takes beside x, its mask. Integers have no gradient.
        """
        raise NotImplementedError

    def weights(self, model: Any) -> Arrays:
        """Every parameter and every piece of state of a layer or model, copied."""
        raise NotImplementedError

    def load(self, model: Any, weights: Arrays) -> None:
        """Set what ``weights`` returns."""
        raise NotImplementedError

    def trained(self, model: Any) -> dict[str, Any]:
        """The framework's own object of each array that is trained, in its layout, by our names."""
        raise NotImplementedError

    def relu_outputs(self, model: Any, x: np.ndarray) -> Arrays:
        """What each ReLU gives for ``x`` in inference, by the names of the layers."""
        raise NotImplementedError


class ScratchAdapter(Adapter):
    name = "scratch"

    def tensor(self, array: Any) -> np.ndarray:
        return np.array(array)

    def numpy(self, tensor: Any) -> np.ndarray:
        return np.array(tensor)

    def step(
        self, layer: Any, x: np.ndarray, upstream: Any, *, training: bool = True, **arrays: Any
    ) -> Arrays:
        output, grad = layer.forward(x, training=training, **arrays), layer.backward(upstream)
        result = {"output": np.array(output)} | ({} if grad is None else {"gradient.x": grad})
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

    def trained(self, model: Any) -> dict[str, Any]:
        return {name: layer.params[key] for name, layer, key in model.parameters()}

    def relu_outputs(self, model: Any, x: np.ndarray) -> Arrays:
        from scratch.layers import ReLU

        model.forward(x)
        return {layer.name: layer._y for _, layer in self._layers(model) if isinstance(layer, ReLU)}

    def _layers(self, layer: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
        """The layer and every layer in it, and what their names begin with."""
        yield prefix, layer
        for inner in getattr(layer, "layers", ()):
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

    def step(
        self, layer: Any, x: np.ndarray, upstream: Any, *, training: bool = True, **arrays: Any
    ) -> Arrays:
        layer.to(self.device).train(training)
        layer.zero_grad()
        inputs = self.tensor(x)
        inputs.requires_grad_(inputs.is_floating_point())
        output = layer(inputs, **{name: self.tensor(array) for name, array in arrays.items()})
        output.backward(self.tensor(upstream))
        result = {"output": self.numpy(output)}
        if inputs.grad is not None:
            result["gradient.x"] = self.numpy(inputs.grad)
        places = self._places(layer)
        for name, parameter in layer.named_parameters():
            if parameter.grad is not None:
                ours, key = places[name]
                grad = from_torch_layout(key, self.numpy(parameter.grad))
                result[f"gradient.{ours}"] = grad
        kept = layer.state_dict()
        for name, buffer in layer.named_buffers():
            if name in kept:  # else it follows from the arguments of the layer
                result[f"state.{places.get(name, (name,))[0]}"] = self.numpy(buffer)
        return result

    def weights(self, model: Any) -> Arrays:
        own = model.state_dict()
        return {
            ours: from_torch_layout(key, self.numpy(own[name]))
            for name, (ours, key) in self._places(model).items()
        }

    def load(self, model: Any, weights: Arrays) -> None:
        given = {
            name: self.tensor(to_torch_layout(key, weights[ours]))
            for name, (ours, key) in self._places(model).items()
        }
        model.load_state_dict(model.state_dict() | given)

    def trained(self, model: Any) -> dict[str, Any]:
        places = self._places(model)
        return {places[name][0]: p for name, p in model.named_parameters() if p.requires_grad}

    def relu_outputs(self, model: Any, x: np.ndarray) -> Arrays:
        outputs: Arrays = {}
        handles = []
        for path, module in model.named_modules():
            if isinstance(module, self.torch.nn.ReLU):
                name = getattr(module, "name", path)

                def keep(_: Any, __: Any, output: Any, name: str = name) -> None:
                    outputs[name] = self.numpy(output)

                handles.append(module.register_forward_hook(keep))
        training = model.training
        model.eval()
        try:
            with self.torch.no_grad():
                device = next((p.device for p in model.parameters()), self.device)
                model(self.tensor(x).to(device))
        finally:
            model.train(training)
            for handle in handles:
                handle.remove()
        return outputs

    def _places(self, model: Any) -> dict[str, tuple[str, str]]:
        """For each array of ``state_dict``: our name, and "weight" if the layout is PyTorch's own.

        ``num_batches_tracked`` of a norm stays where it is.
        """
        places: dict[str, tuple[str, str]] = {}
        for name, value in model.state_dict(keep_vars=True).items():
            path, dot, key = name.rpartition(".")
            layer = model.get_submodule(path)
            if self.torch.nn.parameter.is_lazy(value):
                raise ValueError(f"{name} has no shape before the model is called once")
            if not isinstance(value, self.torch.Tensor):
                raise ValueError(f"{name} is no array but a state of {type(layer).__name__}'s own")
            kind = _kind(layer, self.torch.nn, TORCH_KINDS)
            if kind == "norm" and key == "num_batches_tracked":
                continue
            above, _, own = path.rpartition(".")
            if own == "out_proj" and self._is_attention(model.get_submodule(above)):
                path, kind, key = above, "attention", f"out_{key}"
                dot = "." if path else ""
            ours = TORCH_NAMES.get((kind, key), key)
            if kind == "recurrent" and (found := re.fullmatch(TORCH_STEP, key)):
                ours = _of_recurrent(layer, **found.groupdict())
            last = ours.rpartition(".")[2]
            turned = (kind, last) in TURNED
            if value.ndim > 1 and not turned and (kind, last) not in KEPT:
                raise _unknown(name, value, layer)
            places[name] = f"{path}{dot}{ours}", "weight" if turned else ""
        return places

    def _is_attention(self, layer: Any) -> bool:
        return _kind(layer, self.torch.nn, TORCH_KINDS) == "attention"


# What has two axes or more in PyTorch, turned or in one layout everywhere.
TURNED = {
    ("kernel", "weight"),
    ("kernel", "log_sigma2"),  # of VariationalDense
    ("attention", "in_weight"),
    ("attention", "out_weight"),
    ("recurrent", "weight"),
    ("recurrent", "recurrent_weight"),
}
KEPT = {("table", "weight"), ("own", "weight")}
TORCH_STEP = r"(?P<what>weight|bias)_(?P<of>ih|hh)_l(?P<number>\d+)(?P<reverse>_reverse)?"


def _of_recurrent(layer: Any, what: str, of: str, number: str, reverse: str | None) -> str:
    """Our name of an array of ``nn.LSTM`` and its kind: "recurrent_weight", "layer_1.bias"."""
    parts = [f"layer_{int(number) + 1}"] if layer.num_layers > 1 else []
    parts += ["backwards" if reverse else "forwards"] if layer.bidirectional else []
    return ".".join([*parts, what if of == "ih" else f"recurrent_{what}"])


TORCH_KINDS = {
    "kernel": (
        *("Linear", "Conv1d", "Conv2d", "Conv3d"),
        *("ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"),
    ),
    "table": ("Embedding", "EmbeddingBag"),
    "norm": (
        *("BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "SyncBatchNorm"),
        *("InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d"),
        *("LayerNorm", "GroupNorm", "RMSNorm"),
    ),
    "slope": ("PReLU",),
    "attention": ("MultiheadAttention",),
    "recurrent": ("RNN", "LSTM", "GRU"),
}
TORCH_NAMES: dict[tuple[str | None, str], str] = {
    ("norm", "weight"): "gamma",
    ("norm", "bias"): "beta",
    ("norm", "running_var"): "running_variance",
    ("slope", "weight"): "alpha",
    ("attention", "in_proj_weight"): "in_weight",
    ("attention", "in_proj_bias"): "in_bias",
}
KERAS_KINDS = {
    "kernel": (
        *("Dense", "Conv1D", "Conv2D", "Conv3D"),
        *("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"),
    ),
    "depthwise": ("DepthwiseConv1D", "DepthwiseConv2D"),
    "separable": ("SeparableConv1D", "SeparableConv2D"),
    "table": ("Embedding",),
    "norm": (
        *("BatchNormalization", "LayerNormalization", "GroupNormalization", "RMSNormalization"),
    ),
    "slope": ("PReLU",),
}
# A separable convolution is two: a depthwise one, and one of single pixels.
KERAS_NAMES: dict[tuple[str | None, str], str] = {
    ("kernel", "kernel"): "weight",
    ("kernel", "log_sigma2"): "log_sigma2",  # of VariationalDense
    ("depthwise", "kernel"): "weight",
    ("separable", "depthwise_kernel"): "depthwise.weight",
    ("separable", "pointwise_kernel"): "pointwise.weight",
    ("separable", "bias"): "pointwise.bias",
    ("table", "embeddings"): "weight",
    ("norm", "moving_mean"): "running_mean",
    ("norm", "moving_variance"): "running_variance",
    ("norm", "scale"): "gamma",
    ("slope", "alpha"): "alpha",
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

    def step(
        self, layer: Any, x: np.ndarray, upstream: Any, *, training: bool = True, **arrays: Any
    ) -> Arrays:
        if not layer.built:
            layer.build(x.shape)
        trainable, kept = layer.trainable_variables, layer.non_trainable_variables
        takes_flag = "training" in inspect.signature(layer.call).parameters
        options = {"training": training} if takes_flag else {}
        options |= {name: self.tensor(array) for name, array in arrays.items()}
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
        parameters, inputs = [v.value for v in trainable], self.tensor(x)
        if x.dtype.kind == "f":
            output, grads = self._vjp(forward, [inputs, *parameters], self.tensor(upstream))
        else:
            alone = functools.partial(forward, inputs)
            output, grads = self._vjp(alone, parameters, self.tensor(upstream))
            grads = [None, *grads]
        for variable, value in zip(kept, state if self.backend == "jax" else updated, strict=True):
            variable.assign(value)
        result = {"output": self.numpy(output)}
        if grads[0] is not None:
            result["gradient.x"] = self.numpy(grads[0])
        places = self._places(layer)
        for variable, grad in zip(trainable, grads[1:], strict=True):
            name, shape = places[id(variable)]
            result[f"gradient.{name}"] = self.numpy(grad).reshape(shape)
        for variable in kept:
            name, shape = places[id(variable)]
            result[f"state.{name}"] = self.numpy(variable.value).reshape(shape)
        return result

    def weights(self, model: Any) -> Arrays:
        places, arrays = self._places(model), {}
        for variable in model.weights:
            name, shape = places[id(variable)]
            arrays[name] = self.numpy(variable.value).reshape(shape)
        return arrays

    def load(self, model: Any, weights: Arrays) -> None:
        places = self._places(model)
        for variable in model.weights:
            name, _ = places[id(variable)]
            variable.assign(weights[name].reshape(variable.shape))

    def trained(self, model: Any) -> dict[str, Any]:
        places = self._places(model)
        return {places[id(variable)][0]: variable for variable in model.trainable_variables}

    def relu_outputs(self, model: Any, x: np.ndarray) -> Arrays:
        layers, outputs = self.keras.layers, {}
        relu = self.keras.activations.relu
        found = [
            layer
            for layer in model._flatten_layers()
            if isinstance(layer, layers.ReLU) or getattr(layer, "activation", None) is relu
        ]
        for layer in found:  # which have no hooks

            def keep(*args: Any, layer: Any = layer, call: Any = layer.call, **options: Any) -> Any:
                output = call(*args, **options)
                outputs[layer.name] = self.numpy(output)
                return output

            layer.call = keep
        try:
            model(self.tensor(x), training=False)
        finally:
            for layer in found:
                del layer.call
        return outputs

    def _places(self, layer: Any, prefix: str = "") -> dict[int, tuple[str, tuple[int, ...]]]:
        """By the id of a variable: our name, "dense_1.weight", and the shape that we give it.

        A lone layer's own name is not part of it.
        """
        places: dict[int, tuple[str, tuple[int, ...]]] = {}
        for variable in (*layer._trainable_variables, *layer._non_trainable_variables):
            name, shape = self._place(layer, variable)
            places[id(variable)] = f"{prefix}{name}", shape
        # What a layer shows as its ``layers`` goes by the names there: so they come last.
        for part in (*layer._flatten_layers(False, False), *getattr(layer, "layers", ())):
            places |= self._places(part, f"{prefix}{part.name}.")
        return places

    def _place(self, layer: Any, variable: Any) -> tuple[str, tuple[int, ...]]:
        kind, key = _kind(layer, self.keras.layers, KERAS_KINDS), variable.name
        ours, shape = KERAS_NAMES.get((kind, key)), tuple(variable.shape)
        if ours in ("weight", "depthwise.weight") and kind in ("depthwise", "separable"):
            *window, channels, multiplier = shape
            shape = (*window, 1, channels * multiplier)
        if kind == "slope" and math.prod(shape[:-1]) == 1:
            shape = shape[-1:]
        known = kind == "own" or (ours is not None and kind not in ("norm", "slope"))
        if len(shape) > 1 and not known:
            raise _unknown(variable.path, variable, layer)
        return ours or key, shape


def _kind(layer: Any, module: Any, kinds: Mapping[str, tuple[str, ...]]) -> str | None:
    """Which of the kinds the layer is: it says so itself, or is of a class of the ``module``."""
    if hasattr(layer, "kind_of_weights"):
        return layer.kind_of_weights
    for kind, names in kinds.items():
        if isinstance(layer, tuple(getattr(module, name) for name in names)):
            return kind
    return None


GATES = "PyTorch has (gates * units, in) and two biases, Keras (in, gates * units) and "
PARTS = "PyTorch has one array for query, key and value, Keras one for each with an axis for heads"
SEVERAL = "over several axes it has their order, (C, H, W) in PyTorch and (H, W, C) in Keras"
# What is known of other kinds of layers.
NOTES = {
    "LSTM": GATES + "one; both in the order input, forget, cell, output",
    "GRU": GATES + "its update gate before the reset gate, where PyTorch has it after",
    "RNN": GATES + "one",
    "SimpleRNN": GATES + "one",
    "MultiheadAttention": PARTS,
    "MultiHeadAttention": PARTS,
    "EinsumDense": "its axes are those of its equation",
    "LayerNorm": SEVERAL,
    "RMSNorm": SEVERAL,
    "LayerNormalization": SEVERAL,
    "RMSNormalization": SEVERAL,
    "PReLU": "it has a slope for every pixel; shared_axes=[1, 2] leaves one for each channel",
    "Bilinear": "Keras has no such layer",
}
KNOWN = (
    "dense, convolution (transposed, depthwise and separable too), embedding, batch, layer, group, "
    "instance and RMS norm, PReLU, and of PyTorch RNN, LSTM, GRU and MultiheadAttention"
)


def _unknown(name: str, array: Any, layer: Any) -> ValueError:
    kind = type(layer).__name__
    note = NOTES.get(kind.removesuffix("Cell"), "what its axes mean is not known")
    return ValueError(
        f"{name}, of shape {tuple(array.shape)}, belongs to a layer of kind {kind}, which is not "
        f"converted: {note}. Converted are {KNOWN}; of others only arrays with one axis or none"
    )


def adapter(name: str, *, device: str = "cpu") -> Adapter:
    """The adapter of "scratch", "torch" or "keras"; ``device`` is PyTorch's."""
    if name == "scratch":
        return ScratchAdapter()
    if name == "torch":
        return TorchAdapter(device)
    if name == "keras":
        return KerasAdapter()
    raise ValueError(f"framework must be 'scratch', 'torch' or 'keras', got {name!r}")
