"""Find the bug, clipping: the solution, changed."""

from parity_tests.exercise_files.specimens import Right, Wrong

SOLUTION = "exercises/bug_clipping/solutions/bug_clipping_torch.py"

LOSS = "    loss = functional.mse_loss(model(x), y)\n    optimizer.zero_grad()\n"
ZERO = "    optimizer.zero_grad()\n"
CLIP = "    nn.utils.clip_grad_norm_(model.parameters(), LIMIT)\n"
STEP = "    optimizer.step()\n"
BACKWARD = "    loss.backward()\n"
BY_HAND = """\
    norm = torch.sqrt(sum(p.grad.square().sum() for p in model.parameters()))
    factor = {}
    for p in model.parameters():
        p.grad *= factor
"""
BY_AUTOGRAD = """\
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    norm = torch.cat([g.ravel() for g in gradients]).norm()
    for p, g in zip(model.parameters(), gradients):
        p.grad = g * (LIMIT / norm).clamp(max=1)
"""
HOOKED = """\
    def clip(*_):
        nn.utils.clip_grad_norm_(model.parameters(), LIMIT)

    hook = optimizer.register_step_pre_hook(clip)
    optimizer.step()
    hook.remove()
"""


def right(name, *changes):
    return Right(name, "", SOLUTION, changes)


def wrong(name, says, *changes):
    return Wrong(name, "", SOLUTION, changes, todo="bug", says=says)


SPECIMENS = [
    right("by_hand", (CLIP, BY_HAND.format("min(1.0, LIMIT / float(norm))"))),
    right("by_autograd", (BACKWARD, BY_AUTOGRAD), (CLIP, "")),
    right("in_a_hook", (CLIP, ""), (STEP, HOOKED)),
    right("before_and_after", (STEP, f"{STEP}{CLIP}")),
    right(
        "of_the_optimizer",
        (
            CLIP,
            '    parameters = [p for group in optimizer.param_groups for p in group["params"]]\n'
            "    torch.nn.utils.clip_grad_norm_(parameters, max_norm=LIMIT, norm_type=2.0)\n",
        ),
    ),
    right("zero_after_the_step", (LOSS, LOSS.replace(ZERO, "")), (STEP, f"{STEP}{ZERO}")),
    wrong("before_backward", "before backward", (CLIP, ""), (BACKWARD, f"{CLIP}{BACKWARD}")),
    wrong(
        "not_at_all",
        "or not at all",
        (CLIP, ""),
    ),
    wrong(
        "by_value",
        "clipped by value",
        (CLIP, "    nn.utils.clip_grad_value_(model.parameters(), LIMIT)\n"),
    ),
    wrong(
        "one_by_one",
        "that of one array",
        (CLIP, "    for p in model.parameters():\n        nn.utils.clip_grad_norm_(p, LIMIT)\n"),
    ),
    wrong(
        "last_layer_alone",
        "parameters are left out",
        (CLIP, CLIP.replace("model.parameters()", "model[2].parameters()")),
    ),
    wrong("always_divided", "always divided", (CLIP, BY_HAND.format("LIMIT / norm"))),
    wrong("other_limit", "another norm", (CLIP, CLIP.replace("LIMIT", "LIMIT / 10"))),
    wrong("loss_cut", "no step", (BACKWARD, "    loss.clamp(max=LIMIT).backward()\n"), (CLIP, "")),
    wrong(
        "huber",
        "another direction",
        (
            "loss = functional.mse_loss(model(x), y)\n",
            "loss = functional.huber_loss(model(x), y)\n",
        ),
    ),
    wrong("zero_between", "no step", (CLIP, f"{CLIP}{ZERO}")),
    wrong("never_zero", "still in", (LOSS, LOSS.replace(ZERO, ""))),
    wrong(
        "norm_of_the_loss",
        "another norm",
        (BACKWARD, "    (loss / max(1.0, loss.item())).backward()\n"),
        (CLIP, ""),
    ),
]
