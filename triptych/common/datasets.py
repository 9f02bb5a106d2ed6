"""The data the examples train on, each as one ``Dataset``: XOR, scikit-learn's digits and MNIST,
sentences with their sentiment, and sequences of brackets.

Images are channels last, float in [0, 1], of shape (N, H, W, 1); sentences are the int64 numbers of
their words, (N, steps), padded with 0 behind the last; labels are int64 of shape (N,).

>>> xor()
Dataset('xor': 4 training, 4 validation, 4 test points of shape (2,), float32, 2 classes)
>>> xor().y_train
array([0, 1, 1, 0])
"""

import gzip
import hashlib
import math
import os
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from triptych.common.checks import check_dtype, check_integer, check_number, check_size
from triptych.common.downloads import Collection, DatasetUnavailable, read_file, require
from triptych.common.text import Vocabulary, words

__all__ = [
    "MNIST_MIRRORS",
    "MNIST_SHA256",
    "SENTIMENT_MIRRORS",
    "SENTIMENT_SHA256",
    "Dataset",
    "DatasetUnavailable",
    "brackets",
    "digits",
    "mnist",
    "noisy_xor",
    "read_idx",
    "read_sentiment",
    "sentiment",
    "xor",
]

MNIST = Collection("MNIST", "mnist", "use --dataset digits")

MNIST_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)

# Sums of the uncompressed bytes: the gzip wrapper differs from one distribution to the next.
MNIST_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}

SENTIMENT = Collection("The sentiment set", "sentiment", "train on brackets()")

SENTIMENT_MIRRORS = ("https://archive.ics.uci.edu/static/public/331/",)

SENTIMENT_ARCHIVE = "sentiment+labelled+sentences.zip"

SENTIMENT_SHA256 = {
    "amazon_cells_labelled.txt": "47003fc0a0d4840b00e96e715b6189bad09e7443a3da41c4cbe12ffc79f86ae3",
    "imdb_labelled.txt": "aef2e49e3da25714d61175e3a6e68eeef74a20a2f914318dc3be9947ea86512d",
}


@dataclass(frozen=True, eq=False)
class Dataset:
    """Three splits of one data set.

    ``x_*`` has shape (N, ...) and ``y_*``, its labels, is int64 of shape (N,) with values in
    [0, classes). Two splits may be the same arrays; the function that builds the set says so.
    ``vocabulary`` has the words of a set of sentences, whose points are the numbers of words.
    Raises ``ValueError`` for an empty split, counts that differ and labels out of range.
    """

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_validation: np.ndarray
    y_validation: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    classes: int
    vocabulary: Vocabulary | None = None

    def __post_init__(self) -> None:
        for split in ("train", "validation", "test"):
            x, y = getattr(self, f"x_{split}"), getattr(self, f"y_{split}")
            if len(x) != len(y):
                raise ValueError(
                    f"{self.name}: {split} points and labels must have equal counts, "
                    f"got {len(x)} and {len(y)}"
                )
            if len(x) == 0:
                raise ValueError(f"{self.name}: the {split} split is empty")
            if y.dtype != np.int64 or y.ndim != 1:
                raise ValueError(
                    f"{self.name}: {split} labels must be int64 of shape (N,), "
                    f"got {y.dtype} of shape {y.shape}"
                )
            if y.min() < 0 or y.max() >= self.classes:
                raise ValueError(
                    f"{self.name}: {split} labels must lie in [0, {self.classes - 1}], "
                    f"got labels from {y.min()} to {y.max()}"
                )

    def __repr__(self) -> str:
        words = f", {len(self.vocabulary):,} words" if self.vocabulary is not None else ""
        return (
            f"Dataset({self.name!r}: {len(self.x_train)} training, {len(self.x_validation)} "
            f"validation, {len(self.x_test)} test points of shape {self.x_train.shape[1:]}, "
            f"{self.x_train.dtype}, {self.classes} classes{words})"
        )


