"""Weights that shrink too fast: the solution and the starter, changed."""

from parity_tests.exercise_files.specimens import Right, Wrong

SOLUTION = "exercises/bug_small_weights/solutions/bug_small_weights_keras.py"
STARTER = "exercises/bug_small_weights/bug_small_weights_keras.py"
L2 = "keras.regularizers.L2(STRENGTH / 2)"
PLAIN = "return layers.Dense(units, activation=activation, kernel_regularizer=penalty)"
BARE = (PLAIN, "return layers.Dense(units, activation=activation)")
SGD = "keras.optimizers.SGD(RATE)"
COMPILED = "    return model\n"
DEF = "def dense("
OWN = """\
class Half(keras.regularizers.Regularizer):
    def __call__(self, w):
        return {}


def dense("""
STEP = """\
class Penalized(keras.Sequential):
    def compute_loss(self, *arguments, **options):
        loss = super().compute_loss(*arguments, **options)
        for layer in self.layers:
            loss = loss + STRENGTH / 2 * keras.ops.sum(layer.kernel**2)
        return loss


def dense("""


def right(name, what, *changes):
    return Right(name, what, SOLUTION, changes)


def wrong(name, says, *changes, base=SOLUTION):
    return Wrong(name, "", base, changes, todo="bug", says=says)


def decay(names):
    """In the optimizer, which takes the strength without a half."""
    return (
        BARE,
        (SGD, "keras.optimizers.SGD(RATE, weight_decay=STRENGTH)"),
        (COMPILED, f"    model.optimizer.exclude_from_weight_decay(var_names={names})\n{COMPILED}"),
    )


SPECIMENS = [
    right(
        "by_name",
        "By the string that stands for it.",
        (L2, 'keras.regularizers.get({"class_name": "L2", "config": {"l2": STRENGTH / 2}})'),
    ),
    right("l1_l2", "The one with both.", (L2, "keras.regularizers.L1L2(l1=0.0, l2=0.005)")),
    right("function", "Written out.", (L2, "lambda w: STRENGTH / 2 * keras.ops.sum(w * w)")),
    right(
        "own_class",
        "A regularizer of its own.",
        (DEF, OWN.format("0.5 * STRENGTH * keras.ops.sum(keras.ops.square(w))")),
        (L2, "Half()"),
    ),
    right("in_the_optimizer", "Weight decay, which for SGD is the same.", *decay(["bias"])),
    right(
        "in_the_loss",
        "Added where the loss is made.",
        BARE,
        (DEF, STEP),
        ("keras.Sequential([", "Penalized(["),
    ),
    wrong("biases_alone", "its gradient is 2 s w", (L2, "keras.regularizers.L2(STRENGTH)")),
    wrong(
        "halved_alone",
        "a bias still shrinks",
        ("keras.regularizers.L2(STRENGTH)", L2),
        base=STARTER,
    ),
    wrong("none", "no penalty left", BARE),
    wrong("quarter", "halved once too often", (L2, "keras.regularizers.L2(STRENGTH / 4)")),
    wrong(
        "of_one_layer",
        "One of the kernels has no penalty",
        ("dense(classes)])", "layers.Dense(classes)])"),
    ),
    wrong(
        "one_mended",
        "still loses twice",
        (
            DEF,
            "def plain(units):\n"
            "    return layers.Dense(units, kernel_regularizer=keras.regularizers.L2(STRENGTH))\n"
            "\n\ndef dense(",
        ),
        ("dense(classes)])", "plain(classes)])"),
    ),
    wrong("absolute", "another penalty than L2", (L2, "keras.regularizers.L1(STRENGTH)")),
    wrong("smaller_rate", "learning rate", ("16, 0.1, 0.01", "16, 0.05, 0.01"), base=STARTER),
    wrong(
        "decay_of_all",
        "a bias still shrinks",
        BARE,
        (SGD, "keras.optimizers.SGD(RATE, weight_decay=STRENGTH)"),
    ),
    wrong(
        "decay_besides",
        "Two penalties act",
        (SGD, "keras.optimizers.SGD(RATE, weight_decay=STRENGTH)"),
        (
            COMPILED,
            '    model.optimizer.exclude_from_weight_decay(var_names=["bias"])\n' + COMPILED,
        ),
        (L2, "keras.regularizers.L2(STRENGTH / 4)"),
    ),
]
