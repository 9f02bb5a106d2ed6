"""Weights that come too late: the solution and the starter, changed."""

from parity_tests.exercise_files.specimens import Right, Wrong

SOLUTION = "exercises/bug_late_weights/solutions/bug_late_weights_keras.py"
STARTER = "exercises/bug_late_weights/bug_late_weights_keras.py"
MADE = 'keras.callbacks.EarlyStopping(monitor="loss", patience=patience)'
ASKED = 'monitor="val_loss", patience=patience, restore_best_weights=True'
STOPPING = f"    stopping = {MADE}\n"
FIT = "callbacks=[stopping]"
RETURN = "    return fitted.history\n"
DEF = "def train("
OWN = """\
class Best(keras.callbacks.Callback):
    def __init__(self, patience):
        super().__init__()
        self.patience, self.lowest, self.waited = patience, float("inf"), 0

    def on_epoch_end(self, epoch, logs=None):
        self.waited += 1
        if logs["val_loss"] < self.lowest:
            self.lowest, self.waited = logs["val_loss"], 0
            self.weights = self.model.get_weights()
        elif self.waited {} self.patience:
            self.model.stop_training = True{}

    def on_train_end(self, logs=None):
        {}


def train("""
BACK = "self.model.set_weights(self.weights)"
LOOP = """\
    history = {"loss": [], "val_loss": []}
    best, kept, waited = None, None, 0
    for _ in range(epochs):
        loss = model.train_on_batch(*training)
        now = model.evaluate(*validation, verbose=0)
        history["loss"].append(float(loss))
        history["val_loss"].append(now)
        if best is None or now < best:
            best, kept, waited = now, model.get_weights(), 0
        else:
            waited += 1
        if waited == patience:
            break
    model.set_weights(kept)
    return history


def curve("""


def right(name, what, *changes, base=STARTER):
    return Right(name, what, base, changes)


def wrong(name, says, *changes, base=SOLUTION):
    return Wrong(name, "", base, changes, todo="bug", says=says)


def own(compared=">=", then="", end=BACK):
    return (DEF, OWN.format(compared, then, end)), (MADE, "Best(patience)")


SPECIMENS = [
    right(
        "by_default",
        "val_loss is what Keras watches if nothing is said.",
        (MADE, "keras.callbacks.EarlyStopping(patience=patience, restore_best_weights=True)"),
    ),
    right("own_callback", "Written anew.", *own()),
    right(
        "checkpoint",
        "The best weights in a file.",
        (MADE, 'keras.callbacks.EarlyStopping(monitor="val_loss", patience=patience)'),
        (
            FIT,
            "callbacks=[\n"
            "            stopping,\n"
            "            keras.callbacks.ModelCheckpoint(\n"
            '                "best.weights.h5", save_best_only=True, save_weights_only=True\n'
            "            ),\n        ]",
        ),
        (RETURN, '    model.load_weights("best.weights.h5")\n' + RETURN),
    ),
    right(
        "loop",
        "Epoch by epoch.",
        (
            "    stopping = keras",
            "    return by_hand(model, training, validation, epochs, patience)"
            "\n    stopping = keras",
        ),
        ("def curve(", "def by_hand(model, training, validation, epochs, patience):\n" + LOOP),
    ),
    right(
        "mode_said",
        "And the rest of the arguments.",
        (ASKED, f'{ASKED}, mode="min", min_delta=0'),
        base=SOLUTION,
    ),
    wrong("not_restored", "weights of its last epoch", (", restore_best_weights=True", "")),
    wrong("highest", "still falls", (ASKED, f'{ASKED}, mode="max"')),
    wrong("own_patience", "not used", ("patience=patience,", "patience=3,")),
    wrong("one_more", "One epoch too many", ("patience=patience,", "patience=patience + 1,")),
    wrong("one_less", "One epoch too few", ("patience=patience,", "patience=patience - 1,")),
    wrong(
        "restored_when_stopped",
        "only when training is stopped early",
        *own(then=f"\n            {BACK}", end="pass"),
        base=STARTER,
    ),
    wrong("counted_late", "One epoch too many", *own(compared=">"), base=STARTER),
    wrong(
        "second_fit",
        "another epoch",
        (RETURN, "    model.fit(*training, epochs=1, verbose=0)\n" + RETURN),
    ),
    wrong("large_change", "smallest change", (ASKED, f"{ASKED}, min_delta=0.05")),
]
