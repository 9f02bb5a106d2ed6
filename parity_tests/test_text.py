"""Words, vocabularies, and batches of like length."""

import re
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.common.text import Vocabulary, by_length, columns, lengths_of, words

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It isn't GOOD, sorry!", ["it", "isn't", "good", ",", "sorry", "!"]),
        ("so-so... 10/10?!", ["so", "so", ".", ".", ".", "10", "10", "?", "!"]),
        ("the film\u2019s \u201cend\u201d", ["the", "film's", "end"]),
        ("'quoted' rock'n'roll '", ["quoted", "rock'n'roll"]),
        ("cafe\u0301 ÉTÉ Straße", ["café", "été", "straße"]),
        ("one\u0085two\tthree\nfour_five", ["one", "two", "three", "four", "five"]),
        ("", []),
        (" *** ", []),
    ],
)
def test_words(text, expected):
    assert words(text) == expected


@given(st.text())
def test_words_of_words_are_the_same(text):
    found = words(text)
    assert words(" ".join(found)) == found or not text.isascii()
    assert all(word == unicodedata.normalize("NFC", word) for word in found if word.isascii())
    assert not any(any(sign.isspace() for sign in word) for word in found)


def test_a_vocabulary_is_ordered_by_count_and_alphabet():
    sentences = [["b", "a", "c"], ["c", "a", "d"], ["c"]]
    assert Vocabulary.of(sentences).words == ("c", "a", "b", "d")
    assert Vocabulary.of(sentences[::-1]).words == ("c", "a", "b", "d")
    assert Vocabulary.of(sentences, minimum_count=2).words == ("c", "a")
    assert Vocabulary.of(sentences, maximum_size=5).words == ("c", "a", "b")
    assert Vocabulary.of(sentences, maximum_size=2).words == ()
    assert len(Vocabulary.of(sentences)) == 6
    assert Vocabulary.of([]) == Vocabulary(())
    assert Vocabulary(["c"]) == Vocabulary(("c",)) != Vocabulary(("d",))
    assert repr(Vocabulary(("c",))) == "Vocabulary of 3: padding, unknown, 'c'"
    assert repr(Vocabulary.of(["abcdefgh"[i] for i in range(8)] for _ in "1")).endswith("'f', ...")


def test_numbers_and_back():
    vocabulary = Vocabulary(("a", "b"))
    x = vocabulary.encode([["a", "z"], [], ["b", "a", "b", "a"]], steps=3)
    assert x.dtype == np.int64
    assert x.tolist() == [[2, 1, 0], [0, 0, 0], [3, 2, 3]]
    assert vocabulary.decode(x) == [["a", "<unknown>"], [], ["b", "a", "b"]]
    assert vocabulary.encode([], steps=3).shape == (0, 3)
    assert vocabulary.decode(x[:0]) == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda v: words(b"bytes"), "text must be a str, got"),
        (lambda v: Vocabulary(("a", "b", "a")), "words must differ, got 'a' twice"),
        (lambda v: Vocabulary((1,)), "a word must be a str, got"),
        (lambda v: Vocabulary.of(["text"]), "a sentence must be a list of words, got the text"),
        (lambda v: Vocabulary.of([], minimum_count=0), "minimum_count must be an integer >= 1"),
        (lambda v: Vocabulary.of([], maximum_size=1), "maximum_size must be an integer >= 2"),
        (lambda v: v.encode(["a b"], 3), "a sentence must be a list of words, got the text 'a b'"),
        (lambda v: v.encode([["a"]], 0), "steps must be an integer >= 1, got 0"),
        (lambda v: v.decode(np.array([[4]])), "x must lie in [0, 3], got numbers from 4 to 4"),
        (lambda v: v.decode(np.array([[-1]])), "x must lie in [0, 3], got numbers from -1 to -1"),
        (lambda v: v.decode(np.zeros((2, 2))), "x must be integers of shape (N, steps), got"),
        (lambda v: v.decode(np.zeros(2, int)), "x must be integers of shape (N, steps), got"),
        (lambda v: by_length(np.arange(3), np.arange(4), 2), "lengths must have shape (3,)"),
        (lambda v: by_length(np.arange(3), np.arange(3), 0), "batch_size must be an integer >= 1"),
        (lambda v: columns(np.zeros((1, 2), int), 0), "multiple must be an integer >= 1"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call(Vocabulary(("a", "b")))


def test_lengths_and_columns():
    x = np.zeros((4, 20), np.int64)
    x[0, :3], x[1, 6], x[2, :] = 5, 1, 0
    assert lengths_of(x).tolist() == [3, 7, 1, 1]
    assert columns(x) == 8
    assert columns(x, 1) == 7
    assert columns(x, 3) == 9
    assert columns(x[2:]) == 8
    x[3, 8] = 1
    assert columns(x) == 16
    x[3, 17] = 1
    assert columns(x) == 20
    assert columns(x[:0]) == 8


@given(st.integers(1, 300), st.integers(1, 40), st.integers(1, 5), st.integers(0, 99))
def test_an_order_by_length(size, batch_size, pool, seed):
    rng = np.random.default_rng(seed)
    order, sizes = rng.permutation(size), rng.integers(1, 30, size)
    before = order.copy(), sizes.copy()
    found = by_length(order, sizes, batch_size, pool)
    np.testing.assert_array_equal(order, before[0])
    np.testing.assert_array_equal(sizes, before[1])
    assert sorted(found) == list(range(size))
    whole = size - size % batch_size
    np.testing.assert_array_equal(found[whole:], order[whole:])
    reach = batch_size * pool
    for start in range(0, whole, reach):
        part = found[start : min(start + reach, whole)]
        assert sorted(part) == sorted(order[start : start + len(part)])
        cuts = sizes[part].reshape(-1, batch_size)
        assert (np.diff(cuts, axis=1) >= 0).all()
        cuts = cuts[np.argsort(cuts[:, 0], kind="stable")]
        assert (
            np.sort(sizes[part]).reshape(-1, batch_size)
            == np.sort(cuts.ravel()).reshape(-1, batch_size)
        ).all()


def test_batches_of_like_length_come_in_a_drawn_order():
    """Not the short ones first, which would teach the end of a pool last."""
    order = np.random.default_rng(0).permutation(640)
    found = by_length(order, np.arange(640), 32).reshape(-1, 32)[:16]
    assert (found.max(axis=1) - found.min(axis=1)).max() < 100
    rising = (np.diff(found[:, 0]) > 0).mean()
    assert 0.2 < rising < 0.8
