"""Parameters that are trained otherwise than the rest: other rates, other weight decay.

    optimizer = AdamW(groups=[
        ParameterGroup("output.*", learning_rate=10.0),         ten times the optimizer's rate
        ParameterGroup("*.bias", weight_decay=0.0),             no decay, whatever the optimizer's
    ])

A parameter belongs to the first group whose pattern matches its full name, "dense_1.weight", with
*, ? and [...] as in file names; what no pattern matches is trained as the optimizer says. Names
are those of the NumPy panel in all three. A schedule changes the optimizer's rate, and with it all.

Layer-wise rates: the deeper layer learns with ``decay`` times the rate of the one above it, so that
what a network knows already is kept longest at its bottom.

    rate of layer l of L = learning_rate * decay**(L - l)

Papers: Clark, Luong, Le and Manning, "ELECTRA: pre-training text encoders as discriminators rather
than generators", ICLR 2020; Bao, Dong, Piao and Wei, "BEiT: BERT pre-training of image
transformers", ICLR 2022.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from triptych.common.checks import check_kind, check_number, check_text

__all__ = ["ParameterGroup", "check_groups_of_parameters", "group_of", "layer_wise"]


@dataclass(frozen=True)
class ParameterGroup:
    """``learning_rate`` is a factor; without a ``weight_decay`` the optimizer's holds."""

    pattern: str
    learning_rate: float = 1.0
    weight_decay: float | None = None

    def __post_init__(self) -> None:
        check_text("pattern", self.pattern)
        check_number("learning_rate", self.learning_rate, "(0, inf)")
        if self.weight_decay is not None:
            check_number("weight_decay", self.weight_decay, "[0, inf)")


REST = ParameterGroup("*")


def group_of(name: str, groups: Sequence[ParameterGroup]) -> ParameterGroup:
    """The group of the parameter.

    >>> groups = [ParameterGroup("output.*", 10.0), ParameterGroup("*.bias", weight_decay=0.0)]
    >>> [group_of(name, groups).learning_rate for name in ("output.bias", "dense_1.bias")]
    [10.0, 1.0]
    """
    return next((group for group in groups if fnmatchcase(name, group.pattern)), REST)


def layer_wise(names: Sequence[str], decay: float) -> list[ParameterGroup]:
    """Groups of the parameters ``names``, from the bottom up; each weight begins a layer.

    >>> names = ["dense_1.weight", "batch_norm_1.gamma", "output.weight", "output.bias"]
    >>> [group.learning_rate for group in layer_wise(names, 0.5)]
    [0.5, 0.5, 1.0, 1.0]
    """
    decay = check_number("decay", decay, "(0, 1]")
    weights = [name.split(".")[-1] == "weight" for name in names]
    above = [sum(weights[i + 1 :]) for i in range(len(names))]
    return [
        ParameterGroup(name, learning_rate=decay**count)
        for name, count in zip(names, above, strict=True)
    ]


def check_groups_of_parameters(groups: Any) -> list[ParameterGroup]:
    if not isinstance(groups, list | tuple):
        raise ValueError(f"groups must be a list of ParameterGroup, got {groups!r}")
    for index, group in enumerate(groups):
        check_kind(f"groups[{index}]", group, ParameterGroup)
    return list(groups)
