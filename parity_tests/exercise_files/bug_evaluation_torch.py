"""Find the bug, evaluation: the solution, changed."""

from parity_tests.exercise_files.specimens import Right, Wrong

SOLUTION = "exercises/bug_evaluation/solutions/bug_evaluation_torch.py"

EVAL = "    model.eval()\n"
TRAIN = "    model.train()\n"
GRAD = "    with torch.no_grad():\n"
RETURN = "    return loss.item(), accuracy.item()\n"
ONE_KIND = "    for each in model.modules():\n        each.train(not isinstance(each, nn.{}))\n"


def right(name, *changes):
    return Right(name, "", SOLUTION, changes)


def wrong(name, says, *changes):
    return Wrong(name, "", SOLUTION, changes, todo="bug", says=says)


SPECIMENS = [
    right("train_false", (EVAL, "    model.train(False)\n")),
    right(
        "mode_restored",
        (TRAIN, ""),
        (EVAL, "    mode = model.training\n    model.eval()\n"),
        (RETURN, f"    model.train(mode)\n{RETURN}"),
    ),
    right(
        "inference_mode",
        ("def evaluate(", "@torch.inference_mode()\ndef evaluate("),
        (GRAD, "    if True:\n"),
    ),
    right(
        "a_copy",
        ("import numpy", "import copy\n\nimport numpy"),
        (EVAL, "    model = copy.deepcopy(model).eval()\n"),
    ),
    right(
        "module_by_module",
        (EVAL, "    for each in model.modules():\n        each.training = False\n"),
    ),
    wrong("never_back", "never comes back", (TRAIN, "")),
    wrong(
        "made_for_use",
        "units are not dropped",
        (TRAIN, ""),
        ("        nn.Linear(HIDDEN, 2),\n    )", "        nn.Linear(HIDDEN, 2),\n    ).eval()"),
    ),
    wrong("dropout_alone", "batch norm still takes", (EVAL, ONE_KIND.format("Dropout"))),
    wrong("batch_norm_alone", "dropout still drops", (EVAL, ONE_KIND.format("BatchNorm1d"))),
    wrong("seeded", "random numbers are fixed", (EVAL, "    torch.manual_seed(0)\n")),
    wrong("without_dropout", "Dropout is gone", ("nn.Dropout(0.5)", "nn.Dropout(0.0)")),
    wrong(
        "without_batch_norm",
        "Batch normalization is gone",
        ("nn.BatchNorm1d(HIDDEN)", "nn.Identity()"),
    ),
    wrong(
        "without_running_statistics",
        "batch norm still takes",
        ("nn.BatchNorm1d(HIDDEN)", "nn.BatchNorm1d(HIDDEN, track_running_stats=False)"),
    ),
]
