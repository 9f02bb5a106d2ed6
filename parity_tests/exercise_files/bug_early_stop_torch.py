"""Find the bug, early stopping: the solution, changed."""

from parity_tests.exercise_files.specimens import Right, Wrong

SOLUTION = "exercises/bug_early_stop/solutions/bug_early_stop_torch.py"

COPY = "copy.deepcopy(model.state_dict())"
LOAD = "    model.load_state_dict(best)\n"
EPOCH = "        train_epoch(model, optimizer, *training)\n"
STOP = "        if waited == patience:\n            break\n"
START = "history, lowest, best, waited = [], math.inf, None, 0\n"
PARAMETERS = "{name: p.detach().clone() for name, p in model.named_parameters()}"


def right(name, *changes):
    return Right(name, "", SOLUTION, changes)


def wrong(name, says, *changes):
    return Wrong(name, "", SOLUTION, changes, todo="bug", says=says)


SPECIMENS = [
    right("clones", (COPY, "{key: value.clone() for key, value in model.state_dict().items()}")),
    right(
        "whole_model",
        (COPY, "copy.deepcopy(model)"),
        (LOAD, "    model.load_state_dict(best.state_dict())\n"),
    ),
    right(
        "saved",
        ("import copy\n", "import io\n"),
        (f"best = {COPY}", "best = io.BytesIO()\n            torch.save(model.state_dict(), best)"),
        (LOAD, "    best.seek(0)\n    model.load_state_dict(torch.load(best))\n"),
    ),
    right(
        "every_epoch_kept",
        (START, f"{START}    kept = []\n"),
        (EPOCH, f"{EPOCH}        kept.append({COPY})\n"),
        (f"            best = {COPY}\n", "            best = len(kept) - 1\n"),
        (LOAD, "    model.load_state_dict(kept[best])\n"),
    ),
    right(
        "parameters_and_buffers",
        (COPY, "[t.detach().clone() for t in (*model.parameters(), *model.buffers())]"),
        (
            LOAD,
            "    with torch.no_grad():\n"
            "        for own, kept in zip((*model.parameters(), *model.buffers()), best):\n"
            "            own.copy_(kept)\n",
        ),
    ),
    wrong(
        "parameters_alone",
        "running statistics",
        (COPY, PARAMETERS),
        (LOAD, "    model.load_state_dict(best, strict=False)\n"),
    ),
    wrong(
        "only_when_stopped",
        "stopped early",
        (LOAD, ""),
        (STOP, f"        if waited == patience:\n        {LOAD}            break\n"),
    ),
    wrong(
        "an_epoch_early",
        "before the epoch's training",
        (EPOCH, f"        before = {COPY}\n{EPOCH}"),
        (f"best = {COPY}", "best = before"),
    ),
    wrong(
        "copied_at_first",
        "before the first epoch",
        (START, f"{START}    best = {COPY}\n"),
        (f"            best = {COPY}\n", ""),
    ),
    wrong(
        "loaded_in_every_bad_epoch",
        "before training is over",
        ("            waited += 1\n", f"            waited += 1\n        {LOAD}"),
    ),
    wrong("equal_is_better", "another epoch", ("if loss < lowest:", "if loss <= lowest:")),
    wrong(
        "last_of_equals",
        "the next is not lower",
        (
            "        if loss < lowest:\n",
            f"        if loss == lowest:\n            best = {COPY}\n        if loss < lowest:\n",
        ),
    ),
    wrong("an_epoch_more", "another epoch", ("waited == patience", "waited > patience")),
    wrong(
        "weights_alone",
        "Only a part",
        (COPY, "{k: v.clone() for k, v in model.state_dict().items() if 'bias' not in k}"),
        (LOAD, "    model.load_state_dict(best, strict=False)\n"),
    ),
    wrong(
        "history_cut",
        "another history",
        ("    return history\n", "    return history[: history.index(lowest) + 1]\n"),
    ),
]
