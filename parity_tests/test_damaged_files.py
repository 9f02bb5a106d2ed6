"""400 damaged files, 200 of weights and 200 of MNIST: every one is refused, with its path.

A manner of damage makes other bytes of the file's, of a generator of random numbers and of another
whole file. The generators have fixed seeds, so the files are the same in every run.
"""

import gzip
import hashlib
import json
import struct
from collections import Counter

import numpy as np
import pytest

from scratch.models import cnn, mlp
from triptych.common import datasets
from triptych.common.datasets import mnist
from triptych.common.recipes import Recipe
from triptych.weights import load, save

pytestmark = pytest.mark.once

COUNT = 200


def damaged_files(manners, whole, harmless, seed):
    """The manners in turn, each on one of the files in ``whole``: manner, name, damaged bytes.

    Bytes for which ``harmless`` is true, because they say the same, are drawn anew.
    """
    rng, names = np.random.default_rng(seed), sorted(whole)
    for i in range(COUNT):
        manner = manners[i % len(manners)]
        for _ in range(100):
            name, other = (names[j] for j in rng.choice(len(names), 2, replace=False))
            damaged = manner(whole[name], rng, whole[other])
            if damaged != whole[name] and not harmless(name, damaged):
                break
        else:
            raise AssertionError(f"{manner.__name__} does no damage")
        yield manner.__name__, name, damaged


def refuses(read, path):
    try:
        read()
    except (ValueError, OSError) as error:
        return str(path) in str(error)
    return False


# --- Any file -----------------------------------------------------------------------------------


def block(content, rng):
    """Where it begins and ends, 64 bytes at most."""
    start = int(rng.integers(len(content) - 1))
    return start, int(rng.integers(start + 1, min(len(content), start + 64) + 1))


def a_flipped_bit(content, rng, other):
    damaged = bytearray(content)
    damaged[rng.integers(len(content))] ^= 1 << rng.integers(8)
    return bytes(damaged)


def many_flipped_bits(content, rng, other):
    for _ in range(20):
        content = a_flipped_bit(content, rng, other)
    return content


def another_byte(content, rng, other):
    damaged = bytearray(content)
    damaged[rng.integers(len(content))] = rng.integers(256)
    return bytes(damaged)


def cut(content, rng, other):
    return content[: rng.integers(len(content))]


def cut_by_a_byte(content, rng, other):
    return content[:-1]


def without_its_beginning(content, rng, other):
    return content[rng.integers(1, len(content)) :]


def empty(content, rng, other):
    return b""


def zeroed(content, rng, other):
    start, end = block(content, rng)
    return content[:start] + bytes(end - start) + content[end:]


def filled(content, rng, other):
    start, end = block(content, rng)
    return content[:start] + b"\xff" * (end - start) + content[end:]


def a_block_twice(content, rng, other):
    start, end = block(content, rng)
    return content[:end] + content[start:]


def a_block_left_out(content, rng, other):
    start, end = block(content, rng)
    return content[:start] + content[end:]


def blocks_swapped(content, rng, other):
    a, b, c = sorted(rng.choice(len(content), 3, replace=False))
    return content[:a] + content[b:c] + content[a:b] + content[c:]


def with_more_at_the_end(content, rng, other):
    return content + rng.bytes(int(rng.integers(1, 20)))


def begun_as_another(content, rng, other):
    end = int(rng.integers(1, min(len(content), len(other))))
    return other[:end] + content[end:]


def another_file(content, rng, other):
    return other


def noise(content, rng, other):
    return rng.bytes(len(content))


def sent_as_text(content, rng, other):
    return content.decode("latin-1").encode("utf-8")


def a_page(content, rng, other):
    return b"<!DOCTYPE html><html><body>Please log in to this network</body></html>"


ANY = (
    *(a_flipped_bit, many_flipped_bits, another_byte, cut, cut_by_a_byte, without_its_beginning),
    *(empty, zeroed, filled, a_block_twice, a_block_left_out, blocks_swapped, with_more_at_the_end),
    *(begun_as_another, another_file, noise, sent_as_text, a_page),
)


# --- Weights ------------------------------------------------------------------------------------


def header_and_data(content):
    end = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:end]), content[end:]


