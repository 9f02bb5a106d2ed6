"""Find the bug, attention in nn.Sequential: the solution, changed."""

from parity_tests.exercise_files.specimens import Right, Wrong

SOLUTION = "exercises/bug_sequential/solutions/bug_sequential_torch.py"

BUILT = "self.attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)"
BY_NAME = ", batch_first=True"
TAKEN = "taken, _ = self.attention(x, x, x)"
RETURNED = "        return taken\n"
CLASS = f'''\
class SelfAttention(nn.Module):
    """Each token takes something from all tokens of its sequence: (N, 6, WIDTH) in and out."""

    def __init__(self):
        super().__init__()
        {BUILT}

    def forward(self, x):
        {TAKEN}
{RETURNED}

'''
LAYER = "        SelfAttention(),\n"
PLAIN = "        nn.MultiheadAttention(WIDTH, HEADS, batch_first=True),\n"
NORM = "        nn.LayerNorm(WIDTH),\n"
FIRST = "return x[:, 0]\n"
PREDICTED = "return model(x).softmax(dim=1)"
LOSS = "functional.cross_entropy(model(x[rows]), y[rows])"
OUTPUT = "def predict("
RUN = """\
def run(model, x):
    for layer in model:
        x = layer(x, x, x)[0] if isinstance(layer, nn.MultiheadAttention) else layer(x)
    return x


def predict("""


def right(name, *changes):
    return Right(name, "", SOLUTION, changes)


def wrong(name, says, *changes):
    return Wrong(name, "", SOLUTION, changes, todo="bug", says=says)


