import numpy as np
import pytest

from parity_tests.panels import ADAPTERS, assert_gradient, everywhere, panel, same_error, traced
from triptych.common.streams import Stream
from triptych.differences.probe import torchvision_v2

RNG = np.random.default_rng(0)
STREAM = Stream(3, "mixing", 5)
PARTNER = np.array([2, 0, 3, 1])
BOX = np.array([[0, 0, 3, 2], [1, 1, 4, 5], [2, 2, 2, 4], [0, 0, 4, 5]])
IMAGES = RNG.random((4, 4, 5, 2))
LABELS = np.array([0, 2, 1, 1])
scratch = panel("scratch", "mixing")


def vjp(framework, adapter, function, x, upstream, *rest):
    """The output of ``function(x, *rest)`` and its gradient with respect to x."""
    mixing = panel(framework, "mixing")
    if framework == "scratch":
        back = getattr(mixing, f"{function}_backward")
        return [getattr(mixing, function)(x, *rest), back(upstream, *rest)]
    rest = tuple(adapter.tensor(value) for value in rest)
    y, grads = adapter.vjp(lambda x: getattr(mixing, function)(x, *rest), (x,), upstream)
    return [y, *grads]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", [(4, 1), (4, 7), (4, 3, 2, 1)])
def test_mixup_agrees(parity, dtype, shape):
    x, upstream = RNG.normal(size=(2, *shape)).astype(dtype)
    weight = RNG.random(4).astype(dtype)
    call = lambda f, a: vjp(f, a, "mixup", x, upstream, PARTNER, weight)  # noqa: E731
    parity("mixing", everywhere(call))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_cutmix_agrees(parity, dtype):
    x, upstream = IMAGES.astype(dtype), RNG.normal(size=IMAGES.shape).astype(dtype)
    parity("mixing", everywhere(lambda f, a: vjp(f, a, "cutmix", x, upstream, PARTNER, BOX)))
    weights = everywhere(
        lambda f, a: panel(f, "mixing").cutmix_weight(a.tensor(BOX), 4, 5, dtype=dtype)
    )
    parity("mixing", weights)
    rtol = 4 * np.finfo(dtype).eps
    np.testing.assert_allclose(weights["scratch"], [0.7, 0.4, 1, 0], rtol=rtol)


@pytest.mark.parametrize("per_sample", [False, True])
def test_draws_are_the_same_numbers(per_sample):
    def draw(framework, adapter):
        mixing = panel(framework, "mixing")
        up = mixing.draw_mixup(STREAM, 9, 0.5, per_sample=per_sample, dtype="float64")
        cut = mixing.draw_cutmix(STREAM, (9, 28, 13, 1), 1.0, per_sample=per_sample)
        return [adapter.numpy(value) for value in (*up, *cut)]

    drawn = everywhere(draw)
    for framework in ("torch", "keras"):
        for ours, theirs in zip(drawn["scratch"], drawn[framework], strict=True):
            np.testing.assert_array_equal(ours, theirs)
    partner, weight, _, box = drawn["scratch"]
    assert sorted(partner) == list(range(9))
    assert len(set(weight)) == (9 if per_sample else 1)
    assert (len({tuple(row) for row in box}) > 1) == per_sample


def test_weights_are_beta_and_boxes_have_their_area():
    _, weight = scratch.draw_mixup(STREAM, 20000, 0.5, per_sample=True, dtype="float64")
    assert abs(weight.mean() - 0.5) < 0.01
    assert abs(weight.var() - 1 / 8) < 0.003  # Beta(a, a): 1 / (4 (2 a + 1))
    _, box = scratch.draw_cutmix(STREAM, (20000, 40, 60, 1), 1.0, per_sample=True)
    top, left, bottom, right = box.T
    whole = (top > 0) & (left > 0) & (bottom < 40) & (right < 60)
    share = ((bottom - top) * (right - left))[whole] / 2400
    _, drawn = scratch.draw_mixup(STREAM, 20000, 1.0, per_sample=True)
    # Rounding down each half costs at most a pixel on each side.
    assert np.all(share <= 1 - drawn[whole])
    assert np.mean(1 - drawn[whole] - share) < 0.05


def test_backward_is_the_gradient():
    x, upstream, weight = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 3)), RNG.random(4)
    for partner in (PARTNER, np.array([1, 1, 1, 0])):  # a permutation, and what is none
        grad = scratch.mixup_backward(upstream, partner, weight)
        assert_gradient(
            lambda x, partner=partner: (upstream * scratch.mixup(x, partner, weight)).sum(), x, grad
        )
        upstream_images = RNG.normal(size=IMAGES.shape)
        grad = scratch.cutmix_backward(upstream_images, partner, BOX)
        assert_gradient(
            lambda x, p=partner, u=upstream_images: (u * scratch.cutmix(x, p, BOX)).sum(),
            IMAGES,
            grad,
        )


