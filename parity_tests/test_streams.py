"""Random streams: published vectors, the same bits in three frameworks, and the distributions.

The statistical tests have fixed seeds, so they pass or fail for good. P_VALUE is the probability
that one of them rejects a perfect generator; there are about 150, so one rejection in 70 seeds is
what chance would give.
"""

import keras
import numpy as np
import pytest
import torch
from scipy import special, stats

from parity_tests.panels import PACKAGES, everywhere, panel, same_error
from scratch import streams
from triptych.common.streams import Stream, beta_table, normal_table

BACKEND = keras.backend.backend()
P_VALUE = 1e-4

SEEDS = [0, 1, 2**32 - 1, 2**32, 2**64 - 1]
LAYERS = ["dropout", "größe", 0, 2**32 - 1]
STEPS = [0, 1, 2**32 - 1, 2**32, 2**40, 2**63 - 1]
SHAPES = [(), (1,), (3,), (0, 3), (2, 5), (2, 3, 1, 7)]
ADDRESSES = [
    *(Stream(seed, "dropout", 3) for seed in SEEDS),
    *(Stream(7, layer, 3) for layer in LAYERS),
    *(Stream(7, "dropout", step) for step in STEPS),
]

DRAWS = {
    "uniform": lambda p, stream, shape: p.uniform(stream, shape),
    "uniform, float64": lambda p, stream, shape: p.uniform(stream, shape, dtype="float64"),
    "bernoulli": lambda p, stream, shape: p.bernoulli(stream, shape, 0.3),
    "normal": lambda p, stream, shape: p.normal(stream, shape),
    "normal, float64": lambda p, stream, shape: p.normal(stream, shape, dtype="float64"),
    "integers": lambda p, stream, shape: p.integers(stream, shape, -5, 12),
    "integers, widest": lambda p, stream, shape: p.integers(stream, shape, -(2**31), 0),
    "beta": lambda p, stream, shape: p.beta(stream, shape, 0.2, 0.2),
    "beta, float64": lambda p, stream, shape: p.beta(stream, shape, 5.0, 1.0, dtype="float64"),
}


# The generator.

# "philox4x32 10" in tests/kat_vectors of Random123 1.14: counter, key, answer.
KNOWN_ANSWERS = """
00000000 00000000 00000000 00000000 00000000 00000000 6627e8d5 e169c58d bc57ac4c 9b00dbd8
ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff 408f276d 41c83b0e a20bc7c6 6d5451fd
243f6a88 85a308d3 13198a2e 03707344 a4093822 299f31d0 d16cfe09 94fdcceb 5001e420 24126ea1
"""


def philox_of_the_paper(key, counter):
    """Philox-4x32-10 of Salmon et al., section 3.3, one block in Python's integers.

    An S-box takes (L, R) to (mulhi(R, M) ^ k ^ L, mullo(R, M)); two of them, then the swap of R.
    """
    c0, c1, c2, c3 = counter
    for r in range(10):
        k0 = (key[0] + r * 0x9E3779B9) & 0xFFFFFFFF
        k1 = (key[1] + r * 0xBB67AE85) & 0xFFFFFFFF
        product0, product1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1 = (product1 >> 32) ^ k0 ^ c1, product1 & 0xFFFFFFFF
        c2, c3 = (product0 >> 32) ^ k1 ^ c3, product0 & 0xFFFFFFFF
    return c0, c1, c2, c3


@pytest.mark.parametrize("line", KNOWN_ANSWERS.split("\n")[1:-1])
def test_published_vectors(line):
    words = [int(word, 16) for word in line.split()]
    counter, key, answer = words[:4], tuple(words[4:6]), words[6:]
    assert list(philox_of_the_paper(key, counter)) == answer
    columns = np.array([counter, counter]).T  # two blocks at once

    def blocks(framework, adapter):
        return adapter.numpy(panel(framework, "streams").philox(key, adapter.tensor(columns)))

    for framework, result in everywhere(blocks).items():
        assert result.tolist() == [[word, word] for word in answer], framework


