"""The data the examples train on: XOR, scikit-learn's digits and MNIST, each as one ``Dataset``.

Images are channels last, float in [0, 1], of shape (N, H, W, 1); labels are int64 of shape (N,).

>>> xor()
Dataset('xor': 4 training, 4 validation, 4 test points of shape (2,), float32, 2 classes)
>>> xor().y_train
array([0, 1, 1, 0])
"""

import gzip
import hashlib
import importlib
import math
import os
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from triptych.common.checks import check_dtype, check_integer, check_number

__all__ = [
    "MNIST_MIRRORS",
    "MNIST_SHA256",
    "Dataset",
    "DatasetUnavailable",
    "digits",
    "mnist",
    "noisy_xor",
    "read_idx",
    "xor",
]

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


class DatasetUnavailable(RuntimeError):
    """The files cannot be read or be fetched; the message is one sentence, with the cause."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Three splits of one data set.

    ``x_*`` has shape (N, ...) and ``y_*``, its labels, is int64 of shape (N,) with values in
    [0, classes). Two splits may be the same arrays; the function that builds the set says so.
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
        return (
            f"Dataset({self.name!r}: {len(self.x_train)} training, {len(self.x_validation)} "
            f"validation, {len(self.x_test)} test points of shape {self.x_train.shape[1:]}, "
            f"{self.x_train.dtype}, {self.classes} classes)"
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
    source = _require("sklearn.datasets").load_digits()
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


def _read_mnist(name: str, download: bool, mirrors: Sequence[str]) -> np.ndarray:
    root = os.environ.get("TRIPTYCH_DATA") or _require("pooch").os_cache("triptych")
    folder = Path(os.path.expanduser(root)) / "mnist"
    places = (folder / name, folder / f"{name}.gz")
    try:
        path = next((path for path in places if path.is_file()), None)
        if path is not None:
            return read_idx(path, MNIST_SHA256[name])
    except OSError as error:
        raise _unavailable(name, f"cannot be read in {folder} ({_reason(error)})") from error
    except ValueError as error:
        raise ValueError(f"{error}; delete it, and it will be downloaded again") from error
    if not download:
        raise _unavailable(name, f"is not in {folder} and was not to be downloaded", ONLINE)
    path = _download(name, folder, mirrors)
    return read_idx(path, MNIST_SHA256[name])


def _download(name: str, folder: Path, mirrors: Sequence[str]) -> Path:
    """Fetch a file to ``folder``, where it comes into being whole and verified, or not at all."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary = tempfile.TemporaryDirectory(prefix=".download-", dir=folder)
    except OSError as error:
        outcome = f"is not in {folder}, and cannot be put there ({_reason(error)})"
        raise _unavailable(name, outcome) from error
    failures = []
    cause: Exception | None = None
    with temporary as within:
        partial = Path(within) / f"{name}.gz"
        for mirror in mirrors:
            url = f"{mirror.rstrip('/')}/{name}.gz"
            try:
                with _ProgressBar(partial.name) as bar:
                    # Seconds to connect and to wait for the next bytes.
                    fetch = _require("pooch").HTTPDownloader(
                        bar, chunk_size=1 << 16, timeout=(10, 30)
                    )
                    fetch(url, str(partial), None)
                read_idx(partial, MNIST_SHA256[name])
                return partial.replace(folder / partial.name)
            except (OSError, ValueError) as error:  # requests raises subclasses of OSError
                if (response := getattr(error, "response", None)) is not None:
                    response.close()  # pooch leaves the connection of an error page open
                cause = error
                own = not isinstance(error, OSError)
                reason = str(error).removeprefix(f"{partial}: ") if own else _reason(error)
                failures.append(f"{url} ({reason})")
    where = f"from {' or '.join(failures)}" if failures else "without a mirror"
    raise _unavailable(
        name, f"is not in {folder} and could not be downloaded {where}", ONLINE
    ) from cause


ONLINE = ", or connect to the network once"


def _unavailable(name: str, outcome: str, remedy: str = "") -> DatasetUnavailable:
    return DatasetUnavailable(
        f"MNIST needs the file {name}, gzipped or not, which {outcome}: set TRIPTYCH_DATA to a "
        f"folder whose subfolder mnist holds it{remedy}, or use --dataset digits."
    )


def _reason(error: BaseException) -> str:
    """What the server said, or the first cause that the system gave."""
    if (response := getattr(error, "response", None)) is not None:
        return f"{response.status_code} {response.reason}".strip()
    # requests and urllib3 keep the error that they met as a cause or as an argument.
    inner = (part for part in error.args if isinstance(part, BaseException))
    if (cause := error.__cause__ or next(inner, None)) is not None:
        return _reason(cause)
    text = getattr(error, "strerror", None) or " ".join(str(error).split())
    return text or type(error).__name__


class _ProgressBar:
    """A rich progress bar on stderr with the attribute and methods of tqdm that pooch drives."""

    total = 0

    def __init__(self, label: str) -> None:
        progress, console = _require("rich.progress"), _require("rich.console")
        terminal = console.Console(stderr=True)
        self.bar = progress.Progress(
            "{task.description}",
            progress.BarColumn(),
            progress.DownloadColumn(),
            progress.TransferSpeedColumn(),
            console=terminal,
            disable=not terminal.is_terminal,
        )
        self.task = self.bar.add_task(label, total=None)

    def __enter__(self) -> "_ProgressBar":
        self.bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.bar.stop()  # also when the download fails, or the terminal keeps its cursor hidden

    def update(self, size: int) -> None:
        self.bar.update(self.task, total=self.total or None, advance=size)

    def reset(self) -> None:
        self.bar.reset(self.task)

    def close(self) -> None:
        """Nothing: leaving the ``with`` block stops the bar."""


def _require(module: str) -> Any:
    """Import a module that ``common`` uses but does not need for the rest of its work."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = (error.name or module).partition(".")[0]
        raise ModuleNotFoundError(
            f"this needs {package}, which is not installed: pip install triptych"
        ) from error