def xor(dtype: str = "float32") -> Dataset:
    """Exact XOR: y = x_0 XOR x_1 on the four corners of the unit square, x of shape (4, 2).

    Training, validation and test split are the same four points: there are no others.
    """
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], check_dtype(dtype))
    y = np.array([0, 1, 1, 0], np.int64)
    return Dataset("xor", x, y, x, y, x, y, classes=2)


def noisy_xor(
    n_train: int = 200,
    n_validation: int = 200,
    n_test: int = 1000,
    noise: float = 0.25,
    seed: int = 0,
    dtype: str = "float32",
) -> Dataset:
    """XOR with Gaussian noise: x = corner + noise * z, z ~ N(0, I), and y the XOR of the corner.

    The corners take turns, so the two classes of a split differ by one point at most. Each point
    is drawn once and belongs to one split; the splits are drawn in the order training, validation,
    test, so a larger test split leaves the others as they were. With ``noise=0`` only the four
    corners are left, in every split.

    The best classifier errs where one coordinate, and not both, crosses 1/2: with
    q = P(z > 1 / (2 * noise)) its error rate is 2q(1 - q), 4.4 % at the default noise of 0.25.

    n_train, n_validation, n_test : points per split, at least 4 (one for each corner).
    noise : standard deviation, in [0, inf); the unit is the side of the square.
    """
    n_train = check_integer("n_train", n_train, minimum=4)
    n_validation = check_integer("n_validation", n_validation, minimum=4)
    n_test = check_integer("n_test", n_test, minimum=4)
    noise = check_number("noise", noise, "[0, inf)")
    rng = np.random.default_rng(check_integer("seed", seed))
    dtype = check_dtype(dtype)

    corners = np.array([[0, 0], [0, 1], [1, 1], [1, 0]])  # around the square: labels 0, 1, 0, 1

    def draw(size: int) -> tuple[np.ndarray, np.ndarray]:
        corner = np.arange(size, dtype=np.int64) % 4
        x = corners[corner] + noise * rng.standard_normal((size, 2))
        return x.astype(dtype), corner % 2

    return Dataset("noisy_xor", *draw(n_train), *draw(n_validation), *draw(n_test), classes=2)


def digits(dtype: str = "float32", seed: int = 0) -> Dataset:
    """scikit-learn's 1,797 handwritten digits of 8x8 pixels, values 0..16 divided by 16.

    One sixth of each class is validation, one sixth test, the rest training (1,205, 296 and 296
    images); ``seed`` chooses which. The files come with scikit-learn, so no network is needed.

    Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998.
    """
    dtype = check_dtype(dtype)
    rng = np.random.default_rng(check_integer("seed", seed))
    source = require("sklearn.datasets").load_digits()
    x = np.divide(source.images[..., np.newaxis], 16).astype(dtype)
    y = source.target.astype(np.int64)

    split = np.full(len(y), "train", "U10")
    for digit in range(10):
        members = rng.permutation(np.flatnonzero(y == digit))
        sixth = len(members) // 6
        split[members[:sixth]] = "validation"
        split[members[sixth : 2 * sixth]] = "test"
    train, validation, test = (split == name for name in ("train", "validation", "test"))
    return Dataset(
        "digits", x[train], y[train], x[validation], y[validation], x[test], y[test], classes=10
    )


