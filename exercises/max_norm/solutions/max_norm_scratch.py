r"""Max-norm from scratch, in NumPy.

After each step of the optimizer the weights are put back where they are allowed to be: the weights
that lead to one unit are a vector, and its norm may be at most c.

    n_j = sqrt(sum_i w_ij^2)                            the norm of unit j
    w_ij <- w_ij * c / n_j        where n_j > c         the direction stays, the norm becomes c
    w_ij <- w_ij                  where n_j <= c

A dense layer has weights of shape (inputs, units), so a unit is a column. A convolution has a
kernel of shape (height, width, channels, filters), and a filter is what a unit is there: all the
weights kernel[:, :, :, j] together have one norm.

Units that are allowed stay exactly as they are, to the last bit, for rounding them anew after each
step would move them; so do units whose weights are all 0, which have no direction. No epsilon is
needed for either.

This is the solution. ``w`` has shape (inputs, units), ``kernel`` (height, width, channels,
filters); ``limit`` is c, a number above 0.

Paper: Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, "Dropout: a simple way to
prevent neural networks from overfitting", JMLR 15, 2014 (section 5.1). (Keras adds 1e-7 to n, and
scales all units: those that are allowed by almost 1.)
"""

import numpy as np


def unit_norms(w: np.ndarray) -> np.ndarray:
    """n, of shape (units,)."""
    return np.sqrt((w**2).sum(axis=0))


def max_norm(w: np.ndarray, limit: float) -> np.ndarray:
    """The weights with the norm of each unit at most ``limit``."""
    n = unit_norms(w)
    return w * (limit / np.maximum(n, limit))  # limit / limit is 1, exactly


def max_norm_kernel(kernel: np.ndarray, limit: float) -> np.ndarray:
    """The kernel with the norm of each filter at most ``limit``."""
    n = np.sqrt((kernel**2).sum(axis=(0, 1, 2)))
    return kernel * (limit / np.maximum(n, limit))


def main() -> None:
    """Three units: the norm of (3, 4) is 5, that of (0.6, 0.8) is 1, and one is all 0."""
    w = np.array([[3.0, 0.6, 0.0], [4.0, 0.8, 0.0]])
    show("the norms of the three units", lambda: unit_norms(w), ([5.0, 1.0, 0.0],))
    show(
        "with the limit 2.5 the first is halved, and the others stay",
        lambda: max_norm(w, 2.5),
        ([[1.5, 0.6, 0.0], [2.0, 0.8, 0.0]],),
    )
    show(
        "a filter of 2 x 2 with four channels, all of it 1: 16 weights, the norm 4, here halved",
        lambda: max_norm_kernel(np.ones((2, 2, 4, 1)), 2.0),
        (np.full((2, 2, 4, 1), 0.5),),
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
