"""Words by hand, what must hold for any words, how often each choice is made, and every refusal.

The statistical tests have fixed seeds, so they pass or fail for good. P_VALUE is the probability
that one of them rejects a function that chooses as it should.
"""

import collections
import doctest
import functools
import itertools
import os
import re
import subprocess
import sys
import types

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from triptych import text_augmentation
from triptych.common.streams import Stream
from triptych.text_augmentation import (
    EDA_OPERATIONS,
    STOP_WORDS,
    augment_texts,
    back_translation,
    eda,
    random_deletion,
    random_insertion,
    random_swap,
    synonym_replacement,
    wordnet,
)

pytestmark = pytest.mark.once

P_VALUE = 1e-4
STREAM = Stream(3, "text", 5)
THESAURUS = {
    "good": ["fine", "great", "nice"],
    "film": ("movie", "motion picture"),
    "bad": ["poor"],
    "alone": [],
    "same": ["same", "same"],
}


def steps(count, name="text"):
    return [Stream(3, name, step) for step in range(count)]


@pytest.fixture
def drawn(monkeypatch):
    """The numbers that the next draw gives, and a look at the shape that was asked for."""

    def give(numbers):
        def uniform(stream, shape, *, dtype):
            assert shape == np.shape(numbers)
            return np.array(numbers, dtype)

        monkeypatch.setattr(text_augmentation, "uniform", uniform)

    return give


# By hand.


def test_synonym_replacement(drawn):
    words = ["the", "good", "film", "was", "good"]
    drawn([[0.0, 0.5, 0.75, 0.1, 0.25], [0.9, 0.34, 0.5, 0.9, 0.99]])
    replace = functools.partial(synonym_replacement, words, thesaurus=THESAURUS)
    assert replace(0, STREAM) == words
    assert replace(1, STREAM) == ["the", "good", "film", "was", "nice"]
    assert replace(2, STREAM) == ["the", "great", "film", "was", "nice"]
    everything = ["the", "great", "motion", "picture", "was", "nice"]
    assert replace(3, STREAM) == replace(5, STREAM) == replace(2**31 - 1, STREAM) == everything


def test_random_insertion(drawn):
    words = ["the", "good", "film"]
    drawn([[0.49, 0.0, 0.99], [0.5, 0.5, 0.0], [0.99, 0.49, 0.5]])
    found = random_insertion(words, 3, STREAM, thesaurus=THESAURUS)
    # "fine" at floor(0.99 * 4) = 3; "motion picture" at 0; "movie" at floor(0.5 * 7) = 3.
    assert found == ["motion", "picture", "the", "movie", "good", "film", "fine"]


def test_random_swap(drawn):
    words = ["a", "b", "c", "d"]
    drawn([[0.25, 0.34], [0.75, 0.99], [0.5, 0.0]])
    # 1 and 1 + 1; 3 and 2; 2 and 0.
    assert random_swap(words, 3, STREAM) == ["d", "c", "a", "b"]
    drawn([[0.0, 0.99]])
    assert random_swap(["a", "b"], 1, STREAM) == ["b", "a"]


def test_random_deletion(drawn):
    words = ["a", "b", "c", "d"]
    drawn([0.25, 0.5, 0.75, 0.0])
    assert random_deletion(words, 0.0, STREAM) == words
    assert random_deletion(words, 0.25, STREAM) == ["a", "b", "c"]
    assert random_deletion(words, 0.5, STREAM) == ["b", "c"]
    assert random_deletion(words, 0.75, STREAM) == random_deletion(words, 1.0, STREAM) == ["c"]


@pytest.mark.parametrize(
    ("word", "synonyms", "expected"),
    [
        ("good", ["fine"], "fine"),
        ("Good", ["fine"], "Fine"),
        ("GOOD", ["fine"], "FINE"),
        ("Good", ["top notch"], "Top notch"),
        ("GOOD", ["top notch"], "TOP NOTCH"),
        ("gOOD", ["fine"], "fine"),
        ("Good", ["McCoy"], "McCoy"),
        ("Élan", ["ßharp"], "Ssharp"),
        ("GÜTE", ["größe"], "GRÖSSE"),
        ("东西", ["事物"], "事物"),
    ],
)
def test_a_synonym_has_the_case_of_the_word(word, synonyms, expected):
    thesaurus = {word.lower(): synonyms}
    found = synonym_replacement([word], 1, STREAM, thesaurus=thesaurus, keep=())
    assert found == expected.split()


