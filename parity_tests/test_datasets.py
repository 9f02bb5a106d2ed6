"""The data sets: what they hold, and that a damaged file or a broken download is never trusted."""

import errno
import gzip
import hashlib
import http.server
import io
import os
import pickle
import re
import socket
import subprocess
import sys
import threading
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pooch
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from triptych.common import datasets, downloads
from triptych.common.datasets import (
    Dataset,
    DatasetUnavailable,
    brackets,
    digits,
    mnist,
    noisy_xor,
    read_idx,
    read_sentiment,
    sentiment,
    xor,
)
from triptych.common.text import by_length, columns, lengths_of, words

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parent.parent
TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = datasets.MNIST_SHA256
DIGIT_COUNTS = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]


def idx(array: np.ndarray) -> bytes:
    """An IDX file of unsigned bytes, written from the format's description."""
    shape = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + shape + array.tobytes()


# --- The Dataset itself ---------------------------------------------------------------------------


def build(**changes: object) -> Dataset:
    x, y = np.zeros((3, 2), np.float32), np.array([0, 1, 1], np.int64)
    fields = {f"{axis}_{split}": array for split in ("train", "validation", "test")
              for axis, array in (("x", x), ("y", y))}  # fmt: skip
    return Dataset(**{"name": "toy", "classes": 2, **fields, **changes})  # type: ignore[arg-type]


def test_a_sound_dataset_is_accepted_and_described() -> None:
    assert repr(build()) == (
        "Dataset('toy': 3 training, 3 validation, 3 test points of shape (2,), float32, 2 classes)"
    )


@pytest.mark.parametrize("split", ["train", "validation", "test"])
@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.zeros((4, 2)), np.zeros(3, np.int64), "equal counts, got 4 and 3"),
        (np.zeros((0, 2)), np.zeros(0, np.int64), "split is empty"),
        (np.zeros((2, 2)), np.array([0, 2]), "must lie in [0, 1], got labels from 0 to 2"),
        (np.zeros((2, 2)), np.array([-1, 1]), "must lie in [0, 1], got labels from -1 to 1"),
        (np.zeros((2, 2)), np.zeros(2, np.int32), "must be int64 of shape (N,), got int32"),
        (np.zeros((2, 2)), np.zeros(2), "must be int64 of shape (N,), got float64"),
        (np.zeros((2, 2)), np.zeros((2, 1), np.int64), "of shape (2, 1)"),
    ],
)
def test_a_dataset_refuses_what_does_not_fit(
    split: str, x: np.ndarray, y: np.ndarray, message: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        build(**{f"x_{split}": x, f"y_{split}": y})
    assert split in str(caught.value)


# --- XOR ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_xor_is_the_truth_table_in_every_split(dtype: str) -> None:
    data = xor(dtype)
    for x, y in (
        (data.x_train, data.y_train),
        (data.x_validation, data.y_validation),
        (data.x_test, data.y_test),
    ):
        assert x.dtype == dtype
        assert y.dtype == np.int64
        table = {(a, b): label for (a, b), label in zip(x.tolist(), y.tolist(), strict=True)}
        assert table == {(0, 0): 0, (0, 1): 1, (1, 0): 1, (1, 1): 0}


def test_noisy_xor_depends_on_its_seed_and_on_nothing_else() -> None:
    one, again, other = noisy_xor(seed=3), noisy_xor(seed=3), noisy_xor(seed=4)
    np.testing.assert_array_equal(one.x_train, again.x_train)
    np.testing.assert_array_equal(one.x_test, again.x_test)
    assert not np.array_equal(one.x_train, other.x_train)


def test_noisy_xor_leaves_the_global_generator_alone() -> None:
    before = pickle.dumps(np.random.get_state())  # noqa: NPY002
    noisy_xor()
    assert pickle.dumps(np.random.get_state()) == before  # noqa: NPY002


@pytest.mark.parametrize("sizes", [(4, 4, 4), (100, 40, 60), (101, 42, 63)])
def test_noisy_xor_is_balanced_in_the_sizes_asked_for(sizes: tuple[int, int, int]) -> None:
    data = noisy_xor(*sizes)
    for size, x, y in zip(
        sizes,
        (data.x_train, data.x_validation, data.x_test),
        (data.y_train, data.y_validation, data.y_test),
        strict=True,
    ):
        assert x.shape == (size, 2)
        assert y.shape == (size,)
        zeros, ones = np.bincount(y, minlength=2)
        assert zeros - ones == size % 2


def test_noisy_xor_never_puts_one_point_in_two_splits() -> None:
    data = noisy_xor(300, 300, 300)
    points = np.concatenate([data.x_train, data.x_validation, data.x_test])
    assert len(np.unique(points, axis=0)) == 900


def test_a_larger_test_split_leaves_the_other_splits_of_noisy_xor_alone() -> None:
    small, large = noisy_xor(n_test=100), noisy_xor(n_test=500)
    np.testing.assert_array_equal(small.x_train, large.x_train)
    np.testing.assert_array_equal(small.x_validation, large.x_validation)


def test_noise_is_a_standard_deviation_around_the_corners() -> None:
    data = noisy_xor(n_train=20_000, noise=0.05, dtype="float64")
    corners = np.round(data.x_train)  # twenty deviations fit between a corner and the midline / 2
    np.testing.assert_array_equal(corners[:, 0] != corners[:, 1], data.y_train == 1)
    offsets = data.x_train - corners
    assert abs(offsets.std() - 0.05) < 0.001
    assert np.abs(offsets.mean(axis=0)).max() < 0.002


def test_the_best_classifier_errs_as_often_on_noisy_xor_as_the_docstring_says() -> None:
    data = noisy_xor(n_train=50_000)
    best = (data.x_train[:, 0] > 0.5) != (data.x_train[:, 1] > 0.5)
    assert abs(np.mean(best != data.y_train) - 0.0445) < 0.004


def test_noisy_xor_without_noise_is_the_four_corners() -> None:
    data = noisy_xor(noise=0)
    assert np.unique(data.x_train, axis=0).tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]


