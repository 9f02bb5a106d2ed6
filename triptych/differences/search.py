"""Which entry somebody means who writes a few words."""

import math
from collections.abc import Iterable

from triptych.differences.entry import Entry, entries

__all__ = ["TEN", "find", "select"]

# What costs people most, by how often it is asked and how silently it goes wrong.
TEN = (
    "batch-norm-momentum",
    "batch-norm-running-variance",
    "l2-factor",
    "adam-weight-decay",
    "hard-wired-training-flag",
    "same-padding-stride",
    "plateau-patience",
    "adam-epsilon",
    "flatten-order",
    "early-stopping-restore",
)

CLOSE = 0.12  # the cosine below which no entry has to do with the words

FRAMEWORKS = {
    "tensorflow": ("tensorflow", "tf."),
    "jax": ("jax",),
    "torchvision": ("torchvision",),
    "lightning": ("lightning",),
    "ignite": ("ignite",),
    "scikit-learn": ("scikit-learn",),
}


def find(words: str, among: Iterable[Entry] | None = None) -> list[Entry]:
    """Entries that have to do with the words, the likeliest first; none where nothing comes close.

    Whole words count most; parts of three to five letters let "augments" find "augmentation". The
    name and what people call it weigh more than the explanation, and between equals that what more
    people asked about.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    pool = list(entries().values() if among is None else among)
    if not pool or not words.strip():
        return []
    whole = {"analyzer": "word", "token_pattern": r"(?u)\b\w+\b", "stop_words": "english"}
    parts = {"analyzer": "char_wb", "ngram_range": (3, 5)}
    weighed = (
        (_called, whole, 2.0),
        (_called, parts, 2.0),
        (_said, whole, 1.0),
        (_said, parts, 1.0),
    )
    scores = [0.02 * math.log1p(entry.asked) + 0.05 * (entry.name in TEN) for entry in pool]
    closest = 0.0
    for text, kind, weight in weighed:
        vectors = TfidfVectorizer(sublinear_tf=True, **kind)
        table = vectors.fit_transform([text(entry) for entry in pool])
        found = (table @ vectors.transform([words.replace("-", " ")]).T).toarray()[:, 0]
        if kind is parts:
            closest = max(closest, float(found.max()))
        scores = [score + weight * value for score, value in zip(scores, found, strict=True)]
    if closest < CLOSE:
        return []
    order = sorted(range(len(pool)), key=lambda index: -scores[index])
    best = scores[order[0]]
    return [pool[index] for index in order if scores[index] > best / 4]


def select(*, technique: str | None = None, framework: str | None = None) -> list[Entry]:
    """The entries of a chapter, and those that have to do with a framework; all by default."""
    chosen = [entry for entry in entries().values() if technique in (None, entry.chapter)]
    if framework is None:
        return chosen
    return [entry for entry in chosen if framework in frameworks(entry)]


def frameworks(entry: Entry) -> tuple[str, ...]:
    """Which frameworks beside PyTorch and Keras themselves, and which backends, it speaks of."""
    text = " ".join((entry.title, entry.pytorch, entry.keras, *entry.needs)).lower()
    found = [name for name, marks in FRAMEWORKS.items() if any(mark in text for mark in marks)]
    if len(entry.backends) < 3:
        found += [name for name in entry.backends if name not in found]
    return ("torch", "keras", *(name for name in found if name != "torch"))


def _called(entry: Entry) -> str:
    return f"{entry.name.replace('-', ' ')} {entry.words}"


def _said(entry: Entry) -> str:
    return f"{entry.title} {entry.why} {entry.pytorch} {entry.keras} {entry.mapping or ''}"
