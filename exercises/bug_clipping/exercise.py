from triptych.exercises.findings import Exercise, Hint, Todo

__all__ = ["EXERCISE"]

HINTS = (
    Hint(
        r"another direction|each array|single elements",
        "Which one number decides by how much the gradients are shortened?",
        "The norm is that of all gradients together, and all are multiplied by one factor. So the "
        "direction of the step stays.",
        "torch.nn.utils has a function for it, with norm in its name; give it all parameters.",
    ),
    Hint(
        "",
        "At which moment are the gradients used, and what are they at that moment?",
        "Print the norm of the gradients directly in front of optimizer.step().",
        "backward fills the gradients, step uses them. Clipping has one place between the two.",
    ),
)

EXERCISE = Exercise(
    name="bug_clipping",
    title="find the bug: clipping",
    summary="Gradients are clipped, and still a step throws the network off.",
    todos=(
        Todo(
            "bug",
            "no step too long",
            HINTS,
            "Steps were up to 54.3 long where 0.02 is allowed; now 0.02 is the longest, and the "
            "squared error is 0.16 in place of 28.5.",
        ),
    ),
)
