"""Channels that stay uneven: the exercise and its hints."""

from triptych.exercises.findings import Exercise, Hint, Todo

__all__ = ["EXERCISE"]

HINTS = (
    Hint(
        r"in inference|running",
        "What should the layer use in inference, and how fast should it learn that?",
        "It keeps a running mean and variance for each channel, updated in training alone.",
        "Keep the momentum of the starter, and let the layer be trained as it was.",
    ),
    Hint(
        r"scale and a shift|build_model|model as a whole",
        "Does the model still have two normalizations, each with a scale and a shift per channel?",
        "The layer itself was the right one, and so were its places. One thing about it was not.",
        "Put back what you took out, and look at the axis.",
    ),
    Hint(
        "",
        "Which numbers should share a mean: those of one channel, of one row of pixels, or of one "
        "image?",
        "Print the shapes of the layer's parameters and of the images, and see which axis of the "
        "images has that length.",
        "An argument of the layer names the axis that keeps its own statistics: it should be that "
        "of the channels, which in these images come last.",
    ),
)

EXERCISE = Exercise(
    name="bug_channels",
    title="find the bug: the channels",
    summary="Batch normalization leaves the channels of images as different as they were.",
    todos=(
        Todo(
            "bug",
            "batch normalization of each channel of an image",
            HINTS,
            "With statistics for each row of pixels the channels kept their means, 1.41 and "
            "-0.72, and 52 % were right. With statistics for each channel, all of them.",
        ),
    ),
)
