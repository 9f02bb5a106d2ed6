"""The workshop in Keras: the solution, changed."""

from functools import partial

from parity_tests.exercise_files import workshop_common
from parity_tests.exercise_files.specimens import Right
from parity_tests.exercise_files.workshop_common import DROPOUT, NORM, common, solution

FRAMEWORK = "keras"
wrong = partial(workshop_common.wrong, FRAMEWORK)
DROPPED, NORMED = DROPOUT[FRAMEWORK], NORM[FRAMEWORK]
RELU = "            layers.ReLU(),\n"
OUTPUT = "            layers.Dense(CLASSES),\n"
SGD = "keras.optimizers.SGD(0.1, weight_decay=0.01, global_clipnorm=1.0)"
PLAIN = "keras.optimizers.SGD(0.1, global_clipnorm=1.0)"
EXCLUDED = '    model.optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])\n'
DENSE = ["layers.Dense(HIDDEN)", "layers.Dense(CLASSES)"]


def regularized(kind):
    """A penalty on the kernels, in the place of the optimizer's decay."""
    kernels = [(each, each.replace(")", f", kernel_regularizer={kind})")) for each in DENSE]
    return [(SGD, PLAIN), (EXCLUDED, ""), *kernels]


SPECIMENS = [
    *common(FRAMEWORK),
    Right(
        "decay_by_regularizer", "", solution(FRAMEWORK), regularized("keras.regularizers.L2(0.005)")
    ),
    Right(
        "rows_in_the_step",
        "",
        solution(FRAMEWORK),
        [
            (
                "loss=smoothed_cross_entropy",
                "loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)",
            ),
            (
                "model.train_on_batch(images, labels)",
                "model.train_on_batch(images, np.eye(CLASSES, dtype='float32')[labels])",
            ),
        ],
    ),
    # --- dropout
    wrong("rate_kept", "dropout", "share that is kept", ("Dropout(0.3)", "Dropout(0.7)")),
    wrong(
        "on_pixels",
        "dropout",
        "drops pixels",
        (DROPPED, ""),
        ("            layers.Flatten(),\n", f"            layers.Flatten(),\n{DROPPED}"),
    ),
    wrong("on_logits", "dropout", "behind the output", (DROPPED, ""), (OUTPUT, OUTPUT + DROPPED)),
    wrong("twice", "dropout", "Two dropouts", (DROPPED, 2 * DROPPED)),
    wrong(
        "training_in_predict",
        "dropout",
        "not in inference mode",
        (NORMED, ""),
        ("model(images, training=False)", "model(images, training=True)"),
    ),
    wrong(
        "together", "dropout", "at once", ("Dropout(0.3)", "Dropout(0.3, noise_shape=(None, 1))")
    ),
    # --- weight decay
    wrong("all_parameters", "weight decay", "all parameters", (EXCLUDED, "")),
    wrong(
        "decay_without_half",
        "weight decay",
        "without a one-half",
        *regularized("keras.regularizers.L2(0.01)"),
    ),
    wrong("halved", "weight decay", "halved", ("weight_decay=0.01", "weight_decay=0.005")),
    wrong(
        "one_matrix",
        "weight decay",
        "Only one of the two",
        *regularized("keras.regularizers.L2(0.005)")[:3],
    ),
    wrong("absolute", "weight decay", "That is L1", *regularized("keras.regularizers.L1(0.01)")),
    wrong(
        "in_adam",
        "weight decay",
        "as Adam does",
        (SGD, "keras.optimizers.Adam(0.1, weight_decay=0.0, global_clipnorm=1.0)"),
        (EXCLUDED, ""),
        *regularized("keras.regularizers.L2(0.005)")[2:],
    ),
    # --- batch norm
    wrong(
        "turned_round",
        "batch norm",
        "momentum is turned round",
        ("layers.BatchNormalization()", "layers.BatchNormalization(momentum=0.1)"),
    ),
    wrong("after_relu", "batch norm", "after the ReLU", (f"{NORMED}{RELU}", f"{RELU}{NORMED}")),
    wrong(
        "on_logits_normed", "batch norm", "are normalized", (NORMED, ""), (OUTPUT, OUTPUT + NORMED)
    ),
    wrong(
        "on_pixels_normed",
        "batch norm",
        "pixels are normalized",
        (NORMED, ""),
        ("            layers.Flatten(),\n", f"            layers.Flatten(),\n{NORMED}"),
    ),
    wrong(
        "layer_norm",
        "batch norm",
        "layer normalization",
        ("layers.BatchNormalization()", "layers.LayerNormalization()"),
    ),
    wrong(
        "batch_in_inference",
        "batch norm",
        "in training mode",
        (DROPPED, ""),
        ("model(images, training=False)", "model(images, training=True)"),
    ),
    wrong(
        "frozen",
        "batch norm",
        "running statistics",
        ("BatchNormalization()", "BatchNormalization(momentum=0.9999)"),
    ),
    # --- clipping
    wrong("by_value", "clipping", "clipped by value", ("global_clipnorm=1.0", "clipvalue=1.0")),
    wrong("one_by_one", "clipping", "norm is that of one array", ("global_clipnorm", "clipnorm")),
    wrong(
        "other_limit", "clipping", "another norm", ("global_clipnorm=1.0", "global_clipnorm=5.0")
    ),
    wrong(
        "halved_limit", "clipping", "another norm", ("global_clipnorm=1.0", "global_clipnorm=0.5")
    ),
    wrong("small_values", "clipping", "by value", ("global_clipnorm=1.0", "clipvalue=0.1")),
    # --- smoothing
    wrong(
        "shared_by_nine",
        "smoothing",
        "9 other classes",
        ("label_smoothing=0.1", "label_smoothing=0.1 * 10 / 9"),
    ),
    wrong(
        "stronger", "smoothing", "strength is 0.2", ("label_smoothing=0.1", "label_smoothing=0.2")
    ),
    wrong(
        "weaker", "smoothing", "strength is 0.05", ("label_smoothing=0.1", "label_smoothing=0.05")
    ),
    wrong(
        "by_hand_among_nine",
        "smoothing",
        "9 other classes",
        (", label_smoothing=0.1", ""),
        ("        rows, logits", "        0.9 * rows + 0.1 / 9 * (1 - rows), logits"),
    ),
    wrong(
        "scaled",
        "smoothing",
        "mean over the batch",
        (
            "    return keras.losses.categorical_crossentropy(",
            "    return 0.8 * keras.losses.categorical_crossentropy(",
        ),
    ),
]