def test_a_word_of_one_letter_is_not_in_capitals():
    found = synonym_replacement(["I"], 1, STREAM, thesaurus={"i": ["yours truly"]}, keep=())
    assert found == ["Yours", "truly"]


def test_a_word_is_looked_up_as_it_is_written_first():
    thesaurus = {"US": ["America"], "us": ["our group"]}
    replace = functools.partial(synonym_replacement, thesaurus=thesaurus, keep=())
    assert replace(["US"], 1, STREAM) == ["America"]
    assert replace(["Us"], 1, STREAM) == ["Our", "group"]


def test_unicode_is_compared_as_it_is():
    thesaurus = {"caf\u00e9": ["bistro"]}
    replace = functools.partial(synonym_replacement, thesaurus=thesaurus)
    assert replace(["caf\u00e9"], 1, STREAM) == ["bistro"]
    assert replace(["cafe\u0301"], 1, STREAM) == ["cafe\u0301"]


@pytest.mark.parametrize("word", ["unheard", "alone", "same", "Same", "the", "The", "THE"])
@pytest.mark.parametrize("change", [synonym_replacement, random_insertion])
def test_words_that_are_not_chosen(change, word):
    thesaurus = THESAURUS | {"the": ["ye"], "The": ["Ye"], "THE": ["YE"]}
    assert change([word], 3, STREAM, thesaurus=thesaurus) == [word]


@pytest.mark.parametrize("keep", [["good"], ("good",), {"good"}, frozenset(["good"])])
@pytest.mark.parametrize("change", [synonym_replacement, random_insertion])
def test_words_to_keep(change, keep):
    for word in ("good", "Good"):
        assert change([word], 3, STREAM, thesaurus=THESAURUS, keep=keep) == [word]
    thesaurus = THESAURUS | {"the": ["ye"]}
    assert "ye" in change(["the"], 3, STREAM, thesaurus=thesaurus, keep=keep)
    for word in ("good", "GOOD"):  # a word that is not in lower case keeps that spelling alone
        assert change([word], 1, STREAM, thesaurus=THESAURUS, keep=["Good"]) != [word]
    assert change(["Good"], 1, STREAM, thesaurus=THESAURUS, keep=["Good"]) == ["Good"]


def test_a_synonym_listed_twice_counts_once():
    once = {"good": ["fine", "nice"]}
    twice = {"good": ["fine", "good", "fine", "nice", "nice", "nice"]}
    for stream in steps(50):
        found = [synonym_replacement(["good"], 1, stream, thesaurus=t) for t in (once, twice)]
        assert found[0] == found[1]


def test_stop_words():
    assert {"the", "not", "us", "is", "very", "t"} <= STOP_WORDS
    assert all(word == word.lower() and word.isalpha() for word in STOP_WORDS)
    assert not {"good", "bad", "film", "like", "well", ""} & STOP_WORDS


# For any words.

UNHURRIED = settings(deadline=None)

WORDS = st.lists(st.sampled_from([*THESAURUS, "the", "Film", "BAD", "é", "x"]), max_size=12)
COUNTS = st.integers(0, 15)
STREAMS = st.builds(Stream, st.integers(0, 2**64 - 1), st.text(max_size=3), st.integers(0, 2**40))


def eligible(words):
    return [word for word in words if word.lower() in ("good", "film", "bad")]


def within(part, whole):
    """Whether ``part`` is ``whole`` without some of its words."""
    rest = iter(whole)
    return all(word in rest for word in part)


@UNHURRIED
@given(WORDS, COUNTS, STREAMS)
def test_so_many_words_are_replaced(words, count, stream):
    short = THESAURUS | {"film": ["movie"]}
    before = list(words)
    found = synonym_replacement(words, count, stream, thesaurus=short)
    assert words == before
    assert found is not words
    assert len(found) == len(words)
    changed = [(old, new) for old, new in zip(words, found, strict=True) if old != new]
    assert len(changed) == min(count, len(eligible(words)))
    assert all(new.lower() in short[old.lower()] for old, new in changed)
    # One more is one more: the others are replaced as before.
    more = synonym_replacement(words, count + 1, stream, thesaurus=short)
    assert sum(a != b for a, b in zip(found, more, strict=True)) == (count < len(eligible(words)))


@UNHURRIED
@given(WORDS, COUNTS, STREAMS)
def test_so_many_words_are_inserted(words, count, stream):
    short = THESAURUS | {"film": ["movie"]}
    before = list(words)
    found = random_insertion(words, count, stream, thesaurus=short)
    assert words == before
    assert found is not words
    assert within(words, found)
    assert len(found) - len(words) == (count if eligible(words) else 0)
    new = collections.Counter(found) - collections.Counter(words)
    assert {word.lower() for word in new} <= {
        synonym for word in eligible(words) for synonym in short[word.lower()]
    }
    assert within(found, random_insertion(words, count + 1, stream, thesaurus=short))


