"""Find the bug, the plateau: the solution, changed."""

from parity_tests.exercise_files.specimens import Right, Wrong

SOLUTION = "exercises/bug_plateau/solutions/bug_plateau_torch.py"

MADE = """\
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=FACTOR, patience=PATIENCE
    )
"""
STEP = "        schedule.step(validation_loss)\n"
EVALUATED = "        validation_loss = evaluate(model, *validation)\n"
KEPT = '        history["validation_loss"].append(validation_loss)\n'
BY_HAND = """\
        if validation_loss < lowest:
            lowest, waited = validation_loss, 0
        else:
            waited += 1
        if waited > PATIENCE:
            waited = 0
            for group in optimizer.param_groups:
                group["lr"] *= FACTOR
"""


def right(name, *changes):
    return Right(name, "", SOLUTION, changes)


def wrong(name, says, *changes):
    return Wrong(name, "", SOLUTION, changes, todo="bug", says=says)


SPECIMENS = [
    right("by_hand", (MADE, '    lowest, waited = float("inf"), 0\n'), (STEP, BY_HAND)),
    right(
        "from_the_history",
        (STEP, ""),
        (KEPT, f'{KEPT}        schedule.step(history["validation_loss"][-1])\n'),
    ),
    right(
        "of_the_lowest",
        (STEP, ""),
        (KEPT, f'{KEPT}        schedule.step(min(history["validation_loss"]))\n'),
    ),
    right("measured_for_it", (STEP, "        schedule.step(evaluate(model, *validation))\n")),
    right(
        "largest_of_minus",
        (
            "factor=FACTOR, patience=PATIENCE",
            'mode="max", threshold_mode="abs", factor=FACTOR, patience=PATIENCE',
        ),
        (STEP, "        schedule.step(-validation_loss)\n"),
    ),
    right(
        "in_the_next_epoch",
        (STEP, ""),
        (
            '        history["rate"].append(',
            '        if history["validation_loss"]:\n'
            '            schedule.step(history["validation_loss"][-1])\n'
            '        history["rate"].append(',
        ),
    ),
    wrong("both", "counts both losses", (STEP, f"        schedule.step(loss)\n{STEP}")),
    wrong("both_turned", "as one row", (STEP, f"{STEP}        schedule.step(loss)\n")),
    wrong("largest", "direction is wrong", ("factor=FACTOR,", 'mode="max", factor=FACTOR,')),
    wrong(
        "an_epoch_late",
        "epoch too late",
        (STEP, ""),
        (
            EVALUATED,
            '        if history["validation_loss"]:\n'
            '            schedule.step(history["validation_loss"][-1])\n'
            f"{EVALUATED}",
        ),
    ),
    wrong(
        "mean", "mean or the sum", (STEP, STEP.replace("(v", "((loss + v").replace(")", ") / 2)"))
    ),
    wrong(
        "gap", "the gap between", (STEP, STEP.replace("validation_loss", "validation_loss - loss"))
    ),
    wrong("less_patience", "an epoch less", ("patience=PATIENCE", "patience=PATIENCE - 1")),
    wrong("more_patience", "an epoch more", ("patience=PATIENCE", "patience=PATIENCE + 1")),
    wrong("another_factor", "another factor", ("factor=FACTOR", "factor=0.1")),
    wrong(
        "made_in_each_epoch",
        "never lowered",
        (MADE, ""),
        (
            STEP,
            "        schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(\n"
            "            optimizer, factor=FACTOR, patience=PATIENCE\n"
            f"        )\n{STEP}",
        ),
    ),
    wrong("not_called", "never lowered", (STEP, "")),
    wrong(
        "by_the_clock",
        "its own clock",
        (MADE, "    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 5, FACTOR)\n"),
        (STEP, "        schedule.step()\n"),
    ),
]
