"""On what a prediction depends, its numbers, and whether training reaches every weight."""

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import nn

from triptych.exercises.findings import Finding
from triptych.exercises.scripts import done, judged, still_there, wrong
from triptych.exercises.sequences import by_others, changed, predictor, share_weights

__all__ = ["check"]

TOKENS, FEATURES, WIDTH, HEADS, ROWS = 6, 9, 32, 4, 3


class Ours(nn.Module):
    """The network as it should be."""

    def __init__(self, heads: int = HEADS) -> None:
        super().__init__()
        self.first = nn.Linear(FEATURES, WIDTH)
        self.attention = nn.MultiheadAttention(WIDTH, heads, batch_first=True)
        self.norm = nn.LayerNorm(WIDTH)
        self.output = nn.Linear(WIDTH, 2)

    def forward(self, x: Any) -> Any:
        return self.output(self.norm(self.taken(x))[:, 0])

    def taken(self, x: Any) -> Any:
        x = self.first(x)
        return self.attention(x, x, x)[0]


def _residual(ours: Ours, x: Any) -> Any:
    return ours.output(ours.norm(ours.first(x) + ours.taken(x))[:, 0])


def _by_weights(ours: Ours, x: Any) -> Any:
    x = ours.first(x)
    return ours.output(ours.norm(ours.attention(x, x, x)[1] @ x)[:, 0])


def _last(ours: Ours, x: Any) -> Any:
    return ours.output(ours.norm(ours.taken(x))[:, -1])


def _mean(ours: Ours, x: Any) -> Any:
    return ours.output(ours.norm(ours.taken(x)).mean(dim=1))


def _one_head(ours: Ours, x: Any) -> Any:
    other = Ours(heads=1)
    other.load_state_dict(ours.state_dict())
    return other(x)


MISTAKES: tuple[tuple[Callable[[Ours, Any], Any], str], ...] = (
    (_residual, "x is added to what the attention gives: the network had no residual connection."),
    (_by_weights, "The attention weights average x itself: what goes on is not its output."),
    (_last, "The last token's output decides, not the first's."),
    (_mean, "The mean over the tokens decides, not the first token's output."),
    (_one_head, "The attention has one head, and had four."),
)

# What a layer behind the attention says that it was given.
BEHIND = {
    "tuple": "nn.MultiheadAttention returns a tuple: its output and the attention weights.",
    "NoneType": "A forward has no return, or takes the second of the two results, which is None "
    "without need_weights.",
}


def check(
    module: ModuleType,
    framework: str,
    progress: Callable[[str], None],
    seed: int = 0,
    only: str | None = None,
) -> Iterator[Finding]:
    progress("measuring predictions")
    functions = ("build_model", "predict", "train")
    yield from judged(module, functions, lambda: _judge(module, seed))


def _judge(module: ModuleType, seed: int) -> Iterator[Finding]:
    generator = torch.Generator().manual_seed(seed)
    x, others = (torch.randn(ROWS, TOKENS, FEATURES, generator=generator) for _ in range(2))
    model = module.build_model(seed)
    ours = Ours()
    share_weights(model, ours, generator)
    predict = predictor(module, model)
    try:
        same = np.abs(predict(x) - predict(x)).max() < 1e-6
    except (TypeError, RuntimeError) as error:
        yield _of_error(error)
        return
    own = [changed(predict, x, token) for token in range(1, TOKENS)]
    moved = by_others(predict, x, others)
    if not same:
        yield wrong(
            "the same sequences are predicted twice, and not alike",
            "the same probabilities in every call",
            "others in the second call",
            "Something is drawn: the attention has dropout now.",
        )
    elif moved > 1e-5:
        yield wrong(
            "a prediction depends on the sequences beside it",
            "the same probability alone and among others",
            f"a change of {moved:.2g} with others, of {max(own):.2g} with its own tokens",
            "The sequences of the batch are taken for the tokens: nn.MultiheadAttention has the "
            "batch second, unless it has batch_first=True."
            if max(own) < 1e-6
            else "Sequences are mixed: by a reshape, by a mean over the batch, or as all tokens of "
            "the batch are one sequence.",
        )
    elif min(own) < 1e-6:
        yield wrong(
            "a prediction does not depend on all tokens of its sequence",
            "another probability if one of the last five tokens is another",
            f"changes of {', '.join(f'{each:.2g}' for each in own)}",
            "The attention is left out or passed over, or the first token sees itself alone."
            if max(own) < 1e-6
            else "Some tokens are never looked at.",
        )
    else:
        yield (
            _of_numbers(predict(x), ours, x)
            or _of_training(module, model, torch.cat([x, others]))
            or done(
                "a probability is the same alone and among others, changes by "
                f"{min(own):.2g} to {max(own):.2g} with a token of its own, and training changes "
                "every weight"
            )
        )


def _of_error(error: Exception) -> Finding:
    """What PyTorch's words mean here; what they say of anything else is raised again."""
    said = str(error)
    if "'key' and 'value'" in said:
        return still_there(f"TypeError: {said}")
    if f"[{ROWS}, {TOKENS}, {TOKENS}]" in said:
        return wrong(
            "the attention's weights go on",
            f"its output, of shape ({ROWS}, {TOKENS}, {WIDTH})",
            f"numbers of shape ({ROWS}, {TOKENS}, {TOKENS})",
            "Of the two that nn.MultiheadAttention returns it is the second that is taken.",
        )
    for what, cause in BEHIND.items():
        if f"not {what}" in said:
            return wrong(
                "what goes on behind the attention is no tensor",
                "one tensor, the attention's output",
                said,
                cause,
            )
    raise error


def _of_numbers(found: np.ndarray, ours: Ours, x: Any) -> Finding | None:
    def fits(logits: Any) -> bool:
        return np.allclose(
            found, logits.softmax(dim=1).numpy(), atol=1e-4
        )  # float32, in another order

    with torch.no_grad():
        right = ours(x)
        if fits(right):
            return None
        causes = [cause for mistake, cause in MISTAKES if fits(mistake(ours, x))]
    return wrong(
        "the probabilities are those of another network",
        f"{right.softmax(dim=1)[0, 1]:.4f} for a sequence, from the same weights",
        f"{found[0, 1]:.4f}",
        causes[0] if causes else "The attention is not what it was, or what follows it is not.",
    )


def _of_training(module: ModuleType, model: nn.Module, x: Any) -> Finding | None:
    before = [p.detach().clone() for p in model.parameters()]
    try:
        module.train(model, x, torch.arange(len(x)) % 2, epochs=1)
    except TypeError as error:
        return wrong(
            "predict is mended, and train is not",
            "training and prediction by one network",
            f"train raises TypeError: {error}",
            "The network itself must take a tensor and give one, wherever it is called.",
        )
    changes = zip(model.named_parameters(), before, strict=True)
    same = [name for (name, p), old in changes if torch.equal(p, old)]
    if not same:
        return None
    return wrong(
        "training leaves weights as they are",
        "an epoch that changes every weight and bias",
        f"unchanged are {', '.join(same)}",
        "No gradient gets through the attention: it is computed without one, or detached.",
    )
