r"""Gradient accumulation: one step for several small batches, as for one large one.

    G = 1/k (g_1 + ... + g_k)           g_j = dL_j/dw of the j-th micro-batch, k of them to a step

If the micro-batches are of one size and the loss is a mean over rows, G is the gradient of the k of
them as one batch. That is not so with a mean over weights or with ``ignore_index`` (each
micro-batch divides by its own weights), nor with batch norm, whose statistics are those of a
micro-batch, nor number by number with dropout, whose masks are drawn for each.

``grads`` is a list of lists, one for each micro-batch; ``steps`` is k, an integer >= 1. A
``ValueError`` says which argument does not fit. What is counted in steps elsewhere, a schedule's or
an average's, counts micro-batches; sums left at the end of an epoch go on in the next.

Framework differences: PyTorch adds up whatever is not set to zero, and leaves the division to the
loss; Keras has it as an argument of its optimizers. See ``triptych differences``:
gradient-accumulation.

Here: a step that only adds up leaves the optimizer no gradients, and it does nothing.
"""

import torch

from triptych.common.checks import (
    check_gradients,
    check_same_shape,
    check_size,
    own_arrays,
    shown,
)
from triptych.common.watchers import Run, Watcher

__all__ = ["mean_gradients", "GradientAccumulation"]


def mean_gradients(grads: list[list[torch.Tensor]]) -> list[torch.Tensor]:
    """G, array by array."""
    _check(grads)
    k = len(grads)
    return [sum(g[1:], start=g[0]) / k for g in zip(*grads, strict=True)]


class GradientAccumulation(Watcher):
    """Steps once in ``steps`` micro-batches.

    In a loop of one's own:

        accumulation = GradientAccumulation(4)
        run = Run(model, optimizer, History("torch"))
        for x, y in batches:
            ...
            optimizer.zero_grad()
            loss.backward()
            accumulation.after_gradients(run)
            optimizer.step()
    """

    def __init__(self, steps: int) -> None:
        self.steps = check_size("steps", steps)
        self._grads: list[list[torch.Tensor]] = []

    def before_training(self, run: Run) -> None:
        self._grads = []

    def after_gradients(self, run: Run) -> None:
        trained = [p for p in run.model.parameters() if p.grad is not None]
        self._grads.append([p.grad for p in trained])
        for parameter in trained:
            parameter.grad = None
        if len(self._grads) == self.steps:
            for parameter, mean in zip(trained, mean_gradients(self._grads), strict=True):
                parameter.grad = mean
            self._grads = []


@own_arrays
def _check(grads: list[list[torch.Tensor]]) -> None:
    if not isinstance(grads, list | tuple) or not grads:
        raise ValueError(f"grads must be a list of lists of arrays, got {shown(grads)}")
    for batch, each in enumerate(grads):
        check_gradients(each, f"grads[{batch}]")
        if len(each) != len(grads[0]):
            raise ValueError(
                f"grads[{batch}] must have {len(grads[0])} arrays, as grads[0], got {len(each)}"
            )
        for index, grad in enumerate(each):
            check_same_shape(f"grads[{batch}][{index}]", grad, grads[0][index])
