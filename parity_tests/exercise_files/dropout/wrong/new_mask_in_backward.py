"""Backward draws a mask of its own."""

import numpy as np

TODO = "standard_dropout_backward"
FAULT = "A new mask is drawn in backward"


def draw_mask(rng: np.random.Generator, shape: tuple[int, ...], rate: float) -> np.ndarray:
    """Booleans of ``shape``, each on its own True (keep) with probability 1 - rate."""
    return rng.random(shape) >= rate


def standard_dropout(x: np.ndarray, rate: float, mask: np.ndarray, *, training: bool) -> np.ndarray:
    """y of the standard form. Inference does not use the mask."""
    return x * mask if training else x * (1 - rate)


def standard_dropout_backward(
    grad: np.ndarray, rate: float, mask: np.ndarray, *, training: bool
) -> np.ndarray:
    """dL/dx of the standard form, with the mask of the forward pass."""
    if not training:
        return grad * (1 - rate)
    return grad * draw_mask(np.random.default_rng(), grad.shape, rate)


def inverted_dropout(x: np.ndarray, rate: float, mask: np.ndarray, *, training: bool) -> np.ndarray:
    """y of the inverted form. Inference does not use the mask."""
    return x * mask / (1 - rate) if training else x


def inverted_dropout_backward(
    grad: np.ndarray, rate: float, mask: np.ndarray, *, training: bool
) -> np.ndarray:
    """dL/dx of the inverted form, with the mask of the forward pass."""
    return grad * mask / (1 - rate) if training else grad


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
