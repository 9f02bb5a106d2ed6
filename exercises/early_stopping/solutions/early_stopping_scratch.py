"""Early stopping from scratch, in Python and NumPy.

Training ends when the validation loss has not improved for some epochs, and the weights of the best
epoch are restored, not those of the last:

    improvement    loss + min_delta < best       where best is the loss of the last improvement
    wait           0 after an improvement, else one more than after the epoch before
    stop           after the first epoch that is no improvement and has wait >= patience

Epochs count from 0. The first loss that is a number is an improvement. NaN never is one, nor is a
loss as good as the best, nor one that is better by just min_delta. ``wait`` is 0 before epoch 0.
As in Keras, no run stops after epoch 0, even if its loss is NaN, and a patience of 0 acts as 1.

The weights of the best epoch have to be kept while training goes on to change them in place:

    best = None
    for epoch in range(100):
        ...                                        trains: weights["w"] -= learning_rate * grad
        best = keep_best(best, weights, improved)

This is the solution. ``losses`` is a list of at least one float, NaN among them, but no infinite
ones; ``min_delta`` and ``patience`` are at least 0.

Paper: Prechelt, "Early stopping - but when?", in "Neural networks: tricks of the trade", 1998.
"""

import numpy as np

Weights = dict[str, np.ndarray]


def best_epoch(losses: list[float], *, min_delta: float = 0.0) -> int | None:
    """The epoch of the last improvement; None if there was none."""
    epoch, best = None, np.inf
    for i, loss in enumerate(losses):
        if loss + min_delta < best:
            epoch, best = i, loss
    return epoch


def stopping_epoch(losses: list[float], patience: int, *, min_delta: float = 0.0) -> int | None:
    """The epoch after which training stops; None if it goes on to the end of the list."""
    wait, best = 0, np.inf
    for i, loss in enumerate(losses):
        if loss + min_delta < best:
            wait, best = 0, loss
            continue
        wait += 1
        if wait >= patience and i > 0:
            return i
    return None


def keep_best(best: Weights | None, weights: Weights, improved: bool) -> Weights | None:
    """The weights of the best epoch: these if they ``improved``, else those that were best."""
    return {name: array.copy() for name, array in weights.items()} if improved else best


def main() -> None:
    """The loss improves in the epochs 0, 1 and 4, in the last by 0.125."""
    losses = [1.0, 0.5, 0.75, 0.5, 0.375]
    show("the smallest loss is in epoch 4", lambda: best_epoch(losses), 4)
    show("by more than 0.25 epoch 1 is the last", lambda: best_epoch(losses, min_delta=0.25), 1)
    show("two epochs without improvement: 2 and 3", lambda: stopping_epoch(losses, 2), 3)
    show("there are never three in a row", lambda: stopping_epoch(losses, 3), None)

    def kept():
        weights = {"w": np.array([1.0, 2.0])}
        best = keep_best(None, weights, True)
        weights["w"] -= 5.0
        best = keep_best(best, weights, False)
        return best and best["w"].tolist()

    show("the best weights are what they were, while training goes on", kept, [1.0, 2.0])


def show(title, call, expected):
    """Whether a call gives what was worked out by hand."""
    try:
        found = call()
    except NotImplementedError:
        print(f"TODO   {title}")
        return
    print(f"{'right' if found == expected else 'wrong'}  {title}")
    if found != expected:
        print("       expected", expected)
        print("       found   ", found)


if __name__ == "__main__":
    main()
