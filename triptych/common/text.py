"""Sentences as numbers: words, a vocabulary, and an order of like lengths.

    >>> words("It isn't GOOD, sorry!")
    ['it', "isn't", 'good', ',', 'sorry', '!']
    >>> vocabulary = Vocabulary.of([["a", "b", "a"], ["c"]])
    >>> vocabulary
    Vocabulary of 5: padding, unknown, 'a', 'b', 'c'
    >>> vocabulary.encode([["a", "z"], ["c", "b", "a"]], steps=2)
    array([[2, 1],
           [4, 3]])

Number 0 is padding, which stands behind the last word, and 1 is a word that is not in the
vocabulary. The vocabulary comes from the training sentences alone: one that knows the words of the
test sentences knows something of the test.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from triptych.common.checks import check_integer, check_kind, check_same_shape, check_size

__all__ = ["PADDING", "UNKNOWN", "Vocabulary", "by_length", "columns", "lengths_of", "words"]

PADDING, UNKNOWN = 0, 1

# Letters and digits, with apostrophes inside; or one of the marks that end a sentence or part it.
WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*|[.,!?]")


def words(text: str) -> list[str]:
    """The words of a text in lower case (Unicode NFC), and its marks . , ! ? each by itself.

    "isn't" is one word, with either apostrophe; "so-so" is two; all other signs are left out.
    """
    check_kind("text", text, str)
    found = WORD.findall(unicodedata.normalize("NFC", text).replace("\u2019", "'"))
    return [word.lower() for word in found]  # not before: lower() may add a sign, as to a Turkish I


@dataclass(frozen=True, repr=False)
class Vocabulary:
    """The known words: the first of ``words`` has the number 2. None may stand there twice."""

    words: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", tuple(self.words))
        for word in self.words:
            check_kind("a word", word, str)
        numbers = {word: number for number, word in enumerate(self.words, start=UNKNOWN + 1)}
        if len(numbers) < len(self.words):
            word, _ = Counter(self.words).most_common(1)[0]
            raise ValueError(f"words must differ, got {word!r} twice")
        object.__setattr__(self, "_numbers", numbers)

    @classmethod
    def of(
        cls,
        sentences: Iterable[Sequence[str]],
        *,
        minimum_count: int = 1,
        maximum_size: int | None = None,
    ) -> "Vocabulary":
        """The words that stand ``minimum_count`` times or more, the most frequent first and equals
        by the alphabet; of those the first, so that ``len`` is ``maximum_size``.
        """
        check_size("minimum_count", minimum_count)
        if maximum_size is not None:
            check_integer("maximum_size", maximum_size, minimum=UNKNOWN + 1)
            maximum_size -= UNKNOWN + 1
        counts = Counter(word for sentence in sentences for word in _checked(sentence))
        found = sorted(counts, key=lambda word: (-counts[word], word))
        return cls(tuple(word for word in found if counts[word] >= minimum_count)[:maximum_size])

    def __len__(self) -> int:
        """With padding and the unknown word: the ``vocabulary`` of a recipe."""
        return UNKNOWN + 1 + len(self.words)

    def __repr__(self) -> str:
        more = ", ..." if len(self.words) > 6 else ""
        first = ", ".join(["padding", "unknown", *map(repr, self.words[:6])])
        return f"Vocabulary of {len(self):,}: {first}{more}"

    def encode(self, sentences: Iterable[Sequence[str]], steps: int) -> np.ndarray:
        """int64 of shape (sentences, steps): a longer sentence is cut, a shorter one padded."""
        check_size("steps", steps)
        numbers: dict[str, int] = self._numbers  # type: ignore[attr-defined]
        rows = [
            [numbers.get(word, UNKNOWN) for word in _checked(sentence)[:steps]]
            for sentence in sentences
        ]
        x = np.full((len(rows), steps), PADDING, np.int64)
        for row, sentence in zip(x, rows, strict=True):
            row[: len(sentence)] = sentence
        return x

    def decode(self, x: np.ndarray) -> list[list[str]]:
        """The words of each row without its padding; a word that is not known is "<unknown>"."""
        names = ("", "<unknown>", *self.words)
        if x.ndim != 2 or x.dtype.kind not in "iu":
            raise ValueError(f"x must be integers of shape (N, steps), got {x.dtype} {x.shape}")
        if x.size and not (x.min() >= 0 and x.max() < len(self)):
            raise ValueError(
                f"x must lie in [0, {len(self) - 1}], got numbers from {x.min()} to {x.max()}"
            )
        return [[names[number] for number in row if number != PADDING] for row in x]


def lengths_of(x: np.ndarray) -> np.ndarray:
    """Of each row of word numbers, (N, steps): up to its last word, at least 1."""
    steps = np.arange(1, x.shape[1] + 1)
    return np.maximum(1, ((x != PADDING) * steps).max(axis=1))


def columns(x: np.ndarray, multiple: int = 8) -> int:
    """How many columns of ``x`` to keep: those behind are padding in every row. A ``multiple``, or
    all, so that what is compiled for each number of steps is compiled seldom.
    """
    multiple, longest = check_size("multiple", multiple), int(lengths_of(x).max(initial=1))
    return min(x.shape[1], math.ceil(longest / multiple) * multiple)


def by_length(
    order: np.ndarray, lengths: np.ndarray, batch_size: int, pool: int = 16
) -> np.ndarray:
    """The drawn ``order`` of the examples, (N,) int64, changed so that those of like length stand
    together when it is cut into batches: within each ``pool`` of batches the examples are sorted by
    length, and the batches take turns in the order of the first drawn of each. What is left for a
    last, smaller batch stays as it was drawn.
    """
    batch_size, pool = check_size("batch_size", batch_size), check_size("pool", pool)
    check_same_shape("lengths", lengths, order)
    whole = len(order) - len(order) % batch_size
    found = []
    for start in range(0, whole, batch_size * pool):
        drawn = order[start : min(start + batch_size * pool, whole)]
        cuts = np.argsort(lengths[drawn], kind="stable").reshape(-1, batch_size)
        found.append(drawn[cuts[np.argsort(cuts.min(axis=1))].ravel()])
    return np.concatenate([*found, order[whole:]])


def _checked(sentence: Sequence[str]) -> Sequence[str]:
    if isinstance(sentence, str):
        raise ValueError(f"a sentence must be a list of words, got the text {sentence!r}: words()")
    return sentence
