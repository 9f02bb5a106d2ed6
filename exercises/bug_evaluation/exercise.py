from triptych.exercises.findings import Exercise, Hint, Todo

__all__ = ["EXERCISE"]

HINTS = (
    Hint(
        r"training is no longer",
        "What is the second epoch trained with, after the first one was measured?",
        "A mode stays until it is set again, and train calls the functions in turn.",
        "Set the mode in both functions, each at its beginning: one for training, one for use.",
    ),
    Hint(
        "",
        "What in this network does one thing while it learns and another while it is used?",
        "torch.no_grad() switches gradients off, and nothing else. Look for what tells dropout and "
        "batch normalization that the network is now used.",
        "Modules have two modes, set with .eval() and .train(). evaluate needs the one, and the "
        "next train_epoch needs the other again.",
    ),
)

EXERCISE = Exercise(
    name="bug_evaluation",
    title="find the bug: evaluation",
    summary="The same model on the same points is measured twice, and the numbers differ.",
    todos=(
        Todo(
            "bug",
            "a score to rely on",
            HINTS,
            "In training mode the same points gave 74.3 %, 75.5 % and 77.0 %, depending on masks "
            "and on what was measured with them. In evaluation mode they give 79.3 % each time.",
        ),
    ),
)
