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

import numpy as np

from scratch.layers import Composite, Layer, Sequential
from triptych.common.checks import (
    check_layers,
    check_same_shape,
)
from triptych.common.names import layer_name

__all__ = ["Residual"]


class Residual(Composite):
    takes_mask = True

    def __init__(
        self, branch: Sequence[Layer], shortcut: Sequence[Layer] = (), *, name: str | None = None
    ) -> None:
        name = layer_name("scratch", "residual", name)
        check_layers("branch", branch, Layer)
        check_layers("shortcut", shortcut, Layer)
        super().__init__([*branch, *shortcut], name)
        self.branch = Sequential(branch, name="branch")
        self.shortcut = Sequential(shortcut, name="shortcut")

    def forward(
        self, x: np.ndarray, *, mask: np.ndarray | None = None, training: bool = False
    ) -> np.ndarray:
        branch = self.branch.forward(x, mask=mask, training=training)
        shortcut = self.shortcut.forward(x, mask=mask, training=training)
        check_same_shape("output of branch, like that of shortcut,", branch, shortcut)
        return shortcut + branch  # not in place: a layer may keep the array that it returned

    def backward(self, grad: np.ndarray) -> np.ndarray:
        return self.shortcut.backward(grad) + self.branch.backward(grad)

    def backward_parameters(self, grad: np.ndarray) -> None:
        self.shortcut.backward_parameters(grad)
        self.branch.backward_parameters(grad)
