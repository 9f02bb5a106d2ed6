"""Mixup and CutMix from scratch: the exercise and its hints."""

from triptych.exercises.findings import Exercise, Hint, Todo
from triptych.exercises.hints import FORM

__all__ = ["EXERCISE"]

PARTNER = (
    Hint(
        r"permutation|mixed already|pasted into already",
        "Which example is the partner of example 0, if partner is [1, 2, 0]? And which values has "
        "it, before anything is mixed?",
        "partner[n] is the index of the example that example n is mixed with. All partners are "
        "examples as they were given.",
        "An array that is indexed with the permutation gives the partners of the whole batch, in "
        "order: x[partner]. Take them from the argument, never from the result.",
    ),
)
MIXUP = (
    Hint(
        r"broadcast|IndexError",
        "Which shape has x, and which has what stands beside it?",
        "The batch is axis 0 of x, whatever axes follow; partner has one index for each example, "
        "and weight is one number.",
        "Index axis 0 alone with partner. A number needs no shape to stand beside x.",
    ),
    Hint(
        "",
        "With weight 0.75, how much of the example itself is left, and how much comes from its "
        "partner?",
        "The first line of the docstring at the top: two terms, whose weights have the sum 1.",
        "weight times x, plus 1 - weight times x in the order of the partners.",
    ),
)
LABELS = (
    Hint(
        r"overwrites|count",
        "Which row do you want where an example and its partner have the same label?",
        "The two weights are added up, so that every row has the sum 1. An assignment puts the "
        "second in the place of the first.",
        "Make one row of zeros and a 1 for each label first, then mix the rows, as in mixup.",
    ),
    Hint(
        r"form|broadcast|IndexError",
        "How many columns has a row, and what does each of them stand for?",
        "There is a row for each example and a column for each class. Labels are names of "
        "columns: a mean of two labels is no label.",
        "Make an array of shape (N, classes) with a 1 at each label. np.eye(classes) has such a "
        "row for every label.",
    ),
    Hint(
        "",
        "Labels 0 and 2 of three classes, weight 0.75: which three numbers has the row?",
        "First a row for each label by itself, with a 1 at the label. Then those rows are mixed "
        "like anything else.",
        "Rows q of shape (N, classes), then weight times q plus 1 - weight times the rows of the "
        "partners.",
    ),
)
BOX = (
    Hint(
        r"cut off|border|moved|height - 1",
        "The center is at row 0 and half_height is 3. Which rows of the image are in the box?",
        "Rows above 0 and below the last are not there. The box gets smaller, it does not move; "
        "bottom and right may be as large as height and width.",
        "The larger of top and 0, the smaller of bottom and height, and the columns likewise, once "
        "all four are computed from the center.",
    ),
    Hint(
        r"root|part 1 - lambda|whole sides|round",
        "At lambda 0.75, which part of the image is in the box, and how long are its sides then?",
        "The area of the box is 1 - lambda of the image's, so that its sides are the root of that. "
        "Half of a side goes to each side of the center, rounded down once, at the end.",
        "math.sqrt(1 - weight), times height / 2, then math.floor or int; width likewise.",
    ),
    Hint(
        r"has not the form",
        "How many numbers are returned, and of which type?",
        "Four, in the order of the docstring. They will stand in a slice, which takes ints alone: "
        "np.floor gives a float.",
        "int(...) around the halves; the rest of the computation then stays with ints.",
    ),
    Hint(
        r"swapped|order|height and a width",
        "Which of the four belong to rows, and which to columns?",
        "Rows go with row, height, top and bottom; columns with column, width, left and right.",
        "Return top, left, bottom, right: the upper left corner, then the lower right one.",
    ),
    Hint(
        "",
        "An image of 4 x 8, center (0, 5), lambda 0.75: which rows and which columns are inside?",
        "One half for the rows, one for the columns, rounded down; subtract them and add them to "
        "the center; cut off.",
        "Two halves by the equation of half_height, with H and with W; row minus and plus the one, "
        "column minus and plus the other; then max with 0, and min with height or width.",
    ),
)
CUTMIX = (
    Hint(
        r"in place",
        "Are the images that were given still whole, after the function returns?",
        "An assignment to a slice writes into the array. Pasting into images changes the images "
        "of the caller, and those of the partners too.",
        "Paste into a copy, and take the partners' pixels from images.",
    ),
    Hint(
        r"Rows and columns|read as|too far|Whole (rows|columns)|corner",
        "Which slice of which axis does each of the four numbers belong to?",
        "Images are (N, H, W, C): axis 1 has the rows, from top, up to bottom without it; axis 2 "
        "the columns, from left to right. The pixels keep their places.",
        "The same two slices on both sides of the assignment: rows top:bottom, columns left:right.",
    ),
    Hint(
        "",
        "Of which image is a pixel inside the box, and of which one outside?",
        "Begin with the images as they are; only the pixels inside the box change, and they come "
        "from the partner, from the same place.",
        "Copy images; assign to the slice of rows and columns of the copy the same slice of "
        "images[partner]; return the copy.",
    ),
)
WEIGHT = (
    Hint(
        r"drawn|lambda",
        "The center lies in a corner of the image. How much of the box is left, and how much of "
        "1 - lambda is that?",
        "lambda says how large the box was meant to be. The labels have to go with the pixels "
        "that were pasted in the end.",
        "Use the box alone: lambda has no part in it.",
    ),
    Hint(
        "",
        "A box of 4 pixels in an image of 32: which part of its own pixels is left to the image?",
        "The box has bottom - top rows and right - left columns. What is not pasted is the "
        "example's own.",
        "1 minus the pixels of the box over height * width, by /, as a float.",
    ),
)

EXERCISE = Exercise(
    name="mixing",
    title="Mixup and CutMix from scratch",
    summary="Blend examples and labels, cut a box at the border, and weigh labels by its pixels.",
    todos=(
        Todo(
            "mixup",
            "mixup",
            (*FORM[:-1], *PARTNER, *MIXUP),
            "Most blends are slight: with lambda from Beta(0.2, 0.2), the smaller part is below a"
            " tenth in two of three batches.",
        ),
        Todo(
            "mixed_labels",
            "rows of mixed labels",
            (*FORM[:1], *FORM[2:-1], *PARTNER, *LABELS),
            "No network can be sure of a blend: the lowest loss is the entropy of its row, 0.69 "
            "for two halves.",
        ),
        Todo(
            "cutmix_box",
            "the box of CutMix",
            (*FORM[2:-1], *BOX),
            "The box has 1 - lambda of the pixels, if none is cut off: for a lambda of 0.75, half"
            " of the height and half of the width.",
        ),
        Todo(
            "cutmix",
            "CutMix of images",
            (*CUTMIX[:1], *FORM[1:], *PARTNER, *CUTMIX[1:]),
            "Each pixel is a real one, and any part can be missing: the network has to know a "
            "thing by more than its most telling part.",
        ),
        Todo(
            "cutmix_weight",
            "the weight of its labels",
            (*FORM, *WEIGHT),
            "Boxes are cut off at the border and rounded down. With lambda as it was drawn the "
            "labels would be wrong by 0.14 on average (bug_cutmix).",
        ),
    ),
)
