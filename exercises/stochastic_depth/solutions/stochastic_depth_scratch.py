r"""Stochastic depth from scratch, in NumPy.

A residual block adds its branch to a shortcut. In training the branch is left out of some examples,
as if the block were not there, and where it stays it is divided by the probability that it does:

    keep ~ Bernoulli(1 - rate), one for each example                         True = keep
    training    y[n] = x[n] + branch[n] * keep[n] / (1 - rate)
    inference   y = x + branch

rate is the probability that the branch is dropped, 1 - rate the probability that it survives. The
mean of y over all draws is then what inference gives, which therefore needs no factor. (In the
paper training does not divide, and inference multiplies by 1 - rate.)

Late blocks are dropped more often than early ones, by the rule of linear decay. The survival
probabilities of a stack of L blocks, the last of which has the rate ``rate``, are

    p_l = 1 - rate * l / L        l = 1, ..., L

This is the solution. ``x``, ``branch`` and ``grad`` (which is dL/dy) have shape (N, ...), ``keep``
(N,), booleans; ``rate`` is a number in [0, 1).

Paper: Huang, Sun, Liu, Sedra and Weinberger, "Deep networks with stochastic depth", ECCV 2016.
"""

import numpy as np


def survival_probabilities(rate: float, depth: int) -> np.ndarray:
    """p_1, ..., p_L of a stack of ``depth`` blocks, float64 of shape (depth,)."""
    return 1 - rate * np.arange(1, depth + 1) / depth


def stochastic_depth_train(
    x: np.ndarray, branch: np.ndarray, rate: float, keep: np.ndarray
) -> np.ndarray:
    """y in training."""
    keep = keep.reshape(-1, *[1] * (branch.ndim - 1))  # to stand beside the branch
    return x + branch * keep / (1 - rate)


def stochastic_depth_inference(x: np.ndarray, branch: np.ndarray, rate: float) -> np.ndarray:
    """y in inference."""
    return x + branch


def stochastic_depth_backward(
    grad: np.ndarray, rate: float, keep: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """dL/dx along the shortcut, and dL/dbranch, in training."""
    keep = keep.reshape(-1, *[1] * (grad.ndim - 1))
    return grad, grad * keep / (1 - rate)


def main() -> None:
    """Two examples of one number; the branch of the first is dropped."""
    x, branch, keep = np.array([[1.0], [1.0]]), np.array([[3.0], [3.0]]), np.array([False, True])
    show(
        "four blocks, down to 0.2 for the last",
        lambda: survival_probabilities(0.8, 4),
        ([0.8, 0.6, 0.4, 0.2],),
    )
    show(
        "of the first the shortcut is left; of the second the branch counts twice, at rate 0.5",
        lambda: stochastic_depth_train(x, branch, 0.5, keep),
        ([[1.0], [7.0]],),
    )
    show(
        "inference gives the mean of the two",
        lambda: stochastic_depth_inference(x, branch, 0.5),
        ([[4.0], [4.0]],),
    )
    show(
        "the gradient of the shortcut is whole, that of a dropped branch 0",
        lambda: stochastic_depth_backward(np.ones((2, 1)), 0.5, keep),
        ([[1.0], [1.0]], [[0.0], [2.0]]),
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
