from triptych.exercises.findings import Exercise, Hint, Todo

__all__ = ["EXERCISE"]

HINTS = (
    Hint(
        r"mixed|reshape",
        "After your change, does every number still stand in the sequence that it came from?",
        "A reshape keeps the order of the numbers and gives them other places; a transpose swaps "
        "two axes.",
        "Swap the first two axes before the attention, and swap the same two back behind it; or "
        "let the layer know the order of the axes.",
    ),
    Hint(
        "",
        "Which tokens does the last token look at: of its own sequence, or of the others?",
        "Read in which order nn.MultiheadAttention takes its three axes, and compare that with the "
        "shape of x in Attention.forward.",
        "Its first axis is that of the tokens, unless an argument of its constructor says that the "
        "batch comes first.",
    ),
)

EXERCISE = Exercise(
    name="bug_attention",
    title="find the bug: attention",
    summary="A prediction depends on which other sequences are predicted with it.",
    todos=(
        Todo(
            "bug",
            "attend to your own",
            HINTS,
            "Attention that mixes examples was right for 51.6 % of the new sequences, a guess; "
            "within the sequence it is right for all. No shape was wrong: only the numbers showed"
            " it.",
        ),
    ),
)