def test_noisy_xor_draws_the_same_points_in_both_precisions() -> None:
    single, double = noisy_xor(), noisy_xor(dtype="float64")
    assert single.x_train.dtype == "float32"
    assert double.x_train.dtype == "float64"
    np.testing.assert_array_equal(single.x_train, double.x_train.astype(np.float32))


@pytest.mark.parametrize(
    ("argument", "value", "allowed"),
    [
        ("noise", -1, "noise must be a number in [0, inf), got -1"),
        ("noise", float("nan"), "noise must be a number in [0, inf), got nan"),
        ("noise", float("inf"), "noise must be a number in [0, inf), got inf"),
        ("noise", "much", "noise must be a number in [0, inf), got 'much'"),
        ("n_train", 3, "n_train must be an integer >= 4, got 3"),
        ("n_validation", 0, "n_validation must be an integer >= 4, got 0"),
        ("n_test", 8.0, "n_test must be an integer >= 4, got 8.0"),
        ("seed", -1, "seed must be an integer >= 0, got -1"),
        ("dtype", "int32", "dtype must be one of 'float32', 'float64', got 'int32'"),
    ],
)
def test_noisy_xor_names_the_bad_argument(argument: str, value: object, allowed: str) -> None:
    with pytest.raises(ValueError, match=re.escape(allowed)):
        noisy_xor(**{argument: value})  # type: ignore[arg-type]


# --- The digits -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_digits_are_every_image_of_scikit_learn_once(dtype: str) -> None:
    source = load_digits()
    data = digits(dtype)
    x = np.concatenate([data.x_train, data.x_validation, data.x_test])
    y = np.concatenate([data.y_train, data.y_validation, data.y_test])
    assert x.shape == (1797, 8, 8, 1)
    assert x.dtype == dtype

    found = np.column_stack([x.reshape(1797, 64) * 16, y]).tolist()
    expected = np.column_stack([source.data, source.target]).tolist()
    assert sorted(found) == sorted(expected)


def test_digits_are_split_by_class() -> None:
    data = digits()
    train, validation, test = (
        np.bincount(y, minlength=10) for y in (data.y_train, data.y_validation, data.y_test)
    )
    sixth = (train + validation + test) // 6
    np.testing.assert_array_equal(validation, sixth)
    np.testing.assert_array_equal(test, sixth)
    assert (len(data.y_train), len(data.y_test)) == (1205, 296)


def test_digits_depend_on_the_seed_alone() -> None:
    np.testing.assert_array_equal(digits(seed=1).x_test, digits(seed=1).x_test)
    assert not np.array_equal(digits(seed=1).x_test, digits(seed=2).x_test)


def test_digits_refuse_another_dtype() -> None:
    with pytest.raises(ValueError, match=r"dtype must be one of .* got 'float16'"):
        digits("float16")


# --- IDX files ------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(7,), (3, 4), (2, 5, 3), (2, 1, 3, 2)])
@pytest.mark.parametrize("name", ["plain", "plain.gz", "packed", "packed.gz"])
def test_an_idx_file_is_read_back_whatever_its_suffix(
    tmp_path: Path, name: str, shape: tuple[int, ...]
) -> None:
    array = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    content = idx(array) if name.startswith("plain") else gzip.compress(idx(array))
    (tmp_path / name).write_bytes(content)
    found = read_idx(tmp_path / name)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, array)


def test_an_idx_file_larger_than_one_piece_is_read_whole(tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 256, (3, 700, 1000), np.uint8)
    (tmp_path / "file").write_bytes(idx(array))
    np.testing.assert_array_equal(read_idx(tmp_path / "file"), array)


@pytest.mark.parametrize("packed", [False, True])
def test_a_byte_too_many_is_found_where_the_content_fills_a_piece_exactly(
    tmp_path: Path, packed: bool
) -> None:
    content = idx(np.zeros(1 << 20, np.uint8)) + b"\0"
    (tmp_path / "file").write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(ValueError, match=r"expected 1,048,576 bytes .* found more"):
        read_idx(tmp_path / "file")