SPECIMENS = [
    right(
        "derived",
        (
            CLASS,
            "class SelfAttention(nn.MultiheadAttention):\n"
            "    def forward(self, x):\n"
            "        return super().forward(x, x, x, need_weights=False)[0]\n\n\n",
        ),
        (LAYER, "        SelfAttention(WIDTH, HEADS, batch_first=True),\n"),
    ),
    right(
        "sequential_that_knows",
        (
            CLASS,
            "class Layers(nn.Sequential):\n"
            "    def forward(self, x):\n"
            "        for layer in self:\n"
            "            if isinstance(layer, nn.MultiheadAttention):\n"
            "                x, _ = layer(query=x, key=x, value=x)\n"
            "            else:\n"
            "                x = layer(x)\n"
            "        return x\n\n\n",
        ),
        (LAYER, PLAIN),
        ("return nn.Sequential(", "return Layers("),
    ),
    right(
        "layers_before_and_behind",
        (
            CLASS,
            "class Three(nn.Module):\n"
            "    def forward(self, x):\n"
            "        return x, x, x\n\n\n"
            "class Attention(nn.MultiheadAttention):\n"
            "    def forward(self, each):\n"
            "        return super().forward(*each)\n\n\n"
            "class Output(nn.Module):\n"
            "    def forward(self, both):\n"
            "        return both[0]\n\n\n",
        ),
        (
            LAYER,
            "        Three(),\n        Attention(WIDTH, HEADS, batch_first=True),\n"
            "        Output(),\n",
        ),
    ),
    right("first_token_alone", (TAKEN, "taken, _ = self.attention(x[:, :1], x, x)")),
    right(
        "transposed_and_back",
        (BY_NAME, ""),
        (TAKEN, f"x = x.transpose(0, 1)\n        {TAKEN}"),
        (RETURNED, "        return taken.transpose(0, 1)\n"),
    ),
    right(
        "a_function_for_both",
        (CLASS, ""),
        (LAYER, PLAIN),
        (OUTPUT, RUN),
        (PREDICTED, "return run(model, x).softmax(dim=1)"),
        (LOSS, "functional.cross_entropy(run(model, x[rows]), y[rows])"),
    ),
    wrong("both_results", "returns a tuple", (RETURNED, "        return taken, _\n")),
    wrong(
        "both_results_to_the_first",
        "returns a tuple",
        (TAKEN, "taken = self.attention(x, x, x)"),
        (NORM, ""),
        ("        First(),\n", f"        First(),\n{NORM}"),
    ),
    wrong("weights", "the second that is taken", (TAKEN, "_, taken = self.attention(x, x, x)")),
    wrong(
        "weights_not_asked_for",
        "None without need_weights",
        (TAKEN, "_, taken = self.attention(x, x, x, need_weights=False)"),
    ),
    wrong("nothing_returned", "has no return", (RETURNED, "")),
    wrong(
        "weights_of_x",
        "average x itself",
        (TAKEN, "_, weights = self.attention(x, x, x)\n        taken = weights @ x"),
    ),
    wrong("twice", "TypeError", (TAKEN, "taken, _ = self.attention(x, x)")),
    wrong("dropout", "has dropout now", (BY_NAME, f", dropout=0.5{BY_NAME}")),
    wrong("batch_second", "taken for the tokens", (BY_NAME, "")),
    wrong(
        "reshaped",
        "Sequences are mixed",
        (BY_NAME, ""),
        (TAKEN, f"x = x.reshape(x.shape[1], x.shape[0], WIDTH)\n        {TAKEN}"),
        (RETURNED, "        return taken.reshape(taken.shape[1], taken.shape[0], WIDTH)\n"),
    ),
    wrong(
        "all_as_one_sequence",
        "Sequences are mixed",
        (
            TAKEN,
            "flat = x.reshape(-1, WIDTH)\n"
            "        taken = self.attention(flat, flat, flat)[0].reshape(x.shape)",
        ),
    ),
    wrong(
        "mean_over_the_batch",
        "Sequences are mixed",
        (RETURNED, "        return taken - taken.mean(dim=0)\n"),
    ),
    wrong("taken_out", "layers with weights must stay", (CLASS, ""), (LAYER, "")),
    wrong(
        "encoder_layer",
        "layers with weights must stay",
        (CLASS, ""),
        (LAYER, "        nn.TransformerEncoderLayer(WIDTH, HEADS, batch_first=True),\n"),
    ),
    wrong("passed_over", "is left out or passed over", (RETURNED, "        return x\n")),
    wrong(
        "error_swallowed",
        "is left out or passed over",
        (
            CLASS,
            "class Layers(nn.Sequential):\n"
            "    def forward(self, x):\n"
            "        for layer in self:\n"
            "            try:\n"
            "                x = layer(x)\n"
            "            except TypeError:\n"
            "                pass\n"
            "        return x\n\n\n",
        ),
        (LAYER, PLAIN),
        ("return nn.Sequential(", "return Layers("),
    ),
    wrong(
        "first_token_for_all_three",
        "is left out or passed over",
        (TAKEN, "taken, _ = self.attention(x, x[:, :1], x[:, :1])"),
    ),
    wrong(
        "last_token_for_key_and_value",
        "never looked at",
        (TAKEN, "taken, _ = self.attention(x, x[:, -1:], x[:, -1:])"),
    ),
    wrong("residual", "no residual connection", (RETURNED, "        return x + taken\n")),
    wrong("norm_before", "must stay, in their order", (LAYER + NORM, f"{NORM}{LAYER}")),
    wrong("last_token", "The last token's", (FIRST, "return x[:, -1]\n")),
    wrong("mean_of_the_tokens", "mean over the tokens", (FIRST, "return x.mean(dim=1)\n")),
    wrong("one_head", "one head", ("(WIDTH, HEADS, batch", "(WIDTH, 1, batch")),
    wrong(
        "predict_alone",
        "train is not",
        (CLASS, ""),
        (LAYER, PLAIN),
        (OUTPUT, RUN),
        (PREDICTED, "return run(model, x).softmax(dim=1)"),
    ),
    wrong(
        "detached",
        "No gradient gets through",
        (TAKEN, f"with torch.no_grad():\n            {TAKEN}"),
    ),
]
