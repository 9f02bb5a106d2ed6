import numpy as np
import pytest

from parity_tests.panels import (
    ADAPTERS,
    assert_gradient,
    assert_survives_saving,
    everywhere,
    panel,
    same_error,
    traced,
)
from triptych.common.streams import Stream

RNG = np.random.default_rng(0)
STREAM = Stream(2, "blocks", 3)
scratch = panel("scratch", "drop_block")


def make(framework, dtype="float32", **options):
    keras = {"dtype": dtype} if framework == "keras" else {}
    return panel(framework, "drop_block").DropBlock2D(**options, **keras)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("shape", "block_size"), [((1, 3, 3, 1), 3), ((3, 7, 5, 2), 2)])
@pytest.mark.parametrize("training", [True, False])
def test_three_steps_agree(parity, dtype, shape, block_size, training):
    x, upstream = RNG.normal(size=(2, *shape)).astype(dtype)

    def three_steps(framework, adapter):
        layer = make(framework, dtype, rate=0.3, block_size=block_size, seed=3)
        return [adapter.step(layer, x, upstream, training=training) for _ in range(3)]

    parity("drop_block", everywhere(three_steps))


def test_seeds_and_masks_are_the_same():
    def draw(framework, adapter):
        module = panel(framework, "drop_block")
        seeds = module.draw_seeds(STREAM, (3, 8, 9, 2), 0.25, 3)
        return [adapter.numpy(seeds), adapter.numpy(module.block_mask(seeds, 3))]

    drawn = everywhere(draw)
    for found in drawn.values():
        for ours, theirs in zip(drawn["scratch"], found, strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert drawn["scratch"][0].any()


def test_blocks_by_hand():
    seeds = np.zeros((1, 3, 2, 1), bool)
    seeds[0, 1, 1, 0] = True
    mask = scratch.block_mask(seeds, 2)[0, :, :, 0]
    np.testing.assert_array_equal(mask, np.array([[1, 1, 1], [1, 0, 0], [1, 0, 0], [1, 1, 1]]) > 0)
    x = np.arange(12.0).reshape(1, 4, 3, 1)
    y = scratch.drop_block(x, mask[np.newaxis, :, :, np.newaxis])
    np.testing.assert_allclose(y[0, :, :, 0], x[0, :, :, 0] * mask * 12 / 8, rtol=1e-15)


@pytest.mark.parametrize(("rate", "block_size"), [(0.05, 5), (0.1, 3), (0.2, 1)])
def test_about_the_rate_is_dropped_and_the_sum_stays(rate, block_size):
    seeds = scratch.draw_seeds(STREAM, (50, 20, 24, 8), rate, block_size)
    mask = scratch.block_mask(seeds, block_size)
    dropped = 1 - mask.mean()
    assert 0.85 * rate < dropped < 1.05 * rate  # blocks that overlap drop less
    y = scratch.drop_block(np.ones(mask.shape), mask)
    assert y.mean() == pytest.approx(1, rel=1e-12)


def test_blocks_of_one_pixel_are_dropout(parity):
    """Entry by entry, but for the scale, which counts what was kept."""
    x, mask = RNG.normal(size=(2, 4, 4, 3)), RNG.random((2, 4, 4, 3)) > 0.3
    rate = 1 - mask.mean()
    plain = panel("scratch", "dropout").dropout(x, rate, mask)
    np.testing.assert_allclose(scratch.drop_block(x, mask), plain, rtol=1e-12)


def test_nothing_kept_is_nothing():
    x = np.ones((1, 2, 2, 1))
    found = everywhere(
        lambda f, a: a.numpy(
            panel(f, "drop_block").drop_block(a.tensor(x), a.tensor(np.zeros(x.shape, bool)))
        )
    )
    for y in found.values():
        np.testing.assert_array_equal(y, 0)


def test_backward_is_the_gradient():
    x, upstream = RNG.normal(size=(2, 2, 5, 4, 2))
    mask = scratch.block_mask(scratch.draw_seeds(STREAM, x.shape, 0.3, 2), 2)
    grad = scratch.drop_block_backward(upstream, mask)
    assert_gradient(lambda x: (upstream * scratch.drop_block(x, mask)).sum(), x, grad)


def test_keras_in_a_graph():
    layer, module = make("keras", rate=0.3, block_size=2), panel("keras", "drop_block")
    seeds = scratch.draw_seeds(STREAM, (2, 6, 6, 1), 0.3, 2)
    x = RNG.normal(size=(2, 6, 6, 1)).astype("float32")
    tensor = ADAPTERS["keras"].tensor

    def call(x):
        return module.drop_block(x, module.block_mask(tensor(seeds), 2))

    for function in traced(call, x.shape, "float32"):
        expected = scratch.drop_block(x, scratch.block_mask(seeds, 2))
        found = ADAPTERS["keras"].numpy(function(tensor(x)))
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert layer.get_config()["block_size"] == 2


def test_keras_layer_survives_saving(tmp_path):
    x = np.ones((2, 4, 4, 1), "float32")
    assert_survives_saving(make("keras", rate=0.5, block_size=2), x, tmp_path / "model.keras")


def test_bad_arguments():
    x = np.ones((2, 3, 4, 1), np.float32)

    def draw(*args):
        return lambda f, a: panel(f, "drop_block").draw_seeds(STREAM, *args)

    def drop(x, mask):
        return lambda f, a: panel(f, "drop_block").drop_block(
            a.tensor(x), None if mask is None else a.tensor(mask)
        )

    same_error(draw((2, 3, 4), 0.5, 2), "shape must be (N, H, W, C), got (2, 3, 4)")
    same_error(draw((2, 3, 4, 1), 0.5, 4), "block_size must be an integer in [1, 3], got 4")
    same_error(draw((2, 3, 4, 1), 1, 2), "rate must be a number in [0, 1), got 1")
    same_error(drop(x, x), "mask must be boolean, got float32")
    same_error(drop(x, None), "mask must be given in training, got None")
    same_error(drop(x[0], x[0] > 0), "x must have shape (N, H, W, C), got shape (3, 4, 1)")
    same_error(
        lambda f, a: make(f, rate=0.5, block_size=0), "block_size must be an integer >= 1, got 0"
    )
