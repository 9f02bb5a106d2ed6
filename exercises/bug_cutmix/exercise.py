from triptych.exercises.findings import Exercise, Hint, Todo

__all__ = ["EXERCISE"]

HINTS = (
    Hint(
        r"1 minus|swapped",
        "Which of the two rows does weight multiply, and whose pixels are in the box?",
        "The box holds the partner's pixels; weight is the share of the image's own.",
        "weight is 1 less the share of the box.",
    ),
    Hint(
        r"before it is cut|channels|squared|colours",
        "How many pixels of an image of 8 by 12 lie in a box of 2 by 3?",
        "Count with the four borders that were used for pasting, and divide by height times width.",
        "Height of the box is bottom - top, width is right - left, after both were cut off.",
    ),
    Hint(
        "",
        "How many pixels are pasted if the box lies about a pixel in a corner?",
        "Two things happen to the box between the draw of weight and the pasting: its sides become "
        "whole numbers, and it is cut off at the border. The labels know of neither.",
        "Compute the weight of the labels anew, from top, bottom, left and right.",
    ),
)

EXERCISE = Exercise(
    name="bug_cutmix",
    title="find the bug: CutMix",
    summary="The mixed labels say something else than the mixed pixels.",
    todos=(
        Todo(
            "bug",
            "labels as the pixels",
            HINTS,
            "Half of the boxes are cut off at the border, and all are rounded. The labels were "
            "off by 0.138 on average and 0.765 at worst; now by nothing.",
        ),
    ),
)
