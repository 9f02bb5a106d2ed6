r"""Residual block: what a branch of layers gives is added to its input.

    y = shortcut(x) + branch(x)
    dL/dx = the gradients that come back through both: with an empty shortcut, dL/dy + branch's

``branch`` and ``shortcut`` are layers in a row; no layers are the identity, which is the usual
shortcut. Where the branch changes the shape of x, the shortcut has to change it too, by a dense
layer or a 1x1 convolution; nothing is broadcast. Weights are named through the block:
"residual_1.dense_1.weight". The names of all layers inside must differ, and the two outputs must
have equal shapes; a ``ValueError`` says what does not fit. A layer draws its initial weights and
its masks by its seed and its own name: in two blocks of one seed, the names of such layers must
differ too.

Paper: He, Zhang, Ren and Sun, "Deep residual learning for image recognition", CVPR 2016. There the
block ends in y = ReLU(shortcut(x) + branch(x)); here that ReLU is the next layer.

Framework differences: neither has such a layer. In PyTorch people write ``x + self.branch(x)``,
which broadcasts; in Keras ``keras.layers.Add``, which broadcasts too.
"""

from collections.abc import Sequence
from typing import Any

import keras

from keras_impl.layers import Checked, check_first, verbatim
from triptych.common.checks import (
    check_layer_names,
    check_layers,
    check_same_shape,
)
from triptych.common.names import check_streams, layer_name

__all__ = ["Residual"]


@keras.saving.register_keras_serializable("triptych")
class Residual(Checked, keras.layers.Layer):
    passes_mask = True

    def __init__(
        self,
        branch: Sequence[keras.Layer],
        shortcut: Sequence[keras.Layer] = (),
        *,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        name = layer_name("keras", "residual", name)
        check_layers("branch", branch, keras.Layer)
        check_layers("shortcut", shortcut, keras.Layer)
        super().__init__(name=name, **kwargs)
        self.branch, self.shortcut = list(branch), list(shortcut)
        self.layers = [*self.branch, *self.shortcut]
        check_layer_names([layer.name for layer in self.layers])
        for layer in self.layers:
            for variable in layer.variables:
                # The path that Keras gives to what it makes inside a block. Where two variables
                # have one path, ``fit`` on PyTorch zeroes the gradient of one of them only.
                variable._path = f"{name}/{variable.path}"
        check_streams(self._flatten_layers())

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.call(keras.KerasTensor(input_shape, self.compute_dtype))

    def check(self, inputs: Any) -> None:
        check_first(self.branch, inputs)
        check_first(self.shortcut, inputs)

    @verbatim()
    def call(self, inputs: Any, training: bool = False) -> Any:
        # Keras hands ``training`` on to every layer that is called in here.
        branch, shortcut = _along(self.branch, inputs), _along(self.shortcut, inputs)
        check_same_shape("output of branch, like that of shortcut,", branch, shortcut)
        return shortcut + branch

    def get_config(self) -> dict[str, Any]:
        paths = {"branch": self.branch, "shortcut": self.shortcut}
        return super().get_config() | {
            key: [keras.saving.serialize_keras_object(layer) for layer in layers]
            for key, layers in paths.items()
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Residual":
        paths = {
            key: [keras.saving.deserialize_keras_object(layer) for layer in config[key]]
            for key in ("branch", "shortcut")
        }
        return cls(**(config | paths))


def _along(layers: list[keras.Layer], x: Any) -> Any:
    for layer in layers:
        x = layer(x)
    return x