def test_mixed_labels_are_the_mixed_loss():
    """And label smoothing may come before or after, for softmax cross-entropy."""
    smoothing = panel("scratch", "label_smoothing")
    logits, weight = RNG.normal(size=(4, 3)), RNG.random(4)
    q = np.eye(3)[LABELS]

    def losses(rows):
        return np.array(
            [smoothing.label_smoothing_cross_entropy(logits[i : i + 1], rows[i : i + 1], 0.0)
             for i in range(4)]
        )  # fmt: skip

    mixed_labels = losses(scratch.mixup(q, PARTNER, weight))
    mixed_loss = weight * losses(q) + (1 - weight) * losses(q[PARTNER])
    np.testing.assert_allclose(mixed_labels, mixed_loss, rtol=1e-13)
    before = scratch.mixup(smoothing.smooth_targets(q, 0.25), PARTNER, weight)
    after = smoothing.smooth_targets(scratch.mixup(q, PARTNER, weight), 0.25)
    np.testing.assert_allclose(before, after, rtol=1e-14)
    assert not np.allclose(before, scratch.mixup(q, PARTNER, weight))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "options", [{"mixup": 0.5}, {"cutmix": 1.0, "per_sample": True}, {"mixup": 0.5, "cutmix": 1.0}]
)
def test_watcher_mixes_alike(parity, dtype, options):
    images = IMAGES.astype(dtype)

    def five_steps(framework, adapter):
        mixing = panel(framework, "mixing").Mixing(3, seed=7, **options)
        x, y = adapter.tensor(images), adapter.tensor(LABELS)
        return [part for step in range(5) for part in mixing.mix(x, y, step)]

    mixed = everywhere(five_steps)
    parity("mixing", mixed)
    for rows in mixed["scratch"][1::2]:
        np.testing.assert_allclose(rows.sum(axis=1), 1, rtol=4 * np.finfo(dtype).eps)
    again = scratch.Mixing(3, seed=7, **options).mix(*mixed["scratch"][:2], step=1)
    assert again[1].shape == (4, 3)  # rows of labels may be mixed too


def test_both_take_turns():
    both = scratch.Mixing(3, mixup=0.5, cutmix=1.0)
    zeros = np.concatenate([np.zeros((1, 4, 5, 2)), np.ones((1, 4, 5, 2))])
    blends = [both.mix(zeros, LABELS[:2], step)[0] for step in range(200)]
    pasted = sum(set(np.unique(x)) <= {0.0, 1.0} for x in blends)
    assert 125 < pasted < 175  # half are CutMix, and half of the pairs of mixup are no pairs


def test_bare_keras_with_its_draws(parity):
    """Entries of the map: mixup-draw, cutmix-label. Keras's box has no whole pixels for corners."""
    import keras

    x = RNG.random((6, 8, 9, 3)).astype("float32")
    q = np.eye(6, dtype="float32")
    rows = keras.ops.convert_to_tensor(q)
    layer = keras.layers.MixUp(alpha=0.5, seed=1)
    drawn = layer.get_random_transformation({"images": x, "labels": q})
    partner, weight = (
        keras.ops.convert_to_numpy(drawn[key]) for key in ("permutation_order", "mix_weight")
    )
    parity(
        "mixing, native",
        {
            "scratch": [scratch.mixup(x, partner, weight), scratch.mixup(q, partner, weight)],
            "keras": [layer.transform_images(x, drawn), layer.transform_labels(rows, drawn)],
        },
    )
    layer = keras.layers.CutMix(seed=1)
    drawn = layer.get_random_transformation({"images": x, "labels": q})
    partner, masks = (
        keras.ops.convert_to_numpy(drawn[key]) for key in ("permutation_order", "batch_masks")
    )
    rows, columns = masks[..., 0].any(axis=2), masks[..., 0].any(axis=1)
    box = np.stack(
        [rows.argmax(1), columns.argmax(1), 8 - rows[:, ::-1].argmax(1),
         9 - columns[:, ::-1].argmax(1)], axis=1
    )  # fmt: skip
    box[~rows.any(axis=1)] = 0
    ours = scratch.cutmix(x, partner, box)
    parity("mixing, native", {"scratch": ours, "keras": layer.transform_images(x, drawn)})
    # The weight of the labels is that of the box as it was drawn, not of its pixels.
    ours = scratch.cutmix_weight(box, 8, 9)
    assert np.abs(ours - keras.ops.convert_to_numpy(drawn["mix_weight"])).max() > 1e-3