@UNHURRIED
@given(WORDS, COUNTS, STREAMS)
def test_words_are_swapped_and_none_is_lost(words, count, stream):
    before = list(words)
    places = list(map(str, range(len(words))))  # that differ, so each swap is seen
    found = random_swap(places, count, stream)
    assert sorted(found, key=int) == places
    assert random_swap(words, count, stream) == [words[int(i)] for i in found]
    assert words == before
    if len(words) > 1:
        more = random_swap(places, count + 1, stream)
        assert sum(a != b for a, b in zip(found, more, strict=True)) == 2


@UNHURRIED
@given(WORDS, st.floats(0, 1), st.floats(0, 1), STREAMS)
def test_words_are_deleted_and_one_is_left(words, one, other, stream):
    before = list(words)
    low, high = sorted([one, other])
    fewer, more = (random_deletion(words, rate, stream) for rate in (high, low))
    assert words == before
    assert within(fewer, more)
    assert within(more, words)
    assert bool(fewer) == bool(words)
    assert random_deletion(words, 0, stream) == words
    assert random_deletion(words, 0, stream) is not words
    assert len(random_deletion(words, 1, stream)) == min(1, len(words))


@pytest.mark.parametrize("words", [[], ["x"], ()])
def test_where_there_is_nothing_to_change(words):
    same = list(words)
    for count in (0, 1, 9):
        assert synonym_replacement(words, count, STREAM, thesaurus=THESAURUS) == same
        assert random_insertion(words, count, STREAM, thesaurus={}) == same
        assert random_swap(words, count, STREAM) == same
    for rate in (0, 0.5, 1):
        assert random_deletion(words, rate, STREAM) == same
    assert eda(words, STREAM, thesaurus=THESAURUS, copies=5, alpha=1.0) == [same] * 5


def test_a_thesaurus_is_not_changed():
    thesaurus = collections.defaultdict(list, {key: list(each) for key, each in THESAURUS.items()})
    before = {key: list(each) for key, each in thesaurus.items()}
    words = ["Good", "film", "x"]
    eda(words, STREAM, thesaurus=thesaurus, alpha=1.0)
    assert thesaurus == before
    assert words == ["Good", "film", "x"]


# How often each choice is made.

FIVE = ["good", "the", "good", "unheard", "good"]  # the eligible ones are at 0, 2 and 4


def fit(outcomes, possible):
    """All of ``possible`` are equally likely, and there are no others."""
    counts = collections.Counter(outcomes)
    assert set(counts) <= set(possible)
    assert stats.chisquare([counts[each] for each in possible]).pvalue > P_VALUE


def test_each_word_and_each_synonym_is_as_likely():
    def outcome(stream):
        found = synonym_replacement(FIVE, 1, stream, thesaurus=THESAURUS)
        (place,) = (i for i in range(5) if found[i] != FIVE[i])
        return place, found[place]

    possible = list(itertools.product([0, 2, 4], THESAURUS["good"]))
    fit(map(outcome, steps(3000)), possible)


def test_each_pair_of_words_is_as_likely():
    def outcome(stream):
        found = synonym_replacement(FIVE, 2, stream, thesaurus=THESAURUS)
        return tuple((i, found[i]) for i in range(5) if found[i] != FIVE[i])

    synonyms = THESAURUS["good"]
    possible = [
        ((i, a), (j, b))
        for i, j in itertools.combinations([0, 2, 4], 2)
        for a, b in itertools.product(synonyms, synonyms)
    ]
    fit(map(outcome, steps(3000)), possible)


def test_each_insertion_is_as_likely():
    words = ["good", "the", "film", "bad"]
    thesaurus = {"good": ["g1", "g2"], "film": ["f1", "f2"], "bad": ["b1", "b2"]}

    def outcome(stream):
        found = random_insertion(words, 1, stream, thesaurus=thesaurus)
        (place,) = (i for i in range(5) if found[i] not in words)
        return place, found[place]

    possible = list(itertools.product(range(5), ["g1", "g2", "f1", "f2", "b1", "b2"]))
    fit(map(outcome, steps(3000)), possible)