GOOD = idx(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))
PACKED = gzip.compress(GOOD)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected an IDX header 00 00 08 and 1 to 32 dimensions, found an empty file"),
        (b"\0\0\x08", "found 00 00 08"),
        (b"<!DOCTYPE html>", "found 3c 21 44 4f"),
        (b"\0\1\x08\x03" + GOOD[4:], "found 00 01 08 03"),
        (b"\0\0\x0d\x03" + GOOD[4:], "found 00 00 0d 03"),
        (b"\0\0\x08\x00" + GOOD[4:], "found 00 00 08 00"),
        (b"\0\0\x08\x21" + b"\0\0\0\1" * 33 + b"7", "found 00 00 08 21"),
        (GOOD[:4], "expected 3 dimensions of 4 bytes, none of them zero, found the end"),
        (GOOD[:14], "found 00 00 00 02 00 00 00 03 00 00"),
        (b"\0\0\x08\x01\0\0\0\0", "none of them zero, found 00 00 00 00"),
        (GOOD[:-1], "expected 24 bytes after the header for shape (2, 3, 4), found only 23"),
        (GOOD[:16], "expected 24 bytes after the header for shape (2, 3, 4), found only 0"),
        (GOOD + b"\0", "expected 24 bytes after the header for shape (2, 3, 4), found more"),
    ],
)
def test_a_malformed_idx_file_is_named_with_what_was_expected_and_found(
    tmp_path: Path, content: bytes, message: str, packed: bool
) -> None:
    path = tmp_path / "malformed"
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        read_idx(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("end", range(2, len(PACKED)))
def test_a_gzip_stream_cut_anywhere_is_a_value_error(tmp_path: Path, end: int) -> None:
    path = tmp_path / "cut.gz"
    path.write_bytes(PACKED[:end])
    with pytest.raises(ValueError, match="expected a complete gzip stream") as caught:
        read_idx(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("position", range(len(PACKED)))
def test_a_gzip_stream_damaged_anywhere_is_a_value_error_or_reads_the_same(
    tmp_path: Path, position: int
) -> None:
    path = tmp_path / "damaged.gz"
    damaged = bytearray(PACKED)
    damaged[position] ^= 0xFF
    path.write_bytes(damaged)
    # The time stamp, the operating system and such do not touch the content.
    if position in (4, 5, 6, 7, 8, 9):
        np.testing.assert_array_equal(read_idx(path).ravel(), np.arange(24))
    else:
        with pytest.raises(ValueError, match=re.escape(str(path))):
            read_idx(path)


def test_rubbish_after_a_gzip_stream_is_a_value_error(tmp_path: Path) -> None:
    (tmp_path / "file.gz").write_bytes(PACKED + b"rubbish")
    with pytest.raises(ValueError, match="expected a complete gzip stream"):
        read_idx(tmp_path / "file.gz")


@pytest.mark.parametrize(
    ("shape", "actual"), [((2**32 - 1,) * 3, 10), ((2**26,), 10), ((10,), 2**26)]
)
@pytest.mark.parametrize("packed", [False, True])
def test_memory_follows_neither_a_false_size_nor_a_bomb(
    tmp_path: Path, shape: tuple[int, ...], actual: int, packed: bool
) -> None:
    header = bytes([0, 0, 8, len(shape)]) + b"".join(size.to_bytes(4, "big") for size in shape)
    content = header + bytes(actual)
    (tmp_path / "file").write_bytes(gzip.compress(content) if packed else content)
    del content
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="bytes after the header"):
            read_idx(tmp_path / "file")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * 2**20


def test_one_flipped_bit_changes_the_sum(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(GOOD)
    right = hashlib.sha256(GOOD).hexdigest()
    assert read_idx(path, right).shape == (2, 3, 4)
    path.write_bytes(GOOD[:-1] + bytes([GOOD[-1] ^ 1]))
    with pytest.raises(ValueError, match=f"expected content with SHA-256 {right}, found ") as error:
        read_idx(path, right)
    assert str(path) in str(error.value)


def test_a_missing_file_stays_a_file_not_found_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "nowhere")


# --- MNIST, from small stand-ins ------------------------------------------------------------------


@pytest.fixture
def originals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Four small files in place of MNIST's, by name, with their sums; the data folder is empty."""
    rng = np.random.default_rng(0)
    files = {
        TRAIN_IMAGES: idx(rng.integers(0, 256, (12, 28, 28), np.uint8)),
        TRAIN_LABELS: idx(rng.integers(0, 10, 12, np.uint8)),
        TEST_IMAGES: idx(rng.integers(0, 256, (6, 28, 28), np.uint8)),
        TEST_LABELS: idx(rng.integers(0, 10, 6, np.uint8)),
    }
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    monkeypatch.setattr(datasets, "MNIST_SHA256", sums)
    monkeypatch.setenv("TRIPTYCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return files


@pytest.fixture
def folder(tmp_path: Path, originals: dict[str, bytes]) -> Path:
    """The data folder holding the stand-ins, two of them gzipped."""
    folder = tmp_path / "data" / "mnist"
    folder.mkdir(parents=True)
    for name, content in originals.items():
        if name in (TRAIN_IMAGES, TEST_LABELS):
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name).write_bytes(content)
    return folder


def values(content: bytes, *shape: int) -> np.ndarray:
    return np.frombuffer(content[4 + 4 * content[3] :], np.uint8).reshape(shape)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_mnist_holds_out_the_end_of_the_training_set(
    folder: Path, originals: dict[str, bytes], dtype: str
) -> None:
    data = mnist(dtype, validation=4, download=False)
    x = values(originals[TRAIN_IMAGES], 12, 28, 28, 1) / 255
    y = values(originals[TRAIN_LABELS], 12)
    assert data.x_train.dtype == data.x_validation.dtype == data.x_test.dtype == dtype
    np.testing.assert_array_equal(data.x_train, x[:8].astype(dtype))
    np.testing.assert_array_equal(data.x_validation, x[8:].astype(dtype))
    np.testing.assert_array_equal(data.y_train, y[:8])
    np.testing.assert_array_equal(data.y_validation, y[8:])
    np.testing.assert_array_equal(data.y_test, values(originals[TEST_LABELS], 6))
    assert data.y_train.dtype == np.int64
    assert data.classes == 10


@pytest.mark.usefixtures("folder")
def test_mnist_can_train_on_everything_and_validate_on_the_test_images() -> None:
    data = mnist(validation="test", download=False)
    assert len(data.x_train) == 12
    assert data.x_validation is data.x_test
    assert data.y_validation is data.y_test


@pytest.mark.parametrize("validation", [0, -1, 60_000, 0.1, "tests", True, None])
@pytest.mark.usefixtures("folder")
def test_mnist_names_a_bad_validation(validation: object) -> None:
    message = f'validation (unless "test") must be an integer in [1, 59999], got {validation!r}'
    with pytest.raises(ValueError, match=re.escape(message)):
        mnist(validation=validation, download=False)  # type: ignore[arg-type]


@pytest.mark.usefixtures("originals")
def test_bad_arguments_are_named_before_any_file_is_looked_for() -> None:
    with pytest.raises(ValueError, match="dtype must be one of"):
        mnist("uint8", download=False)
    with pytest.raises(ValueError, match="validation"):
        mnist(validation=0, download=False)


def test_a_tampered_byte_is_found(folder: Path, originals: dict[str, bytes]) -> None:
    path = folder / f"{TRAIN_IMAGES}.gz"
    content = bytearray(originals[TRAIN_IMAGES])
    content[5000] ^= 1
    path.write_bytes(gzip.compress(content))
    with pytest.raises(ValueError, match=re.escape(f"{path}: expected content with SHA-256")):
        mnist(validation=4, download=False)


def test_training_labels_in_place_of_the_test_labels_are_found(
    folder: Path, originals: dict[str, bytes]
) -> None:
    path = folder / f"{TEST_LABELS}.gz"
    path.write_bytes(gzip.compress(originals[TRAIN_LABELS]))
    found = hashlib.sha256(originals[TRAIN_LABELS]).hexdigest()
    with pytest.raises(ValueError, match=f"{re.escape(str(path))}: .* found {found}"):
        mnist(validation=4, download=False)


def test_without_files_the_sentence_says_what_where_and_what_to_do(
    tmp_path: Path, originals: dict[str, bytes]
) -> None:
    with pytest.raises(DatasetUnavailable) as caught:
        mnist(download=False)
    sentence = str(caught.value)
    for part in (TRAIN_IMAGES, str(tmp_path / "data" / "mnist"), "TRIPTYCH_DATA", "digits"):
        assert part in sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")
    assert ". " not in sentence
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("value", [None, ""])
def test_the_cache_is_used_where_no_folder_is_named(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache" / project)
    if value is None:
        monkeypatch.delenv("TRIPTYCH_DATA")
    else:
        monkeypatch.setenv("TRIPTYCH_DATA", value)
    with pytest.raises(DatasetUnavailable, match="triptych"):
        mnist(validation=4, download=False)
    (tmp_path / "cache" / "triptych").mkdir(parents=True)
    folder.rename(tmp_path / "cache" / "triptych" / "mnist")
    assert len(mnist(validation=4, download=False).x_train) == 8


# --- Downloads, from a server on this machine -----------------------------------------------------

Server = Callable[[str], str]


class Quiet(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(handler: type[Quiet]) -> Iterator[str]:
    """The base URL of a server on this machine."""
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{httpd.server_port}/"
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()


@pytest.fixture
def server(originals: dict[str, bytes]) -> Iterator[Server]:
    """Mirrors by their manner of serving: ``server("cut")`` is the base URL of one that cuts."""

    class Handler(Quiet):
        def do_GET(self) -> None:
            _, manner, name = self.path.split("/")
            content = gzip.compress(originals[name.removesuffix(".gz")])
            status, length, extra = 200, len(content), {}
            if manner == "error":
                status, content, length = 500, b"Internal Server Error", 21
            elif manner == "missing":
                status, content, length = 404, b"Not Found", 9
            elif manner == "forbidden":
                status, content, length = 403, b"", 0
            elif manner == "busy":
                status, content, length = 503, b"", 0
            elif manner == "html":
                content = b"<html><body>Please log in to this network</body></html>"
                length = len(content)
            elif manner == "cut":  # fewer bytes than were announced
                content = content[: len(content) // 2]
            elif manner == "short":  # the same, announced as if it were all
                content = content[: len(content) // 2]
                length = len(content)
            elif manner == "tampered":
                damaged = bytearray(originals[name.removesuffix(".gz")])
                damaged[-1] ^= 1
                content = gzip.compress(damaged)
                length = len(content)
            elif manner == "unpacking":  # the client undoes the gzip, so that plain bytes arrive
                extra = {"Content-Encoding": "gzip"}
            elif manner == "mislaid":
                content = gzip.compress(originals[TEST_LABELS])
                length = len(content)
            else:
                assert manner == "good"
            self.send_response(status)
            self.send_header("Content-Length", str(length))
            for key, value in extra.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(content)

    with serving(Handler) as base:
        yield lambda manner: f"{base}{manner}/"


# By manner, how the sentence gives the cause.
BROKEN = {
    "error": "500 Internal Server Error",
    "missing": "404 Not Found",
    "forbidden": "403 Forbidden",
    "busy": "503 Service Unavailable",
    "html": "expected an IDX header 00 00 08 and 1 to 32 dimensions, found 3c 68 74 6d",
    "cut": "IncompleteRead(",
    "short": "expected a complete gzip stream, found a broken one (Compressed file ended before ",
    "tampered": "expected content with SHA-256 ",
    "mislaid": "expected content with SHA-256 ",
}


def test_missing_files_are_downloaded_once(
    tmp_path: Path, server: Server, originals: dict[str, bytes]
) -> None:
    data = mnist(validation=4, mirrors=[server("good")])
    np.testing.assert_array_equal(data.y_test, values(originals[TEST_LABELS], 6))
    found = sorted(path.name for path in (tmp_path / "data" / "mnist").iterdir())
    assert found == sorted(f"{name}.gz" for name in originals)
    assert len(mnist(validation=4, mirrors=[server("error")]).x_train) == 8


def test_only_what_is_missing_is_downloaded(folder: Path, server: Server) -> None:
    (folder / TEST_IMAGES).unlink()
    assert len(mnist(validation=4, mirrors=[server("good")]).x_test) == 6
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        [f"{TRAIN_IMAGES}.gz", TRAIN_LABELS, f"{TEST_IMAGES}.gz", f"{TEST_LABELS}.gz"]
    )


@pytest.mark.parametrize("manner", BROKEN)
def test_a_broken_download_leaves_nothing_behind(
    tmp_path: Path, server: Server, manner: str
) -> None:
    with pytest.raises(DatasetUnavailable) as caught:
        mnist(validation=4, mirrors=[server(manner)])
    assert f"{server(manner)}{TRAIN_IMAGES}.gz ({BROKEN[manner]}" in str(caught.value)
    assert ".download-" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is not None
    assert list((tmp_path / "data").rglob("*")) == [tmp_path / "data" / "mnist"]


@pytest.mark.parametrize("manner", BROKEN)
def test_the_second_mirror_makes_up_for_a_broken_first(server: Server, manner: str) -> None:
    data = mnist(validation=4, mirrors=[server(manner), server("good").rstrip("/")])
    assert len(data.x_train) == 8


@pytest.mark.usefixtures("folder")
def test_a_file_that_is_there_and_damaged_is_not_silently_replaced(
    folder: Path, server: Server
) -> None:
    (folder / TRAIN_LABELS).write_bytes(b"mine")
    with pytest.raises(ValueError, match=re.escape(str(folder / TRAIN_LABELS))):
        mnist(validation=4, mirrors=[server("good")])
    assert (folder / TRAIN_LABELS).read_bytes() == b"mine"


def test_a_mirror_whose_server_unpacks_the_file_serves_as_well(server: Server) -> None:
    assert len(mnist(validation=4, mirrors=[server("unpacking")]).x_train) == 8
    assert len(mnist(validation=4, download=False).x_train) == 8


def test_an_interrupted_download_leaves_nothing_behind(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(downloads._ProgressBar, "update", interrupt)
    with pytest.raises(KeyboardInterrupt):
        mnist(validation=4, mirrors=[server("good")])
    assert list((tmp_path / "data").rglob("*")) == [tmp_path / "data" / "mnist"]


def test_download_false_asks_no_mirror(server: Server) -> None:
    with pytest.raises(DatasetUnavailable, match="was not to be downloaded"):
        mnist(validation=4, download=False, mirrors=[server("good")])


def test_without_a_network_the_sentence_names_every_mirror(
    tmp_path: Path, originals: dict[str, bytes]
) -> None:
    with socket.socket() as unused:  # bound and not listening: connections are refused
        unused.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(DatasetUnavailable) as caught:
            mnist(mirrors=[f"{base}/one/", f"{base}/two/"])
    sentence = str(caught.value)
    assert f"{base}/one/{TRAIN_IMAGES}.gz (Connection refused) or {base}/two/" in sentence
    assert str(tmp_path / "data" / "mnist") in sentence
    assert "\n" not in sentence


def test_other_causes_of_a_failed_download_are_said(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(error: Exception | None, mirror: str, cause: str) -> None:
        def get(*_: object, **__: object) -> None:
            raise error or AssertionError

        with monkeypatch.context() as patch:
            if error:
                patch.setattr("socket.getaddrinfo", get)
            with pytest.raises(DatasetUnavailable, match=re.escape(f"{TRAIN_IMAGES}.gz ({cause}")):
                mnist(validation=4, mirrors=[mirror])

    unknown = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    fails(unknown, "http://mirror.invalid/", "Name or service not known)")
    fails(TimeoutError("timed out"), "http://mirror.invalid/", "timed out)")
    fails(None, "ftp://127.0.0.1/", "No connection adapters were found for 'ftp://127.0.0.1/")
    fails(None, "mirror", "Invalid URL 'mirror/")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(downloads._ProgressBar, "update", full)
    fails(None, server("good"), "No space left on device)")


def test_a_folder_that_cannot_be_made_or_written_is_the_cause(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(root: Path, cause: str) -> None:
        monkeypatch.setenv("TRIPTYCH_DATA", str(root))
        with pytest.raises(DatasetUnavailable) as caught:
            mnist(validation=4, mirrors=[server("good")])
        outcome = (
            f"is not in {root / 'mnist'}, and cannot be put there ({cause}): set TRIPTYCH_DATA"
        )
        assert outcome in str(caught.value)

    (tmp_path / "file").write_bytes(b"")
    fails(tmp_path / "file", "Not a directory")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mnist").write_bytes(b"")
    fails(tmp_path / "taken", "File exists")

    def refuse(path: str, *_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    (tmp_path / "mnist").mkdir()
    monkeypatch.setattr(os, "mkdir", refuse)
    fails(tmp_path, "Permission denied")
    fails(tmp_path / "new", "Permission denied")


@pytest.mark.parametrize("download", [True, False])
@pytest.mark.parametrize("operation", ["open", "stat"])
def test_a_file_that_may_not_be_read_is_said_to_be_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch, operation: str, download: bool
) -> None:
    """As if the user had no right to the file, or to look into the folder."""
    allowed = {"open": open, "stat": os.stat}[operation]

    def refuse(path: Any, *args: Any, **options: Any) -> Any:
        if not isinstance(path, int) and Path(path) == folder / TRAIN_LABELS:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return allowed(path, *args, **options)

    monkeypatch.setattr("builtins.open" if operation == "open" else "os.stat", refuse)
    with pytest.raises(DatasetUnavailable) as caught:
        mnist(validation=4, download=download, mirrors=["http://127.0.0.1:9/"])
    assert str(caught.value) == (
        f"MNIST needs the file {TRAIN_LABELS}, gzipped or not, which cannot be read in {folder} "
        "(Permission denied): set TRIPTYCH_DATA to a folder whose subfolder mnist holds it, or use "
        "--dataset digits."
    )


def test_a_home_that_is_not_there_is_a_folder_without_the_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TRIPTYCH_DATA", "~nobody-of-this-name/data")
    with pytest.raises(DatasetUnavailable, match="is not in ~nobody-of-this-name/data/mnist and"):
        mnist(validation=4, download=False)


def test_the_progress_bar_counts_the_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    with downloads._ProgressBar("file") as bar:
        bar.total = 300
        bar.update(100)
        bar.update(100)
        task = bar.bar.tasks[0]
        assert (task.completed, task.total) == (200, 300)
        bar.reset()
        bar.update(300)
        assert task.completed == 300
        assert task.finished
        bar.close()
    assert capsys.readouterr().out == ""


# --- The sentiment set ----------------------------------------------------------------------------

AMAZON, IMDB = "amazon_cells_labelled.txt", "imdb_labelled.txt"


def sentences(source: str) -> bytes:
    """24 lines, two of them the same; one holds U+0085, which is no end of a line."""
    lines = [f"{source} {'good' if i % 2 else 'bad'} thing {i} \t{i % 2}" for i in range(22)]
    lines += [f"The \u0085 {source}, it's great!\t1", f"the {source}, it's  GREAT!\t1"]
    return "\n".join([*lines, ""]).encode()


@pytest.fixture
def reviews(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    files = {AMAZON: sentences("phone"), IMDB: sentences("film")}
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    monkeypatch.setattr(datasets, "SENTIMENT_SHA256", sums)
    monkeypatch.setenv("TRIPTYCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    (tmp_path / "data" / "sentiment").mkdir(parents=True)
    return files


def archive(files: dict[str, bytes]) -> bytes:
    """As UCI packs them: in a folder, beside what a Mac leaves there, and more files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in {**files, "yelp_labelled.txt": b"other", ".DS_Store": b"rest"}.items():
            file.writestr(f"sentiment labelled sentences/{name}", content)
            file.writestr(f"__MACOSX/sentiment labelled sentences/._{name}", b"Mac")
    return packed.getvalue()


@pytest.fixture
def text_files(tmp_path: Path, reviews: dict[str, bytes]) -> Path:
    folder = tmp_path / "data" / "sentiment"
    for name, content in reviews.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.usefixtures("text_files")
def test_sentences_and_labels_as_they_were_written() -> None:
    texts, labels = read_sentiment(download=False)
    assert len(texts) == len(labels) == 48
    assert labels.dtype == np.int64
    assert texts[0] == "phone bad thing 0"
    assert texts[22] == "The \u0085 phone, it's great!"
    assert labels[20:24].tolist() == [0, 1, 1, 1]


@pytest.mark.usefixtures("text_files")
def test_the_sentiment_set_is_balanced_and_its_splits_differ() -> None:
    data = sentiment(8, minimum_count=1, download=False)
    # Of each source 11 bad, and 12 good without the second of two equals: sixths are 1 and 2.
    assert [len(data.y_train), len(data.y_validation), len(data.y_test)] == [34, 6, 6]
    assert data.y_validation.tolist() == data.y_test.tolist() == [0, 1, 1, 0, 1, 1]
    assert data.vocabulary is not None
    read = {tuple(words) for words in data.vocabulary.decode(data.x_train)}
    assert len(read) == 34
    trained = {word for sentence in read for word in sentence}
    assert set(data.vocabulary.words) == trained
    assert repr(data).endswith(f"shape (8,), int64, 2 classes, {len(data.vocabulary)} words)")
    other = sentiment(8, minimum_count=1, seed=1, download=False)
    assert (other.x_train != data.x_train).any()


def test_an_archive_serves_as_well_as_text(tmp_path: Path, reviews: dict[str, bytes]) -> None:
    place = tmp_path / "data" / "sentiment" / datasets.SENTIMENT_ARCHIVE
    place.write_bytes(archive(reviews))
    assert len(read_sentiment(download=False)[0]) == 48
    damaged = archive(reviews)
    start = damaged.index(AMAZON.encode()) + len(AMAZON)
    damaged = damaged[: start + 9] + bytes(40) + damaged[start + 49 :]
    cases = {
        "another file or a damaged one": archive({**reviews, IMDB: reviews[AMAZON]}),
        f"expected one {IMDB} in it, found 0": archive({AMAZON: reviews[AMAZON]}),
        "expected a zip archive, found a broken one": damaged,
    }
    for message, content in cases.items():
        place.write_bytes(content)
        with pytest.raises(ValueError, match=f"{re.escape(str(place))}.*{message}.*delete it"):
            read_sentiment(download=False)


def test_the_archive_is_downloaded_once(tmp_path: Path, reviews: dict[str, bytes]) -> None:
    asked = []

    class Handler(Quiet):
        def do_GET(self) -> None:
            asked.append(self.path)
            content = archive(reviews if len(asked) > 1 else {**reviews, AMAZON: b"no review"})
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    folder = tmp_path / "data" / "sentiment"
    with serving(Handler) as mirror:
        with pytest.raises(DatasetUnavailable, match="another file or a damaged one"):
            sentiment(mirrors=[mirror])
        assert list(folder.iterdir()) == []
        assert len(sentiment(mirrors=[mirror]).x_train) == 34
    assert asked == [f"/{datasets.SENTIMENT_ARCHIVE}"] * 2
    assert [path.name for path in folder.iterdir()] == [datasets.SENTIMENT_ARCHIVE]
    assert len(sentiment(download=False).x_train) == 34


@pytest.mark.usefixtures("reviews")
def test_without_sentences_the_sentence_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DatasetUnavailable) as caught:
        sentiment(download=False)
    folder = tmp_path / "data" / "sentiment"
    assert str(caught.value) == (
        f"The sentiment set needs the file {AMAZON}, or the archive "
        f"{datasets.SENTIMENT_ARCHIVE}, which is not in {folder} and was not to be downloaded: set "
        "TRIPTYCH_DATA to a folder whose subfolder sentiment holds it, or connect to the network "
        "once, or train on brackets()."
    )


# --- Brackets -------------------------------------------------------------------------------------


def read_brackets(data: Dataset, split: str) -> list[str]:
    assert data.vocabulary is not None
    return ["".join(words) for words in data.vocabulary.decode(getattr(data, f"x_{split}"))]


def closed(sequence: str) -> bool:
    """Whether what is closed at once can be taken away until nothing is left."""
    for _ in sequence:
        for pair in ("()", "[]", "{}", "<>"):
            sequence = sequence.replace(pair, "")
    return not sequence


@pytest.mark.parametrize("kinds", [1, 2, 4])
def test_brackets_are_labelled_by_what_closes_and_stand_once(kinds: int) -> None:
    data = brackets(200, 100, 50, steps=20, kinds=kinds)
    found = []
    for split, size in (("train", 200), ("validation", 100), ("test", 50)):
        sequences, labels = read_brackets(data, split), getattr(data, f"y_{split}")
        assert len(sequences) == size
        assert labels.sum() == size // 2
        assert [closed(sequence) for sequence in sequences] == (labels == 1).tolist()
        assert {len(sequence) for sequence in sequences} <= set(range(10, 21, 2))
        found += sequences
    assert len(set(found)) == 350
    assert len({len(sequence) for sequence in found}) == 6
    assert len(data.vocabulary or ()) == 2 + 2 * kinds


def test_counts_of_brackets_say_nothing() -> None:
    data = brackets(400, 200, 200)
    counts = {
        split: np.stack([(getattr(data, f"x_{split}") == n).sum(1) for n in range(6)], 1)
        for split in ("train", "test")
    }
    right, wrong = (counts["train"][data.y_train == label] for label in (1, 0))
    assert sorted(map(tuple, right)) == sorted(map(tuple, wrong))
    judge = LogisticRegression(C=100).fit(counts["train"], data.y_train)
    assert judge.score(counts["test"], data.y_test) == 0.5


def test_bad_brackets() -> None:
    for options, message in [
        ({"n_train": 3}, "n_train must be even, half right and half wrong, got 3"),
        ({"steps": 7}, "steps must be an integer >= 8, got 7"),
        ({"kinds": 5}, "kinds must be an integer in [1, 4], got 5"),
        (
            {"steps": 8, "kinds": 1},
            "2000 sequences of 8 steps with 1 kinds of brackets cannot all differ: take more ",
        ),
    ]:
        with pytest.raises(ValueError, match=re.escape(message)):
            brackets(**options)


# --- What is imported when ------------------------------------------------------------------------


def test_importing_the_data_sets_needs_numpy_alone() -> None:
    code = (
        "import sys; from triptych.common import datasets; datasets.xor(); datasets.noisy_xor(); "
        "print(*sorted({'sklearn', 'pooch', 'rich', 'requests', 'scipy'} & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert run.stdout.strip() == ""


@pytest.mark.parametrize("module", ["sklearn.datasets", "pooch", "rich.progress"])
@pytest.mark.usefixtures("originals")
def test_a_package_that_is_not_installed_is_named_with_its_remedy(
    module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)  # this is how Python marks what cannot be had
    package = module.split(".")[0]
    with pytest.raises(ModuleNotFoundError, match=f"needs {package}, .*: pip install triptych"):
        digits() if package == "sklearn" else mnist(mirrors=["http://127.0.0.1:9/"])


# --- The genuine files ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def genuine() -> Iterator[Path]:
    """The folder with the original files, set as the data folder."""
    for root in (os.environ.get("TRIPTYCH_DATA"), ROOT.parent / "shared" / "data"):
        if root and (folder := Path(root) / "mnist").is_dir():
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("TRIPTYCH_DATA", str(root))
                yield folder
            return
    pytest.skip("MNIST is not on this machine; set TRIPTYCH_DATA to the folder that holds mnist/.")


@pytest.fixture(scope="module")
def mnist_held_out(genuine: Path) -> Dataset:
    return mnist(download=False)


def test_genuine_mnist_is_sixty_thousand_digits_in_zero_to_one(mnist_held_out: Dataset) -> None:
    data = mnist_held_out
    assert data.x_train.shape == (55_000, 28, 28, 1)
    assert data.x_validation.shape == (5_000, 28, 28, 1)
    assert data.x_test.shape == (10_000, 28, 28, 1)
    assert data.x_train.dtype == data.x_test.dtype == np.float32
    assert (data.x_train.min(), data.x_train.max()) == (0, 1)
    y = np.concatenate([data.y_train, data.y_validation])
    assert np.bincount(y).tolist() == DIGIT_COUNTS
    assert y[:5].tolist() == [5, 0, 4, 1, 9]
    assert data.y_test[:5].tolist() == [7, 2, 1, 0, 4]


def test_genuine_mnist_pixels_are_the_bytes_over_255_correctly_rounded(
    genuine: Path, mnist_held_out: Dataset
) -> None:
    path = next(genuine.glob(f"{TEST_IMAGES}*"))
    expected = (np.arange(256) / 255).astype(np.float32)[read_idx(path)]
    np.testing.assert_array_equal(mnist_held_out.x_test[..., 0], expected)


@pytest.mark.usefixtures("genuine")
def test_genuine_mnist_gives_468_full_batches_of_128_when_all_of_it_trains() -> None:
    data = mnist(validation="test", download=False)
    assert len(data.x_train) // 128 == 468
    assert len(data.x_validation) == 10_000


@pytest.mark.usefixtures("genuine")
def test_genuine_sentences() -> None:
    texts, labels = read_sentiment(download=False)
    assert len(texts) == 2000
    assert labels.reshape(2, 1000).sum(axis=1).tolist() == [500, 500]
    assert sum("\u0085" in text for text in texts) == 2
    assert texts[0].startswith("So there is no way for me to plug it in here in the US")
    data = sentiment(download=False)
    splits = [data.x_train, data.x_validation, data.x_test]
    assert [len(x) for x in splits] == [1325, 329, 329]
    assert sum(len(x) for x in splits) == len({tuple(words(text)) for text in texts}) == 1983
    assert abs(data.y_train.mean() - 0.5) < 0.01
    assert np.mean([len(words(text)) <= 32 for text in texts]) > 0.95
    assert (data.x_validation == 1).mean() < 0.1


@pytest.mark.usefixtures("genuine")
def test_sorted_by_length_three_quarters_of_the_padding_is_gone() -> None:
    x = sentiment(download=False).x_train
    real = lengths_of(x)
    drawn = np.random.default_rng(0).permutation(len(x))
    padding = []
    for order in (drawn, by_length(drawn, real, 32)):
        batches = [x[order[i : i + 32]] for i in range(0, len(x), 32)]
        padding.append(sum(len(batch) * columns(batch) for batch in batches) - real.sum())
    assert padding[1] < padding[0] / 4