def joined(header, data):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def entries(header, rng, count=1):
    return rng.choice([name for name in header if name != "__metadata__"], count, replace=False)


def another_length_of_the_header(content, rng, other):
    lengths = (0, 1, 7, 2**20, 2**40, 2**63, 2**64 - 1, content[0] + 1)
    return struct.pack("<Q", lengths[rng.integers(len(lengths))]) + content[8:]


def another_dtype(content, rng, other):
    header, data = header_and_data(content)
    names = ("F64", "F32", "F16", "BF16", "I64", "I32", "U64", "BOOL", "C64", "F8_E4M3", "F4", "F0")
    header[entries(header, rng)[0]]["dtype"] = str(rng.choice(names))
    return joined(header, data)


def another_shape(content, rng, other):
    header, data = header_and_data(content)
    entry = header[entries(header, rng)[0]]
    shapes = ([*entry["shape"], 1], entry["shape"][::-1], [-1], [2**62, 4], [0, 2**62], [1] * 80)
    entry["shape"] = shapes[rng.integers(len(shapes))]
    return joined(header, data)


def other_offsets(content, rng, other):
    header, data = header_and_data(content)
    entry, move = header[entries(header, rng)[0]], int(rng.choice([-8, -4, -1, 1, 4, 8, 2**40]))
    entry["data_offsets"] = [offset + move for offset in entry["data_offsets"]]
    return joined(header, data)


def names_swapped(content, rng, other):
    header, data = header_and_data(content)
    a, b = entries(header, rng, 2)
    header[a], header[b] = header[b], header[a]
    return joined(header, data)


def a_name_misspelt(content, rng, other):
    header, data = header_and_data(content)
    (name,) = entries(header, rng)
    header[name[:-1]] = header.pop(name)
    return joined(header, data)


def an_array_lost(content, rng, other):
    header, data = header_and_data(content)
    del header[entries(header, rng)[0]]
    return joined(header, data)


def other_metadata(content, rng, other):
    header, data = header_and_data(content)
    metadata = header["__metadata__"]
    key = str(rng.choice(list(metadata)))
    values = ("", "1", "2", "3", "torch", "float64", "0" * 64, metadata[key].upper(), 3, None)
    metadata[key] = values[rng.integers(len(values))]
    return joined(header, data)


def lost_metadata(content, rng, other):
    header, data = header_and_data(content)
    del header["__metadata__"][str(rng.choice(list(header["__metadata__"])))]
    return joined(header, data)


def the_header_of_another(content, rng, other):
    return joined(header_and_data(other)[0], header_and_data(content)[1])


WEIGHTS = (
    *(another_length_of_the_header, another_dtype, another_shape, other_offsets, names_swapped),
    *(a_name_misspelt, an_array_lost, other_metadata, lost_metadata, the_header_of_another),
)


def model_of(name):
    options = {"hidden": (3,), "outputs": 2, "dropout": 0.5, "batch_norm": True}
    if name == "cnn":
        return cnn(Recipe(input_shape=(4, 4, 1), channels=(2,), **options))
    return mlp(Recipe(input_shape=(3 if name == "mlp" else 4,), **options))


def test_weights(tmp_path):
    models = {name: model_of(name) for name in ("mlp", "cnn", "wider mlp")}
    rng, whole = np.random.default_rng(3), {}
    for name, model in models.items():
        for step, (key, array) in enumerate(model.arrays()):  # no two arrays are equal
            array += step if key.endswith("step") else rng.random(array.shape).astype(array.dtype)
        save(model, tmp_path / "whole")
        whole[name] = (tmp_path / "whole").read_bytes()
    before = {name: model.get_weights() for name, model in models.items()}

    def harmless(name, damaged):
        try:
            return header_and_data(damaged) == header_and_data(whole[name])
        except ValueError:
            return False

    path, kinds, missed = tmp_path / "damaged", Counter(), []
    for manner, name, damaged in damaged_files((*ANY, *WEIGHTS), whole, harmless, seed=0):
        path.write_bytes(damaged)
        kinds[manner] += 1
        if not refuses(lambda name=name: load(models[name], path), path):
            missed.append((manner, name, damaged))
    assert not missed
    assert kinds.total() == COUNT
    assert len(kinds) == len(ANY) + len(WEIGHTS)
    for name, model in models.items():
        for key, array in model.get_weights().items():
            np.testing.assert_array_equal(array, before[name][key])
        path.write_bytes(whole[name])
        load(model, path)


