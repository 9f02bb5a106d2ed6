"""What an entry of the map is, and how the files of ``chapters`` are read.

A chapter is a file; an entry is a class in it that holds two texts, a mapping and one probe, the
same few lines of code on both sides:

    class BatchNormMomentum(Difference):
        \"\"\"Momentum is the weight of the new batch in PyTorch, of the old ones in Keras.\"\"\"

        pytorch = "`momentum=0.1`: running = 0.9 * running + 0.1 * batch"
        keras = "`momentum=0.99`: running = 0.99 * running + 0.01 * batch"
        mapping = "momentum_keras = 1 - momentum_torch"

        def in_pytorch(mapped):
            layer = nn.BatchNorm1d(3)
            layer(tensor(normal(8, 3)))
            return layer.running_mean

        def in_keras(mapped):
            layer = layers.BatchNormalization(momentum=1 - 0.1 if mapped else 0.99)
            layer(normal(8, 3), training=True)
            return layer.moving_mean

Called with ``mapped=False`` the sides show what each framework does by itself, called with True
they show that the mapping makes them agree. The name is that of the class, "batch-norm-momentum".
The files are read as text, so that nobody waits for a framework to see what is in the map.
"""

import ast
import functools
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["CHAPTERS", "EXACT", "Difference", "Entry", "entries", "kebab", "parsed", "title"]

HERE = Path(__file__).resolve().parent / "chapters"
EXACT = 1e-12

# The files in the order in which they are read.
CHAPTERS = (
    "batch_norm",
    "normalization",
    "dropout",
    "penalties",
    "constraints",
    "optimizers",
    "gradient_clipping",
    "schedules",
    "early_stopping",
    "losses",
    "initialization",
    "activations",
    "convolution",
    "pooling",
    "recurrent",
    "attention",
    "embedding",
    "augmentation",
    "resizing",
    "data_loading",
    "precision",
    "training",
)


class Difference:
    """The base of an entry; what it may set, and what holds where it does not.

    The docstring's first line is the title, the rest says why it is so and what it leads to.
    """

    pytorch: str  # what PyTorch does
    keras: str  # what Keras does
    mapping: str | None = None  # what makes them agree; None where nothing does
    bound: float = EXACT  # the largest relative error left under the mapping ...
    because: str = ""  # ... and why, where it is not 1e-12
    differs: float = 1e-3  # the least relative error at the defaults
    since: str = ""  # versions in which it changed, where that is known
    links: tuple[str, ...] = ()  # upstream threads, "owner/repository#number"
    asked: int = 0  # public threads found that ask about it
    words: str = ""  # what people call it who do not know its name
    needs: tuple[str, ...] = ()  # packages beyond PyTorch and Keras
    backends: tuple[str, ...] = ("tensorflow", "jax", "torch")  # of Keras, where it holds

    # And two functions, in_pytorch(mapped) and in_keras(mapped), which are called on the class.


@dataclass(frozen=True)
class Entry:
    """An entry as text: what stands in its class, the code of its sides, and where."""

    name: str
    title: str
    why: str
    chapter: str
    pytorch: str
    keras: str
    mapping: str | None
    bound: float
    because: str
    differs: float
    since: str
    links: tuple[str, ...]
    asked: int
    words: str
    needs: tuple[str, ...]
    backends: tuple[str, ...]
    code: dict[str, str] = field(repr=False)  # of "in_pytorch" and "in_keras"
    class_name: str = field(repr=False)

    @property
    def exact(self) -> bool:
        """Whether the mapping leaves nothing but rounding."""
        return self.mapping is not None and self.bound <= EXACT

    @property
    def fit(self) -> str:
        """How well the mapping does, as tables show it."""
        if self.mapping is None:
            return "-"
        return "exact" if self.exact else f"{self.bound:g}"


@functools.cache
def parsed(chapter: str) -> tuple[str, ast.Module]:
    """The text of a chapter's file, and what Python makes of it."""
    source = (HERE / f"{chapter}.py").read_text("utf-8")
    return source, ast.parse(source)


@functools.cache
def entries() -> dict[str, Entry]:
    """Every entry by its name, chapter by chapter."""
    found = {}
    for chapter in CHAPTERS:
        source, tree = parsed(chapter)
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                each = _read(node, source, chapter)
                if each.name in found:
                    raise ValueError(f"{each.name} stands twice in the map")
                found[each.name] = each
    return found


def title(chapter: str) -> str:
    """The first line of a chapter's docstring, without its full stop."""
    return (ast.get_docstring(parsed(chapter)[1]) or "").partition("\n")[0].rstrip(".")


def kebab(class_name: str) -> str:
    """``BatchNormMomentum`` as "batch-norm-momentum"; a digit belongs to the word before it."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", class_name).lower()


def _read(node: ast.ClassDef, source: str, chapter: str) -> Entry:
    title, _, why = (ast.get_docstring(node) or "").partition("\n")
    values: dict[str, Any] = {
        name: getattr(Difference, name, None) for name in Difference.__annotations__
    }
    code = {}
    for item in node.body:
        if isinstance(item, ast.Assign):
            (target,) = item.targets
            assert isinstance(target, ast.Name)
            if target.id not in values:
                raise ValueError(f"{node.name}.{target.id} is nothing that an entry has")
            values[target.id] = ast.literal_eval(item.value)
        elif isinstance(item, ast.FunctionDef):
            code[item.name] = _dedented(ast.get_source_segment(source, item) or "")
    missing = {name for name in ("pytorch", "keras") if not values[name]}
    missing |= {"in_pytorch", "in_keras"} - code.keys()
    if missing or not title:
        raise ValueError(f"{node.name} lacks {', '.join(sorted(missing)) or 'a docstring'}")
    return Entry(
        name=kebab(node.name),
        title=title.rstrip("."),
        why=" ".join(why.split()),
        chapter=chapter,
        code=code,
        class_name=node.name,
        **values,
    )


def _dedented(segment: str) -> str:
    """A method's source at column 0, where its first line is already."""
    first, *rest = segment.splitlines()
    return "\n".join([first, *(line.removeprefix("    ") for line in rest)])
