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

__all__ = ["check_streams", "layer_name", "reset_names"]

_counts: defaultdict[tuple[str, str], itertools.count] = defaultdict(lambda: itertools.count(1))


def layer_name(panel: str, kind: str, name: str | None) -> str:
    """``name``; where it is None, the next of the layers of this kind in this panel.

    >>> reset_names()
    >>> [layer_name("scratch", "dropout", name) for name in (None, "mine", None)]
    ['dropout', 'mine', 'dropout__2']
    """
    if name is not None:
        check_layer_name(name)
        return name
    number = next(_counts[panel, kind])
    # Recipes number their layers through with one "_", as people do.
    return kind if number == 1 else f"{kind}__{number}"


def reset_names() -> None:
    """The next layer without a name is the first of its kind again, in every panel."""
    _counts.clear()


def check_streams(layers: Iterable[tuple[str, Any]]) -> None:
    """No two layers of a model draw from one stream: masks or initial weights would be the same.

    ``layers``: each by its place in the model. One that stands in it twice is one layer.
    """
    owners: dict[Any, tuple[str, Any]] = {}
    for place, layer in layers:
        if _draws(layer):
            address = Stream(layer.seed, layer.name).address()
            first, owner = owners.setdefault(address, (place, layer))
            if owner is not layer:
                raise ValueError(
                    f"layers must draw from streams that differ, but {first} and {place} have "
                    f"seed {layer.seed} and names {owner.name!r} and {layer.name!r}: give one of "
                    "them another name, or another seed"
                )


def _draws(layer: Any) -> bool:
    """A layer of a panel with a seed; those of the frameworks have generators of their own."""
    panels = {"scratch", "torch_impl", "keras_impl"}
    own = any(base.__module__.partition(".")[0] in panels for base in type(layer).__mro__)
    return own and hasattr(layer, "seed")
