"""The workshop in NumPy: the solution, changed."""

from functools import partial

from parity_tests.exercise_files import workshop_common
from parity_tests.exercise_files.specimens import Right
from parity_tests.exercise_files.workshop_common import CLIP, DROPOUT, NORM, common, solution

FRAMEWORK = "scratch"
wrong = partial(workshop_common.wrong, FRAMEWORK)
CLIPPED = "".join(text for text, _ in CLIP[FRAMEWORK])
DROPPED, NORMED = DROPOUT[FRAMEWORK], NORM[FRAMEWORK]
RELU = "            ReLU(),\n"
OUTPUT = '            Dense(HIDDEN, CLASSES, seed=seed, name="output"),\n'
DECAYED = "SGD(0.1, weight_decay=0.01)"
STEP = "    optimizer.step(params, grads)\n"
SMOOTHED = [
    ("label_smoothing_cross_entropy(logits, labels, 0.1)\n",
     "label_smoothing_cross_entropy(logits, labels, {})\n"),
    ("label_smoothing_cross_entropy_backward(logits, labels, 0.1)",
     "label_smoothing_cross_entropy_backward(logits, labels, {})"),
]  # fmt: skip


def smoothed(strength):
    return [(old, new.format(strength)) for old, new in SMOOTHED]


SPECIMENS = [
    *common(FRAMEWORK),
    Right(
        "decay_by_hand",
        "",
        solution(FRAMEWORK),
        [
            (DECAYED, "SGD(0.1)"),
            (
                STEP,
                "    for name, w in params.items():\n        if w.ndim == 2:\n"
                f"            grads[name] = grads[name] + 0.01 * w\n{STEP}",
            ),
        ],
    ),
    # --- dropout
    wrong("rate_kept", "dropout", "share that is kept", ("Dropout(0.3,", "Dropout(0.7,")),
    wrong(
        "on_pixels",
        "dropout",
        "drops pixels",
        (DROPPED, ""),
        ("            Flatten(),\n", f"            Flatten(),\n{DROPPED}"),
    ),
    wrong("on_logits", "dropout", "behind the output", (DROPPED, ""), (OUTPUT, OUTPUT + DROPPED)),
    wrong(
        "twice",
        "dropout",
        "Two dropouts",
        (DROPPED, DROPPED + DROPPED.replace("seed=seed", 'seed=seed, name="second"')),
    ),
    wrong(
        "training_in_predict",
        "dropout",
        "not in inference mode",
        (NORMED, ""),
        ("model.forward(images, training=False)", "model.forward(images, training=True)"),
    ),
    wrong(
        "not_inverted",
        "dropout",
        "not divided by the share",
        ("Dropout(0.3,", "Dropout(0.3, inverted=False,"),
    ),
    # --- weight decay
    wrong(
        "all_parameters",
        "weight decay",
        "all parameters",
        (DECAYED, "SGD(0.1, weight_decay=0.01, decay_all=True)"),
    ),
    wrong(
        "decay_without_half",
        "weight decay",
        "without a one-half",
        (DECAYED, "SGD(0.1, weight_decay=0.02)"),
    ),
    wrong("halved", "weight decay", "halved", (DECAYED, "SGD(0.1, weight_decay=0.005)")),
    wrong(
        "one_matrix",
        "weight decay",
        "Only one of the two",
        (DECAYED, "SGD(0.1)"),
        (
            STEP,
            '    grads["hidden.weight"] = grads["hidden.weight"] + '
            f'0.01 * params["hidden.weight"]\n{STEP}',
        ),
    ),
    wrong(
        "absolute",
        "weight decay",
        "That is L1",
        (DECAYED, "SGD(0.1)"),
        (
            STEP,
            "    for name, w in params.items():\n        if w.ndim == 2:\n"
            f"            grads[name] = grads[name] + 0.01 * np.sign(w)\n{STEP}",
        ),
    ),
    wrong(
        "grows",
        "weight decay",
        "weights grow",
        (DECAYED, "SGD(0.1)"),
        (
            STEP,
            "    for name, w in params.items():\n        if w.ndim == 2:\n"
            f"            grads[name] = grads[name] - 0.01 * w\n{STEP}",
        ),
    ),
    # --- batch norm
    wrong(
        "turned_round",
        "batch norm",
        "momentum is turned round",
        ("BatchNorm(HIDDEN)", "BatchNorm(HIDDEN, momentum=0.1)"),
    ),
    wrong("after_relu", "batch norm", "after the ReLU", (f"{NORMED}{RELU}", f"{RELU}{NORMED}")),
    wrong(
        "on_logits_normed",
        "batch norm",
        "are normalized",
        (NORMED, ""),
        (OUTPUT, f"{OUTPUT}            BatchNorm(CLASSES),\n"),
    ),
    wrong(
        "on_pixels_normed",
        "batch norm",
        "pixels are normalized",
        (NORMED, ""),
        (
            "            Flatten(),\n",
            "            Flatten(),\n            BatchNorm(math.prod(shape)),\n",
        ),
    ),
    wrong(
        "layer_norm",
        "batch norm",
        "layer normalization",
        ("BatchNorm(HIDDEN)", "LayerNorm(HIDDEN)"),
        ("from scratch.batch_norm import BatchNorm", "from scratch.normalization import LayerNorm"),
    ),
    wrong(
        "batch_in_inference",
        "batch norm",
        "in training mode",
        (DROPPED, ""),
        ("model.forward(images, training=False)", "model.forward(images, training=True)"),
    ),
    wrong(
        "slow",
        "batch norm",
        "running statistics",
        ("BatchNorm(HIDDEN)", "BatchNorm(HIDDEN, momentum=0.9999)"),
    ),
    # --- clipping
    wrong(
        "by_value",
        "clipping",
        "clipped by value",
        (CLIPPED, "    grads = {name: np.clip(g, -1, 1) for name, g in grads.items()}\n"),
        ("from scratch.gradient_clipping import clip_by_global_norm\n", ""),
    ),
    wrong(
        "other_limit",
        "clipping",
        "another norm",
        ("grads.values()), 1.0)", "grads.values()), 5.0)"),
    ),
    wrong(
        "always_divided",
        "clipping",
        "always divided",
        (
            CLIPPED,
            "    norm = np.sqrt(sum((g**2).sum() for g in grads.values()))\n"
            "    grads = {name: g / norm for name, g in grads.items()}\n",
        ),
    ),
    wrong(
        "halved_limit",
        "clipping",
        "another norm",
        ("grads.values()), 1.0)", "grads.values()), 0.5)"),
    ),
    # --- smoothing
    wrong("shared_by_nine", "smoothing", "9 other classes", *smoothed("0.1 * 10 / 9")),
    wrong("stronger", "smoothing", "strength is 0.2", *smoothed("0.2")),
    wrong("weaker", "smoothing", "strength is 0.05", *smoothed("0.05")),
    wrong(
        "sum",
        "smoothing",
        "mean over the batch",
        ("backward(logits, labels, 0.1))", 'backward(logits, labels, 0.1, reduction="sum") / 12)'),
    ),
    wrong(
        "not_shared",
        "smoothing",
        "multiplied by a number",
        (
            "model.backward(label_smoothing_cross_entropy_backward(logits, labels, 0.1))",
            "model.backward(0.9 * label_smoothing_cross_entropy_backward(logits, labels, 0.0))",
        ),
    ),
]