def test_the_second_insertion_may_come_anywhere_too():
    words = ["good", "the"]

    def outcome(stream):
        found = random_insertion(words, 2, stream, thesaurus={"good": ["new"]})
        return tuple(i for i, word in enumerate(found) if word == "new")

    # Of 3 * 4 equally likely ways, each pair of places is reached by 2.
    fit(map(outcome, steps(2000)), list(itertools.combinations(range(4), 2)))


def test_each_swap_is_as_likely():
    words = list("abcde")
    possible = []
    for i, j in itertools.combinations(range(5), 2):
        swapped = list(words)
        swapped[i], swapped[j] = words[j], words[i]
        possible.append("".join(swapped))
    fit(("".join(random_swap(words, 1, stream)) for stream in steps(2000)), possible)


def test_each_word_is_deleted_at_the_rate():
    words = list("abcdefghij")
    gone = [set(words) - set(random_deletion(words, 0.3, stream)) for stream in steps(2000)]
    for word in words:
        times = sum(word in each for each in gone)
        assert stats.binomtest(times, 2000, 0.3).pvalue > P_VALUE
    # Apart from each other: how many go is binomial. From 6 on they are taken together.
    sizes = np.bincount([min(len(each), 6) for each in gone], minlength=7)
    expected = stats.binom.pmf(np.arange(7), 10, 0.3)
    expected[6] = stats.binom.sf(5, 10, 0.3)
    assert stats.chisquare(sizes, 2000 * expected).pvalue > P_VALUE


@pytest.mark.parametrize("rate", [0.7, 1.0])
def test_each_word_is_as_likely_to_be_left(rate):
    words = list("abc")
    found = [random_deletion(words, rate, stream) for stream in steps(2000)]
    fit([each[0] for each in found if len(each) == 1], words)


@pytest.mark.parametrize(("length", "rate"), [(1, 0.5), (2, 0.5), (3, 0.75), (10, 0.1)])
def test_the_mean_number_of_deleted_words(length, rate):
    """rate * length - rate**length, within what 2000 sentences allow (Hoeffding's bound)."""
    words = ["x"] * length
    gone = [length - len(random_deletion(words, rate, stream)) for stream in steps(2000)]
    most = (length - 1) * np.sqrt(np.log(2 / P_VALUE) / (2 * 2000))
    assert abs(np.mean(gone) - (rate * length - rate**length)) <= most


# EDA.


def test_copies_are_made_in_turn():
    words = ["good", "film", "the", "x", "bad", "y", "z", "film", "v", "w"]
    makes = {
        "synonym_replacement": lambda s: synonym_replacement(words, 3, s, thesaurus=THESAURUS),
        "random_insertion": lambda s: random_insertion(words, 3, s, thesaurus=THESAURUS),
        "random_swap": lambda s: random_swap(words, 3, s),
        "random_deletion": lambda s: random_deletion(words, 0.3, s),
    }
    assert tuple(makes) == EDA_OPERATIONS
    seen = set()
    for stream in steps(30):
        found = eda(words, stream, thesaurus=THESAURUS, alpha=0.3, copies=9)
        streams = [Stream(3, f"text/{copy}", stream.step) for copy in range(9)]
        ways = [
            [makes[EDA_OPERATIONS[(first + copy) % 4]](streams[copy]) for copy in range(9)]
            for first in range(4)
        ]
        seen.add(ways.index(found))
        assert found[:4] == eda(words, stream, thesaurus=THESAURUS, alpha=0.3)
    assert seen == {0, 1, 2, 3}


def test_each_operation_is_as_likely():
    words = ["good"] * 6 + ["x"]

    def operation(stream):
        (found,) = eda(words, stream, thesaurus={"good": ["fine"]}, copies=1, alpha=0.9999)
        if len(found) != 7:
            return "random_insertion" if len(found) > 7 else "random_deletion"
        return "random_swap" if "good" in found else "synonym_replacement"

    # A deletion that leaves 7 words, which would be taken for a swap, comes once in 10**28 times.
    fit(map(operation, steps(1000)), EDA_OPERATIONS)


@pytest.mark.parametrize(
    ("length", "alpha", "count"),
    [(1, 0.05, 1), (20, 0.1, 2), (29, 0.1, 2), (30, 0.1, 3), (100, 0.29, 29), (7, 0, 0), (7, 1, 7)],
)
def test_how_many_words_change(length, alpha, count):
    words = ["good"] * length
    options = {"thesaurus": THESAURUS, "alpha": alpha, "copies": 1}
    (found,) = eda(words, STREAM, operations=["synonym_replacement"], **options)
    assert found.count("good") == length - count
    (found,) = eda(words, STREAM, operations=["random_insertion"], **options)
    assert len(found) == length + count


