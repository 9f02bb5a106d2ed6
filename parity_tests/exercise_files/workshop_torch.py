"""The workshop in PyTorch: the solution, changed."""

from functools import partial

from parity_tests.exercise_files import workshop_common
from parity_tests.exercise_files.specimens import Right
from parity_tests.exercise_files.workshop_common import CLIP, DROPOUT, NORM, common, solution

FRAMEWORK = "torch"
wrong = partial(workshop_common.wrong, FRAMEWORK)
((CLIPPED, _),) = CLIP[FRAMEWORK]
DROPPED, NORMED = DROPOUT[FRAMEWORK], NORM[FRAMEWORK]
RELU = "        nn.ReLU(),\n"
GROUPS = "torch.optim.SGD(groups, lr=0.1)"
SMOOTHED = "functional.cross_entropy(logits, torch.from_numpy(labels), label_smoothing=0.1)"

BY_HAND = """\
    with torch.no_grad():
        for p in model.parameters():
            if p.ndim == 2:
                {}
    optimizer.step()
"""

SPECIMENS = [
    *common(FRAMEWORK),
    Right(
        "decay_by_hand",
        "",
        solution(FRAMEWORK),
        [
            (
                "    optimizer.step()\n",
                BY_HAND.format("p.grad += 0.01 * p"),
            ),
            ('"weight_decay": 0.01', '"weight_decay": 0.0'),
        ],
    ),
    # --- dropout
    wrong("rate_kept", "dropout", "share that is kept", ("nn.Dropout(0.3)", "nn.Dropout(0.7)")),
    wrong(
        "on_pixels",
        "dropout",
        "drops pixels",
        (DROPPED, ""),
        ("        nn.Flatten(),\n", f"        nn.Flatten(),\n{DROPPED}"),
    ),
    wrong(
        "on_logits",
        "dropout",
        "behind the output",
        (DROPPED, ""),
        (
            "        nn.Linear(HIDDEN, CLASSES),\n",
            f"        nn.Linear(HIDDEN, CLASSES),\n{DROPPED}",
        ),
    ),
    wrong("twice", "dropout", "Two dropouts", (DROPPED, 2 * DROPPED)),
    wrong("no_eval", "dropout", "not in inference mode", ("    model.eval()\n", ""), (NORMED, "")),
    wrong("other_rate", "dropout", "another share", ("nn.Dropout(0.3)", "nn.Dropout(0.5)")),
    # --- weight decay
    wrong(
        "all_parameters",
        "weight decay",
        "all parameters",
        (GROUPS, "torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=0.01)"),
    ),
    wrong(
        "decay_without_half",
        "weight decay",
        "without a one-half",
        ('"weight_decay": 0.01', '"weight_decay": 0.02'),
    ),
    wrong("halved", "weight decay", "halved", ('"weight_decay": 0.01', '"weight_decay": 0.005')),
    wrong(
        "one_matrix",
        "weight decay",
        "Only one of the two",
        ('"params": weights,', '"params": weights[:1],'),
        (
            '{"params": others, "weight_decay": 0.0}',
            '{"params": others + weights[1:], "weight_decay": 0.0}',
        ),
    ),
    wrong(
        "absolute",
        "weight decay",
        "That is L1",
        ('"weight_decay": 0.01', '"weight_decay": 0.0'),
        (
            "    optimizer.step()\n",
            BY_HAND.format("p.grad += 0.01 * p.sign()"),
        ),
    ),
    wrong(
        "in_adam",
        "weight decay",
        "as Adam does",
        (GROUPS, "torch.optim.Adam(groups, lr=0.1)"),
        (CLIPPED, ""),
    ),
    wrong(
        "adamw",
        "clipping",
        "another optimizer than SGD",
        (GROUPS, "torch.optim.AdamW(groups, lr=0.1)"),
    ),
    wrong("not_zeroed", "", "zero_grad", ("    optimizer.zero_grad()\n", "")),
    # --- batch norm
    wrong(
        "turned_round",
        "batch norm",
        "momentum is turned round",
        ("nn.BatchNorm1d(HIDDEN)", "nn.BatchNorm1d(HIDDEN, momentum=0.99)"),
    ),
    wrong("after_relu", "batch norm", "after the ReLU", (f"{NORMED}{RELU}", f"{RELU}{NORMED}")),
    wrong(
        "on_logits_normed",
        "batch norm",
        "are normalized",
        (NORMED, ""),
        (
            "        nn.Linear(HIDDEN, CLASSES),\n",
            "        nn.Linear(HIDDEN, CLASSES),\n        nn.BatchNorm1d(CLASSES),\n",
        ),
    ),
    wrong(
        "on_pixels_normed",
        "batch norm",
        "pixels are normalized",
        (NORMED, ""),
        (
            "        nn.Flatten(),\n",
            "        nn.Flatten(),\n        nn.BatchNorm1d(math.prod(shape)),\n",
        ),
    ),
    wrong(
        "layer_norm",
        "batch norm",
        "layer normalization",
        ("nn.BatchNorm1d(HIDDEN)", "nn.LayerNorm(HIDDEN)"),
    ),
    wrong(
        "batch_in_inference",
        "batch norm",
        "in training mode",
        ("    model.eval()\n", ""),
        (DROPPED, ""),
    ),
    wrong(
        "no_running",
        "batch norm",
        "running statistics",
        ("nn.BatchNorm1d(HIDDEN)", "nn.BatchNorm1d(HIDDEN, momentum=0.0)"),
    ),
    # --- clipping
    wrong(
        "by_value",
        "clipping",
        "clipped by value",
        ("clip_grad_norm_(model.parameters(), 1.0)", "clip_grad_value_(model.parameters(), 1.0)"),
    ),
    wrong(
        "after_the_step",
        "clipping",
        "after the step",
        (CLIPPED, ""),
        ("    optimizer.step()\n", f"    optimizer.step()\n{CLIPPED}"),
    ),
    wrong(
        "one_by_one",
        "clipping",
        "norm is that of one array",
        (CLIPPED, "    for p in model.parameters():\n        nn.utils.clip_grad_norm_(p, 1.0)\n"),
    ),
    wrong("other_limit", "clipping", "another norm", ("parameters(), 1.0)", "parameters(), 5.0)")),
    wrong(
        "always_divided",
        "clipping",
        "always divided",
        (
            CLIPPED,
            "    norm = sum(p.grad.square().sum() for p in model.parameters()).sqrt()\n"
            "    for p in model.parameters():\n        p.grad /= norm\n",
        ),
    ),
    # --- smoothing
    wrong(
        "shared_by_nine",
        "smoothing",
        "9 other classes",
        (
            SMOOTHED,
            "functional.cross_entropy(logits, torch.from_numpy(labels), "
            "label_smoothing=0.1 * 10 / 9)",
        ),
    ),
    wrong(
        "stronger", "smoothing", "strength is 0.2", ("label_smoothing=0.1", "label_smoothing=0.2")
    ),
    wrong(
        "sum",
        "smoothing",
        "mean over the batch",
        ("label_smoothing=0.1)", 'label_smoothing=0.1, reduction="sum") / 12'),
    ),
    wrong(
        "not_shared",
        "smoothing",
        "multiplied by a number",
        (SMOOTHED, "0.9 * functional.cross_entropy(logits, torch.from_numpy(labels))"),
    ),
    wrong(
        "weaker", "smoothing", "strength is 0.05", ("label_smoothing=0.1", "label_smoothing=0.05")
    ),
]
