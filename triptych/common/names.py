"""Names of layers, and the streams that they draw from.

A layer draws its initial weights and its masks from the stream (seed, name, step), so two layers
of one seed need two names. A layer that is given none gets one, in the order in which layers are
made, counted for each kind and in each panel by itself:

    first      "dropout"        second     "dropout__2"        third      "dropout__3"

So the same program has the same names, and the three panels have the same. What is made again, as
when a cell of a notebook is run twice, is a further layer with a further name and other draws:
``reset_names()`` begins to count anew, as ``keras.utils.clear_session`` does. Names that are given
do not count. A copy of a layer, by ``copy.deepcopy``, Keras's ``clone_model`` or loading, keeps the
name and so the stream: it is that layer again, and draws what that one draws.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from triptych.common.checks import check_layer_name
from triptych.common.streams import Stream

__all__ = ["NUMBERED", "Draws", "check_streams", "layer_name", "reset_names"]

# Between a kind and its number. Recipes number their layers through, as people do, with one "_".
NUMBERED = "__"

_counts: defaultdict[tuple[str, str], itertools.count] = defaultdict(lambda: itertools.count(1))


def layer_name(panel: str, kind: str, name: str | None) -> str:
    """``name``; where it is None, the next of the layers of this kind in this panel.

    A constructor calls it before anything in it can fail, so that the panels count alike.

    >>> reset_names()
    >>> [layer_name("scratch", "dropout", name) for name in (None, "mine", None)]
    ['dropout', 'mine', 'dropout__2']
    """
    if name is not None:
        check_layer_name(name)
        return name
    number = next(_counts[panel, kind])
    return kind if number == 1 else f"{kind}{NUMBERED}{number}"


def reset_names() -> None:
    """The next layer without a name is the first of its kind again, in every panel."""
    _counts.clear()


class Draws:
    """What a layer is that draws from the stream (seed, name, step)."""

    seed: int
    name: str


def check_streams(layers: Iterable[Any]) -> None:
    """All the layers of a model: were two streams one, so would be the masks or initial weights.

    A layer that stands in the model twice is one layer.
    """
    owners: dict[Any, Draws] = {}
    for layer in layers:
        if isinstance(layer, Draws):
            key, word, _ = Stream(layer.seed, layer.name).address()
            owner = owners.setdefault((key, word), layer)
            if owner is not layer:
                raise ValueError(
                    "layers of a model must draw from streams that differ, got "
                    f"{_shown(owner)} and {_shown(layer)}: "
                    "give one of them another name or another seed"
                )


def _shown(layer: Draws) -> str:
    return f"{type(layer).__name__}(seed={layer.seed}, name={layer.name!r})"
