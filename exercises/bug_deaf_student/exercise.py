"""A teacher that is not heard: the exercise and its hints."""

from triptych.exercises.findings import Exercise, Hint, Todo

__all__ = ["EXERCISE"]

HINTS = (
    Hint(
        r"the loss is no longer",
        "Is it the loss that has to change?",
        "The formula for the loss stands in the docstring, and the starter's loss is that. What "
        "does a step follow?",
        "Leave the loss as the docstring has it, and derive dL/dstudent from it, factor by factor.",
    ),
    Hint(
        r"learning rate|train steps",
        "Which of the two terms is too weak, and does a larger step change their proportion?",
        "A factor for the whole step makes the labels louder too.",
        "Put train back as it was: the two terms are weighed where the gradient is made.",
    ),
    Hint(
        r"chain rule|16|T alone|labels' part|is right at|is missing",
        "By which power of T does your soft term differ from the derivative of the loss, and does "
        "the hard term have a T at all?",
        "There are two factors of T: one stands before the sum in the loss, the other comes out "
        "of the inner derivative of student / T.",
        "Multiply both factors, for a T that is any number, and give them to the soft term alone.",
    ),
    Hint(
        "",
        "What gives the difference quotient of the loss, (L(z + h) - L(z - h)) / 2h, for one "
        "logit, at T = 1 and at T = 4, beside what the script takes for it?",
        "At T = 1 they agree. So a power of T is missing: look for where the loss has one and its "
        "derivative has not.",
        "The soft term of the loss has a factor before its sum that the soft term of the gradient "
        "does without; put it there, beside the one of the chain rule.",
    ),
)

EXERCISE = Exercise(
    name="bug_deaf_student",
    title="find the bug: distillation",
    summary="Distillation works at T = 1; at T = 4 the wrong labels win.",
    todos=(
        Todo(
            "bug",
            "distillation whose weight means the same at every T",
            HINTS,
            "Softened probabilities have gradients that are T^2 = 16 times smaller at T = 4. With"
            " the factor the student comes within 0.11 of its teacher's logits, without it within"
            " 2.03.",
        ),
    ),
)
