r"""Gradient clipping from scratch, in NumPy.

A steep loss gives gradients so large that one step ruins the weights. Clipping sets a limit, for
each element or for the norm:

    ||g|| = sqrt(sum g^2)                      over all elements of one array, whatever its shape
    ||G|| = sqrt(sum_k ||g_k||^2)              of a list of arrays: as if they were one long vector

    by value          g <- min(max(g, -limit), limit)                each element
    by norm           g <- g * min(1, max_norm / ||g||)              one array
    by global norm    g_k <- g_k * min(1, max_norm / ||G||)          all arrays, by one factor

Clipping by value can change the direction of a gradient, the norms only make it shorter. What is
short enough is left as it is, and so are gradients of zeros, whose norm is 0. Nothing is added to
the norm: PyTorch's 1e-6 is not part of it.

This is the solution. Arrays have any shape; ``limit`` and ``max_norm`` are larger than 0.

Paper: Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks",
ICML 2013 (Algorithm 1).
"""

import numpy as np


def clip_by_value(grad: np.ndarray, limit: float) -> np.ndarray:
    """Every element of ``grad`` within -limit and limit."""
    return np.clip(grad, -limit, limit)


def clip_by_norm(grad: np.ndarray, max_norm: float) -> tuple[np.ndarray, float]:
    """``grad``, at most ``max_norm`` long, and its norm before."""
    norm = np.sqrt(np.sum(grad**2))
    return grad * (max_norm / max(norm, max_norm)), norm


def clip_by_global_norm(grads: list[np.ndarray], max_norm: float) -> tuple[list[np.ndarray], float]:
    """``grads``, together at most ``max_norm`` long, and their global norm before."""
    norm = np.sqrt(sum(np.sum(grad**2) for grad in grads))
    factor = max_norm / max(norm, max_norm)
    return [grad * factor for grad in grads], norm


def main() -> None:
    """The norm of 3 and -4 is 5, as in a right-angled triangle."""
    grad = np.array([3.0, -4.0])
    show(
        "by value: -4 is beyond the limit 3.5",
        lambda: clip_by_value(grad, 3.5),
        ([3.0, -3.5],),
    )
    show(
        "by norm: 5 is twice the 2.5 that are allowed",
        lambda: clip_by_norm(grad, 2.5),
        ([1.5, -2.0], 5.0),
    )
    show(
        "a gradient of zeros is left as it is",
        lambda: clip_by_norm(0 * grad, 2.5),
        ([0.0, 0.0], 0.0),
    )
    show(
        "by global norm: the arrays 3 and -4 both get the factor 1/2",
        lambda: clip_by_global_norm([np.array([3.0]), np.array([-4.0])], 2.5),
        ([[1.5], [-2.0]], 5.0),
    )


def show(title, call, expected):
    """Whether a call gives what was worked out by hand."""
    try:
        found = call()
    except NotImplementedError:
        print(f"TODO   {title}")
        return
    found = found if isinstance(found, tuple) else (found,)
    right = len(found) == len(expected) and all(map(np.allclose, found, expected))
    print(f"{'right' if right else 'wrong'}  {title}")
    if not right:
        print("       expected", *expected)
        print("       found   ", *(np.asarray(each).tolist() for each in found))


if __name__ == "__main__":
    main()