def test_some_operations():
    words = list("abcdefgh")
    options = {"thesaurus": {}, "copies": 6}
    assert eda(words, STREAM, **options, operations=["random_swap"]) == [
        random_swap(words, 1, Stream(3, f"text/{copy}", 5)) for copy in range(6)
    ]
    assert eda(words, STREAM, thesaurus={}, copies=0) == []


def test_where_no_word_has_a_synonym():
    changes = ("synonym_replacement", "random_insertion")
    found = eda(["x", "y"], STREAM, thesaurus={}, copies=4, operations=changes)
    assert found == [["x", "y"]] * 4
    assert found[0] is not found[1]


# The same words everywhere.

KNOWN = """
from triptych.common.streams import Stream
from triptych.text_augmentation import eda
thesaurus = {"good": ["fine", "great", "nice"], "film": ["movie", "motion picture"]}
words = "It is a very good film , a really Good one .".split()
for step in (0, 2**40):
    for copy in eda(words, Stream(7, "größe", step), thesaurus=thesaurus, alpha=0.25):
        print(" ".join(copy))
"""


@pytest.mark.parametrize("hashes", ["0", "1"])
def test_one_address_gives_the_same_words_in_every_process(hashes):
    """Of text, sets have another order in each process, unless the hashes are fixed."""
    env = os.environ | {"PYTHONHASHSEED": hashes, "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-c", KNOWN]
    out = subprocess.run(command, env=env, capture_output=True, text=True, encoding="utf-8")
    assert out.returncode == 0, out.stderr
    assert out.stdout.splitlines() == EXPECTED


EXPECTED = [
    "It is film , Good one .",
    "It is a very nice motion picture , a really Nice one .",
    "It is a Fine very good film movie great , a really Good one .",
    "It is , one good film a a Good really very .",
    "really is . very It film , a good Good one a",
    "very film , a Good",
    "It is a very nice movie , a really Great one .",
    "It is a fine Great very good film , a really Good one movie .",
]


def test_two_addresses_give_two_results():
    words = list("abcdefghijklmnopqrstuvwxyz")
    addresses = [STREAM, Stream(4, "text", 5), Stream(3, "other", 5), Stream(3, "text", 6)]
    found = {tuple(random_swap(words, 9, address)) for address in addresses}
    assert len(found) == 4


# A data set.


def test_text_i_has_the_step_i():
    texts = [list("abcdefgh"), list("abcdefgh"), [], ["a"]]
    swap = functools.partial(random_swap, count=3)
    found = augment_texts(texts, swap, Stream(1, "swap"))
    assert found == [random_swap(w, 3, Stream(1, "swap", i)) for i, w in enumerate(texts)]
    assert found[0] != found[1]
    assert augment_texts(texts[1:], swap, Stream(1, "swap", 1)) == found[1:]
    assert augment_texts([], swap, STREAM) == []


def test_the_example_of_the_docstring():
    texts, labels, epoch = [["good", "film"], ["bad"], ["x", "y", "z"]], np.array([1, 0, 1]), 2
    change = functools.partial(eda, thesaurus=THESAURUS, alpha=0.05, copies=2)
    copies = augment_texts(texts, change, Stream(0, "eda", epoch * len(texts)))
    x = [*texts, *itertools.chain.from_iterable(copies)]
    y = np.concatenate([labels, np.repeat(labels, 2)])
    assert len(x) == len(y) == 9
    for words, label in zip(x, y, strict=True):
        assert label == (0 if {"bad", "poor"} & set(words) else 1)
    assert copies[1] == eda(["bad"], Stream(0, "eda", 7), thesaurus=THESAURUS, alpha=0.05, copies=2)


def test_a_function_of_ones_own_gets_lists_of_its_own():
    texts = [["a", "b"], ("c",)]

    def take_first(words, stream):
        return words.pop(0), stream.step

    assert augment_texts(texts, take_first, Stream(0, "own", 10)) == [("a", 10), ("c", 11)]
    assert texts == [["a", "b"], ("c",)]


def test_an_error_says_at_which_text():
    replace = functools.partial(synonym_replacement, count=1, thesaurus={"b": "c"})
    with pytest.raises(ValueError, match=r"thesaurus\['b'\] must be a list") as caught:
        augment_texts([["a"], ["b"]], replace, STREAM)
    assert caught.value.__notes__ == ["at texts[1]: ['b']"]


# Back-translation.


def reverse(texts):
    return [text[::-1] for text in texts]


