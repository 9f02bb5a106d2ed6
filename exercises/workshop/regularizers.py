"""What the model and a step of it do: dropout, weight decay, batch norm, clipping, smoothing.

Weights are chosen so that a number tells one thing. With a first matrix of 0 and a scale and a
shift of 1, each hidden unit is 1, but for dropout. Images of 0, and shifts of 0, leave matrices no
gradient, so that a step shows decay alone; and with an output bias alone, the gradient of that bias
is the softmax minus the row that the labels were made.
"""

import functools
import math
from collections.abc import Callable, Iterator

import numpy as np

from triptych.exercises.findings import DONE, NOT_DONE, WRONG, Finding, InterfaceError

from .networks import CLASSES, SHAPE, Network

__all__ = [
    "accumulation",
    "batch_norm",
    "clipping",
    "dropout",
    "placement",
    "smoothing",
    "weight_decay",
]

RATE, DECAY, LIMIT, SMOOTHING = 0.3, 0.01, 1.0, 0.1
Build = Callable[[], Network]


def _images(rows: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(size=(rows, *SHAPE)).astype(np.float32)


def placement(build: Build) -> Finding | None:
    """What stands where it spoils all that is read off the model: mend that first."""
    norm = functools.partial(Finding, "batch norm", WRONG)
    drop = functools.partial(Finding, "dropout", WRONG)
    network, moving = build(), _images(6)
    if network.others:
        sizes = set(network.others.values())
        where = "the pixels" if math.prod(SHAPE) in sizes else "the logits"
        return norm(
            f"{where} have parameters of their own",
            "two vectors for the hidden layer, gamma and beta",
            f"vectors of {', '.join(map(str, sorted(sizes)))} numbers",
            f"There, {where} are normalized; the hidden layer is to be.",
        )
    shaky = np.ptp([network.predict(moving) for _ in range(3)], axis=0).max()
    if shaky > 1e-6:
        return drop(
            "predict gives other probabilities each time",
            "in inference nothing is dropped",
            f"probabilities that differ by up to {shaky:.2g}",
            "The model is not in inference mode there: model.eval(), or training=False.",
        )
    together, single = network.predict(moving)[:2], network.predict(moving[:2])
    if np.abs(together - single).max() > 1e-4:
        return norm(
            "a prediction depends on the other images that are predicted with it",
            "running statistics in inference",
            f"probabilities that differ by {np.abs(together - single).max():.2g}",
            "predict runs the model in training mode, on the statistics of its batch.",
        )
    moves = np.ptp([network.logits(moving, training=True) for _ in range(3)], axis=0).max()
    logits = network.logits(moving, training=False)
    if logits.min() >= 0 and np.allclose(logits.sum(axis=1), 1, atol=1e-4):
        raise InterfaceError(
            "the model returns probabilities; it must return logits: leave the softmax to predict "
            "and to the loss"
        )
    _all_hidden_1(network)
    if network.hidden(moving, training=False).max() < 1e-6:
        raise InterfaceError(
            "nothing shifts the hidden units: keep the bias of the first layer, or leave batch "
            "normalization its gamma and beta"
        )
    one = np.zeros((network.units, CLASSES))
    one[0] = 1
    network.set(output=one)
    zeros = np.zeros((400, *SHAPE), np.float32)
    if np.ptp(network.logits(zeros, training=True), axis=1).max() > 1e-4:
        return drop(
            "logits are dropped",
            "ten logits that show one hidden unit are equal",
            "some of them are 0",
            "Dropout stands behind the output layer. It belongs in front of it.",
        )
    if moves > 1e-6 and np.ptp(network.hidden(zeros, training=True)) < 1e-4:
        return drop(
            "something is drawn in training, but no hidden unit is dropped",
            "hidden units that are 0",
            "the same value for all, if the first matrix is 0",
            "Dropout stands in front of the first matrix, and drops pixels.",
        )
    first = np.random.default_rng(1).normal(size=(math.prod(SHAPE), network.units))
    network.set(first=first, scales=1, shifts=0)
    if network.hidden(_images(20), training=True).min() < -1e-3:
        return norm(
            "the output layer sees negative hidden values",
            "the ReLU comes last, and leaves none",
            "values below 0",
            "Batch normalization stands after the ReLU; it belongs between matrix and ReLU.",
        )
    return None


def _all_hidden_1(network: Network) -> None:
    first = np.zeros((math.prod(SHAPE), network.units))
    network.set(first=first, scales=1, shifts=1, bias=0)


def dropout(build: Build) -> Iterator[Finding]:
    wrong = functools.partial(Finding, "dropout", WRONG)
    network, images = build(), np.zeros((400, *SHAPE), np.float32)
    _all_hidden_1(network)
    values = network.hidden(images, training=True)
    dropped = np.abs(values) < 1e-6
    if not dropped.any() and np.ptp(values) < 1e-4:
        yield Finding("dropout", NOT_DONE)
        return
    kept = values[~dropped]
    if np.ptp(kept) > 1e-3 * np.abs(kept).max():
        yield wrong(
            "what is kept is not scaled by one number",
            f"0, or 1 / {1 - RATE:g} = {1 / (1 - RATE):.3f}, for units of 1",
            f"values from {kept.min():.3f} to {kept.max():.3f}",
            "Batch normalization comes after dropout, and normalizes the zeros too; or noise is "
            "not dropout's.",
        )
        return
    share, scale = float(dropped.mean()), float(np.median(kept))
    error = 5 * math.sqrt(RATE * (1 - RATE) / values.size)
    # Ten units are read in one pass, the next ten in another, with other masks.
    rows, columns = dropped[:, :CLASSES].mean(axis=1), dropped.mean(axis=0)
    if set(rows) <= {0, 1} or set(columns) <= {0, 1}:
        yield wrong(
            "hidden units are dropped together",
            "a draw for each unit and each example",
            f"all {'units of an example' if set(rows) <= {0, 1} else 'examples of a unit'} at once",
            "The mask has too few numbers.",
        )
        return
    if abs(share - RATE) > error:
        swapped = abs(share - (1 - RATE)) <= error
        yield wrong(
            "another share of the hidden units is dropped",
            f"{RATE:g} +- {error:.2g} (5 standard errors)",
            f"{share:.3f}",
            "The rate is the share that is kept, 0.7, where that to drop is asked."
            if swapped
            else "Two dropouts in a row drop more than each."
            if abs(share - (1 - (1 - RATE) ** 2)) <= error
            else "",
        )
    if abs(scale - 1 / (1 - share)) > 0.02 * scale:
        yield wrong(
            "what is kept has another scale",
            f"units of 1 become 1 / {1 - share:.2f} = {1 / (1 - share):.3f}",
            f"{scale:.3f}",
            "They are not divided by the share that is kept." if abs(scale - 1) < 0.02 else "",
        )
        return
    if abs(share - RATE) <= error:
        yield Finding(
            "dropout",
            DONE,
            f"{share:.1%} of {values.size} hidden values are 0 in training and the others are "
            f"multiplied by {scale:.3f}; in inference nothing changes",
        )


def weight_decay(build: Build) -> Iterator[Finding]:
    network = build()
    rng = np.random.default_rng(0)
    first = rng.normal(size=(math.prod(SHAPE), network.units)) / 2
    output = rng.normal(size=(network.units, CLASSES)) / 2
    images, labels = np.zeros((CLASSES, *SHAPE), np.float32), np.arange(CLASSES)
    network.set(first=first, output=output, scales=1, shifts=0, bias=0)
    before = {name: network.get(name).astype(float) for name in (network.first, network.output)}
    change = network.step(images, labels)
    found = {"first": network.first, "output": network.output}
    strengths = {}
    for role, name in found.items():
        moved, w = change[name].T if network.flipped[name] else change[name], before[name]
        strengths[role] = float((moved * w).sum() / (w * w).sum())
        if np.abs(moved - strengths[role] * w).max() > 0.02 * np.abs(moved).max() + 1e-4:
            size = np.abs(moved).mean()
            like_sign = np.allclose(moved / np.sign(w), size, rtol=0.05)
            like_sign = bool(like_sign) and abs(size - 1) > 0.1  # which Adam makes of any gradient
            yield Finding(
                "weight decay",
                WRONG,
                f"the {role} matrix does not shrink in proportion to its weights",
                f"{DECAY:g} * w in each step, by the learning rate",
                "the same for all weights, with their sign" if like_sign else "another change",
                "That is L1, the sum of absolute values."
                if like_sign
                else "The optimizer divides by what it has seen, as Adam does.",
            )
            return
    of_bias = _decay_of_bias(build())
    network = build()
    network.set(first=first, output=output, scales=-3, shifts=-3, bias=0)
    change = network.step(images, labels)
    vectors = {name: float(change[name].mean()) / -3 for name in (*network.scales, *network.shifts)}
    decayed = abs(of_bias) > 1e-4 or any(abs(value) > 1e-4 for value in vectors.values())
    if max(map(abs, strengths.values())) < 1e-4 and not decayed:
        yield Finding("weight decay", NOT_DONE)
        return
    faults = list(_strengths(strengths))
    if decayed:
        faults.append(
            Finding(
                "weight decay",
                WRONG,
                "more than the two matrices shrinks",
                "0 for biases, gamma and beta",
                f"{of_bias:.2g} times the output bias, "
                + ", ".join(f"{value:.2g}" for value in vectors.values())
                + " times the vectors of the hidden layer",
                "The decay acts on all parameters: give the optimizer two groups, or name what it "
                "is to leave out.",
            )
        )
    yield from faults or [
        Finding(
            "weight decay",
            DONE,
            f"a step takes {strengths['first']:.4f} and {strengths['output']:.4f} times the "
            "learning rate times themselves from the two matrices, and nothing from the rest",
        )
    ]


def _strengths(strengths: dict[str, float]) -> Iterator[Finding]:
    off = {role: value for role, value in strengths.items() if abs(value - DECAY) > 0.03 * DECAY}
    if not off:
        return
    role, value = next(iter(off.items()))
    causes = {
        2 * DECAY: "The penalty is the sum of squares without a one-half: its gradient has a 2.",
        DECAY / 2: "The strength was halved, and the one-half is there already.",
        0.0: f"Only one of the two matrices has it: the {role} one has none.",
        -DECAY: "The sign is wrong: weights grow.",
    }
    near = [text for strength, text in causes.items() if abs(value - strength) < 0.03 * DECAY]
    yield Finding(
        "weight decay",
        WRONG,
        f"the strength is another{'' if len(off) == 2 else f', of the {role} matrix'}",
        f"{DECAY:g} times a weight",
        f"{value:.4g}",
        near[0] if near else "",
    )


def batch_norm(build: Build) -> Iterator[Finding]:
    wrong = functools.partial(Finding, "batch norm", WRONG)
    network, images = build(), _images(20)
    rng = np.random.default_rng(1)
    network.set(
        first=rng.normal(size=(math.prod(SHAPE), network.units)), scales=1, shifts=6, bias=0
    )

    def kept(images: np.ndarray) -> np.ndarray:
        """Without dropout: the largest of many draws, which is scaled by one number.

        A batch that has each image 40 times has the mean and variance of one that has it once.
        """
        values = network.hidden(np.tile(images, (40, 1, 1, 1)), training=True)
        return values.reshape(40, len(images), -1).max(axis=0)

    values = kept(images)
    alone = kept(np.concatenate([images[:1], 3 * images[1:]]))
    depends = np.abs(alone[0] - values[0]).max() > 1e-3 * np.abs(values).max()
    spread = values.std(axis=0) / values.mean(axis=0)  # 1 / 6 where the mean is 6
    row = values.std(axis=1) / values.mean(axis=1)
    if not depends:
        if network.scales or np.allclose(row, row.mean(), rtol=1e-3):
            yield wrong(
                "a hidden value does not depend on the other rows of the batch",
                "a mean and a variance over the batch",
                "the same value in another batch",
                "The units of one row are normalized: that is layer normalization.",
            )
        else:
            yield Finding("batch norm", NOT_DONE)
        return
    # A framework's epsilon, or a factor of N / (N - 1), takes some tenths of a percent.
    if not np.allclose(spread, 1 / 6, rtol=0.02):
        yield wrong(
            "the hidden units are not normalized one by one",
            "mean 0 and deviation 1 of each unit over the batch, before gamma and beta",
            f"deviations between {6 * spread.min():.2f} and {6 * spread.max():.2f}",
            "The mean and variance are over the wrong axis, or a layer stands between.",
        )
        return
    far = []
    for passes in (1, 50):
        for _ in range(passes):
            network.logits(images, training=True)
        values = network.hidden(images, training=False)
        far.append(float(np.abs(values.std(axis=0) / values.mean(axis=0) - 1 / 6).max()))
    if far[1] > max(0.85 * far[0], 0.02):  # 0.99**50 is 0.6
        yield wrong(
            "the running statistics do not come nearer to those of the batches",
            "in inference a unit's deviation goes to 1 for a batch that is seen again and again",
            f"off by {6 * far[0]:.2f} at first, and by {6 * far[1]:.2f} after 50 passes more",
            "They are not updated in training, or so slowly that they are never right.",
        )
        return
    # Now other images: how far one batch moves what 30 of them move.
    seen = [network.hidden(images, training=False)]
    for passes in (1, 29):
        for _ in range(passes):
            network.logits(2 * images, training=True)
        seen.append(network.hidden(images, training=False))
    moved = float(np.abs(seen[1] - seen[0]).mean() / np.abs(seen[2] - seen[0]).mean())
    if moved > 0.7:  # 0.1 with a momentum of 0.9
        yield wrong(
            "the running statistics are those of the last batch, nearly",
            "one batch moves them by a tenth of the way or less",
            f"by {moved:.0%}",
            "The momentum is turned round: in PyTorch it is the part of the new batch, 0.1, in "
            "Keras and NumPy that of the old ones, 0.9 or 0.99.",
        )
        return
    yield Finding(
        "batch norm",
        DONE,
        "each hidden unit has mean 0 and deviation 1 over the batch before its ReLU, and inference "
        "takes running statistics",
    )


def _norm(arrays: dict[str, np.ndarray]) -> float:
    return math.sqrt(sum(float((array**2).sum()) for array in arrays.values()))


def clipping(build: Build) -> Iterator[Finding]:
    wrong = functools.partial(Finding, "clipping", WRONG)
    rng = np.random.default_rng(2)

    def stepped(size: float) -> tuple[Network, dict[str, np.ndarray], float]:
        network = build()
        first = rng.normal(size=(math.prod(SHAPE), network.units)) / 5
        output = rng.normal(size=(network.units, CLASSES)) / 5
        network.set(first=first, output=output, scales=size, shifts=0, bias=0)
        change = network.step(size * _images(CLASSES, 3), rng.permutation(CLASSES))
        whole = _norm(change)
        for name in network.scales:  # a decay of what is so large, if it has one
            change[name] -= change[name].mean()
        # And that of the matrices, which is all that changes where there is nothing to learn.
        still = build()
        still.set(first=first, output=output, scales=1, shifts=0, bias=0)
        decay = still.step(np.zeros((CLASSES, *SHAPE), np.float32), np.arange(CLASSES))
        for name in (network.first, network.output):
            change[name] = change[name] - decay[name]
        # A decay inside of the gradient is clipped with it: then the whole has the norm.
        return network, change, min(whole, _norm(change), key=lambda norm: abs(norm - LIMIT))

    network, change, norm = stepped(1000.0)
    parts = {name: math.sqrt(float((c**2).sum())) for name, c in change.items()}
    matrices = [change[network.first], change[network.output]]
    largest = max(float(np.abs(c).max()) for c in matrices)
    at_limit = np.mean([np.mean(np.abs(np.abs(c) - largest) < 0.2 * largest) for c in matrices])
    if norm > 30:
        left = network.gradient_norm()
        if at_limit > 0.3:
            yield wrong(
                "single elements are cut, not the norm",
                f"a step of norm {LIMIT:g} in the direction of the gradient",
                f"many elements of {largest:.2g}, norm {norm:.3g}",
                "The gradient is clipped by value; ask for the norm. Or the step is not rate times "
                "gradient: another optimizer than SGD.",
            )
        elif left is not None and left < 1.5 * LIMIT:
            yield wrong(
                "the gradients are clipped, and the step is not",
                f"a step of norm {LIMIT:g} at most",
                f"a step of norm {norm:.3g}, and gradients of norm {left:.3g} after it",
                "They are clipped after the step, or before backward fills them.",
            )
        else:
            yield Finding("clipping", NOT_DONE)
        return
    if abs(norm - LIMIT) > 0.05 * LIMIT:
        counted = [part for part in parts.values() if part > 0.05]
        at_norm = [part for part in counted if abs(part - LIMIT) < 0.05 * LIMIT]
        each = len(at_norm) > 1 and max(counted) < 1.05 * LIMIT
        by_value = at_limit > 0.3
        yield wrong(
            "each array is clipped by itself"
            if each
            else "a large gradient is cut to another norm",
            f"all gradients together have norm {LIMIT:g}",
            f"norm {norm:.3g}: " + ", ".join(f"{each} {part:.2g}" for each, part in parts.items()),
            "The norm is that of one array; the global norm keeps the direction of the step."
            if each
            else "The gradient is clipped by value, element by element."
            if by_value
            else "",
        )
        return
    _, _, small = stepped(0.01)
    if small > 0.9 * LIMIT:
        yield wrong(
            "small gradients are made longer",
            f"a gradient whose norm is below {LIMIT:g} is left alone",
            f"norm {small:.3g} where it should be much smaller",
            "The gradient is always divided by its norm. Or the step is not rate times gradient: "
            "the loss is no mean over the batch, or the optimizer another than SGD.",
        )
        return
    yield Finding(
        "clipping",
        DONE,
        f"a huge gradient makes a step of norm {norm:.3f}, and one of {small:.2g} is left alone",
    )


def _decay_of_bias(network: Network) -> float:
    """By which multiple of itself a step shrinks it; one label of each class adds nothing."""
    network.set(scales=1, shifts=0, bias=2)
    images, labels = np.zeros((CLASSES, *SHAPE), np.float32), np.arange(CLASSES)
    return float(network.step(images, labels)[network.bias].mean()) / 2


def _smoothed_in_evaluate(network: Network) -> Finding | None:
    logits = np.linspace(-2, 2, CLASSES)
    network.set(scales=1, shifts=0, bias=logits)
    images, labels = np.zeros((6, *SHAPE), np.float32), np.full(6, CLASSES - 1)
    surprise = np.log(np.exp(logits).sum()) - logits
    plain = surprise[-1]
    smoothed = (1 - SMOOTHING) * plain + SMOOTHING * surprise.mean()
    measured = float(network.module.evaluate(network.model, images, labels)[0])
    if abs(measured - smoothed) > 1e-3:  # they differ by 0.2; float32, and a learner's 1e-7
        return None
    return Finding(
        "smoothing",
        WRONG,
        "evaluate measures with smoothed labels",
        f"the cross-entropy with the labels, {plain:.4f} for what it was given",
        f"{measured:.4f}",
        "Smoothing belongs to the training loss alone: losses with and without it cannot be "
        "compared.",
    )


def accumulation(build: Build) -> Finding | None:
    """Whether a step has the gradients of the one before, too."""
    images, labels = np.zeros((CLASSES, *SHAPE), np.float32), np.arange(CLASSES)
    logits, changes = np.linspace(-0.5, 0.5, CLASSES), []
    for rates in ((0.1,), (0.0, 0.1)):
        network = build()
        network.set(scales=1, shifts=0, bias=logits)
        changes.append(network.step(images, labels, *rates)[network.bias].reshape(-1))
    once, again = changes
    ratio = float((again * once).sum() / max((once * once).sum(), 1e-12))
    # It is 2 if they add up. Where the step has no one factor, this is not what happens.
    if abs(ratio - 1) < 0.1 or np.abs(again - ratio * once).max() > 1e-3:
        return None
    return Finding(
        "",
        WRONG,
        "a step has the gradients of the step before, too",
        "the same step again from the same weights",
        f"one {ratio:.2g} times as long",
        "Gradients add up: optimizer.zero_grad() is missing. Or the optimizer has momentum.",
    )


def smoothing(build: Build) -> Iterator[Finding]:
    network = build()
    images, labels = np.zeros((CLASSES, *SHAPE), np.float32), np.full(CLASSES, 3)
    logits = np.linspace(-0.5, 0.5, CLASSES)
    network.set(scales=1, shifts=0, bias=logits)
    change = network.step(images, labels)[network.bias].reshape(-1)
    change = change - _decay_of_bias(build()) * logits
    row = np.exp(logits) / np.exp(logits).sum() - change  # gradient = softmax - row
    others = np.delete(row, 3)
    shown = f"{row[3]:.4f} for the label, {others.mean():.4f} for each other class"
    expected = np.full(CLASSES, SMOOTHING / CLASSES)
    expected[3] += 1 - SMOOTHING
    if np.abs(row - expected).max() < 2e-3:
        yield _smoothed_in_evaluate(build()) or Finding(
            "smoothing", DONE, f"the rows of the training loss have {shown}; evaluate is without"
        )
        return
    if np.abs(row - np.eye(CLASSES)[3]).max() < 2e-3:
        yield Finding("smoothing", NOT_DONE)
        return
    strength = (1 - row[3]) * CLASSES / (CLASSES - 1)
    if np.ptp(others) > 2e-3:
        cause = "The loss is not the mean over the batch, or is multiplied by a number."
    elif abs(row[3] - (1 - SMOOTHING)) < 2e-3:
        cause = "0.1 is shared by the 9 other classes; it is shared by all 10, the label's too."
    else:
        cause = f"The strength is {strength:.3g}."
    yield Finding(
        "smoothing",
        WRONG,
        "the labels have other rows in the training loss",
        f"{expected[3]:.2f} for the label, {expected[0]:.2f} for each other class",
        shown
        if np.ptp(others) < 2e-3
        else f"{row[3]:.4f}, and {others.min():.4f} to {others.max():.4f}",
        cause,
    )
