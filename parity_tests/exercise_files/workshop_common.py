"""The workshop's solutions, changed: what is alike in the three frameworks.

``OPEN`` has for each TODO what leads from the solution back to the starter.
"""

from parity_tests.exercise_files.specimens import Right, Wrong

__all__ = ["OPEN", "common", "solution", "wrong"]

COSINE = "0.1 * (1 + math.cos(math.pi * epoch / epochs)) / 2"
PADDED = "np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))"
DRAWN = "rng.integers(-1, 2, (len(images), 2))"
WINDOW = "padded[i, 1 - down : 1 - down + height, 1 - right : 1 - right + width]"
LOWER = 'history["validation_loss"][-1] < best'
LATER = 'history["validation_loss"][-1] < [9, *history["validation_loss"]][-2]'
ROWS = "[(int(i), int(labels[i]), int(predicted[i]), float(confidence[i])) for i in wrong]"
SORTED = "wrong = wrong[np.argsort(-confidence[wrong])]\n"
RUN_LINES = 'f"{run}, training")\n        axes.plot(validation, f"C{number}-"'

KEPT = {
    "scratch": "model.get_weights()",
    "torch": "copy.deepcopy(model.state_dict())",
    "keras": "model.get_weights()",
}
RESTORED = {
    "scratch": "model.set_weights(best_weights)",
    "torch": "model.load_state_dict(best_weights)",
    "keras": "model.set_weights(best_weights)",
}
LOSS = {
    "scratch": [
        (
            "label_smoothing_cross_entropy(logits, labels, 0.1)\n",
            "label_smoothing_cross_entropy(logits, labels, 0.0)\n",
        ),
        (
            "label_smoothing_cross_entropy_backward(logits, labels, 0.1)",
            "label_smoothing_cross_entropy_backward(logits, labels, 0.0)",
        ),
    ],
    "torch": [(", label_smoothing=0.1)", ")")],
    "keras": [
        (
            "loss=smoothed_cross_entropy",
            "loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)",
        )
    ],
}
CLIP = {
    "scratch": [
        ("    clipped, _ = clip_by_global_norm(list(grads.values()), 1.0)\n", ""),
        ("    grads = dict(zip(grads, clipped, strict=True))\n", ""),
    ],
    "torch": [("    nn.utils.clip_grad_norm_(model.parameters(), 1.0)\n", "")],
    "keras": [(", global_clipnorm=1.0", "")],
}
DECAY = {
    "scratch": [("SGD(0.1, weight_decay=0.01)", "SGD(0.1)")],
    "torch": [('"weight_decay": 0.01', '"weight_decay": 0.0')],
    "keras": [
        (", weight_decay=0.01", ""),
        (
            '    model.optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])\n',
            "",
        ),
    ],
}
DROPOUT = {
    "scratch": "            Dropout(0.3, seed=seed),\n",
    "torch": "        nn.Dropout(0.3),\n",
    "keras": "            layers.Dropout(0.3),\n",
}
NORM = {
    "scratch": "            BatchNorm(HIDDEN),\n",
    "torch": "        nn.BatchNorm1d(HIDDEN),\n",
    "keras": "            layers.BatchNormalization(),\n",
}
CURVES_BEGIN, CURVES_END = (
    "    figure, axes = plt.subplots()\n",
    "        writer.writerows(lines)\n",
)

OPEN = {
    framework: {
        "dropout": [(DROPOUT[framework], "")],
        "weight decay": DECAY[framework],
        "schedule": [(COSINE, "0.1")],
        "batch norm": [(NORM[framework], "")],
        "clipping": CLIP[framework],
        "augmentation": [("    return shifted\n", "    return images\n")],
        "early stopping": [
            ("        if waited == patience:\n            break\n", ""),
            (f"    if best_weights is not None:\n        {RESTORED[framework]}\n", ""),
        ],
        "smoothing": LOSS[framework],
        "curves": [(CURVES_BEGIN, f"    return\n{CURVES_BEGIN}")],
        "misclassified": [(f"return {ROWS}", "return []")],
    }
    for framework in KEPT
}


def solution(framework: str) -> str:
    return f"exercises/workshop/solutions/workshop_{framework}.py"


def wrong(framework: str, name: str, todo: str, says: str, *changes: tuple[str, str]) -> Wrong:
    return Wrong(name, "", solution(framework), changes, todo=todo, says=says)