@pytest.mark.parametrize("batch_size", [1, 2, 3, 32])
def test_texts_are_translated_in_order(batch_size):
    texts = ["one two", "three", "", ["four", "five"], ("six",), []]
    sizes = []

    def there(batch):
        sizes.append(len(batch))
        return [text.upper() if isinstance(text, str) else [*text, "!"] for text in batch]

    def back(batch):
        return tuple(reverse(batch))

    found = back_translation(texts, there, back, batch_size=batch_size)
    assert found == ["OWT ENO", "EERHT", "", ["!", "five", "four"], ["!", "six"], ["!"]]
    assert sum(sizes) == 6
    assert max(sizes) == min(batch_size, 6)
    assert len(sizes) == -(-6 // batch_size)
    assert texts == ["one two", "three", "", ["four", "five"], ("six",), []]
    assert back_translation([], there, back) == []


def test_a_translation_may_change_what_it_is_given():
    texts, kept = [["a", "b"], ["c"]], []

    def spoil(batch):
        answers = [list(text) for text in batch]
        for text in batch:
            text.clear()
        batch.clear()
        kept.extend(answers)
        return answers

    assert back_translation(texts, spoil, spoil) == texts == [["a", "b"], ["c"]]
    for answer in kept:  # what was returned is the caller's
        answer.append("later")
    found = back_translation(texts, list, lambda batch: kept[:2])
    assert found == [["a", "b", "later"], ["c", "later"]]
    assert found[0] is not kept[0]


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (["a"], r"{} must return a list of 2 for texts[2] to texts[3], got 1: ['a']"),
        (["a", "b", "c"], r"{} must return a list of 2 for texts[2] to texts[3], got 3: ['a'"),
        ("ab", r"{} must return a list of 2 for texts[2] to texts[3], got 'ab'"),
        (None, r"{} must return a list of 2 for texts[2] to texts[3], got None"),
        (["a", None], "what {} returns for texts[3] must be text, got None"),
        ([["a"], "b"], "what {} returns for texts[2] must be text, got ['a']"),
        (["a", " "], "what {} returns for texts[3] must not be empty, got ' ' for 'w'"),
    ],
)
@pytest.mark.parametrize("name", ["translate", "back"])
def test_what_a_translation_must_return(name, answers, message):
    def bad(batch):
        return answers if "w" in batch else batch

    functions = {"translate": list, "back": list} | {name: bad}
    with pytest.raises(ValueError, match=f"^{re.escape(message.format(name))}"):
        back_translation(["x", "y", "z", "w"], **functions, batch_size=2)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("a b", " must be a list of words, got 'a b': split it into words"),
        ([], " must not be empty, got [] for ['x']"),
        ([None], "[0] must be text, got None"),
    ],
)
def test_words_come_back_as_words(answer, message):
    message = f"what translate returns for texts[0]{message}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        back_translation([["x"]], lambda batch: [answer], list)


@pytest.mark.parametrize(("batch_size", "texts"), [(1, "texts[1]"), (2, "texts[0] to texts[1]")])
@pytest.mark.parametrize("name", ["translate", "back"])
def test_an_error_of_a_translation_says_at_which_texts(name, batch_size, texts):
    def fail(batch):
        if "b" in batch:
            raise TimeoutError("no answer")
        return batch

    functions = {"translate": list, "back": list} | {name: fail}
    with pytest.raises(TimeoutError, match="no answer") as caught:
        back_translation(["a", "b", "c"], **functions, batch_size=batch_size)
    assert caught.value.__notes__ == [f"{name} was given {texts}"]


# WordNet, as NLTK has it.


class Synset:
    def __init__(self, *names):
        self.names = names

    def lemma_names(self):
        return list(self.names)


MOVIE = Synset("movie", "film", "motion_picture")
SYNSETS = {
    "film": [MOVIE, Synset("film", "Cinema", "movie")],
    "movie": [MOVIE],
    "motion_picture": [MOVIE],
    "lonely": [Synset("lonely")],
}


class Corpus:
    """What ``wordnet`` asks of NLTK's reader, for a few words."""

    def __init__(self, error=None):
        self.error, self.asked = error, []

    def ensure_loaded(self):
        if self.error:
            raise self.error

    def synsets(self, word):
        self.asked.append(word)
        word = word.lower()
        return SYNSETS.get(word) or SYNSETS.get(word.removesuffix("s"), [])

    def all_lemma_names(self):
        return iter(SYNSETS)


@pytest.fixture
def nltk(monkeypatch):
    """Installs a corpus as NLTK's."""

    def install(corpus):
        package, module = types.ModuleType("nltk"), types.ModuleType("nltk.corpus")
        package.corpus, module.wordnet = module, corpus
        monkeypatch.setitem(sys.modules, "nltk", package)
        monkeypatch.setitem(sys.modules, "nltk.corpus", module)
        return corpus

    return install


