from triptych.exercises.findings import Exercise, Hint, Todo

__all__ = ["EXERCISE"]

HINTS = (
    Hint(
        r"with smoothing \d",
        "With smoothing 0, of which numbers is a logarithm taken?",
        "q log q goes to 0 with q. A logarithm of 0 alone is no number: one library refuses it, "
        "another makes it -inf, and 0 times that is NaN.",
        "Leave the terms out whose q is 0, or take a function that knows the product q log q.",
    ),
    Hint(
        r"dtype|no tensor|not one number|no gradient",
        "Does the entropy depend on the network, and what is the loss to do with it?",
        "The cross-entropy is a tensor with a gradient and the dtype of the logits. The entropy is "
        "a constant: as a Python number it changes neither.",
        "Subtract a plain number from the tensor, and leave the tensor in PyTorch.",
    ),
    Hint(
        r"hundreds apart|gradient is not",
        "What is the logarithm of a probability that float32 has rounded to 0?",
        "log p can be computed from the logits without ever making the small number.",
        "Use a function that takes logits, or one that gives log p of them; the cross-entropy was "
        "right as it was.",
    ),
    Hint(
        r"less the entropy",
        "For smoothing 0.4 and four classes: what are the four targets, and what is their entropy?",
        "The targets are 0.7, 0.1, 0.1 and 0.1, and -sum q log q is 0.940 with the natural "
        "logarithm. It is the least that the cross-entropy can be.",
        "Hold your entropy against that number; then the loss is the mean of the cross-entropies "
        "less that, for targets that are the same in both.",
    ),
    Hint(
        "",
        "What does torch.log take, and what is it given here?",
        "smoothing is a number, the number of classes is one, and so is all that is computed from "
        "the two. A function for tensors does not take numbers.",
        "Take a logarithm for numbers, or make a tensor of the number. And see that a target of 0 "
        "adds nothing.",
    ),
)

EXERCISE = Exercise(
    name="bug_number",
    title="find the bug: a logarithm",
    summary="The first step ends with TypeError: log() takes a tensor, and is given a float.",
    todos=(
        Todo(
            "bug",
            "a smoothed loss that can reach 0",
            HINTS,
            "torch.log takes tensors; for a number there is math.log. With smoothing 0.1 the "
            "cross-entropy ends at 0.351, nearly all of it the entropy of the targets; less that, "
            "0.002 is left.",
        ),
    ),
)
