r"""Batch normalization from scratch, in NumPy.

Each feature is normalized with its mean and variance over the batch, and gets a scale and a shift
that are learned:

    training    mu = mean(x)   v = mean((x - mu)^2)                          over the batch
                x_hat = (x - mu) / sqrt(v + epsilon)      y = gamma * x_hat + beta
                running_mean <- momentum * running_mean + (1 - momentum) * mu
                running_variance <- momentum * running_variance + (1 - momentum) * v
    inference   y = gamma * (x - running_mean) / sqrt(running_variance + epsilon) + beta

In training an output depends on all rows of the batch, through mu and v, and so does the gradient:

    dbeta = sum(dy)       dgamma = sum(dy * x_hat)                           over the batch
    dx = gamma / sqrt(v + epsilon) * (dy - mean(dy) - x_hat * mean(dy * x_hat))

This is the solution. ``x`` and ``grad`` (which is dL/dy) have shape (N, features), everything else
(features,).

Paper: Ioffe and Szegedy, "Batch normalization: accelerating deep network training by reducing
internal covariate shift", ICML 2015. (PyTorch's momentum is the other weight, 0.1 for our 0.9, and
its running variance has a factor N / (N - 1).)
"""

import numpy as np


def batch_norm_train(
    x: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    running_mean: np.ndarray,
    running_variance: np.ndarray,
    *,
    momentum: float = 0.9,
    epsilon: float = 1e-5,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """y, and the running mean and variance after this batch."""
    mean, variance = x.mean(axis=0), x.var(axis=0)
    y = gamma * (x - mean) / np.sqrt(variance + epsilon) + beta
    running_mean = momentum * running_mean + (1 - momentum) * mean
    running_variance = momentum * running_variance + (1 - momentum) * variance
    return y, running_mean, running_variance


def batch_norm_inference(
    x: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    running_mean: np.ndarray,
    running_variance: np.ndarray,
    *,
    epsilon: float = 1e-5,
) -> np.ndarray:
    """y, which in inference does not depend on the other rows."""
    return gamma * (x - running_mean) / np.sqrt(running_variance + epsilon) + beta


def batch_norm_backward(
    grad: np.ndarray, x: np.ndarray, gamma: np.ndarray, *, epsilon: float = 1e-5
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """dL/dx, dL/dgamma and dL/dbeta in training; ``x`` is what the forward pass was given."""
    inverse = 1 / np.sqrt(x.var(axis=0) + epsilon)
    x_hat = (x - x.mean(axis=0)) * inverse
    dgamma, dbeta = (grad * x_hat).sum(axis=0), grad.sum(axis=0)
    dx = gamma * inverse * (grad - grad.mean(axis=0) - x_hat * (grad * x_hat).mean(axis=0))
    return dx, dgamma, dbeta


def main() -> None:
    """One feature with the values 0 and 4: mean 2, variance 4, so that x_hat is -1 and 1."""
    x, one, zero = np.array([[0.0], [4.0]]), np.ones(1), np.zeros(1)
    show(
        "y, and the running mean and variance after the batch",
        lambda: batch_norm_train(x, one, zero, zero, one, momentum=0.5, epsilon=0.0),
        ([[-1.0], [1.0]], [1.0], [2.5]),
    )
    show(
        "inference takes the running mean 1 and the running variance 9",
        lambda: batch_norm_inference(x, 3 * one, one, one, 9 * one, epsilon=0.0),
        ([[0.0], [4.0]],),
    )
    show(
        "a gradient that is the same for all rows is left for beta alone",
        lambda: batch_norm_backward(np.ones((2, 1)), x, one, epsilon=0.0),
        ([[0.0], [0.0]], [0.0], [2.0]),
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
