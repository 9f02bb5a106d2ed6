"""A validation score that moves: the solution and the starter, changed."""

from parity_tests.exercise_files.specimens import Right, Wrong

SOLUTION = "exercises/bug_moving_score/solutions/bug_moving_score_keras.py"
STARTER = "exercises/bug_moving_score/bug_moving_score_keras.py"
VALIDATED = "validation_data=Pipeline(seed + 1, *validation)"
PLAIN = "validation_data=validation"
EVALUATED = "model.evaluate(Pipeline(None, images, labels), verbose=0)"
BARE = "model.evaluate(images, labels, verbose=0)"
BATCH = "        return augment(self.images[rows], self.rng), self.labels[rows]\n"
AUGMENTED = "        if self.augmented:\n"


def right(name, what, *changes, base=STARTER):
    return Right(name, what, base, changes)


def wrong(name, says, *changes, base=STARTER):
    return Wrong(name, "", base, changes, todo="bug", says=says)


SPECIMENS = [
    right("arrays", "Validation without a pipeline.", (VALIDATED, PLAIN), (EVALUATED, BARE)),
    right(
        "none_for_no_draws",
        "A pipeline without a seed augments nothing.",
        (
            "        self.rng = np.random.default_rng(seed)",
            "        self.rng = None if seed is None else np.random.default_rng(seed)",
        ),
        (
            BATCH,
            "        if self.rng is None:\n"
            "            return self.images[rows], self.labels[rows]\n" + BATCH,
        ),
        (VALIDATED, VALIDATED.replace("seed + 1", "None")),
    ),
    right(
        "two_classes",
        "One for validation, which inherits the rest.",
        (
            "\n\ndef train(",
            "\n\nclass Plain(Pipeline):\n"
            "    def __getitem__(self, index):\n"
            "        rows = slice(index * BATCH, (index + 1) * BATCH)\n"
            "        return self.images[rows], self.labels[rows]\n\n\ndef train(",
        ),
        (VALIDATED, VALIDATED.replace("Pipeline", "Plain")),
        (EVALUATED, EVALUATED.replace("Pipeline", "Plain")),
    ),
    right(
        "by_hand",
        "Measured with NumPy.",
        (VALIDATED, PLAIN),
        (
            f"loss, accuracy = {EVALUATED}",
            "logits = model.predict(images, verbose=0)\n"
            "    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)\n"
            "    loss = -np.log(chances[np.arange(len(labels)), labels]).mean()\n"
            "    accuracy = (logits.argmax(axis=1) == labels).mean()",
        ),
    ),
    right(
        "epoch_by_epoch",
        "A loop that augments all training images before each epoch.",
        (EVALUATED, BARE),
        (
            "    return model.fit(\n        Pipeline(seed, *training),\n"
            f"        {VALIDATED},\n        epochs=epochs,\n        shuffle=False,\n"
            "        verbose=0,\n    ).history\n",
            "    rng, history = np.random.default_rng(seed), {}\n"
            "    for _ in range(epochs):\n"
            "        images = augment(training[0], rng)\n"
            "        its = model.fit(images, training[1], BATCH, verbose=0).history\n"
            "        its['val_loss'] = [evaluate(model, *validation)[0]]\n"
            "        for name, values in its.items():\n"
            "            history.setdefault(name, []).extend(values)\n"
            "    return history\n",
        ),
    ),
    wrong("evaluate_alone", "still augmented in train", (EVALUATED, BARE)),
    wrong("train_alone", "still gives other numbers", (VALIDATED, PLAIN)),
    wrong(
        "fixed_seed",
        "fixed by a seed",
        (VALIDATED, PLAIN),
        (EVALUATED, EVALUATED.replace("None", "0")),
    ),
    wrong(
        "no_augmentation",
        "not augmented any more",
        (BATCH, BATCH.replace("augment(self.images[rows], self.rng)", "self.images[rows]")),
    ),
    wrong(
        "turned_round",
        "not augmented any more",
        (AUGMENTED, "        if not self.augmented:\n"),
        base=SOLUTION,
    ),
    wrong(
        "once",
        "once, before the epochs begin",
        (VALIDATED, PLAIN),
        (EVALUATED, BARE),
        (BATCH, BATCH.replace("augment(self.images[rows], self.rng)", "self.images[rows]")),
        (
            "    return model.fit(\n        Pipeline(seed, *training)",
            "    images = augment(training[0], np.random.default_rng(seed))\n"
            "    return model.fit(\n        Pipeline(seed, images, training[1])",
        ),
    ),
    wrong(
        "many_draws",
        "still gives other numbers",
        (VALIDATED, PLAIN),
        (
            f"loss, accuracy = {EVALUATED}",
            "pipeline = Pipeline(None, images, labels)\n"
            "    scores = [model.evaluate(pipeline, verbose=0) for _ in range(4)]\n"
            "    loss, accuracy = np.mean(scores, axis=0)",
        ),
    ),
    wrong(
        "not_used",
        "does not learn from what augment returns",
        (VALIDATED, PLAIN),
        (EVALUATED, BARE),
        (
            BATCH,
            "        augment(self.images[rows], self.rng)\n"
            "        return self.images[rows], self.labels[rows]\n",
        ),
    ),
    wrong(
        "validated_on_training_images",
        "Another set is validated on",
        (VALIDATED, "validation_data=training"),
        (EVALUATED, BARE),
    ),
]
