"""Augmentation of text: words are replaced, inserted, swapped and deleted; texts are translated.

A sentence is a list of words. It is changed before its words become numbers, so there is one copy
of this for the three frameworks. Of a sentence of l words, with n = ``count`` and p = ``rate``:

    synonym replacement   n of the words, each to one of its synonyms
    random insertion      n times: a synonym of one of the words, at one of the places
    random swap           n times: two of the words change places
    random deletion       every word goes with probability p, by itself; one word is left
    EDA                   a few copies of a sentence, each by one of the four,
                          with n = max(1, floor(alpha l)), 0 if alpha is 0, and p = alpha
    back-translation      a text into another language and back

Every choice is uniform over all that there is to choose from. Nothing that is given is changed;
every function returns new lists. A ``ValueError`` says which argument does not fit.

Draws: the numbers come from a ``Stream``, an address (seed, layer, step), in the way that each
function states; so the same address gives the same words in every process and beside every
framework. How many are drawn depends on l and n alone, never on what was chosen. A larger n (or p)
does what a smaller one does, and then more. Two changes of one sentence, one after the other, need
streams of two names, or they choose alike.

A thesaurus is a mapping from a word to a list of its synonyms; ``wordnet`` has one of English. A
word is looked up as it is written, and else in lower case; then its synonym gets its case, "Good"
to "Fine" and "GOOD" to "FINE". A synonym of two words becomes two words of the sentence. A word is
no synonym of itself, and a synonym that is listed twice counts once. Unicode is compared as it is:
bring words and thesaurus to one normal form, NFC say.

A data set, three times as large, and again in another way in each epoch:

    change = functools.partial(eda, thesaurus=wordnet(), alpha=0.05, copies=2)
    copies = augment_texts(texts, change, Stream(seed, "eda", epoch * len(texts)))
    x = [*texts, *itertools.chain.from_iterable(copies)]
    y = np.concatenate([labels, np.repeat(labels, 2)])

Papers: Wei and Zou, "EDA: Easy data augmentation techniques for boosting performance on text
classification tasks", EMNLP 2019. Sennrich, Haddow and Birch, "Improving neural machine translation
models with monolingual data", ACL 2016, and for classifiers Xie, Dai, Hovy, Luong and Le,
"Unsupervised data augmentation for consistency training", NeurIPS 2020: back-translation.

Where the code of EDA's authors differs from their paper, we follow the paper. The code replaces a
chosen word wherever it stands. It inserts synonyms of stop words and of inserted words too, always
the first of a set, and never as the last word. After an unlucky draw it leaves out a swap. It makes
more copies than wanted, shuffles them, drops some at random and adds the sentence itself. The order
of its sets is another in each process, so one seed gives many results. It strips texts of all but
the letters a to z. What the paper leaves open is as in the code: n is at least 1, words without
synonyms are not chosen, and one word is left.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from scratch.streams import integers, uniform
from triptych.common.checks import (
    check_choice,
    check_draw,
    check_integer,
    check_number,
    check_size,
    check_text,
    shown,
)
from triptych.common.streams import Stream

__all__ = [
    "EDA_OPERATIONS",
    "STOP_WORDS",
    "Thesaurus",
    "augment_texts",
    "back_translation",
    "eda",
    "random_deletion",
    "random_insertion",
    "random_swap",
    "synonym_replacement",
    "wordnet",
]

Thesaurus = Mapping[str, Sequence[str]]

# In the order in which ``eda`` takes them.
EDA_OPERATIONS = ("synonym_replacement", "random_insertion", "random_swap", "random_deletion")

# English words that carry grammar and no topic. Many have synonyms all the same, and wrong ones:
# to WordNet "us" is a country, "a" a vitamin. The last line is what splitting at "'" leaves.
_FUNCTION_WORDS = """
i me my mine myself we us our ours ourselves you your yours yourself yourselves
he him his himself she her hers herself it its itself they them their theirs themselves
who whom whose which what this that these those
am is are was were be been being have has had having do does did doing
can could may might must shall should will would
a an the and or nor but if as than because until while so
of at by for with about against between into through during before after
above below to from up down in out on off over under
no not all any both each few more most other some such only own same too very just
now then once again further here there when where why how
s t d m re ve ll don
"""
STOP_WORDS = frozenset(_FUNCTION_WORDS.split())


def synonym_replacement(
    words: Sequence[str],
    count: int,
    stream: Stream,
    *,
    thesaurus: Thesaurus,
    keep: Collection[str] = STOP_WORDS,
) -> list[str]:
    """Replace ``count`` of the words, each by one of its synonyms.

    1. Eligible is each word of the sentence that is not in ``keep`` and has a synonym. It is in
       ``keep`` if it stands there as it is written, or in lower case.
    2. Take the ``count`` of them with the smallest u[i], or all if there are fewer. A word that
       stands twice is two words.
    3. Put one of its k synonyms in the place of word i: the one with the index floor(v[i] k).

    Draws: u, v = ``uniform(stream, (2, l))``, two numbers for each word, eligible or not.

    >>> words = "a good film".split()
    >>> synonym_replacement(words, 1, Stream(0, "sr"), thesaurus={"film": ["motion picture"]})
    ['a', 'good', 'motion', 'picture']
    """
    words, count = _check(words, count, stream)
    found = _eligible(words, thesaurus, keep)
    u, v = uniform(stream, (2, len(words)), dtype="float64").tolist()
    chosen = set(sorted(found, key=lambda i: u[i])[:count])
    result: list[str] = []
    for i, word in enumerate(words):
        result += _pick(found[i], v[i]).split() if i in chosen else [word]
    return result


def random_insertion(
    words: Sequence[str],
    count: int,
    stream: Stream,
    *,
    thesaurus: Thesaurus,
    keep: Collection[str] = STOP_WORDS,
) -> list[str]:
    """Insert a synonym of one of the words somewhere in the sentence, ``count`` times:

    1. Of the m words that ``synonym_replacement`` may choose, in the sentence as it was given, take
       that with the index floor(u m).
    2. Of its k synonyms take that with the index floor(v k).
    3. Insert it at the index floor(w (L + 1)) of the sentence as it is by now, of L words; L is the
       place after the last one.

    Where m = 0, nothing is inserted. Draws: u, v, w = ``uniform(stream, (count, 3))``, a row each
    time.
    """
    words, count = _check(words, count, stream)
    found = list(_eligible(words, thesaurus, keep).values())
    drawn = uniform(stream, (count, 3), dtype="float64").tolist()
    result = list(words)
    for u, v, w in drawn if found else ():
        at = int(w * (len(result) + 1))
        result[at:at] = _pick(_pick(found, u), v).split()
    return result


def random_swap(words: Sequence[str], count: int, stream: Stream) -> list[str]:
    """Let two of the words change places, ``count`` times:

    1. i = floor(u l) and j = floor(v (l - 1)), and 1 more if j >= i: two places that differ.
    2. Exchange the words at i and j.

    A later swap may undo an earlier one, and two equal words may be swapped. A sentence of one word
    stays as it is. Draws: u, v = ``uniform(stream, (count, 2))``, a row each time.
    """
    words, count = _check(words, count, stream)
    drawn = uniform(stream, (count, 2), dtype="float64").tolist()
    result, length = list(words), len(words)
    for u, v in drawn if length > 1 else ():
        i, j = int(u * length), int(v * (length - 1))
        j += j >= i
        result[i], result[j] = result[j], result[i]
    return result


def random_deletion(words: Sequence[str], rate: float, stream: Stream) -> list[str]:
    """Delete every word with probability ``rate`` in [0, 1], by itself, but leave one.

    1. Word i goes if u[i] < rate.
    2. If all would go, the one with the largest u[i] stays: any of them, with equal probability.

    So rate * l - rate**l words go on average. Draws: u = ``uniform(stream, (l,))``.
    """
    words = _check_words("words", words)
    rate = check_number("rate", rate, "[0, 1]")
    check_draw(stream, ())
    u = uniform(stream, (len(words),), dtype="float64")
    kept = [word for word, number in zip(words, u.tolist(), strict=True) if number >= rate]
    return kept if kept or not words else [words[int(u.argmax())]]


def eda(
    words: Sequence[str],
    stream: Stream,
    *,
    thesaurus: Thesaurus,
    alpha: float = 0.1,
    copies: int = 4,
    keep: Collection[str] = STOP_WORDS,
    operations: Sequence[str] = EDA_OPERATIONS,
) -> list[list[str]]:
    """Changed copies of a sentence, each by one operation, in turn.

    1. Draw which operation comes first, s = ``integers(stream, (1,), 0, len(operations))``.
    2. Copy c is made by operations[(s + c) mod len(operations)], from the stream with the name
       "NAME/c", where NAME is that of ``stream``, with the same seed and step.

    So each copy is made by each operation with the same probability, as in the paper, and the
    operations are shared out as evenly as ``copies`` allows. A longer sentence takes more changes:
    n = max(1, floor(alpha l)), the probability of a deletion is alpha, and alpha = 0 changes
    nothing. A copy equals the sentence where no word could be changed, or none was deleted.

    ``alpha`` lies in [0, 1]. The paper recommends 0.05 and 16 copies for 500 sentences, 0.05 and 8
    for 2,000, 0.1 and 4 for 5,000 and more. ``operations`` are some of ``EDA_OPERATIONS``. Two of
    them need synonyms; for the others the thesaurus may be empty.
    """
    words = _check_words("words", words)
    check_draw(stream, ())
    _check_thesaurus(thesaurus, keep)
    alpha = check_number("alpha", alpha, "[0, 1]")
    copies = check_size("copies", copies, minimum=0)
    operations = _check_operations(operations)
    # 0.29 * 100 is a little less than 29.
    count = max(1, int(alpha * len(words) + 1e-9)) if alpha else 0
    synonyms: dict[str, Any] = {"thesaurus": thesaurus, "keep": keep}
    first = int(integers(stream, (1,), 0, len(operations))[0])
    result = []
    for copy in range(copies):
        own = Stream(stream.seed, f"{stream.layer}/{copy}", stream.step)
        match operations[(first + copy) % len(operations)]:
            case "synonym_replacement":
                result.append(synonym_replacement(words, count, own, **synonyms))
            case "random_insertion":
                result.append(random_insertion(words, count, own, **synonyms))
            case "random_swap":
                result.append(random_swap(words, count, own))
            case "random_deletion":
                result.append(random_deletion(words, alpha, own))
    return result


def augment_texts(
    texts: Sequence[Sequence[str]], augment: Callable[..., Any], stream: Stream
) -> list[Any]:
    """What ``augment(words, stream=...)`` returns for each text, in order.

    Text i has the step ``stream.step`` + i, so what becomes of it does not depend on the others.
    ``augment`` is a function of this file with its other arguments set, or one of your own with an
    argument called ``stream``. An error that it raises gets a note that says at which text.

    >>> from functools import partial
    >>> texts = [["not", "bad", "at", "all"], ["good"]]
    >>> augment_texts(texts, partial(random_deletion, rate=0.5), Stream(0, "rd"))
    [['not', 'bad', 'at'], ['good']]
    """
    _check_list("texts", texts, "lists of words")
    texts = [_check_words(f"texts[{i}]", words) for i, words in enumerate(texts)]
    _check_callable("augment", augment)
    check_draw(stream, ())
    step = check_integer("stream.step", stream.step, maximum=2**63 - 1 - len(texts))
    result = []
    for i, words in enumerate(texts):
        try:
            result.append(augment(words, stream=stream._replace(step=step + i)))
        except Exception as error:
            error.add_note(f"at texts[{i}]: {shown(words)}")
            raise
    return result


def back_translation(
    texts: Sequence[Any],
    translate: Callable[[list[Any]], Sequence[Any]],
    back: Callable[[list[Any]], Sequence[Any]],
    *,
    batch_size: int = 32,
) -> list[Any]:
    """back(translate(texts)), ``batch_size`` texts at a time, in order.

    1. ``translate`` gets a list of texts and returns as many, in another language.
    2. ``back`` gets those, and returns as many in the language that ``texts`` are in.

    A text is a str, or a list of words. Either function returns a str for a str and words for
    words, and nothing empty for a text that is not; a ``ValueError`` says for which text it did
    not. An error that a function raises gets a note that says which texts it was given: with
    ``batch_size=1`` that is one.

    Nothing is drawn here. A function that samples its answers has a seed of its own.
    """
    _check_list("texts", texts, "texts")
    texts = [_check_text(f"texts[{i}]", text) for i, text in enumerate(texts)]
    _check_callable("translate", translate)
    _check_callable("back", back)
    batch_size = check_size("batch_size", batch_size)
    result: list[Any] = []
    for start in range(0, len(texts), batch_size):
        foreign = _translated("translate", translate, texts[start : start + batch_size], start)
        result += _translated("back", back, foreign, start)
    return result


def wordnet() -> Thesaurus:
    """The synonyms of English words in WordNet, by NLTK: a thesaurus.

    The synonyms of a word are all lemmas of all its synsets but the word itself, in lower case, "_"
    read as a space, in the order of WordNet. Any part of speech and any sense will do: "film" may
    become "picture" or "celluloid". A form like "movies" finds what its base form "movie" does, and
    that too. A word in the thesaurus is in lower case.

    Needs the package ``nltk`` and the data that it calls "wordnet"; an ``ImportError`` or a
    ``LookupError`` says how to get what is missing. Nothing is downloaded here.

    Paper: Miller, "WordNet: A lexical database for English", Communications of the ACM 38, 1995.
    """
    try:
        from nltk.corpus import wordnet as corpus
    except ImportError as error:
        raise ImportError(
            "wordnet() needs NLTK, which is not installed; get it with: pip install nltk"
        ) from error
    try:
        corpus.ensure_loaded()
    except (LookupError, OSError) as error:  # OSError: some of its files are missing
        raise LookupError(
            "wordnet() needs NLTK's data of WordNet, which are not installed or not whole; get "
            "them with: python -m nltk.downloader wordnet"
        ) from error
    return _WordNet(corpus)


class _WordNet(Mapping[str, tuple[str, ...]]):
    """Looks a word up when it is asked for, and remembers it: all of WordNet takes seconds."""

    def __init__(self, corpus: Any) -> None:
        self._corpus = corpus
        self._known: dict[str, tuple[str, ...]] = {}

    def __getitem__(self, word: str) -> tuple[str, ...]:
        if word not in self._known:
            # NLTK would find "Good" too; the caller looks for "good", and keeps the case.
            synsets = self._corpus.synsets(word.replace(" ", "_")) if word == word.lower() else ()
            if not synsets:
                raise KeyError(word)
            lemmas = (name for synset in synsets for name in synset.lemma_names())
            synonyms = dict.fromkeys(name.replace("_", " ").lower() for name in lemmas)
            self._known[word] = tuple(name for name in synonyms if name != word)
        return self._known[word]

    def __iter__(self) -> Iterator[str]:
        return (name.replace("_", " ") for name in self._corpus.all_lemma_names())

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return "wordnet()"


def _eligible(
    words: Sequence[str], thesaurus: Thesaurus, keep: Collection[str]
) -> dict[int, list[str]]:
    """The synonyms of each word that may be chosen, by its place."""
    keep = _check_thesaurus(thesaurus, keep)
    found = {}
    for i, word in enumerate(words):
        if word not in keep and word.lower() not in keep and (others := _synonyms(word, thesaurus)):
            found[i] = others
    return found


def _synonyms(word: str, thesaurus: Thesaurus) -> list[str]:
    key = word if word in thesaurus else word.lower()
    found = thesaurus.get(key, ())
    name = f"thesaurus[{key!r}]"
    if not isinstance(found, list | tuple):
        # The order of a set of texts is another in each process.
        hint = "; sorted() gives a set an order" if isinstance(found, set | frozenset) else ""
        raise ValueError(f"{name} must be a list of synonyms, got {shown(found)}{hint}")
    for synonym in found:
        if not isinstance(synonym, str) or not synonym.split():
            raise ValueError(f"{name} must have a word in each synonym, got {shown(synonym)}")
    if key != word:
        found = [_in_the_case_of(word, synonym) for synonym in found]
    return [synonym for synonym in dict.fromkeys(found) if synonym != word]


def _in_the_case_of(word: str, synonym: str) -> str:
    if word.isupper() and len(word) > 1:
        return synonym.upper()
    if word[:1] != word[:1].lower():
        return synonym[:1].title() + synonym[1:]
    return synonym


def _pick(choices: Sequence[Any], share: float) -> Any:
    """That with the index floor(share * how many there are), for a share in [0, 1)."""
    return choices[int(share * len(choices))]


def _translated(
    name: str, function: Callable[[list[Any]], Sequence[Any]], batch: list[Any], start: int
) -> list[Any]:
    last = start + len(batch) - 1
    which = f"texts[{start}]" if last == start else f"texts[{start}] to texts[{last}]"
    try:
        found = function([text if isinstance(text, str) else list(text) for text in batch])
    except Exception as error:
        error.add_note(f"{name} was given {which}")
        raise
    if not isinstance(found, list | tuple) or len(found) != len(batch):
        count = f"{len(found)}: " if isinstance(found, list | tuple) else ""
        raise ValueError(
            f"{name} must return a list of {len(batch)} for {which}, got {count}{shown(found)}"
        )
    result = []
    for i, (text, answer) in enumerate(zip(batch, found, strict=True), start):
        what = f"what {name} returns for texts[{i}]"
        if isinstance(text, str):
            check_text(what, answer)
        else:
            answer = _check_words(what, answer)
        if _is_empty(answer) and not _is_empty(text):
            raise ValueError(f"{what} must not be empty, got {answer!r} for {shown(text)}")
        result.append(answer)
    return result


def _is_empty(text: Any) -> bool:
    return not (text.strip() if isinstance(text, str) else text)


def _check(words: Any, count: Any, stream: Any) -> tuple[list[str], int]:
    words = _check_words("words", words)
    check_draw(stream, ())
    return words, check_size("count", count, minimum=0)


def _check_words(name: str, words: Any) -> list[str]:
    """A new list of them."""
    if not isinstance(words, list | tuple):
        hint = ": split it into words" if isinstance(words, str) else ""
        raise ValueError(f"{name} must be a list of words, got {shown(words)}{hint}")
    for i, word in enumerate(words):
        if not isinstance(word, str):
            check_text(f"{name}[{i}]", word)
    return list(words)


def _check_list(name: str, value: Any, of: str) -> None:
    if not isinstance(value, list | tuple):
        raise ValueError(f"{name} must be a list of {of}, got {shown(value)}")


def _check_text(name: str, text: Any) -> Any:
    """A str, or a new list of words."""
    if isinstance(text, str):
        return text
    if isinstance(text, list | tuple):
        return _check_words(name, text)
    raise ValueError(f"{name} must be text or a list of words, got {shown(text)}")


def _check_callable(name: str, value: Any) -> None:
    if not callable(value):
        raise ValueError(f"{name} must be a function, got {shown(value)}")


def _check_thesaurus(thesaurus: Any, keep: Any) -> frozenset[str]:
    if not isinstance(thesaurus, Mapping):
        raise ValueError(
            f"thesaurus must be a mapping from a word to its synonyms, got {shown(thesaurus)}"
        )
    if not isinstance(keep, list | tuple | set | frozenset):
        raise ValueError(f"keep must be a set or list of words, got {shown(keep)}")
    for word in keep:
        if not isinstance(word, str):
            raise ValueError(f"keep must hold words alone, got {shown(word)}")
    return frozenset(keep)


def _check_operations(operations: Any) -> list[str]:
    _check_list("operations", operations, "names")
    if not operations:
        raise ValueError("operations must have at least one name, got an empty list")
    return [
        check_choice(f"operations[{i}]", operation, EDA_OPERATIONS)
        for i, operation in enumerate(operations)
    ]