def test_wordnet(nltk):
    corpus = nltk(Corpus())
    thesaurus = wordnet()
    assert repr(thesaurus) == "wordnet()"
    assert thesaurus["film"] == ("movie", "motion picture", "cinema")
    assert thesaurus["films"] == ("movie", "film", "motion picture", "cinema")
    assert thesaurus["motion picture"] == ("movie", "film")
    assert thesaurus["lonely"] == ()
    assert list(thesaurus) == ["film", "movie", "motion picture", "lonely"]
    assert all(word in thesaurus for word in thesaurus)
    assert len(thesaurus) == 4
    for word in ("Film", "unheard", ""):
        assert word not in thesaurus
        with pytest.raises(KeyError):
            thesaurus[word]
    before = len(corpus.asked)
    assert thesaurus["film"]
    assert len(corpus.asked) == before  # it is remembered


def test_words_are_replaced_by_those_of_wordnet(nltk):
    nltk(Corpus())
    found = {
        " ".join(synonym_replacement(["Film", "lonely"], 2, stream, thesaurus=wordnet()))
        for stream in steps(40)
    }
    assert found == {"Movie lonely", "Motion picture lonely", "Cinema lonely"}


def test_without_nltk(monkeypatch):
    monkeypatch.setitem(sys.modules, "nltk", None)  # how Python marks what cannot be had
    monkeypatch.setitem(sys.modules, "nltk.corpus", None)
    with pytest.raises(ImportError, match="is not installed; get it with: pip install nltk"):
        wordnet()


@pytest.mark.parametrize("error", [LookupError("Resource wordnet not found"), OSError("lexnames")])
def test_without_the_data_of_wordnet(nltk, error):
    nltk(Corpus(error))
    with pytest.raises(LookupError, match=r"python -m nltk\.downloader wordnet") as caught:
        wordnet()
    assert caught.value.__cause__ is error


def test_the_wordnet_that_is_installed():
    pytest.importorskip("nltk")
    try:
        thesaurus = wordnet()
    except LookupError as error:
        pytest.skip(str(error))
    assert {"movie", "motion picture", "pic"} <= set(thesaurus["film"])
    assert "film" in thesaurus["movies"]
    assert all(word == word.lower() for word in thesaurus["paris"])
    assert "Film" not in thesaurus
    assert all(word in thesaurus for word in itertools.islice(thesaurus, 0, None, 1000))


# Refusals.


def call(name):
    """Each function, as it should be called."""
    calls = {
        "synonym_replacement": functools.partial(
            synonym_replacement, words=["a"], count=1, stream=STREAM, thesaurus=THESAURUS
        ),
        "random_insertion": functools.partial(
            random_insertion, words=["a"], count=1, stream=STREAM, thesaurus=THESAURUS
        ),
        "random_swap": functools.partial(random_swap, words=["a"], count=1, stream=STREAM),
        "random_deletion": functools.partial(random_deletion, words=["a"], rate=0.5, stream=STREAM),
        "eda": functools.partial(eda, words=["a"], stream=STREAM, thesaurus=THESAURUS),
        "augment_texts": functools.partial(
            augment_texts, texts=[["a"]], augment=lambda words, stream: words, stream=STREAM
        ),
        "back_translation": functools.partial(
            back_translation, texts=["a"], translate=list, back=list
        ),
    }
    calls[name]()
    return calls[name]