def mnist(
    dtype: str = "float32",
    validation: int | str = 5_000,
    download: bool = True,
    mirrors: Sequence[str] = MNIST_MIRRORS,
) -> Dataset:
    """MNIST: 60,000 training and 10,000 test images of 28x28 pixels, values 0..255 over 255.

    validation : how many images, in [1, 59999], to hold out from the end of the training set. Or
        ``"test"``: train on all 60,000 images, 468 full batches of 128, and let the validation
        split *be* the test split. That is right for drawing a curve and wrong for choosing
        anything by it, early stopping included: the test accuracy would then be optimistic.
    download : fetch files that are missing. False never touches the network.
    mirrors : base URLs, tried in order for each missing file.

    The four original IDX files, gzipped or not, are read from the folder ``mnist`` in
    ``$TRIPTYCH_DATA``, or in the user's cache folder where that variable is not set. Their
    content is checked against ``MNIST_SHA256`` on every load.

    Raises ``DatasetUnavailable`` where a file may not be read, or is missing and cannot be fetched,
    and ``ValueError`` where one is there but is not the genuine file.

    Source: Y. LeCun, C. Cortes and C. J. C. Burges, The MNIST database, CC BY-SA 3.0.
    """
    dtype = check_dtype(dtype)
    if validation != "test":
        validation = check_integer(
            'validation (unless "test")', validation, minimum=1, maximum=59_999
        )
    x, y, x_test, y_test = (_read_mnist(name, download, mirrors) for name in MNIST_SHA256)
    x, x_test = (np.divide(images[..., np.newaxis], 255, dtype=dtype) for images in (x, x_test))
    y, y_test = y.astype(np.int64), y_test.astype(np.int64)
    if isinstance(validation, str):
        return Dataset("mnist", x, y, x_test, y_test, x_test, y_test, classes=10)
    x, x_validation = x[:-validation], x[-validation:]
    y, y_validation = y[:-validation], y[-validation:]
    return Dataset("mnist", x, y, x_validation, y_validation, x_test, y_test, classes=10)


def _read_mnist(name: str, download: bool, mirrors: Sequence[str]) -> np.ndarray:
    read = partial(read_idx, sha256=MNIST_SHA256[name])
    return read_file(MNIST, name, f"{name}.gz", "gzipped or not", read, download, mirrors)


def sentiment(
    steps: int = 32,
    *,
    minimum_count: int = 2,
    seed: int = 0,
    download: bool = True,
    mirrors: Sequence[str] = SENTIMENT_MIRRORS,
) -> Dataset:
    """Sentences from reviews of telephones and of films, 1 where they praise, 0 where they blame.

    x has the numbers of the first ``steps`` words of each sentence; 19 of 20 sentences have no more
    than 32. The vocabulary has the words that stand ``minimum_count`` times in the training
    sentences. Of sentences with the same words one is kept: 1,983 of 2,000. Of each source and
    label one sixth is validation and one sixth test; ``seed`` chooses which.

    The files are had as those of :func:`mnist` are, in the folder ``sentiment``, as text or in
    UCI's archive; ``download``, ``mirrors`` and errors are as there.

    Source: D. Kotzias et al., "From group to individual labels using deep features", KDD 2015;
    "Sentiment Labelled Sentences", UCI Machine Learning Repository, 331.
    """
    steps = check_size("steps", steps)
    minimum_count = check_size("minimum_count", minimum_count)
    rng = np.random.default_rng(check_integer("seed", seed))
    parts: dict[str, list[tuple[list[str], int]]] = {"train": [], "validation": [], "test": []}
    seen: set[tuple[str, ...]] = set()
    for group in _sources(download, mirrors):
        distinct = {key: item for item in group if (key := tuple(item[0])) not in seen}
        seen.update(distinct)
        kept = list(distinct.values())
        order = rng.permutation(len(kept))
        sixth = len(kept) // 6
        for name, members in zip(
            ("validation", "test", "train"), np.split(order, [sixth, 2 * sixth]), strict=True
        ):
            parts[name] += [kept[i] for i in members]
    vocabulary = Vocabulary.of(
        (sentence for sentence, _ in parts["train"]), minimum_count=minimum_count
    )

    def encode(part: str) -> tuple[np.ndarray, np.ndarray]:
        x = vocabulary.encode((sentence for sentence, _ in parts[part]), steps)
        return x, np.array([label for _, label in parts[part]], np.int64)

    train, validation, test = map(encode, parts)
    return Dataset("sentiment", *train, *validation, *test, classes=2, vocabulary=vocabulary)


def _sources(download: bool, mirrors: Sequence[str]) -> Iterator[list[tuple[list[str], int]]]:
    """The sentences of each source and label."""
    for name in SENTIMENT_SHA256:
        lines = _read_sentiment(name, download, mirrors)
        for label in (0, 1):
            yield [(words(text), label) for text, found in lines if found == label]