# --- MNIST --------------------------------------------------------------------------------------


def repacked(change):
    """A change of what is in the gzip file, if it is one."""

    def manner(content, rng, other):
        if content[:2] != b"\x1f\x8b":
            return change(content, rng, other)
        return gzip.compress(change(gzip.decompress(content), rng, other), mtime=0)

    manner.__name__ = change.__name__
    return manner


@repacked
def another_size_in_the_header(content, rng, other):
    at, sizes = 4 * int(rng.integers(1, 1 + content[3])), (0, 1, 5, 13, 2**16, 2**31, 2**32 - 1)
    return content[:at] + struct.pack(">I", sizes[rng.integers(len(sizes))]) + content[at + 4 :]


@repacked
def sizes_in_the_other_order_of_bytes(content, rng, other):
    end = 4 + 4 * content[3]
    sizes = struct.unpack(f">{content[3]}I", content[4:end])
    return content[:4] + struct.pack(f"<{content[3]}I", *sizes) + content[end:]


@repacked
def another_type_of_values(content, rng, other):
    return content[:2] + bytes([rng.choice([0, 9, 11, 12, 13, 14])]) + content[3:]


@repacked
def another_number_of_axes(content, rng, other):
    return content[:3] + bytes([rng.choice([0, 1, 2, 3, 4, 33, 255])]) + content[4:]


@repacked
def a_value_out_of_range(content, rng, other):
    """Of a label; of an image, another pixel."""
    at = int(rng.integers(4 + 4 * content[3], len(content)))
    return content[:at] + bytes([rng.integers(10, 256)]) + content[at + 1 :]


@repacked
def damaged_before_it_was_packed(content, rng, other):
    return ANY[rng.integers(len(ANY))](content, rng, content[::-1])


def packed_twice(content, rng, other):
    return gzip.compress(gzip.compress(content, mtime=0), mtime=0)


def a_checksum_of_another(content, rng, other):
    """The last eight bytes of a gzip file: CRC and length."""
    return content[:-8] + other[-8:]


MNIST = (
    *(another_size_in_the_header, sizes_in_the_other_order_of_bytes, another_type_of_values),
    *(another_number_of_axes, a_value_out_of_range, damaged_before_it_was_packed, packed_twice),
    a_checksum_of_another,
)


def test_mnist(tmp_path, monkeypatch):
    rng, plain = np.random.default_rng(1), {}
    for name, count in zip(datasets.MNIST_SHA256, (12, 12, 6, 6), strict=True):
        shape = (count, 28, 28) if "images" in name else (count,)
        values = rng.integers(0, 256 if "images" in name else 10, shape, np.uint8)
        header = struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape)
        plain[name] = header + values.tobytes()
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in plain.items()}
    monkeypatch.setattr(datasets, "MNIST_SHA256", sums)
    monkeypatch.setenv("TRIPTYCH_DATA", str(tmp_path))
    folder = tmp_path / "mnist"
    folder.mkdir()
    whole = {name: content for name, content in plain.items() if "train" in name}
    whole |= {f"{name}.gz": gzip.compress(plain[name], mtime=0) for name in plain if "t10k" in name}
    for name, content in whole.items():
        (folder / name).write_bytes(content)

    def read():
        return mnist(validation=4, download=False)

    def harmless(name, damaged):
        """gzip does not protect its time stamp and such."""
        try:
            return gzip.decompress(damaged) == plain[name.removesuffix(".gz")]
        except Exception:
            return False

    read()
    kinds, missed = Counter(), []
    for manner, name, damaged in damaged_files((*ANY, *MNIST), whole, harmless, seed=2):
        path = folder / name
        path.write_bytes(damaged)
        kinds[manner] += 1
        if not refuses(read, path):
            missed.append((manner, name, damaged))
        path.write_bytes(whole[name])
    assert not missed
    assert kinds.total() == COUNT
    assert len(kinds) == len(ANY) + len(MNIST)
    read()