OPERATIONS = EDA_OPERATIONS
WITH_SYNONYMS = (*OPERATIONS[:2], "eda")
MUST_BE_WORDS = "words must be a list of words, got"
BAD = {
    (*OPERATIONS, "eda"): [
        ({"words": "a b"}, f"{MUST_BE_WORDS} 'a b': split it into words"),
        ({"words": None}, f"{MUST_BE_WORDS} None"),
        ({"words": {"a"}}, f"{MUST_BE_WORDS} {{'a'}}"),
        ({"words": np.array(["a"])}, f"{MUST_BE_WORDS} array("),
        ({"words": ["a", 3]}, "words[1] must be text, got 3"),
        ({"words": [b"a"]}, "words[0] must be text, got b'a'"),
        ({"words": [["a"]]}, "words[0] must be text, got ['a']"),
        ({"stream": 3}, "stream must be a Stream, got 3"),
        ({"stream": Stream(-1)}, "seed must be an integer in [0, 18446744073709551615], got -1"),
        ({"stream": Stream(0, "a", -1)}, "step must be an integer in [0, 9223372036854775807]"),
        ({"stream": Stream(0, None)}, "layer must be an integer in [0, 4294967295], got None"),
    ],
    OPERATIONS[:3]: [
        ({"count": -1}, "count must be an integer >= 0, got -1"),
        ({"count": 1.0}, "count must be an integer >= 0, got 1.0"),
        ({"count": True}, "count must be an integer >= 0, got True"),
        ({"count": 2**31}, "count must be at most 2147483647, got 2147483648"),
    ],
    ("random_deletion",): [
        ({"rate": -0.1}, "rate must be a number in [0, 1], got -0.1"),
        ({"rate": 1.1}, "rate must be a number in [0, 1], got 1.1"),
        ({"rate": float("nan")}, "rate must be a number in [0, 1], got nan"),
        ({"rate": "0.5"}, "rate must be a number in [0, 1], got '0.5'"),
    ],
    WITH_SYNONYMS: [
        (
            {"thesaurus": ["a"]},
            "thesaurus must be a mapping from a word to its synonyms, got ['a']",
        ),
        ({"thesaurus": None}, "thesaurus must be a mapping from a word to its synonyms, got None"),
        ({"keep": "the"}, "keep must be a set or list of words, got 'the'"),
        ({"keep": None}, "keep must be a set or list of words, got None"),
        ({"keep": ["the", 3]}, "keep must hold words alone, got 3"),
    ],
    ("eda",): [
        ({"alpha": 1.5}, "alpha must be a number in [0, 1], got 1.5"),
        ({"alpha": -1}, "alpha must be a number in [0, 1], got -1"),
        ({"copies": -1}, "copies must be an integer >= 0, got -1"),
        ({"copies": 2.5}, "copies must be an integer >= 0, got 2.5"),
        ({"operations": "random_swap"}, "operations must be a list of names, got 'random_swap'"),
        ({"operations": []}, "operations must have at least one name, got an empty list"),
        ({"operations": ["swap"]}, "operations[0] must be one of 'synonym_replacement', "),
    ],
    ("augment_texts",): [
        ({"texts": "a b"}, "texts must be a list of lists of words, got 'a b'"),
        ({"texts": ["a b"]}, "texts[0] must be a list of words, got 'a b': split it into words"),
        ({"texts": [["a"], [3]]}, "texts[1][0] must be text, got 3"),
        ({"augment": None}, "augment must be a function, got None"),
        ({"stream": "eda"}, "stream must be a Stream, got 'eda'"),
        (
            {"stream": Stream(0, "a", 2**63 - 1)},
            "stream.step must be an integer in [0, 9223372036854775806], got 9223372036854775807",
        ),
        ({"stream": Stream(0, "a", -1)}, "stream.step must be an integer in [0, "),
    ],
    ("back_translation",): [
        ({"texts": "a b"}, "texts must be a list of texts, got 'a b'"),
        ({"texts": [3]}, "texts[0] must be text or a list of words, got 3"),
        ({"texts": ["a", ["b", 3]]}, "texts[1][1] must be text, got 3"),
        ({"translate": "de"}, "translate must be a function, got 'de'"),
        ({"back": None}, "back must be a function, got None"),
        ({"batch_size": 0}, "batch_size must be an integer >= 1, got 0"),
    ],
}
REFUSED = [
    (name, options, message)
    for names, cases in BAD.items()
    for options, message in cases
    for name in names
]


@pytest.mark.parametrize(("name", "options", "message"), REFUSED)
def test_refusals(name, options, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        call(name)(**options)


@pytest.mark.parametrize(
    ("synonyms", "message"),
    [
        ("fine", "thesaurus['good'] must be a list of synonyms, got 'fine'"),
        ({"fine"}, "thesaurus['good'] must be a list of synonyms, got {'fine'}; sorted() gives"),
        (None, "thesaurus['good'] must be a list of synonyms, got None"),
        (["fine", 3], "thesaurus['good'] must have a word in each synonym, got 3"),
        (["fine", " "], "thesaurus['good'] must have a word in each synonym, got ' '"),
    ],
)
@pytest.mark.parametrize("word", ["good", "Good"])
@pytest.mark.parametrize("change", [synonym_replacement, random_insertion])
def test_what_is_no_list_of_synonyms(change, word, synonyms, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        change([word], 1, STREAM, thesaurus={"good": synonyms})


def test_examples_in_docstrings():
    found = doctest.testmod(text_augmentation)
    assert found.attempted > 3
    assert found.failed == 0
