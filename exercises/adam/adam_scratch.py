r"""Adam and AdamW from scratch, in NumPy.

Adam keeps a moving average of the gradient and one of its square, and divides the one by the root
of the other. Both start at 0 and are too small at first, so each is divided by the part of it that
is made of gradients:

    m <- beta_1 * m + (1 - beta_1) * g                    m_hat = m / (1 - beta_1^step)
    v <- beta_2 * v + (1 - beta_2) * g^2                  v_hat = v / (1 - beta_2^step)
    w <- w - learning_rate * m_hat / (sqrt(v_hat) + epsilon)

Steps count from 1. What decays the weights is either the gradient of an L2 penalty, which goes
through m and v with the rest of g, or a term of its own, which does not:

    Adam with L2    g = grad + decay * w                  in all of the equations above
    AdamW           g = grad                              and w <- w - learning_rate * decay * w,
                                                          with the w from before the step

With L2 a weight with large gradients hardly decays, for its decay is divided by sqrt(v_hat) too.
That of AdamW does not depend on the gradients.

Your task: fill in the three functions below. Each has a TODO; take out its ``raise`` when you are
done. ``w``, ``grad``, ``m`` and ``v`` are arrays of one shape. Keep the dtype (float32 in, float32
out), and change none of the arrays that you are given.

    python adam_scratch.py                     tries your functions on numbers you can follow
    triptych exercise check adam_scratch.py    checks them

Papers: Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015 (Algorithm 1);
Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019 (Algorithm 2, with the
learning rate in the decay, as PyTorch and Keras have it).
"""

import numpy as np


def bias_corrected(moment: np.ndarray, beta: float, step: int) -> np.ndarray:
    """m_hat of m and beta_1, or v_hat of v and beta_2."""
    # TODO 1: the division, the same for m and for v.
    raise NotImplementedError


def adam_step(
    w: np.ndarray,
    grad: np.ndarray,
    m: np.ndarray,
    v: np.ndarray,
    step: int,
    *,
    learning_rate: float = 0.001,
    betas: tuple[float, float] = (0.9, 0.999),
    epsilon: float = 1e-8,
    decay: float = 0.0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """w, m and v after this step of Adam with L2; those that are given are from before it."""
    # TODO 2: one step, the decay in the gradient.
    raise NotImplementedError


def adamw_step(
    w: np.ndarray,
    grad: np.ndarray,
    m: np.ndarray,
    v: np.ndarray,
    step: int,
    *,
    learning_rate: float = 0.001,
    betas: tuple[float, float] = (0.9, 0.999),
    epsilon: float = 1e-8,
    decay: float = 0.01,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """w, m and v after this step of AdamW; those that are given are from before it."""
    # TODO 3: one step, the decay beside it.
    raise NotImplementedError


def main() -> None:
    """First steps, m = v = 0: without decay they are learning_rate long, however steep the loss."""
    w, grad, zero = np.array([1.0, 1.0]), np.array([0.5, -4.0]), np.zeros(2)

    def first(step, decay):
        numbers = {"learning_rate": 0.1, "betas": (0.5, 0.75), "epsilon": 0.0, "decay": decay}
        return step(w, grad, zero, zero, 1, **numbers)

    show(
        "after two steps 1 - 0.5^2 = 3/4 of a moment is made of gradients",
        lambda: bias_corrected(np.array([3.0, -0.75]), 0.5, 2),
        ([4.0, -1.0],),
    )
    show(
        "without decay Adam goes 0.1 down where the gradient is positive, else 0.1 up",
        lambda: first(adam_step, decay=0.0),
        ([0.9, 1.1], [0.25, -2.0], [0.0625, 4.0]),
    )
    show(
        "decay 0.5 makes the gradient 1 and -3.5: other m and v, but the same first step",
        lambda: first(adam_step, decay=0.5),
        ([0.9, 1.1], [0.5, -1.75], [0.25, 3.0625]),
    )
    show(
        "AdamW besides takes 0.1 * 0.5 * w away, of which m and v know nothing",
        lambda: first(adamw_step, decay=0.5),
        ([0.85, 1.05], [0.25, -2.0], [0.0625, 4.0]),
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
