"""Find the bug, the loss: the solution, changed."""

from parity_tests.exercise_files.specimens import Right, Wrong

SOLUTION = "exercises/bug_slow_loss/solutions/bug_slow_loss_torch.py"

LOSS = "loss = functional.cross_entropy(model(x), y)"
LAST = "        nn.Linear(HIDDEN, CLASSES),\n"
PREDICTED = "functional.softmax(model(x), dim=1)"
MEAN = "-torch.log({})[torch.arange(len(y)), y].mean()"


def right(name, *changes):
    return Right(name, "", SOLUTION, changes)


def wrong(name, says, *changes):
    return Wrong(name, "", SOLUTION, changes, todo="bug", says=says)


SOFTMAX = (LAST, f"{LAST}        nn.Softmax(dim=1),\n")

SPECIMENS = [
    right(
        "log_softmax_in_the_model",
        (LAST, f"{LAST}        nn.LogSoftmax(dim=1),\n"),
        (LOSS, "loss = functional.nll_loss(model(x), y)"),
        (PREDICTED, "model(x).exp()"),
    ),
    right("nll", (LOSS, "loss = functional.nll_loss(model(x).log_softmax(dim=1), y)")),
    right(
        "by_hand",
        (
            LOSS,
            "logits = model(x)\n"
            "    loss = (logits.logsumexp(dim=1) - logits[torch.arange(len(y)), y]).mean()",
        ),
    ),
    right(
        "all_but_the_last_layer",
        SOFTMAX,
        (LOSS, "loss = functional.cross_entropy(model[:-1](x), y)"),
        (PREDICTED, "model(x)"),
    ),
    right(
        "rows_of_labels",
        (LOSS, "loss = functional.cross_entropy(model(x), functional.one_hot(y, CLASSES).float())"),
    ),
    right(
        "by_mode",
        (
            "def build_model(",
            "class Output(nn.Module):\n    def forward(self, x):\n"
            "        return x if self.training else x.softmax(dim=1)\n\n\ndef build_model(",
        ),
        (LAST, f"{LAST}        Output(),\n"),
        (f"    {LOSS}", f"    model.train()\n    {LOSS}"),
        (f"        return {PREDICTED}", "        return model.eval()(x)"),
    ),
    wrong("logits_predicted", "Those are logits", (PREDICTED, "model(x)")),
    wrong("over_the_points", "over the points", (PREDICTED, "functional.softmax(model(x), dim=0)")),
    wrong("sigmoid", "as from a sigmoid", (PREDICTED, "model(x).sigmoid()")),
    wrong(
        "logs_predicted",
        "log-probabilities",
        (PREDICTED, "functional.log_softmax(model(x), dim=1)"),
    ),
    wrong(
        "no_logarithm",
        "logarithm is missing",
        SOFTMAX,
        (LOSS, "loss = functional.nll_loss(model(x), y)"),
        (PREDICTED, "model(x)"),
    ),
    wrong(
        "squared",
        "another loss",
        SOFTMAX,
        (LOSS, "loss = functional.mse_loss(model(x), functional.one_hot(y, CLASSES).float())"),
        (PREDICTED, "model(x)"),
    ),
    wrong(
        "sharpened",
        "another loss",
        SOFTMAX,
        (LOSS, "loss = functional.cross_entropy(10 * model(x), y)"),
        (PREDICTED, "model(x)"),
    ),
    wrong(
        "least_loss_subtracted",
        "another loss",
        SOFTMAX,
        (LOSS, f"{LOSS} - np.log(1 + 2 / np.e)"),
        (PREDICTED, "model(x)"),
    ),
    wrong(
        "logarithm_of_zero",
        "has become 0",
        SOFTMAX,
        (LOSS, f"loss = {MEAN.format('model(x)')}"),
        (PREDICTED, "model(x)"),
    ),
    wrong(
        "a_little_added",
        "has become 0",
        SOFTMAX,
        (LOSS, f"loss = {MEAN.format('model(x) + 1e-9')}"),
        (PREDICTED, "model(x)"),
    ),
    wrong(
        "printed_and_not_learned",
        "softmax of a softmax",
        SOFTMAX,
        ("    return loss.item()\n", "    return right.item()\n"),
        (LOSS, f"right = {MEAN.format('model(x)')}\n    {LOSS}"),
        (PREDICTED, "model(x)"),
    ),
]
