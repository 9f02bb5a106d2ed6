"""Mixup and CutMix from scratch: the solution, changed."""

from parity_tests.exercise_files.specimens import Right, Wrong

SOLUTION = "exercises/mixing/solutions/mixing_scratch.py"

MIXUP = "return weight * x + (1 - weight) * x[partner]"
ROWS = "q = np.eye(classes)[labels]"
LABELS = "return weight * q + (1 - weight) * q[partner]"
SIDE = "side = math.sqrt(1 - weight)"
HALVES = "half_height, half_width = math.floor(height / 2 * side), math.floor(width / 2 * side)"
TOP = "top, bottom = max(row - half_height, 0), min(row + half_height, height)"
LEFT = "left, right = max(column - half_width, 0), min(column + half_width, width)"
BOX = "return top, left, bottom, right"
COPY = "mixed = images.copy()"
PASTE = "mixed[:, top:bottom, left:right] = images[partner, top:bottom, left:right]"
WEIGHT = "return 1 - (bottom - top) * (right - left) / (height * width)"


def wrong(name, todo, says, *changes):
    return Wrong(name, "", SOLUTION, changes, todo=todo, says=says)


SPECIMENS = [
    Right(
        "a_step_towards_the_partner",
        "Mixup as one step from x.",
        SOLUTION,
        [(MIXUP, "return x + (1 - weight) * (x[partner] - x)")],
    ),
    Right(
        "weights_added_at_labels",
        "Labels by np.add.at, which adds up where both are the same.",
        SOLUTION,
        [
            (ROWS, "q, every = np.zeros((len(labels), classes)), np.arange(len(labels))"),
            (
                LABELS,
                "np.add.at(q, (every, labels), weight)\n"
                "    np.add.at(q, (every, labels[partner]), 1 - weight)\n"
                "    return q",
            ),
        ],
    ),
    Right(
        "clipped",
        "The box by np.clip, as an array of NumPy's ints; the pixels that are left are counted.",
        SOLUTION,
        [
            (HALVES, "half = (np.array([height, width]) / 2 * side).astype(int)"),
            (TOP, "center, size = np.array([row, column]), np.array([height, width])"),
            (
                LEFT,
                "top, left = np.clip(center - half, 0, size)\n"
                "    bottom, right = np.clip(center + half, 0, size)",
            ),
            (WEIGHT, WEIGHT.replace("1 - ", "float(height * width - ").replace(" / ", ") / ")),
        ],
    ),
    # --- mixup
    wrong(
        "weights_swapped",
        "mixup",
        "weights are swapped",
        (MIXUP, "return (1 - weight) * x + weight * x[partner]"),
    ),
    wrong(
        "inverse",
        "mixup",
        "goes the wrong way",
        (
            MIXUP,
            "mixed = np.empty_like(x)\n    mixed[partner] = x\n"
            "    return weight * x + (1 - weight) * mixed",
        ),
    ),
    wrong(
        "reversed",
        "mixup",
        "same place from the end",
        (MIXUP, "return weight * x + (1 - weight) * x[::-1]"),
    ),
    wrong("rolled", "mixup", "neighbour", (MIXUP, MIXUP.replace("x[partner]", "np.roll(x, 1, 0)"))),
    wrong("with_itself", "mixup", "nothing is mixed", (MIXUP, MIXUP.replace("[partner]", ""))),
    wrong("added", "mixup", "1 - lambda, is missing", (MIXUP, "return weight * x + x[partner]")),
    wrong(
        "mixed_again",
        "mixup",
        "mixed in again",
        (
            MIXUP,
            "mixed = x.copy()\n"
            "    for n in range(len(x)):\n"
            "        mixed[n] = weight * mixed[n] + (1 - weight) * mixed[partner[n]]\n"
            "    return mixed",
        ),
    ),
    wrong(
        "x_in_place",
        "mixup",
        "changed in place",
        (MIXUP, "other = x[partner]\n    x *= weight\n    return x + (1 - weight) * other"),
    ),
    wrong(
        "weights_of_float64",
        "mixup",
        "float64 array takes part",
        (MIXUP, "weight = np.full(x.shape, weight)\n    " + MIXUP),
    ),
    # --- labels
    wrong(
        "overwritten",
        "mixed_labels",
        "overwrites the first",
        (ROWS, "q, every = np.zeros((len(labels), classes)), np.arange(len(labels))"),
        (
            LABELS,
            "q[every, labels] = weight\n    q[every, labels[partner]] = 1 - weight\n    return q",
        ),
    ),
    wrong(
        "numbers_mixed",
        "mixed_labels",
        "has not the form",
        (ROWS, "q = labels"),
    ),
    wrong(
        "label_weights_swapped",
        "mixed_labels",
        "weights are swapped",
        (LABELS, "return (1 - weight) * q + weight * q[partner]"),
    ),
    wrong("hard", "mixed_labels", "each row has one 1", (LABELS, "return q")),
    wrong(
        "larger_weight",
        "mixed_labels",
        "only the label with the larger weight",
        (
            LABELS,
            "q = weight * q + (1 - weight) * q[partner]\n    return np.eye(classes)[q.argmax(1)]",
        ),
    ),
    wrong("both_whole", "mixed_labels", "count 1", (LABELS, "return q + q[partner]")),
    wrong(
        "rows_of_float32",
        "mixed_labels",
        "fixed dtype",
        (ROWS, "q = np.eye(classes, dtype=np.float32)[labels]"),
    ),
    wrong(
        "classes_counted",
        "mixed_labels",
        "has not the form",
        (ROWS, "q = np.eye(labels.max() + 1)[labels]"),
    ),
    # --- the box
    wrong(
        "not_cut_off",
        "cutmix_box",
        "not cut off",
        (TOP, "top, bottom = row - half_height, row + half_height"),
        (LEFT, "left, right = column - half_width, column + half_width"),
    ),
    wrong(
        "moved_inside",
        "cutmix_box",
        "moved into the image",
        (
            TOP,
            "row = min(max(row, half_height), height - half_height)\n"
            "    top, bottom = row - half_height, row + half_height",
        ),
        (
            LEFT,
            "column = min(max(column, half_width), width - half_width)\n"
            "    left, right = column - half_width, column + half_width",
        ),
    ),
    wrong("no_root", "cutmix_box", "square root is missing", (SIDE, "side = 1 - weight")),
    wrong("root_of_lambda", "cutmix_box", "part that is kept", (SIDE, "side = math.sqrt(weight)")),
    wrong(
        "whole_sides",
        "cutmix_box",
        "whole sides go",
        (HALVES, HALVES.replace(" / 2", "")),
    ),
    wrong(
        "rounded",
        "cutmix_box",
        "rounded to the nearest",
        (HALVES, HALVES.replace("math.floor", "round")),
    ),
    wrong(
        "sides_swapped",
        "cutmix_box",
        "height and the width of the image are swapped",
        (HALVES, "half_height, half_width = int(width / 2 * side), int(height / 2 * side)"),
    ),
    wrong(
        "last_index",
        "cutmix_box",
        "height - 1",
        (TOP, TOP.replace("height, height)", "height, height - 1)")),
        (LEFT, LEFT.replace("width, width)", "width, width - 1)")),
    ),
    wrong(
        "columns_first", "cutmix_box", "rows come first", (BOX, "return left, top, right, bottom")
    ),
    wrong(
        "floats",
        "cutmix_box",
        "make it an int",
        (HALVES, HALVES.replace("math.", "np.")),
    ),
    # --- images
    wrong(
        "inside_out",
        "cutmix",
        "outside the box, not inside",
        (COPY, "mixed = images[partner]"),
        (PASTE, PASTE.replace("[partner, ", "[:, ")),
    ),
    wrong(
        "axes_swapped",
        "cutmix",
        "Rows and columns are swapped",
        (PASTE, PASTE.replace("top:bottom, left:right", "left:right, top:bottom")),
    ),
    wrong("images_in_place", "cutmix", "images is changed in place", (COPY, "mixed = images")),
    wrong(
        "pasted_again",
        "cutmix",
        "pasted into already",
        (
            PASTE,
            "for n, m in enumerate(partner):\n"
            "        mixed[n, top:bottom, left:right] = mixed[m, top:bottom, left:right]",
        ),
    ),
    wrong(
        "included",
        "cutmix",
        "one too far",
        (PASTE, PASTE.replace("bottom", "bottom + 1").replace("right", "right + 1")),
    ),
    wrong("zeros", "cutmix", "as in cutout", (PASTE, "mixed[:, top:bottom, left:right] = 0")),
    wrong(
        "corner",
        "cutmix",
        "upper left corner",
        (
            PASTE,
            "mixed[:, top:bottom, left:right] = images[partner, : bottom - top, : right - left]",
        ),
    ),
    wrong(
        "blended_inside",
        "cutmix",
        "half and half",
        (
            PASTE,
            "mixed[:, top:bottom, left:right] += images[partner, top:bottom, left:right]\n"
            "    mixed[:, top:bottom, left:right] /= 2",
        ),
    ),
    # --- the weight of labels
    wrong(
        "as_drawn", "cutmix_weight", "lambda as it was drawn. The sides", (WEIGHT, "return weight")
    ),
    wrong(
        "pasted_part", "cutmix_weight", "part that was pasted", (WEIGHT, WEIGHT.replace("1 - ", ""))
    ),
    wrong(
        "one_too_many",
        "cutmix_weight",
        "one row and column too many",
        (WEIGHT, "return 1 - (bottom - top + 1) * (right - left + 1) / (height * width)"),
    ),
    wrong(
        "number_of_pixels",
        "cutmix_weight",
        "number of pixels",
        (WEIGHT, "return height * width - (bottom - top) * (right - left)"),
    ),
    wrong(
        "whole_number", "cutmix_weight", "// rounds down", (WEIGHT, WEIGHT.replace(" / ", " // "))
    ),
    wrong(
        "times_lambda",
        "cutmix_weight",
        "lambda is multiplied",
        (WEIGHT, "return weight * (1 - (bottom - top) * (right - left) / (height * width))"),
    ),
    wrong(
        "weight_not_returned",
        "cutmix_weight",
        "A return is missing",
        (WEIGHT, WEIGHT.replace("return", "weight =")),
    ),
]