def common(framework: str) -> list[Right]:
    def no(name: str, todo: str, says: str, *changes: tuple[str, str]) -> Wrong:
        return wrong(framework, name, todo, says, *changes)

    def yes(name: str, *changes: tuple[str, str]) -> Right:
        return Right(name, "", solution(framework), changes)

    restored = RESTORED[framework]
    return [
        yes("schedule_with_squares", (COSINE, "0.1 * math.cos(math.pi * epoch / epochs / 2) ** 2")),
        yes(
            "shifts_by_index",
            (f"padded = {PADDED}", "padded = np.zeros((len(images), 90, 90, 1), images.dtype)"),
            (
                "    height, width = images.shape[1:3]\n",
                "    height, width = images.shape[1:3]\n"
                "    padded[:, 1 : 1 + height, 1 : 1 + width] = images\n",
            ),
            (
                "enumerate(rng.integers(-1, 2, (len(images), 2)))",
                "enumerate(rng.choice([-1, 0, 1], (len(images), 2)))",
            ),
        ),
        yes(
            "restored_at_the_break",
            (
                "            waited += 1\n",
                "            waited += 1\n        epochs_left = epochs - epoch\n",
            ),
        ),
        yes(
            "dictionaries_for_plots",
            (
                'axes.set(xlabel="epoch", ylabel="cross-entropy", title="Loss of each run")',
                'axes.semilogy()\n    axes.set_title("Loss")',
            ),
            (SORTED, "wrong = sorted(wrong, key=lambda i: confidence[i], reverse=True)\n"),
        ),
        yes(
            "looks_at_validation_more_often",
            (
                "    for epoch in range(epochs):\n        set_learning_rate",
                "    print(evaluate(model, *validation))\n"
                "    for epoch in range(epochs):\n        set_learning_rate",
            ),
            (
                "    return history\n",
                "    print(evaluate(model, *validation)[1], evaluate(model, *training))\n"
                "    return history\n",
            ),
        ),
        # --- schedule
        no(
            "two_pi",
            "schedule",
            "down and up again",
            (COSINE, "0.1 * (1 + math.cos(2 * math.pi * epoch / epochs)) / 2"),
        ),
        no(
            "last_is_0",
            "schedule",
            "learns nothing",
            (COSINE, "0.1 * (1 + math.cos(math.pi * epoch / max(epochs - 1, 1))) / 2"),
        ),
        no(
            "last_is_0_and_fails_for_one_epoch",
            "schedule",
            "divide by epochs",
            (COSINE, "0.1 * (1 + math.cos(math.pi * epoch / (epochs - 1))) / 2"),
        ),
        no(
            "raises",
            "schedule",
            "raises TypeError at line",
            (COSINE, "0.1 * (1 + math.cos(math.pi * epoch / epochs)) / None"),
        ),
        no(
            "no_half",
            "schedule",
            "begins at 0.2",
            (COSINE, "0.1 * (1 + math.cos(math.pi * epoch / epochs))"),
        ),
        no(
            "degrees",
            "schedule",
            "takes radians",
            (COSINE, "0.1 * (1 + math.cos(180 * epoch / epochs)) / 2"),
        ),
        no("linear", "schedule", "straight line", (COSINE, "0.1 * (1 - epoch / epochs)")),
        no(
            "once",
            "schedule",
            "does not ask",
            ("        set_learning_rate(optimizer, learning_rate(epoch, epochs))\n", ""),
            (
                "    for epoch in range(epochs):\n",
                "    set_learning_rate(optimizer, learning_rate(0, epochs))\n"
                "    for epoch in range(epochs):\n",
            ),
        ),
        # --- augmentation
        no(
            "rolled",
            "augmentation",
            "np.roll brings in",
            (f"shifted[i] = {WINDOW}", "shifted[i] = np.roll(images[i], (down, right), (0, 1))"),
        ),
        no(
            "repeated_border",
            "augmentation",
            "border is repeated",
            (PADDED, 'np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")'),
        ),
        no(
            "one_for_all",
            "augmentation",
            "drawn for the whole array",
            (DRAWN, "np.tile(rng.integers(-1, 2, 2), (len(images), 1))"),
        ),
        no(
            "end_left_out",
            "augmentation",
            "end is left out",
            (DRAWN, "rng.integers(-1, 1, (len(images), 2))"),
        ),
        no(
            "own_numbers",
            "augmentation",
            "np.random",
            (DRAWN, "np.random.randint(-1, 2, (len(images), 2))"),
        ),
        no(
            "validation_too",
            "augmentation",
            "validation images",
            (
                "evaluate(model, *validation)[0]",
                "evaluate(model, augment(validation[0], rng), validation[1])[0]",
            ),
        ),
        no("not_used", "augmentation", "did not return", ("augmented[rows]", "images[rows]")),
        no(
            "once_before",
            "augmentation",
            "fixed set again",
            (
                "augmented, order, total = augment(images, rng), rng.permutation(len(images)), 0.0",
                "order, total = rng.permutation(len(images)), 0.0",
            ),
            (
                "    optimizer = make_optimizer(model)\n",
                "    optimizer = make_optimizer(model)\n    augmented = augment(images, rng)\n",
            ),
        ),
        no(
            "shifts_add_up",
            "augmentation",
            "Shifts add up",
            (
                "augmented, order, total = augment(images, rng), rng.permutation(len(images)), 0.0",
                "augmented = images = augment(images, rng)\n"
                "        order, total = rng.permutation(len(images)), 0.0",
            ),
        ),
        no(
            "same_in_each_epoch",
            "augmentation",
            "made in each epoch",
            ("= augment(images, rng)", "= augment(images, np.random.default_rng(seed))"),
        ),
        # --- early stopping
        no(
            "begins_with_a_number",
            "early stopping",
            "begins with a number",
            ("math.inf", "10.0"),
        ),
        no(
            "by_some_amount",
            "early stopping",
            "lower by some amount",
            (f"if {LOWER}:", f"if {LOWER} - 0.005:"),
        ),
        no(
            "last_weights",
            "early stopping",
            "not restored",
            (f"        {restored}\n", "        pass\n"),
        ),
        no(
            "one_more",
            "early stopping",
            "One epoch too many",
            ("if waited == patience", "if waited > patience"),
        ),
        no(
            "ties_count",
            "early stopping",
            "equal loss counts",
            (LOWER, 'history["validation_loss"][-1] <= best'),
        ),
        no(
            "only_when_stopped",
            "early stopping",
            "only when training is stopped",
            (
                "            break\n    if best_weights is not None:\n",
                "            break\n    if waited == patience:\n",
            ),
        ),
        no(
            "never_ends",
            "early stopping",
            "nothing ends training",
            ("        if waited == patience:\n            break\n", ""),
        ),
        no(
            "compared_with_the_one_before",
            "early stopping",
            "with the one before",
            (f"if {LOWER}:", f"if {LATER}:"),
        ),
        no(
            "not_in_a_row",
            "early stopping",
            "counted anew",
            (
                'best, waited = history["validation_loss"][-1], 0\n',
                'best = history["validation_loss"][-1]\n',
            ),
        ),
        # --- curves
        no(
            "last_run_only",
            "curves",
            "Only the last run",
            (
                "    lines = []\n",
                "    lines = []\n    histories = dict(list(histories.items())[-1:])\n",
            ),
        ),
        no(
            "training_twice",
            "curves",
            "the validation loss of plain",
            ("axes.plot(validation,", "axes.plot(losses,"),
        ),
        no(
            "no_picture",
            "curves",
            "no curves.png",
            ('    figure.savefig(Path(folder) / "curves.png")\n', ""),
        ),
        no(
            "elsewhere",
            "curves",
            "no curves.csv",
            ('(Path(folder) / "curves.csv").open(', 'Path("curves.csv").open('),
        ),
        no(
            "from_one",
            "curves",
            "epochs [1, 2, 3, 4]",
            (
                "enumerate(zip(losses, validation, strict=True))",
                "enumerate(zip(losses, validation, strict=True), 1)",
            ),
        ),
        no(
            "columns_swapped",
            "curves",
            "other numbers",
            ("lines += [(run, i, *both) for", "lines += [(run, i, *both[::-1]) for"),
        ),
        no(
            "training_only",
            "curves",
            "one of the two losses",
            ('        axes.plot(validation, f"C{number}-", label=f"{run}, validation")\n', ""),
        ),
        # --- smoothing
        no(
            "in_evaluate_too",
            "smoothing",
            "measures with smoothed labels",
            (
                "    loss = -np.log(np.maximum(of_label, 1e-7)).mean()\n",
                "    loss = -np.log(np.maximum(of_label, 1e-7)).mean()\n"
                "    loss = 0.9 * loss - 0.1 * np.log(np.maximum(probabilities, 1e-7)).mean()\n",
            ),
        ),
        # --- misclassified
        no(
            "least_sure_first",
            "misclassified",
            "argsort goes upwards",
            ("np.argsort(-confidence[wrong])", "np.argsort(confidence[wrong])"),
        ),
        no("not_sorted", "misclassified", "not in the order", (SORTED, "wrong = np.sort(wrong)\n")),
        no(
            "the_right_ones",
            "misclassified",
            "are right",
            ("predicted != labels", "predicted == labels"),
        ),
        no(
            "swapped",
            "misclassified",
            "swapped",
            ("int(labels[i]), int(predicted[i])", "int(predicted[i]), int(labels[i])"),
        ),
        no(
            "of_the_label",
            "misclassified",
            "not the label's",
            ("float(confidence[i]))", "float(probabilities[i, labels[i]]))"),
        ),
        no(
            "all_of_them",
            "misclassified",
            "right ones too",
            ("np.flatnonzero(predicted != labels)", "np.arange(len(labels))"),
        ),
        no(
            "index_among_the_wrong",
            "misclassified",
            "among the wrong images",
            (
                ROWS,
                ROWS.replace("(int(i), ", "(n, ")
                .replace("for i in", "for n, i in enumerate(")
                .replace("enumerate( wrong]", "enumerate(wrong)]"),
            ),
        ),
    ]
