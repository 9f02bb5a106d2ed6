from triptych.exercises.findings import Exercise, Hint, Todo

__all__ = ["EXERCISE"]

HINTS = (
    Hint(
        r"is no tensor|weights go on",
        "What does nn.MultiheadAttention return, and how many things are that?",
        "It returns its output, with a row of numbers for each token, and the attention weights, "
        "with a share for each pair of tokens. The layer behind it takes one tensor.",
        "Let the first of the two go on, and drop the second.",
    ),
    Hint(
        r"sequences beside it",
        "After your change, which of its three axes does the attention take for the tokens?",
        "Give it the axes in the order in which it reads them: the tokens first, unless an "
        "argument of its constructor says that the batch comes first.",
        "Keep that argument as the starter has it, and turn or reshape no axes.",
    ),
    Hint(
        r"all tokens of its sequence|another network|not alike",
        "Which numbers are the query, the keys and the values now, and what goes on from there?",
        "The first token can only take something from tokens that are among the keys and the "
        "values. Nothing else than the attention itself was in need of a mend.",
        "Give the attention all tokens three times, and its output to the norm: nothing added, "
        "nothing drawn, nothing skipped, no error swallowed.",
    ),
    Hint(
        r"train is not|as they are",
        "Does train call the same network as predict, with gradients all the way?",
        "A mend around the network in one function leaves the other as it was. A layer that is "
        "one module can be used by both.",
        "Put what is special about the attention into a module, and that into the network.",
    ),
    Hint(
        "",
        "How many arguments does nn.Sequential give to a layer, and how many does this one take?",
        "Each layer gets what the layer before it returned, as one argument. Read what "
        "nn.MultiheadAttention takes, and what it returns as well.",
        "Write a small module around it that takes one tensor and returns one, and put that into "
        "nn.Sequential.",
    ),
)

EXERCISE = Exercise(
    name="bug_sequential",
    title="find the bug: nn.Sequential",
    summary="The network raises TypeError before its first step: key and value are missing.",
    todos=(
        Todo(
            "bug",
            "attention that fits into a row of layers",
            HINTS,
            "nn.Sequential hands on one tensor; attention takes three and returns two things. In "
            "a module of its own it is right for 100.0 % of the new sequences, where a guess is "
            "for 51.8 %.",
        ),
    ),
)