def test_bare_torchvision_with_its_draws(parity):
    """Entries of the map: mixup-draw, cutmix-label."""
    import torch

    v2 = torchvision_v2()
    x, q = RNG.random((4, 6, 7, 3)).astype("float32"), np.eye(4, dtype="float32")
    images, labels = torch.tensor(x.transpose(0, 3, 1, 2)), torch.arange(4)
    partner = np.array([3, 0, 1, 2])  # torchvision rolls the batch by one
    for seed in range(3):
        torch.manual_seed(seed)
        mixed, rows = v2.MixUp(num_classes=4, alpha=0.5)(images, labels)
        weight = np.diag(rows.numpy()).copy()
        ours = [scratch.mixup(x, partner, weight), scratch.mixup(q, partner, weight)]
        parity(
            "mixing, native", {"scratch": ours, "torch": [mixed.permute(0, 2, 3, 1).numpy(), rows]}
        )
        torch.manual_seed(seed)
        mixed, rows = v2.CutMix(num_classes=4, alpha=1.0)(images, labels)
        inside = (mixed != images).any(1)[0].numpy()
        top, bottom = np.flatnonzero(inside.any(1))[[0, -1]] + [0, 1]
        left, right = np.flatnonzero(inside.any(0))[[0, -1]] + [0, 1]
        box = np.tile([top, left, bottom, right], (4, 1))
        weight = scratch.cutmix_weight(box, 6, 7)
        ours = [scratch.cutmix(x, partner, box), scratch.mixup(q, partner, weight)]
        parity(
            "mixing, native", {"scratch": ours, "torch": [mixed.permute(0, 2, 3, 1).numpy(), rows]}
        )


def test_keras_in_a_graph():
    keras_mixing, tensor = panel("keras", "mixing"), ADAPTERS["keras"].tensor
    weight, partner = tensor(np.full(4, 0.25, "float32")), tensor(PARTNER)
    x = IMAGES.astype("float32")
    for function in traced(lambda x: keras_mixing.mixup(x, partner, weight), x.shape, "float32"):
        np.testing.assert_allclose(
            ADAPTERS["keras"].numpy(function(tensor(x))),
            scratch.mixup(x, PARTNER, np.full(4, 0.25, "float32")),
            rtol=1e-6,
        )


@pytest.mark.parametrize("alpha", [0, -1.0, float("nan"), float("inf"), "one", None])
def test_bad_alpha(alpha):
    message = f"alpha must be a number in (0, inf), got {alpha!r}"
    same_error(lambda f, a: panel(f, "mixing").draw_mixup(STREAM, 4, alpha), message)


def test_bad_arrays():
    x = np.ones((4, 3), np.float32)

    def up(x=x, partner=PARTNER, weight=x[:, 0]):
        return lambda f, a: panel(f, "mixing").mixup(*map(a.tensor, (x, partner, weight)))

    def cut(box, partner=PARTNER):
        images = IMAGES.astype("float32")
        return lambda f, a: panel(f, "mixing").cutmix(*map(a.tensor, (images, partner, box)))

    same_error(up(x=x.astype(int)), "x must be floating point, got int64")
    same_error(up(partner=PARTNER + 1), "partner must lie in [0, 3], got values from 1 to 4")
    same_error(
        up(partner=PARTNER[:3]), "partner must be integer of shape (4,), got int64 of shape (3,)"
    )
    same_error(
        up(weight=x[:, 0].astype("float64")),
        "weight must have the dtype of x, float32, got float64",
    )
    same_error(up(weight=x[:, 0] * 2), "weight must lie in [0, 1], got values from 2 to 2")
    same_error(cut(BOX[:, :3]), "box must be integer of shape (4, 4), got int64 of shape (4, 3)")
    message = "box must be (top, left, bottom, right) with 0 <= top <= bottom <= 4 and "
    same_error(cut(BOX + 1), f"{message}0 <= left <= right <= 5, got [2, 2, 5, 6]")

    def mix(x, y, **options):
        options = options or {"mixup": 0.5}
        return lambda f, a: panel(f, "mixing").Mixing(3, **options).mix(a.tensor(x), a.tensor(y), 0)

    same_error(mix(x, LABELS + 1), "y must lie in [0, 2], got labels from 1 to 3")
    same_error(mix(x, x[:, :2]), "y must have rows that add up to 1 within 1.2e-06, got 2 in row 0")
    same_error(mix(x, LABELS, cutmix=1.0), "x must have shape (N, H, W, C), got shape (4, 3)")
    same_error(
        lambda f, a: panel(f, "mixing").Mixing(3),
        "mixup or cutmix must be above 0, got 0.0 for both",
    )