def read_sentiment(
    *, download: bool = True, mirrors: Sequence[str] = SENTIMENT_MIRRORS
) -> tuple[list[str], np.ndarray]:
    """The 2,000 sentences of :func:`sentiment` as they were written, and their int64 labels."""
    lines = [line for name in SENTIMENT_SHA256 for line in _read_sentiment(name, download, mirrors)]
    return [text for text, _ in lines], np.array([label for _, label in lines], np.int64)


def _read_sentiment(name: str, download: bool, mirrors: Sequence[str]) -> list[tuple[str, int]]:
    packing = f"or the archive {SENTIMENT_ARCHIVE}"
    read = partial(_sentences, name=name)
    return read_file(SENTIMENT, name, SENTIMENT_ARCHIVE, packing, read, download, mirrors)


def _sentences(path: str | os.PathLike[str], name: str) -> list[tuple[str, int]]:
    with open(path, "rb") as file:
        content = file.read()
    if zipfile.is_zipfile(path):
        content = _from_archive(path, name)
    digest = hashlib.sha256(content).hexdigest()
    if digest != SENTIMENT_SHA256[name]:
        raise ValueError(
            f"{path}: expected content with SHA-256 {SENTIMENT_SHA256[name]}, found {digest}, "
            "which is another file or a damaged one"
        )
    # Not splitlines: some sentences hold U+0085, which that takes for the end of a line.
    lines = [line.rpartition("\t") for line in content.decode().split("\n") if line]
    return [(text.strip(), int(label)) for text, _, label in lines]


def _from_archive(path: str | os.PathLike[str], name: str) -> bytes:
    try:
        with zipfile.ZipFile(path) as archive:
            found = [each for each in archive.namelist() if each.split("/")[-1] == name]
            if len(found) != 1:
                raise ValueError(f"{path}: expected one {name} in it, found {len(found)}")
            with archive.open(found[0]) as file:
                return file.read(1 << 20)  # no more: what is longer is not the file
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise ValueError(f"{path}: expected a zip archive, found a broken one ({error})") from error


