"""Channels that stay uneven: the solution and the starter, changed."""

from parity_tests.exercise_files.specimens import Right, Wrong

SOLUTION = "exercises/bug_channels/solutions/bug_channels_keras.py"
STARTER = "exercises/bug_channels/bug_channels_keras.py"
NORM = "layers.BatchNormalization(axis=1, momentum=0.9)"
FIRST = "            keras.Input(shape),\n            make_norm(),\n"
DEF = "def make_norm("
OWN = """\
class Norm(layers.Layer):
    def build(self, shape):
        size = (shape[-1],)
        self.gamma = self.add_weight(shape=size, initializer="ones")
        self.beta = self.add_weight(shape=size, initializer="zeros")
        self.mean = self.add_weight(shape=size, initializer="zeros", trainable=False)
        self.variance = self.add_weight(shape=size, initializer="ones", trainable=False)

    def call(self, x, training=False):
        mean, variance = self.mean.value, self.variance.value
        if training:
            mean, variance = keras.ops.moments(x, axes=(0, 1, 2))
            self.mean.assign(0.9 * self.mean + 0.1 * mean)
            self.variance.assign(0.9 * self.variance + 0.1 * variance)
        return self.gamma * (x - mean) / keras.ops.sqrt(variance + 0.001) + self.beta


def make_norm("""
FLAT = """\
class Norm(layers.Layer):
    def __init__(self):
        super().__init__()
        self.norm = layers.BatchNormalization(momentum=0.9)

    def build(self, shape):
        self.norm.build((None, shape[-1]))

    def call(self, x, training=False):
        pixels = keras.ops.reshape(x, (-1, x.shape[-1]))
        return keras.ops.reshape(self.norm(pixels, training=training), keras.ops.shape(x))


def make_norm("""


def right(name, what, *changes):
    return Right(name, what, STARTER, changes)


def wrong(name, says, *changes, base=STARTER):
    return Wrong(name, "", base, changes, todo="bug", says=says)


SPECIMENS = [
    right("as_keras_has_it", "The axis not said.", ("axis=1, momentum", "momentum")),
    right(
        "third_axis", "Counted from the front.", ("Normalization(axis=1", "Normalization(axis=3")
    ),
    right(
        "permuted",
        "Channels first, and back.",
        (
            NORM,
            "keras.Sequential(\n"
            "        [\n            layers.Permute((3, 1, 2)),\n"
            f"            {NORM},\n            layers.Permute((2, 3, 1)),\n        ]\n    )",
        ),
    ),
    right("own_layer", "Written out.", (DEF, OWN), (NORM, "Norm()")),
    right("pixels_as_rows", "Batch normalization of a table.", (DEF, FLAT), (NORM, "Norm()")),
    wrong("width", "axis 2 is the width", ("Normalization(axis=1", "Normalization(axis=2")),
    wrong("layer_norm", "over its channels", (NORM, "layers.LayerNormalization()")),
    wrong("group_norm", "channel by channel", (NORM, "layers.GroupNormalization(-1)")),
    wrong("whole_images", "all channels together", (NORM, "layers.GroupNormalization(1)")),
    wrong(
        "no_scale",
        "a scale and a shift",
        ("Normalization(axis=1", "Normalization(axis=-1, scale=False"),
    ),
    wrong("slow", "The momentum is another", (", momentum=0.9", ", momentum=0.999"), base=SOLUTION),
    wrong("usual_momentum", "The momentum is another", (", momentum=0.9", ""), base=SOLUTION),
    wrong(
        "other_momentum", "The momentum is another", ("momentum=0.9", "momentum=0.5"), base=SOLUTION
    ),
    wrong("identity", "Nothing is normalized", (NORM, "layers.Identity()")),
    wrong(
        "behind_alone",
        "two normalizations",
        (FIRST, "            keras.Input(shape),\n"),
        base=SOLUTION,
    ),
    wrong(
        "convolution_first",
        "What comes first",
        (
            f'{FIRST}            layers.Conv2D(8, 3, padding="same", use_bias=False),\n',
            '            keras.Input(shape),\n            layers.Conv2D(8, 3, padding="same"),\n'
            "            make_norm(),\n",
        ),
        base=SOLUTION,
    ),
]
