r"""L1, L2 and elastic net from scratch, in NumPy.

A penalty on the weights is added to the loss, and its gradient to that of the loss:

    L1(strength)        penalty   strength * sum(abs(w))         gradient   strength * sign(w)
    L2(strength)        penalty   strength / 2 * sum(w^2)        gradient   strength * w
    elastic net         L1(alpha * l1_ratio) plus L2(alpha * (1 - l1_ratio))

At w = 0 the absolute value has a corner and no gradient; sign(0) = 0 is the subgradient that leaves
such a weight where it is. A gradient step of L1 jumps to and fro over 0 and makes no weight exactly
0. The proximal step does: in place of the penalty's gradient it follows a gradient step, of size s,
of the loss alone, and gives the u with the smallest (u - w)^2 / (2 * s) + penalty(u):

    L1(strength)        u = sign(w) * max(abs(w) - t, 0)         t = s * strength
    L2(strength)        u = w / (1 + s * strength)
    elastic net         the step of its L1, and then that of its L2 on the result

This is the solution. ``w`` has any shape and the gradients and steps have the same; a penalty is a
number. ``step_size`` is s.

Papers: Tibshirani, "Regression shrinkage and selection via the lasso", JRSS B 58, 1996; Zou and
Hastie, "Regularization and variable selection via the elastic net", JRSS B 67, 2005; Parikh and
Boyd, "Proximal algorithms", 2014. (L2 in Keras has no one-half, so its gradient has a 2.)
"""

import numpy as np


def l1(w: np.ndarray, strength: float) -> tuple[float, np.ndarray]:
    """The penalty, and its gradient."""
    return strength * np.abs(w).sum(), strength * np.sign(w)


def l2(w: np.ndarray, strength: float) -> tuple[float, np.ndarray]:
    """The penalty, and its gradient."""
    return strength / 2 * (w**2).sum(), strength * w


def elastic_net(w: np.ndarray, alpha: float, l1_ratio: float) -> tuple[float, np.ndarray]:
    """The penalty, and its gradient."""
    a, b = alpha * l1_ratio, alpha * (1 - l1_ratio)
    return a * np.abs(w).sum() + b / 2 * (w**2).sum(), a * np.sign(w) + b * w


def l1_proximal(w: np.ndarray, strength: float, step_size: float) -> np.ndarray:
    """u of L1, which is also called the soft threshold."""
    t = step_size * strength
    return np.sign(w) * np.maximum(np.abs(w) - t, 0)


def elastic_net_proximal(
    w: np.ndarray, alpha: float, l1_ratio: float, step_size: float
) -> np.ndarray:
    """u of the elastic net."""
    a, b = alpha * l1_ratio, alpha * (1 - l1_ratio)
    u = np.sign(w) * np.maximum(np.abs(w) - step_size * a, 0)
    return u / (1 + step_size * b)


def main() -> None:
    """Four weights, one of them 0: the absolute values add up to 6, the squares to 14."""
    w = np.array([-1.0, 0.0, 2.0, 3.0])
    show("L1: half of 6, and half of each sign", lambda: l1(w, 0.5), (3.0, [-0.5, 0.0, 0.5, 0.5]))
    show(
        "L2: a quarter of 14, and half of each weight",
        lambda: l2(w, 0.5),
        (3.5, [-0.5, 0.0, 1.0, 1.5]),
    )
    show(
        "elastic net, alpha 2: a quarter of it is L1(0.5), the rest L2(1.5)",
        lambda: elastic_net(w, 2.0, 0.25),
        (13.5, [-2.0, 0.0, 3.5, 5.0]),
    )
    show(
        "the proximal step of L1 goes 2 towards 0, and no further than 0",
        lambda: l1_proximal(w, 4.0, 0.5),
        ([0.0, 0.0, 0.0, 1.0],),
    )
    show(
        "that of the elastic net goes 1 towards 0, and then halves",
        lambda: elastic_net_proximal(w, 4.0, 0.5, 0.5),
        ([0.0, 0.0, 0.5, 1.0],),
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
