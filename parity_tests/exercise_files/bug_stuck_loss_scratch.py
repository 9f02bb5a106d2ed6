"""A training loss that gets stuck: the solution and the starter, changed."""

from parity_tests.exercise_files.specimens import Right, Wrong

SOLUTION = "exercises/bug_stuck_loss/solutions/bug_stuck_loss_scratch.py"
STARTER = "exercises/bug_stuck_loss/bug_stuck_loss_scratch.py"
DROPPED = '            Dropout(0.5, seed=seed, name="dropout"),\n'
RELU = "            ReLU(),\n"
FIRST = '            Dense(inputs, HIDDEN, seed=seed, name="hidden", dtype="float64"),\n'
LAST = '            Dense(HIDDEN, classes, seed=seed, name="output", dtype="float64"),\n'
DEF = "def build_model("
OWN = """\
class Own(Layer):
    def __init__(self, seed):
        super().__init__("own")
        self.rng = np.random.default_rng(seed)

    def forward(self, x, *, training=False):
        self.mask = {} if training else 1.0
        return x * self.mask

    def backward(self, grad):
        return {}


def build_model("""
LAYER = ("import Dense,", "import Dense, Layer,")
MASK = "(self.rng.random(x.shape) < 0.5) * 2.0"


def right(name, what, *changes, base=SOLUTION):
    return Right(name, what, base, changes)


def wrong(name, says, *changes, base=SOLUTION):
    return Wrong(name, "", base, changes, todo="bug", says=says)


def own(mask=MASK, back="grad * self.mask"):
    return LAYER, (DEF, OWN.format(mask, back)), (DROPPED, "            Own(seed),\n")


SPECIMENS = [
    right(
        "in_front_of_the_relu",
        "It keeps zeros and positive factors.",
        (DROPPED, ""),
        (FIRST, f"{FIRST}{DROPPED}"),
    ),
    right("own_layer", "Written anew.", *own()),
    right(
        "put_together",
        "By parts.",
        (
            f"            ReLU(),\n{DROPPED}{LAST}",
            "            Sequential([ReLU(), Dropout(0.5, seed=seed)]),\n" + LAST,
        ),
    ),
    right("other_seed", "Other masks, as good.", (DROPPED, DROPPED.replace("seed=seed", "seed=7"))),
    right(
        "inserted",
        "A list, and then dropout before its last.",
        (DROPPED, ""),
        ("    return Sequential(\n        [", "    layers = [*(\n        ["),
        (
            "        ]\n    )\n",
            "        ]\n    )]\n    layers.insert(-1, Dropout(0.5, seed=seed))\n"
            "    return Sequential(layers)\n",
        ),
        base=STARTER,
    ),
    wrong("taken_out", "the regularization is gone", (DROPPED, "")),
    wrong(
        "both",
        "two dropouts",
        (LAST, f'{LAST}            Dropout(0.5, seed=seed, name="second"),\n'),
    ),
    wrong("of_inputs", "drops inputs", (DROPPED, ""), (FIRST, f"{DROPPED}{FIRST}")),
    wrong(
        "twice",
        "Two dropouts in a row",
        (RELU, f'{RELU}            Dropout(0.5, seed=seed, name="second"),\n'),
    ),
    wrong("smaller_rate", "The rate was right", (DROPPED, DROPPED.replace("0.5", "0.1"))),
    wrong("no_training", "training=True is missing", ("training=True", "training=False")),
    wrong("predict_drops", "in training mode there", ("training=False", "training=True")),
    wrong(
        "whole_units",
        "too few numbers",
        (DROPPED, DROPPED.replace("0.5,", "0.5, noise_shape=(1, None),")),
    ),
    wrong(
        "whole_rows",
        "too few numbers",
        (DROPPED, DROPPED.replace("0.5,", "0.5, noise_shape=(None, 1),")),
    ),
    wrong("not_scaled", "not divided", *own(mask="(self.rng.random(x.shape) < 0.5) * 1.0")),
    wrong("no_way_back", "the mask of the last forward", *own(back="grad")),
    wrong(
        "not_inverted", "not divided", (DROPPED, DROPPED.replace("0.5,", "0.5, inverted=False,"))
    ),
]