def brackets(
    n_train: int = 1000,
    n_validation: int = 500,
    n_test: int = 500,
    steps: int = 24,
    kinds: int = 2,
    seed: int = 0,
) -> Dataset:
    """Sequences of up to ``steps`` brackets of ``kinds`` kinds, 1 where every bracket is closed by
    its own and in order, 0 where not: only a model of order can tell.

    Each wrong sequence is a right one with two of its brackets exchanged, so that how often each
    bracket stands in them says nothing, and its right one stands in the same split. Lengths are
    even, from ``steps // 2`` (and at least 4) on; no sequence is drawn twice, in all splits.

    n_train, n_validation, n_test : sequences per split, even numbers.
    steps : in [8, inf).   kinds : of brackets, in [1, 4]: (), [], {}, <>.
    """
    sizes = {"n_train": n_train, "n_validation": n_validation, "n_test": n_test}
    for key, size in sizes.items():
        if check_size(key, size) % 2:
            raise ValueError(f"{key} must be even, half right and half wrong, got {size}")
    steps = check_integer("steps", steps, minimum=8)
    kinds = check_integer("kinds", kinds, minimum=1, maximum=4)
    rng = np.random.default_rng(check_integer("seed", seed))
    vocabulary = Vocabulary(tuple("()[]{}<>"[: 2 * kinds]))
    seen: set[str] = set()

    def draw(size: int) -> tuple[np.ndarray, np.ndarray]:
        sequences: list[str] = []
        for _ in range(1000 * size):
            length = 2 * int(rng.integers(max(2, steps // 4), steps // 2 + 1))
            right = _balanced(rng, length, kinds)
            wrong = _exchanged(rng, right)
            if not (right in seen or wrong in seen or _is_balanced(wrong)):
                sequences += [right, wrong]
                seen.update((right, wrong))
            if len(sequences) == size:
                break
        else:
            raise ValueError(
                f"{sum(sizes.values())} sequences of {steps} steps with {kinds} kinds of brackets "
                "cannot all differ: take more steps, more kinds or fewer sequences"
            )
        order = rng.permutation(size)
        x = vocabulary.encode([list(sequences[i]) for i in order], steps)
        return x, (order % 2 == 0).astype(np.int64)

    train, validation, test = map(draw, sizes.values())
    return Dataset("brackets", *train, *validation, *test, classes=2, vocabulary=vocabulary)


def _balanced(rng: np.random.Generator, length: int, kinds: int) -> str:
    """Opened or closed by the toss of a coin, where either is possible."""
    sequence, opened = "", ""
    while len(sequence) < length:
        left = length - len(sequence)
        if not opened or (len(opened) < left and rng.random() < 0.5):
            opened += "([{<"[rng.integers(kinds)]
            sequence += opened[-1]
        else:
            sequence += CLOSING[opened[-1]]
            opened = opened[:-1]
    return sequence


def _exchanged(rng: np.random.Generator, sequence: str) -> str:
    i, j = rng.choice(len(sequence), 2, replace=False)
    letters = list(sequence)
    letters[i], letters[j] = letters[j], letters[i]
    return "".join(letters)


def _is_balanced(sequence: str) -> bool:
    expected: list[str] = []
    for bracket in sequence:
        if bracket in CLOSING:
            expected.append(CLOSING[bracket])
        elif not expected or expected.pop() != bracket:
            return False
    return not expected


CLOSING = {"(": ")", "[": "]", "{": "}", "<": ">"}


def read_idx(path: str | os.PathLike[str], sha256: str | None = None) -> np.ndarray:
    """Read an IDX file of unsigned bytes, gzipped or not (the content decides, not the suffix).

    The format: two zero bytes, the type code 8, the number of dimensions, each dimension as a
    big-endian uint32, then the values. Returns a uint8 array of the declared shape.

    Raises ``ValueError``, naming the file, what was expected and what was found, for anything but
    exactly that, and where ``sha256`` is given and the uncompressed bytes have another sum.
    """
    with open(path, "rb") as raw:
        gzipped = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        file = gzip.GzipFile(fileobj=raw) if gzipped else raw
        try:
            header = file.read(4)
            ndim = header[3] if len(header) == 4 else 0
            # 32 is the most NumPy 1 can index, and far more than any data set has.
            if header[:3] != b"\0\0\x08" or not 1 <= ndim <= 32:
                raise ValueError(
                    f"{path}: expected an IDX header 00 00 08 and 1 to 32 dimensions, "
                    f"found {header.hex(' ') or 'an empty file'}"
                )
            dimensions = file.read(4 * ndim)
            shape = [
                int.from_bytes(dimensions[i : i + 4], "big") for i in range(0, len(dimensions), 4)
            ]
            if len(dimensions) < 4 * ndim or 0 in shape:
                raise ValueError(
                    f"{path}: expected {ndim} dimensions of 4 bytes, none of them zero, "
                    f"found {dimensions.hex(' ') or 'the end of the file'}"
                )
            # Read in pieces: a corrupt header may declare terabytes, and only what is there, or
            # one piece more than was declared, should ever be held in memory.
            size, content = math.prod(shape), bytearray()
            while len(content) <= size and (piece := file.read(1 << 20)):
                content += piece
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(
                f"{path}: expected a complete gzip stream, found a broken one ({error})"
            ) from error
    if len(content) != size:
        found = f"only {len(content):,}" if len(content) < size else "more"
        raise ValueError(
            f"{path}: expected {size:,} bytes after the header for shape {tuple(shape)}, "
            f"found {found}"
        )
    digest = hashlib.sha256(header + dimensions)
    digest.update(content)
    if sha256 is not None and digest.hexdigest() != sha256:
        raise ValueError(
            f"{path}: expected content with SHA-256 {sha256}, found {digest.hexdigest()}, which is "
            "another file or a damaged one"
        )
    return np.frombuffer(content, np.uint8).reshape(shape)
