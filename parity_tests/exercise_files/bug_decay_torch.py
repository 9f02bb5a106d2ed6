"""Find the bug, weight decay: the solution, changed."""

from parity_tests.exercise_files.specimens import Right, Wrong

SOLUTION = "exercises/bug_decay/solutions/bug_decay_torch.py"

PENALTY = "return STRENGTH / 2 * sum(p.square().sum() for p in model.parameters() if p.ndim == 2)"
ADDED = " + penalty(model)"
ADAM = "    return torch.optim.Adam(model.parameters(), lr=0.003)\n"
ALL = ADAM.replace(")\n", ", weight_decay=STRENGTH)\n")
GROUPS = """\
    matrices = [p for p in model.parameters() if p.ndim == 2]
    others = [p for p in model.parameters() if p.ndim == 1]
    groups = [{{"params": matrices, "weight_decay": {}}}, {{"params": others}}]
    return torch.optim.{}(groups, lr=0.003, weight_decay=0.0)
"""
STEP = "    optimizer.step()\n"
BY_HAND = """\
    with torch.no_grad():
        for each in (model[0], model[3]):
            {}
"""


def right(name, *changes):
    return Right(name, "", SOLUTION, changes)


def wrong(name, says, *changes):
    return Wrong(name, "", SOLUTION, changes, todo="bug", says=says)


def its_penalty(text):
    return (PENALTY, f"return {text}")


SPECIMENS = [
    right("in_groups_of_adam", (ADDED, ""), (ADAM, GROUPS.format("STRENGTH", "Adam"))),
    right(
        "of_the_layers",
        its_penalty("STRENGTH / 2 * sum((model[i].weight**2).sum() for i in (0, 3))"),
    ),
    right(
        "by_module",
        its_penalty(
            "sum(\n        STRENGTH * 0.5 * torch.linalg.norm(each.weight) ** 2\n"
            "        for each in model.modules()\n        if isinstance(each, nn.Linear)\n    )"
        ),
    ),
    right(
        "in_the_gradient",
        (ADDED, ""),
        (STEP, BY_HAND.format("each.weight.grad += STRENGTH * each.weight") + STEP),
    ),
    right(
        "half_and_half",
        (ADAM, GROUPS.format("STRENGTH / 2", "Adam")),
        its_penalty(PENALTY[7:].replace("/ 2", "/ 4")),
    ),
    wrong("adam_alone", "goes over all parameters", (ADDED, ""), (ADAM, ALL)),
    wrong("penalty_over_all", "goes over all parameters", (" if p.ndim == 2", "")),
    wrong("one_half_alone", "other parameters shrink", (" if p.ndim == 2", ""), (ADAM, ALL)),
    wrong("both_over_the_matrices", "counts twice", (ADAM, GROUPS.format("STRENGTH", "Adam"))),
    wrong("without_one_half", "one-half is missing", ("STRENGTH / 2", "STRENGTH")),
    wrong("halved_twice", "halved twice", ("STRENGTH / 2", "STRENGTH / 4")),
    wrong(
        "by_name",
        "called weight as well",
        its_penalty(
            "STRENGTH / 2 * sum(\n        p.square().sum() for name, p in model.named_parameters() "
            'if "weight" in name\n    )'
        ),
    ),
    wrong("adamw", "AdamW", (ADDED, ""), (ADAM, GROUPS.format("STRENGTH", "AdamW"))),
    wrong(
        "shrunk_by_hand",
        "by hand",
        (ADDED, ""),
        (STEP, STEP + BY_HAND.format("each.weight -= 0.003 * STRENGTH * each.weight")),
    ),
    wrong(
        "first_matrix_alone",
        "Only one of the two",
        its_penalty("STRENGTH / 2 * model[0].weight.square().sum()"),
    ),
    wrong(
        "mean", "another strength", (PENALTY, PENALTY.replace("square().sum()", "square().mean()"))
    ),
    wrong("absolute", "no sum of squares", (PENALTY, PENALTY.replace("square()", "abs()"))),
    wrong(
        "root",
        "another strength",
        (PENALTY, PENALTY.replace("p.square().sum()", "p.norm()")),
    ),
    wrong("detached", "differentiated through it", (ADDED, " + penalty(model).item()")),
    wrong("no_penalty", "no penalty left", (ADDED, "")),
]
