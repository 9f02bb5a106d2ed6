r"""Label smoothing from scratch, in NumPy.

A target of 1 for the right class and 0 for the others is never reached: the cross-entropy always
wants a larger logit. With label smoothing each of the K classes gets a share of the target, so that
the loss is smallest at finite logits, and the network less sure of itself:

    q_ic = (1 - smoothing) * [c is the label of i] + smoothing / K

    p_ic = exp(z_ic) / sum_k exp(z_ik)                             softmax of the logits z
    L = -1/N sum_i sum_c q_ic * log p_ic                           the mean over the N rows
    dL/dz_ic = (p_ic - q_ic) / N                                   as each row of q adds up to 1

exp(z) overflows where z is large, and p can be rounded to 0, which has no logarithm. So take the
largest logit m_i of each row away first, which leaves p as it is, and never take the logarithm of
p itself:

    log p_ic = (z_ic - m_i) - log sum_k exp(z_ik - m_i)

Your task: fill in the three functions below. Each has a TODO; take out its ``raise`` when you are
done. ``labels`` (N,) are integers in [0, classes); ``logits`` and ``targets``, which are q, have
shape (N, K). Keep the dtype of the logits (float32 in, float32 out), and change none of the arrays
that you are given.

    python label_smoothing_scratch.py                     tries your functions on a few numbers
    triptych exercise check label_smoothing_scratch.py    checks them

Paper: Szegedy, Vanhoucke, Ioffe, Shlens and Wojna, "Rethinking the Inception architecture for
computer vision", CVPR 2016 (section 7). (PyTorch and Keras both have this form, with K in the
share: the right class has 1 - smoothing + smoothing / K.)
"""

import numpy as np


def smooth_labels(labels: np.ndarray, classes: int, smoothing: float) -> np.ndarray:
    """q, of shape (N, classes) and dtype float64."""
    # TODO 1: the line of q.
    raise NotImplementedError


def cross_entropy(logits: np.ndarray, targets: np.ndarray) -> float:
    """L, of logits of any size."""
    # TODO 2: the loss, by way of log p.
    raise NotImplementedError


def cross_entropy_backward(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """dL/dlogits, for logits of any size."""
    # TODO 3: the gradient.
    raise NotImplementedError


def main() -> None:
    """Two classes or four, with numbers that can be had without a computer."""
    show(
        "four classes share 0.4, and the label 2 has the other 0.6",
        lambda: smooth_labels(np.array([2]), 4, 0.4),
        ([[0.1, 0.1, 0.7, 0.1]],),
    )
    show(
        "log p is 0 and -1000: a share of 0.1 in the second class costs 100",
        lambda: cross_entropy(np.array([[1000.0, 0.0]]), np.array([[0.9, 0.1]])),
        (100.0,),
    )
    show(
        "each row's logits are equal, so p is 1/2: halves of -0.4 and 0.4, as there are 2 rows",
        lambda: cross_entropy_backward(
            np.array([[0.0, 0.0], [2000.0, 2000.0]]), np.array([[0.9, 0.1], [0.5, 0.5]])
        ),
        ([[-0.2, 0.2], [0.0, 0.0]],),
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
