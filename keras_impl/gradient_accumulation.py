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

Here: an optimizer takes ``gradient_accumulation_steps``, for example
``Adam(gradient_accumulation_steps=4)``, and has the sums among its variables.
"""

from typing import Any

from triptych.common.checks import (
    check_gradients,
    check_same_shape,
    own_arrays,
    shown,
)

__all__ = ["mean_gradients"]


def mean_gradients(grads: list[list[Any]]) -> list[Any]:
    """G, array by array."""
    _check(grads)
    k = len(grads)
    return [sum(g[1:], start=g[0]) / k for g in zip(*grads, strict=True)]


@own_arrays
def _check(grads: list[list[Any]]) -> None:
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
