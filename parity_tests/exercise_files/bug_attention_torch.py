"""Find the bug, attention: the solution, changed."""

from parity_tests.exercise_files.specimens import Right, Wrong

SOLUTION = "exercises/bug_attention/solutions/bug_attention_torch.py"

FIRST = ", batch_first=True"
TAKEN = "taken, _ = self.attention(x, x, x)"
LAST = "return x[:, -1]\n"
LAYERS = "nn.Linear(FEATURES, WIDTH), Attention(), Last(), nn.Linear(WIDTH, 2)"
SWAP = """\
class Swap(nn.Module):
    def forward(self, x):
        return x.transpose(0, 1)


def build_model("""
PREDICTED = "        return model(x).softmax(dim=1)\n"


def right(name, *changes):
    return Right(name, "", SOLUTION, changes)


def wrong(name, says, *changes):
    return Wrong(name, "", SOLUTION, changes, todo="bug", says=says)


SPECIMENS = [
    right(
        "transposed_and_back",
        (FIRST, ""),
        (
            TAKEN,
            "turned = x.transpose(0, 1)\n"
            "        taken = self.attention(turned, turned, turned)[0].transpose(0, 1)",
        ),
    ),
    right(
        "layers_that_swap",
        (FIRST, ""),
        ("def build_model(", SWAP),
        (LAYERS, LAYERS.replace("Attention()", "Swap(), Attention(), Swap()")),
    ),
    right(
        "one_by_one",
        (FIRST, ""),
        (TAKEN, "taken = torch.stack([self.attention(each, each, each)[0] for each in x])"),
    ),
    right("last_token_alone", (TAKEN, "taken, _ = self.attention(x[:, -1:], x, x)")),
    right(
        "tokens_first",
        (FIRST, ""),
        (TAKEN, f"x = x.permute(1, 0, 2)\n        {TAKEN}"),
        (LAST, "return x[-1]\n"),
    ),
    wrong(
        "reshaped_back",
        "Sequences are mixed",
        (FIRST, ""),
        (
            TAKEN,
            "turned = x.transpose(0, 1)\n"
            "        taken = self.attention(turned, turned, turned)[0].reshape(x.shape)",
        ),
    ),
    wrong(
        "reshaped_both_ways",
        "Sequences are mixed",
        (FIRST, ""),
        (
            TAKEN,
            "turned = x.reshape(x.shape[1], x.shape[0], WIDTH)\n"
            "        taken = self.attention(turned, turned, turned)[0].reshape(x.shape)",
        ),
    ),
    wrong(
        "all_as_one_sequence",
        "Sequences are mixed",
        (FIRST, ""),
        (
            TAKEN,
            "flat = x.reshape(-1, WIDTH)\n"
            "        taken = self.attention(flat, flat, flat)[0].reshape(x.shape)",
        ),
    ),
    wrong(
        "predicted_one_by_one",
        "itself alone",
        (FIRST, ""),
        (PREDICTED, "        return torch.cat([model(each[None]) for each in x]).softmax(dim=1)\n"),
    ),
    wrong("without_attention", "itself alone", (TAKEN, f"{TAKEN}\n        taken = 0 * taken")),
    wrong(
        "itself_alone",
        "itself alone",
        (
            TAKEN,
            "mask = ~torch.eye(x.shape[1], dtype=torch.bool)\n"
            "        taken, _ = self.attention(x, x, x, attn_mask=mask)",
        ),
    ),
    wrong(
        "half_of_the_tokens",
        "never looked at",
        (TAKEN, "taken, _ = self.attention(x, x[:, 2:], x[:, 2:])"),
    ),
    wrong("one_head", "number of heads", ("WIDTH, HEADS, batch", "WIDTH, 1, batch")),
    wrong("mean_of_the_tokens", "not what decides", (LAST, "return x.mean(dim=1)\n")),
    wrong("first_token", "not what decides", (LAST, "return x[:, 0]\n")),
    wrong("last_sequence", "predict must return", (LAST, "return x[-1]\n")),
    wrong(
        "not_turned_back",
        "RuntimeError",
        (FIRST, ""),
        (
            TAKEN,
            "turned = x.transpose(0, 1)\n        taken, _ = self.attention(turned, turned, turned)",
        ),
    ),
]
