"""On what a prediction depends: the other sequences, and the tokens of its own."""

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

TOKENS, FEATURES, WIDTH, HEADS, ROWS = 5, 9, 32, 4, 3


class Ours(nn.Module):
    """The network as it should be."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(FEATURES, WIDTH)
        self.attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
        self.norm = nn.LayerNorm(WIDTH)
        self.output = nn.Linear(WIDTH, 2)

    def forward(self, x: Any) -> Any:
        x = self.first(x)
        return self.output(self.norm(x + self.attention(x, x, x)[0])[:, -1])


def check(
    module: ModuleType,
    framework: str,
    progress: Callable[[str], None],
    seed: int = 0,
    only: str | None = None,
) -> Iterator[Finding]:
    progress("measuring predictions")
    yield from judged(module, ("build_model", "predict"), lambda: _judge(module, seed))


def _judge(module: ModuleType, seed: int) -> Iterator[Finding]:
    generator = torch.Generator().manual_seed(seed)
    x, others = (torch.randn(ROWS, TOKENS, FEATURES, generator=generator) for _ in range(2))
    model = module.build_model(seed)
    ours = Ours()
    share_weights(model, ours, generator)
    predict = predictor(module, model)
    own = [changed(predict, x, token) for token in range(TOKENS - 1)]
    moved = by_others(predict, x, others)
    if moved > 1e-5 and max(own) < 1e-6:
        yield still_there(
            f"a probability changes by up to {moved:.2g} with the sequences beside it, and by "
            "nothing with the four tokens that it should attend to"
        )
    elif moved > 1e-5:
        yield wrong(
            "a prediction depends on the sequences beside it",
            "the same probability alone and among others",
            f"a change of {moved:.2g} with others, of {max(own):.2g} with its own tokens",
            "Sequences are mixed: a reshape stands in the place of a transpose, or all tokens of "
            "the batch are one sequence.",
        )
    elif min(own) < 1e-6:
        yield wrong(
            "a prediction does not depend on all tokens of its sequence",
            "another probability if one of the first four tokens is another",
            f"changes of {', '.join(f'{each:.2g}' for each in own)}",
            "The last token sees itself alone."
            if max(own) < 1e-6
            else "Some tokens are never looked at.",
        )
    else:
        yield _of_numbers(predict(x), ours, x) or done(
            "a probability is the same alone and among others, and changes by "
            f"{min(own):.2g} to {max(own):.2g} with a token of its own"
        )


def _of_numbers(found: np.ndarray, ours: Ours, x: Any) -> Finding | None:
    with torch.no_grad():
        right = ours(x).softmax(dim=1).numpy()
    if np.allclose(found, right, atol=1e-4):  # float32, in another order
        return None
    return wrong(
        "the probabilities are those of another network",
        f"{right[0, 1]:.4f} for a sequence, from the same weights",
        f"{found[0, 1]:.4f}",
        "The number of heads is another, the last token's output is not what decides, or the "
        "attention is not what it was.",
    )
