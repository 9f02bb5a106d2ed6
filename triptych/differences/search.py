"""Which entry somebody means who writes a few words."""

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

FRAMEWORKS = {
    "tensorflow": ("tensorflow", "tf."),
    "jax": ("jax",),
    "torchvision": ("torchvision",),
    "lightning": ("lightning",),
    "ignite": ("ignite",),
    "scikit-learn": ("scikit-learn",),
}


def find(words: str, among: Iterable[Entry] | None = None) -> list[Entry]:
    """Entries that have to do with the words, the likeliest first.

    Words are compared by their parts of three to five letters, so that "augments" finds
    "augmentation"; the name and what people call it weigh more than the explanation.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    pool = list(entries().values() if among is None else among)
    if not pool or not words.strip():
        return []
    weighed = ((_called, 3.0), (_said, 1.0))
    scores = [0.0] * len(pool)
    for text, weight in weighed:
        # "use_idf" makes a part count the less the more entries have it.
        vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True)
        table = vectors.fit_transform([text(entry) for entry in pool])
        found = (table @ vectors.transform([words.replace("-", " ")]).T).toarray()[:, 0]
        scores = [score + weight * value for score, value in zip(scores, found, strict=True)]
    order = sorted(range(len(pool)), key=lambda index: -scores[index])
    best = scores[order[0]]
    return [pool[index] for index in order if scores[index] > 0.25 * best > 0]


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
