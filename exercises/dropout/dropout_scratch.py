r"""Dropout from scratch, in NumPy.

In training dropout sets every activation to zero with probability ``rate``; in inference it drops
nothing. With a mask that is True where an element is kept, there are two forms:

    mask ~ Bernoulli(1 - rate)
    standard    training  y = x * mask                     inference  y = x * (1 - rate)
    inverted    training  y = x * mask / (1 - rate)        inference  y = x

Either way the expectation of y is the same in training and in inference: the standard form
corrects the scale in inference, the inverted form in training. PyTorch and Keras have the inverted
one, so that a trained network needs no change.

Your task: fill in the five functions below. Each has a TODO; take out its ``raise`` when you are
done. ``x`` and ``grad`` have any shape, ``mask`` the same, and ``rate`` lies in [0, 1). ``grad`` is
dL/dy, and a backward function returns dL/dx. Keep the dtype (float32 in, float32 out), and change
none of the arrays that you are given.

    python dropout_scratch.py                       shows what your functions do
    triptych exercise check dropout_scratch.py      checks them

Paper: Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, "Dropout: a simple way to
prevent neural networks from overfitting", JMLR 15, 2014.
"""

import numpy as np


def draw_mask(rng: np.random.Generator, shape: tuple[int, ...], rate: float) -> np.ndarray:
    """Booleans of ``shape``, each on its own True (keep) with probability 1 - rate."""
    # TODO 1: draw them from rng.
    raise NotImplementedError


def standard_dropout(x: np.ndarray, rate: float, mask: np.ndarray, *, training: bool) -> np.ndarray:
    """y of the standard form. Inference does not use the mask."""
    # TODO 2: both lines of the standard form, training and inference.
    raise NotImplementedError


def standard_dropout_backward(
    grad: np.ndarray, rate: float, mask: np.ndarray, *, training: bool
) -> np.ndarray:
    """dL/dx of the standard form, with the mask of the forward pass."""
    # TODO 3: the chain rule, for training and for inference.
    raise NotImplementedError


def inverted_dropout(x: np.ndarray, rate: float, mask: np.ndarray, *, training: bool) -> np.ndarray:
    """y of the inverted form. Inference does not use the mask."""
    # TODO 4: both lines of the inverted form, training and inference.
    raise NotImplementedError


def inverted_dropout_backward(
    grad: np.ndarray, rate: float, mask: np.ndarray, *, training: bool
) -> np.ndarray:
    """dL/dx of the inverted form, with the mask of the forward pass."""
    # TODO 5: the chain rule, for training and for inference.
    raise NotImplementedError


def main() -> None:
    """What each function does to two samples of six features."""
    x = np.arange(1.0, 13.0).reshape(2, 6)
    grad = np.ones_like(x)
    rate = 0.5
    mask = np.array([[1, 0, 1, 1, 0, 0], [0, 1, 1, 0, 1, 1]], dtype=bool)
    print(f"rate {rate}, x\n{x}\nmask, for all but the first function\n{mask}\n")

    def show(title, function, *arguments, **options):
        try:
            print(f"{title}\n{function(*arguments, **options)}")
        except NotImplementedError:
            print(f"{title}\nTODO")

    show("draw_mask", draw_mask, np.random.default_rng(0), x.shape, rate)
    for function, array in [
        (standard_dropout, x),
        (standard_dropout_backward, grad),
        (inverted_dropout, x),
        (inverted_dropout_backward, grad),
    ]:
        for training in (True, False):
            title = f"{function.__name__}, {'training' if training else 'inference'}"
            show(title, function, array, rate, mask, training=training)


if __name__ == "__main__":
    main()