def test_words_are_the_blocks_of_the_paper():
    """The address goes to key and counter as ``triptych.common.streams`` says it does."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        seed, step = (int(v) for v in rng.integers(0, 2**63, 2))
        layer, count = int(rng.integers(0, 2**32)), int(rng.choice([3, 9]))
        expected = []
        for block in range(-(-count // 4)):
            counter = (block, layer, step % 2**32, step // 2**32)
            expected += philox_of_the_paper((seed % 2**32, seed // 2**32), counter)
        for framework in PACKAGES:
            words = panel(framework, "streams").words(Stream(seed, layer, step), count)
            assert np.asarray(words).tolist() == expected[:count], framework


# The same bits everywhere.


@pytest.mark.parametrize("stream", ADDRESSES, ids=str)
def test_every_address_agrees(parity, stream):
    def draw(framework, adapter):
        p = panel(framework, "streams")
        drawn = {name: adapter.numpy(draw(p, stream, (3, 3))) for name, draw in DRAWS.items()}
        drawn["permutation"] = adapter.numpy(p.permutation(stream, (2, 9)))
        # NumPy has uint32; elsewhere a word is an int64.
        drawn["words"] = adapter.numpy(p.words(stream, 9)).astype(np.int64)
        return drawn

    parity("streams", everywhere(draw), tolerance=0)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", DRAWS)
def test_every_shape_agrees(name, shape):
    stream = Stream(11, name, 5)
    reference = DRAWS[name](streams, stream, shape)
    assert reference.shape == shape
    for framework, drawn in everywhere(
        lambda f, a: a.numpy(DRAWS[name](panel(f, "streams"), stream, shape))
    ).items():
        assert drawn.dtype == reference.dtype, framework
        assert drawn.shape == shape, framework
        assert np.array_equal(drawn, reference), framework


def test_many_draws_agree(parity):
    """Tens of thousands from each distribution: rare words too, in the tails of the tables.

    n**2 / 2**32 pairs of a permutation's keys are equal, here 21; position tells them apart.
    """
    stream, shape = Stream(5, "many", 1), (200, 151)

    def draw(framework, adapter):
        p = panel(framework, "streams")
        drawn = {name: adapter.numpy(draw(p, stream, shape)) for name, draw in DRAWS.items()}
        return drawn | {"permutation": adapter.numpy(p.permutation(stream, (300_000,)))}

    parity("streams", everywhere(draw), tolerance=0)


def test_a_longer_draw_begins_with_the_shorter_one():
    stream = Stream(3, "prefix")
    long = streams.words(stream, 1000)
    for count in (0, 1, 2, 3, 4, 5, 999):
        assert np.array_equal(streams.words(stream, count), long[:count])
        assert streams.words(stream, count).dtype == np.uint32


def test_step_may_be_any_integer_tensor():
    expected = streams.words(Stream(2, "a", 2**40 + 1), 6).tolist()
    step = np.array(2**40 + 1)
    for framework, adapter_step in everywhere(lambda f, a: a.tensor(step)).items():
        words = panel(framework, "streams").words(Stream(2, "a", adapter_step), 6)
        assert np.asarray(words).tolist() == expected, framework
    assert streams.words(Stream(2, "a", np.int64(2**40 + 1)), 6).tolist() == expected


def compiled(function, *, xla):
    """``function`` of a tensor ``x`` and a tensor ``step``, compiled by the backend."""
    if BACKEND == "tensorflow":
        import tensorflow as tf

        signature = [tf.TensorSpec((None, 3), tf.float32), tf.TensorSpec((), tf.int64)]
        return tf.function(function, jit_compile=xla, input_signature=signature)
    if BACKEND == "jax":
        import jax

        return jax.jit(function)
    return function  # torch: eager is all there is


@pytest.mark.parametrize("xla", [False, True])
def test_compiled_keras_agrees(xla):
    """In a graph, with the step as a tensor; TensorFlow without knowing the batch size either."""

    def draw(p, stream, shape):
        # Not all of DRAWS: the compiler takes half a second for each.
        names = ["uniform", "bernoulli", "normal", "integers", "beta, float64"]
        drawn = {name: DRAWS[name](p, stream, shape) for name in names}
        return drawn | {
            "words": p.words(stream, shape[0]),
            "order": p.permutation(stream, (shape[0],)),
        }

    def function(x, step):
        return draw(panel("keras", "streams"), Stream(2**64 - 1, "graph", step), keras.ops.shape(x))

    graph = compiled(function, xla=xla)
    for rows, step in ((1, 2**32), (37, 2**40 + 5)):
        drawn = graph(keras.ops.zeros((rows, 3)), panel("keras", "streams").int64(step))
        expected = draw(streams, Stream(2**64 - 1, "graph", step), (rows, 3))
        assert drawn.keys() == expected.keys()
        for name, values in expected.items():
            result = keras.ops.convert_to_numpy(drawn[name])
            assert result.shape == values.shape, (name, rows)
            assert np.array_equal(result, values), (name, rows)


def test_shapes_known_to_the_graph():
    """A shape of Python integers inside a graph, and an unknown one that is empty."""
    p = panel("keras", "streams")

    def function(x, step):
        return p.normal(Stream(1, "n", step), (5,)), p.uniform(Stream(1, "u", step), x.shape[1:])

    graph = compiled(function, xla=False)
    for rows in (0, 2):
        normal, uniform = graph(keras.ops.zeros((rows, 3)), p.int64(9))
        assert np.array_equal(normal, streams.normal(Stream(1, "n", 9), (5,)))
        assert np.array_equal(uniform, streams.uniform(Stream(1, "u", 9), (3,)))


# Purity.


def draw_everything(framework, adapter):
    p, stream = panel(framework, "streams"), Stream(8, "pure", 4)
    drawn = [adapter.numpy(draw(p, stream, (3, 3))) for draw in DRAWS.values()]
    return [*drawn, adapter.numpy(p.permutation(stream, (2, 9)))]


def test_the_same_address_twice():
    first, second = (everywhere(draw_everything) for _ in range(2))
    for framework in PACKAGES:
        for a, b in zip(first[framework], second[framework], strict=True):
            assert np.array_equal(a, b), framework


def test_global_generators_are_neither_read_nor_moved():
    results = []
    for seed in (1, 2):
        seed_everything(seed)
        untouched = next_global_numbers()
        seed_everything(seed)
        results.append(everywhere(draw_everything))
        assert next_global_numbers() == untouched
    for framework in PACKAGES:
        for a, b in zip(results[0][framework], results[1][framework], strict=True):
            assert np.array_equal(a, b), framework


def seed_everything(seed):
    keras.utils.set_random_seed(seed)  # Python, NumPy and the backend
    torch.manual_seed(seed)


def next_global_numbers():
    import random

    numbers = [random.random(), np.random.random(), torch.rand(()).item()]  # noqa: NPY002
    numbers.append(float(keras.random.uniform(())))
    if BACKEND == "tensorflow":
        import tensorflow as tf

        numbers.append(float(tf.random.uniform(())))
    return numbers


def test_the_caller_keeps_his_arrays():
    """A step tensor and a counter are not written to, and the tables are not handed out."""
    counter = np.arange(8, dtype=np.uint32).reshape(4, 2)
    before = counter.copy()
    streams.philox((1, 2), counter)
    assert np.array_equal(counter, before)
    for table in (normal_table(), beta_table(0.5, 0.5)):
        for column in table:
            copy = column.copy()
            streams.normal(Stream(0), (100,))
            streams.beta(Stream(0), (100,), 0.5, 0.5)
            assert np.array_equal(column, copy)


# The distributions. The frameworks agree bit for bit, so it is enough to look at one.

COUNT = 100_000


def test_the_normal_table():
    """Within 1e-5 of the true quantile at random words, at the rarest ones, and at the knots."""
    rng = np.random.default_rng(0)
    word = np.concatenate(
        [rng.integers(1, 2**32, COUNT), np.arange(1, 1000), 2 ** rng.integers(0, 32, 99)]
    )
    word = np.concatenate([word, 2**32 - word])
    error = at_words(normal_table(), word) - stats.norm.ppf(word / 2**32)
    assert np.abs(error).max() < 1e-5
    # Word 0 stands for half a word: the quantile of 0 is infinite.
    assert abs(at_words(normal_table(), np.array([0])) - stats.norm.ppf(2.0**-33)) < 1e-5
    knots, quantiles = normal_table()
    assert (np.diff(knots) > 0).all()
    assert (np.diff(quantiles) >= 0).all()
    assert (knots[0], knots[-1]) == (0, 2**32)
    assert np.array_equal(quantiles, -quantiles[::-1])  # symmetric
    assert np.abs(quantiles).max() < 6.4 * 2**32


@pytest.mark.parametrize(
    ("a", "b", "bound"),
    [
        (0.2, 0.2, 1e-5), (5, 1, 1e-5), (1, 5, 1e-5), (0.5, 0.5, 1e-5), (2, 3, 1e-5),
        (0.2, 8, 1e-5), (20, 30, 1e-5), (0.1, 0.1, 2.5e-5), (0.01, 0.01, 2e-3), (1, 1, 2.0**-32),
    ],
)  # fmt: skip
def test_the_beta_table(a, b, bound):
    rng = np.random.default_rng(1)
    word = np.concatenate(
        [rng.integers(0, 2**32, COUNT), np.arange(1000), 2 ** rng.integers(0, 32, 99)]
    )
    word = np.concatenate([word, 2**32 - 1 - word])
    error = at_words(beta_table(a, b), word) - special.betaincinv(a, b, word / 2**32)
    assert np.abs(error).max() < bound
    knots, quantiles = beta_table(a, b)
    assert (np.diff(quantiles) >= 0).all()
    assert (quantiles[0], quantiles[-1]) == (0, 2**32)
    at_knots = quantiles / 2**32 - special.betaincinv(a, b, knots / 2**32)
    assert np.abs(at_knots).max() < 2.0**-32


def at_words(table, word):
    """Straight lines between the knots, in float64."""
    knots, quantiles = table
    return np.interp(word, knots, quantiles / 2**32)


def test_interpolation_is_that_of_the_table():
    stream = Stream(4, "interpolate")
    word = streams.words(stream, 10_000)
    for table, drawn in (
        (normal_table(), streams.normal(stream, (10_000,), dtype="float64")),
        (beta_table(0.2, 0.3), streams.beta(stream, (10_000,), 0.2, 0.3, dtype="float64")),
    ):
        gap = at_words(table, word) - drawn  # drawn is rounded down to a multiple of 2**-32
        assert gap.min() > -1e-14
        assert gap.max() < 2.0**-32 + 1e-14


@pytest.mark.parametrize("seed", [0, 1, 2**64 - 1])
def test_uniform(seed):
    drawn = streams.uniform(Stream(seed, "uniform"), (COUNT,), dtype="float64")
    assert stats.kstest(drawn, "uniform").pvalue > P_VALUE
    assert drawn.min() >= 0
    assert drawn.max() < 1
    assert np.array_equal(drawn * 2**24 % 1, np.zeros(COUNT))
    single = streams.uniform(Stream(seed, "uniform"), (COUNT,))
    assert np.array_equal(single, drawn)


@pytest.mark.parametrize("seed", [0, 1, 2**64 - 1])
def test_normal(seed):
    drawn = streams.normal(Stream(seed, "normal"), (COUNT,), dtype="float64")
    assert stats.kstest(drawn, "norm").pvalue > P_VALUE
    # The standard errors of these moments of n normals are sqrt(k / n), k = 1, 2, 6, 24.
    moments = [drawn.mean(), drawn.var() - 1, stats.skew(drawn), stats.kurtosis(drawn)]
    scores = np.array(moments) / np.sqrt(np.array([1, 2, 6, 24]) / COUNT)
    assert np.abs(scores).max() < stats.norm.isf(P_VALUE / 2)
    assert np.array_equal(streams.normal(Stream(seed, "normal"), (COUNT,)), drawn.astype("float32"))


@pytest.mark.parametrize(
    ("a", "b"), [(0.2, 0.2), (5, 1), (1, 1), (0.5, 0.5), (2, 3), (1, 5), (20, 30)]
)
def test_beta(a, b):
    for seed in (0, 1):
        drawn = streams.beta(Stream(seed, "beta"), (COUNT,), a, b, dtype="float64")
        assert stats.kstest(drawn, stats.beta(a, b).cdf).pvalue > P_VALUE
        assert drawn.min() >= 0
        assert drawn.max() <= 1
        mean, variance = stats.beta.stats(a, b)
        score = (drawn.mean() - mean) / np.sqrt(variance / COUNT)
        assert abs(score) < stats.norm.isf(P_VALUE / 2)


@pytest.mark.parametrize(("low", "high"), [(0, 2), (-3, 4), (10, 110), (0, 1)])
def test_integers(low, high):
    for seed in (0, 1):
        drawn = streams.integers(Stream(seed, "integers"), (COUNT,), low, high)
        assert drawn.min() == low
        assert drawn.max() == high - 1
        if high - low > 1:
            counts = np.bincount(drawn - low, minlength=high - low)
            assert stats.chisquare(counts).pvalue > P_VALUE


@pytest.mark.parametrize("seed", [0, 1, 2**32, 2**64 - 1])
def test_each_byte_of_the_words(seed):
    words = streams.words(Stream(seed, "bytes"), COUNT)
    for shift in (0, 8, 16, 24):
        counts = np.bincount((words >> shift) & 255, minlength=256)
        assert stats.chisquare(counts).pvalue > P_VALUE


@pytest.mark.parametrize("probability", [0.0, 2.0**-10, 0.3, 0.5, 0.9, 1.0])
def test_bernoulli(probability):
    drawn = streams.bernoulli(Stream(0, "bernoulli"), (COUNT,), probability)
    assert drawn.dtype == bool
    assert stats.binomtest(int(drawn.sum()), COUNT, probability).pvalue > P_VALUE
    if probability in (0, 1):
        assert drawn.all() == drawn.any() == bool(probability)


def test_bernoulli_is_the_half_word_below_the_threshold():
    stream = Stream(0, "bernoulli")
    words = streams.words(stream, 500)
    halves = np.stack([words % 2**16, words // 2**16], axis=-1).reshape(-1)
    for half in halves[:20]:
        drawn = streams.bernoulli(stream, (999,), int(half) / 2**16)
        assert np.array_equal(drawn, halves[:999] < half)
    smallest = int(halves.min())
    assert (
        streams.bernoulli(stream, (1000,), (smallest + 1) / 2**16).sum()
        == (halves == smallest).sum()
    )


def test_permutation():
    for count in (0, 1, 2, 100):
        order = streams.permutation(Stream(0, "permutation"), (count,))
        assert order.dtype == np.int64
        assert np.array_equal(np.sort(order), np.arange(count))
    orders = [streams.permutation(Stream(0, "permutation", s), (2, 4)) for s in range(1200)]
    _, counts = np.unique(np.reshape(orders, (2400, 4)), axis=0, return_counts=True)
    assert len(counts) == 24
    assert stats.chisquare(counts).pvalue > P_VALUE


def test_permutation_sorts_the_words():
    stream, count = Stream(6, "permutation"), 300_000
    order, keys = streams.permutation(stream, (count,)), streams.words(stream, count) >> 1
    assert np.array_equal(order, np.lexsort([np.arange(count), keys]))
    assert len(np.unique(keys)) < count  # there are ties


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Stream(3, "a", 5), Stream(3, "a", 6)),
        (Stream(3, "a", 5), Stream(3, "b", 5)),
        (Stream(3, 7, 5), Stream(3, 8, 5)),
        (Stream(3, "a", 5), Stream(4, "a", 5)),
        (Stream(3, "a", 2**32 - 1), Stream(3, "a", 2**32)),
        (Stream(2**32 - 1, "a", 5), Stream(2**32, "a", 5)),
        (Stream(3, "a", 0), Stream(3, "a", 2**32)),
    ],
    ids=str,
)
def test_neighbouring_addresses_are_independent(first, second):
    x, y = (streams.words(stream, COUNT) for stream in (first, second))
    assert stats.pearsonr(x.astype(float), y.astype(float)).pvalue > P_VALUE
    # Each bit of one against the same bit of the other.
    differing = np.unpackbits((x ^ y).view(np.uint8)).reshape(-1, 32).sum(axis=0)
    scores = (differing - COUNT / 2) / np.sqrt(COUNT / 4)
    assert np.abs(scores).max() < stats.norm.isf(P_VALUE / 2 / 32)


def test_neighbouring_elements_are_independent():
    drawn = streams.uniform(Stream(9, "lag"), (COUNT,), dtype="float64")
    for lag in (1, 2, 3, 4, 5, 100):
        assert stats.pearsonr(drawn[lag:], drawn[:-lag]).pvalue > P_VALUE


def test_every_part_of_the_address_counts():
    seen = {tuple(streams.words(stream, 4)) for stream in ADDRESSES}
    assert len(seen) == len(set(ADDRESSES))
    layers = (*LAYERS, "dropout_1", "Dropout")
    assert len({Stream(0, layer).address()[1] for layer in layers}) == 6
    # A name becomes its CRC-32 (this is its published check value); Python's hash would change
    # from one process to the next.
    assert Stream(0, "123456789").address()[1] == 0xCBF43926


# Bad input.


def bad(call, message):
    same_error(lambda framework, adapter: call(panel(framework, "streams")), message)


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (Stream(-1), "seed must be an integer in [0, 18446744073709551615], got -1"),
        (
            Stream(2**64),
            "seed must be an integer in [0, 18446744073709551615], got 18446744073709551616",
        ),
        (Stream(1.5), "seed must be an integer in [0, 18446744073709551615], got 1.5"),
        (Stream(None), "seed must be an integer in [0, 18446744073709551615], got None"),
        (Stream(0, -1), "layer must be an integer in [0, 4294967295], got -1"),
        (Stream(0, 2**32), "layer must be an integer in [0, 4294967295], got 4294967296"),
        (Stream(0, None), "layer must be an integer in [0, 4294967295], got None"),
        (Stream(0, 0, -1), "step must be an integer in [0, 9223372036854775807], got -1"),
        (
            Stream(0, 0, 2**63),
            "step must be an integer in [0, 9223372036854775807], got 9223372036854775808",
        ),
        (Stream(0, 0, 1.5), "step must be an integer in [0, 9223372036854775807], got 1.5"),
        (Stream(0, 0, True), "step must be an integer in [0, 9223372036854775807], got True"),
        (Stream(0, 0, "1"), "step must be an integer in [0, 9223372036854775807], got '1'"),
    ],
)
def test_bad_address(stream, message):
    for draw in DRAWS.values():
        bad(lambda p, draw=draw: draw(p, stream, (2,)), message)
    bad(lambda p: p.words(stream, 2), message)
    bad(lambda p: p.permutation(stream, (2,)), message)


@pytest.mark.parametrize("count", [-1, 2.5, "2", None, True, np.int64(-3)])
def test_bad_count(count):
    message = f"count must be an integer in [0, {2**34}], got {count!r}"
    bad(lambda p: p.words(Stream(0), count), message)


@pytest.mark.parametrize("name", DRAWS)
def test_bad_shape(name):
    for shape in ((-1,), (2, -3), (-2, -3), (2.5,), 3, None, "2", (True,)):
        message = f"shape must be a tuple of integers >= 0, got {shape!r}"
        bad(lambda p, shape=shape: DRAWS[name](p, Stream(0), shape), message)


def test_a_stream_has_only_so_many_words():
    message = "shape must hold at most 2**34 values, got (17179869184, 2)"
    bad(lambda p: p.uniform(Stream(0), (2**34, 2)), message)
    bad(lambda p: p.bernoulli(Stream(0), (2**34, 2), 0.5), message)


@pytest.mark.parametrize("probability", [-0.1, 1.5, float("nan"), "often", None, True])
def test_bad_probability(probability):
    message = f"probability must be a number in [0, 1], got {probability!r}"
    bad(lambda p: p.bernoulli(Stream(0), (2,), probability), message)


def test_bad_interval():
    for high in (5, 4, 5.5):
        message = f"high must be an integer in [6, {5 + 2**31}], got {high!r}"
        bad(lambda p, high=high: p.integers(Stream(0), (2,), 5, high), message)
    message = f"high must be an integer in [1, {2**31}], got {2**31 + 1}"
    bad(lambda p: p.integers(Stream(0), (2,), 0, 2**31 + 1), message)
    message = f"low must be an integer in [{-(2**31)}, {2**31}], got {-(2**31) - 1}"
    bad(lambda p: p.integers(Stream(0), (2,), -(2**31) - 1, 0), message)


def test_bad_parameters_of_beta():
    for value in (0, -1.0, float("nan"), float("inf"), "one"):
        message = f"a must be a number in (0, inf), got {value!r}"
        bad(lambda p, value=value: p.beta(Stream(0), (2,), value, 1.0), message)
        message = f"b must be a number in (0, inf), got {value!r}"
        bad(lambda p, value=value: p.beta(Stream(0), (2,), 1.0, value), message)


@pytest.mark.parametrize("dtype", ["int32", "float16", None])
def test_bad_dtype(dtype):
    message = f"dtype must be one of 'float32', 'float64', got {dtype!r}"
    bad(lambda p: p.uniform(Stream(0), (2,), dtype=dtype), message)
    bad(lambda p: p.normal(Stream(0), (2,), dtype=dtype), message)
    bad(lambda p: p.beta(Stream(0), (2,), 1.0, 1.0, dtype=dtype), message)
