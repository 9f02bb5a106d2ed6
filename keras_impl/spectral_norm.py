r"""Spectral norm: a layer's weight is divided by its largest singular value.

    v <- W u / ||W u||                   W: the weight as a matrix (K, M), a column for each unit
    u <- W^T v / ||W^T v||               one power iteration, in each training pass
    sigma = v^T W u                      which tends to the largest singular value of W
    W~ = W / sigma
    dL/dW = (dL/dW~ - sum(dL/dW~ * W~) v u^T) / sigma              u and v are taken as constants

So a dense layer stretches no input by more than about 1: it is nearly 1-Lipschitz (sigma comes from
below, so the norm of W~ is 1 or a few per cent more). A convolution is bounded only up to a factor:
at stride 1 at most sqrt(height * width) of its kernel. It was made for the discriminators of GANs.
What is trained is W, and W~ is made of it in every pass. u and v are kept from pass to pass: W
changes little in a step, so that one iteration follows it. Inference takes them as they are. Before
the first pass they have gone through 15 iterations from a random u. Where sigma is 0, W~ = W.

``w`` has shape (..., M), K is the product of the other axes: (in, out) of a dense layer, (height,
width, in, out) of a convolution; ``u`` has shape (M,), ``v`` (K,), all of one dtype; ``iterations``
is 1 or more. A ``ValueError`` says which argument does not fit.

Paper: Miyato, Kataoka, Koyama and Yoshida, "Spectral normalization for generative adversarial
networks", ICLR 2018 (algorithm 1).

Framework differences: PyTorch begins an iteration with u; Keras writes W~ over W, so that no
gradient goes through sigma. See ``triptych differences``: spectral-norm-timing,
spectral-norm-order, spectral-norm-gradient.

Here: the layer is called with W~ for the value of its kernel. Keras's ``SpectralNormalization``
writes into the kernel, on which the optimizer has its momentum.
"""

import math
from typing import Any

import keras
from keras import ops

from keras_impl.layers import Checked, check_first, verbatim
from keras_impl.streams import normal
from triptych.common.checks import check_singular, check_size, check_wrapped, remembered
from triptych.common.names import Draws, check_streams, layer_name
from triptych.common.streams import Stream

__all__ = ["power_iteration", "spectral_norm", "SpectralNorm"]

START = 15  # iterations before the first pass, as in PyTorch
KINDS = (keras.layers.Dense, keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D)


def power_iteration(w: Any, u: Any, v: Any, *, iterations: int = 1) -> tuple[Any, Any]:
    """u and v after some steps."""
    iterations = _check_iteration(w, u, v, iterations)
    matrix = ops.stop_gradient(ops.reshape(w, (-1, w.shape[-1])))
    for _ in range(iterations):
        v = _unit(ops.matmul(matrix, u), v)
        u = _unit(ops.matmul(ops.transpose(matrix), v), u)
    return u, v


def spectral_norm(w: Any, u: Any, v: Any) -> Any:
    """W~, in the shape of w."""
    _check(w, u, v)
    sigma = ops.matmul(v, ops.matmul(ops.reshape(w, (-1, w.shape[-1])), u))
    return w / ops.where(sigma == 0, ops.ones_like(sigma), sigma)


def _unit(x: Any, before: Any) -> Any:
    """x / ||x||; of zeros, which have no direction, the one before."""
    largest = ops.max(ops.abs(x))
    x = x / largest  # or squares may be too large or too small for the dtype
    return ops.where(largest == 0, before, x / ops.norm(x))


@keras.saving.register_keras_serializable("triptych")
class SpectralNorm(Checked, Draws, keras.layers.Layer):
    """A dense layer or a convolution with W~ for its weight; u begins from the stream (seed,
    "name.u").
    """

    has_weights = True

    def __init__(
        self,
        layer: keras.Layer,
        *,
        iterations: int = 1,
        seed: int = 0,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        check_wrapped(layer, KINDS, ("u", "v"))
        self.seed = seed
        self.iterations = check_size("iterations", iterations)
        kwargs.setdefault("dtype", layer.dtype_policy)
        super().__init__(name=layer_name("keras", "spectral_norm", name), **kwargs)
        self.layer = layer
        for variable in layer.variables:
            variable._path = f"{self.name}/{variable.path}"  # as in Residual
        check_streams(self._flatten_layers())
        if layer.built:
            self.build(layer.get_build_config()["input_shape"])

    def build(self, input_shape: Any) -> None:
        if not self.layer.built:
            self.layer.build(input_shape)
        *others, units = self.layer.kernel.shape
        for i, (name, size) in enumerate({"u": units, "v": math.prod(others)}.items()):
            start = self.add_weight(
                name=name,
                shape=(size,),
                initializer=lambda shape, dtype, i=i: self._start()[i],
                dtype=self.layer.kernel.dtype,
                trainable=False,
            )
            setattr(self, name, start)

    def _start(self) -> tuple[Any, Any]:
        w = ops.convert_to_tensor(self.layer.kernel)
        u = normal(Stream(self.seed, f"{self.name}.u"), w.shape[-1:], dtype=self.layer.kernel.dtype)
        v = ops.zeros((math.prod(w.shape[:-1]),), w.dtype)
        return power_iteration(w, u, v, iterations=START)

    def check(self, inputs: Any) -> None:
        check_first([self.layer], inputs)

    @verbatim()
    def call(self, inputs: Any, training: bool = False) -> Any:
        kernel, variables = self.layer.kernel, self.layer.variables
        w, u, v = ops.convert_to_tensor(kernel), self.u.value, self.v.value
        if training:
            u, v = power_iteration(w, u, v, iterations=self.iterations)
            self.u.assign(u)
            self.v.assign(v)
        normalized = spectral_norm(w, u, v)
        values = [(each, normalized if each is kernel else each.value) for each in variables]
        with keras.StatelessScope(values, collect_losses=True) as scope:
            y = self.layer(inputs, training=training)
        self.add_loss(scope.losses)  # of its output, if it has such a regularizer
        for each in self.layer.non_trainable_variables:
            if each is not kernel:
                each.assign(scope.get_current_value(each))
        return y

    def get_config(self) -> dict[str, Any]:
        own = {"iterations": self.iterations, "seed": self.seed}
        return (
            super().get_config() | own | {"layer": keras.saving.serialize_keras_object(self.layer)}
        )

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "SpectralNorm":
        layer = keras.saving.deserialize_keras_object(config["layer"])
        return cls(**(config | {"layer": layer}))


@remembered
def _check(w: Any, u: Any, v: Any) -> None:
    check_singular(w, u, v)


def _check_iteration(w: Any, u: Any, v: Any, iterations: int) -> int:
    _check(w, u, v)
    return check_size("iterations", iterations)
