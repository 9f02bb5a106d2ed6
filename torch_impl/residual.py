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

import torch
from torch import nn

from torch_impl.layers import along
from triptych.common.checks import (
    check_layer_names,
    check_layers,
    check_same_shape,
)
from triptych.common.names import check_streams, layer_name

__all__ = ["Residual"]


class Residual(nn.Module):
    takes_mask = True

    def __init__(
        self,
        branch: Sequence[nn.Module],
        shortcut: Sequence[nn.Module] = (),
        *,
        name: str | None = None,
    ) -> None:
        super().__init__()
        self.name = layer_name("torch", "residual", name)
        check_layers("branch", branch, nn.Module)
        check_layers("shortcut", shortcut, nn.Module)
        self.branch = [str(layer.name) for layer in branch]
        self.shortcut = [str(layer.name) for layer in shortcut]
        check_layer_names([*self.branch, *self.shortcut])
        # The layers are registered here, not in two containers, whose names would come in between.
        for layer in (*branch, *shortcut):
            self.add_module(str(layer.name), layer)
        check_streams(self.modules())

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        branch = along(map(self.get_submodule, self.branch), x, mask)
        shortcut = along(map(self.get_submodule, self.shortcut), x, mask)
        check_same_shape("output of branch, like that of shortcut,", branch, shortcut)
        return shortcut + branch

    def extra_repr(self) -> str:
        return f"branch={self.branch}, shortcut={self.shortcut}"
