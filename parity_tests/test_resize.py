import numpy as np
import pytest
import torch
from torch.nn import functional as F

from parity_tests.panels import (
    ADAPTERS,
    DTYPES,
    assert_gradient,
    everywhere,
    panel,
    same_error,
    traced,
)
from triptych.common.checks import dtype_name
from triptych.comparison import derived_bound

# Images, and the size that they get: larger, smaller, one of each, one pixel, the same.
SIZES = [
    ((2, 7, 10, 3), (9, 23)),
    ((2, 7, 10, 3), (3, 4)),
    ((1, 28, 28, 1), (13, 40)),
    ((1, 3, 5, 2), (1, 1)),
    ((1, 1, 1, 1), (4, 3)),
    ((1, 6, 5, 1), (6, 5)),
]
FILTERS = [("bilinear", False), ("bilinear", True), ("nearest", False)]


def resized(framework, images, size, interpolation="bilinear", antialias=False, **options):
    function = panel(framework, "resize").resize
    return function(images, size, interpolation=interpolation, antialias=antialias, **options)


def bounds(dtype, shape, size, interpolation, images, upstream, results):
    """Allowed relative errors of output and gradient, where weights are those of ``dtype``.

    PyTorch rounds a point of the old image, below the side, three times, and divides by the width
    of the triangle: eps/2 each. So a weight moves by 2 eps side at most, on either axis, and an
    output by that times the spread of the pixels. A gradient sums over the new pixels that see an
    old one: those within 2 old pixels of it where they are dense, and 2 at least.
    """
    if interpolation == "nearest":
        return [0.0, derived_bound(dtype, 4 * size[0] * size[1])]
    sides = max(*shape[1:3], *size)
    moved = 2 * 2 * np.finfo(dtype).eps * sides
    seen = np.prod([2 + 3 * new / old for old, new in zip(shape[1:3], size, strict=True)])
    terms = int(seen + np.prod([2 + 3 * o / n for o, n in zip(shape[1:3], size, strict=True)]))
    output, gradient = (np.abs(r).max() for r in results)
    spread = images.max() - images.min()
    allowed = [
        derived_bound(dtype, terms) + moved * spread / output,
        derived_bound(dtype, terms) + moved * seen * np.abs(upstream).max() / gradient,
    ]
    return [min(bound, 1e-12) if dtype == "float64" else bound for bound in allowed]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("shape", "size"), SIZES)
@pytest.mark.parametrize(("interpolation", "antialias"), FILTERS)
def test_output_and_gradient_agree(parity, dtype, shape, size, interpolation, antialias):
    rng = np.random.default_rng(0)
    images = rng.uniform(size=shape).astype(dtype)
    upstream = rng.normal(size=(shape[0], *size, shape[3])).astype(dtype)
    options = {"interpolation": interpolation, "antialias": antialias}

    def call(framework, adapter):
        if framework == "scratch":
            scratch = panel(framework, "resize")
            output = scratch.resize(images, size, **options)
            return [output, scratch.resize_backward(upstream, shape[1:3], **options)]
        output, grads = adapter.vjp(
            lambda x: resized(framework, x, size, **options), (images,), upstream
        )
        return [output, *grads]

    measured = everywhere(call)
    allowed = bounds(dtype, shape, size, interpolation, images, upstream, measured["scratch"])
    for key, tolerance in enumerate(allowed):
        one = {framework: result[key] for framework, result in measured.items()}
        parity("resize", one, tolerance=tolerance)
    assert measured["scratch"][0].shape == upstream.shape


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"antialias": True},
        {"interpolation": "nearest"},
        {"align_corners": True},
        {"half_pixel_centers": False},
    ],
)
def test_backward_is_the_gradient(options):
    rng, scratch = np.random.default_rng(1), panel("scratch", "resize")
    for shape, size in (((1, 4, 5, 2), (3, 8)), ((1, 3, 1, 1), (1, 2))):
        images, upstream = rng.uniform(size=shape), rng.normal(size=(1, *size, shape[3]))
        assert_gradient(
            lambda x, u=upstream, size=size: (u * scratch.resize(x, size, **options)).sum(),
            images,
            scratch.resize_backward(upstream, shape[1:3], **options),
        )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("interpolation", "antialias"), FILTERS)
def test_weights_of_windows(parity, dtype, interpolation, antialias):
    """Those of a crop that is resized, and nothing beside it; whole sides are a resize."""
    start, length, size = np.array([0, 2, 5, 3]), np.array([11, 7, 1, 8]), 11
    options = {"interpolation": interpolation, "antialias": antialias, "dtype": dtype}
    for count in (4, 9):

        def call(framework, adapter, count=count):
            given = adapter.tensor(start), adapter.tensor(length)
            return panel(framework, "resize").resize_weights(*given, size, count, **options)

        measured = everywhere(call)
        # Distances of a length of `size`, each rounded; then the sum of a row.
        bound = derived_bound(dtype, size) * size
        parity("resize", measured, tolerance=min(bound, 1e-12) if dtype == "float64" else bound)
        side = np.random.default_rng(2).uniform(size=(1, 1, size, 1)).astype(dtype)
        for n, (first, pixels) in enumerate(zip(start, length, strict=True)):
            weights = measured["scratch"][n]
            assert weights.dtype == dtype
            crop = side[:, :, first : first + pixels]
            expected = resized("scratch", crop, (1, count), interpolation, antialias)
            np.testing.assert_allclose(weights @ side.ravel(), expected.ravel(), rtol=bound)
            assert not weights[:, :first].any()
            assert not weights[:, first + pixels :].any()
            np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=bound)


@pytest.mark.parametrize("size", [(9, 23), (3, 4), (1, 1), (14, 5)])
def test_bare_pytorch(parity, size):
    """Each of its ways, on its own terms.

    Entries of the map: resize-default, resize-align-corners, resize-nearest-rounding.
    """
    images = np.random.default_rng(3).uniform(size=(2, 7, 10, 3))
    ways = {
        "nearest": {"interpolation": "nearest", "half_pixel_centers": False},
        "nearest-exact": {"interpolation": "nearest"},
        "bilinear": {},
        "antialias": {"antialias": True},
        "align_corners": {"align_corners": True},
    }
    first = torch.tensor(images.transpose(0, 3, 1, 2))
    for way, options in ways.items():
        theirs = {"mode": way if way.startswith("nearest") else "bilinear"}
        if not way.startswith("nearest"):
            theirs |= {way: True} if way != "bilinear" else {}
        native = F.interpolate(first, size=size, **theirs).numpy().transpose(0, 2, 3, 1)
        ours = resized("scratch", images, size, **options)
        parity("resize, native", {"scratch": ours, "torch": native}, tolerance=1e-13)
    default = F.interpolate(first, size=size).numpy().transpose(0, 2, 3, 1)
    ours = resized("scratch", images, size, **ways["nearest"])
    parity("resize, native", {"scratch": ours, "torch": default}, tolerance=0.0)


@pytest.mark.parametrize("size", [(9, 23), (3, 4), (1, 1), (14, 5)])
@pytest.mark.parametrize(("interpolation", "antialias"), FILTERS)
def test_bare_keras(parity, size, interpolation, antialias):
    """Its op, and its layer at its defaults. In float32, as TensorFlow always resizes."""
    import keras

    images = np.random.default_rng(4).uniform(size=(2, 7, 10, 3)).astype(np.float32)
    options = {"interpolation": interpolation, "antialias": antialias}
    native = [keras.ops.image.resize(images, size, **options)]
    if (interpolation, antialias) == ("bilinear", False):
        native.append(keras.layers.Resizing(*size)(images))
    ours = resized("scratch", images, size, **options)
    bound, _ = bounds("float32", images.shape, size, interpolation, images, ours, [ours, ours])
    for output in native:
        output = keras.ops.convert_to_numpy(output)
        parity("resize, native", {"scratch": ours, "keras": output}, tolerance=bound)


@pytest.mark.parametrize("size", [(9, 23), (3, 4), (14, 5)])
def test_opencv(size):
    """INTER_NEAREST is the floor of i L / L'; INTER_LINEAR never antialiases."""
    cv2 = pytest.importorskip("cv2")
    images = np.random.default_rng(5).uniform(size=(1, 7, 10, 3)).astype(np.float32)
    ways = [
        (cv2.INTER_LINEAR, {}, None),
        (cv2.INTER_NEAREST, {"interpolation": "nearest", "half_pixel_centers": False}, 0.0),
        (cv2.INTER_NEAREST_EXACT, {"interpolation": "nearest"}, 0.0),
    ]
    for flag, options, exact in ways:
        ours = resized("scratch", images, size, **options)
        bound, _ = bounds("float32", images.shape, size, "bilinear", images, ours, [ours, ours])
        native = cv2.resize(images[0], size[::-1], interpolation=flag)
        tolerance = bound if exact is None else exact
        np.testing.assert_allclose(native, ours[0], rtol=0, atol=tolerance * ours.max())


@pytest.mark.parametrize("size", [(9, 23), (3, 4), (14, 5)])
def test_pillow(size):
    """BILINEAR always antialiases. It rounds to float32 between the axes and at the end."""
    image = pytest.importorskip("PIL.Image")
    images = np.random.default_rng(6).uniform(size=(1, 7, 10, 1)).astype(np.float32)
    native = image.fromarray(images[0, :, :, 0]).resize(size[::-1], image.Resampling.BILINEAR)
    ours = resized("scratch", images, size, antialias=True)
    bound, _ = bounds("float32", images.shape, size, "bilinear", images, ours, [ours, ours])
    np.testing.assert_allclose(np.asarray(native), ours[0, :, :, 0], rtol=0, atol=bound)


def test_the_nearest_pixel_is_exact(parity):
    """Where a point lies on the border of two pixels; PyTorch's own rounds L / L' to float32."""
    rows = np.arange(4.0).reshape(1, 4, 1, 1)
    measured = everywhere(lambda f, a: resized(f, a.tensor(rows), (41, 1), "nearest"))
    parity("resize", measured, tolerance=0.0)
    exact = [(2 * i + 1) * 4 // 82 for i in range(41)]
    assert measured["scratch"].ravel().tolist() == exact
    own = F.interpolate(torch.tensor(rows).permute(0, 3, 1, 2), size=(41, 1), mode="nearest-exact")
    assert [i for i in range(41) if own.ravel()[i] != exact[i]] == [20]


def test_what_it_does():
    rng = np.random.default_rng(7)
    images = rng.uniform(size=(2, 6, 8, 3))
    for interpolation, antialias in FILTERS:
        # The same size is the same image; a constant stays; nothing leaves the range.
        np.testing.assert_array_equal(
            resized("scratch", images, (6, 8), interpolation, antialias), images
        )
        for size in ((11, 3), (2, 30)):
            flat = resized("scratch", np.full((1, 6, 8, 1), 0.3), size, interpolation, antialias)
            np.testing.assert_allclose(flat, 0.3, rtol=1e-15)
            output = resized("scratch", images, size, interpolation, antialias)
            assert images.min() <= output.min() <= output.max() <= images.max()
            flipped = resized("scratch", images[:, ::-1], size, "bilinear", antialias)
            turned = resized("scratch", images, size, "bilinear", antialias)[:, ::-1]
            np.testing.assert_allclose(flipped, turned, rtol=1e-13)
    # A checkerboard shrunk: black or white without antialias, grey with it.
    board = np.indices((1, 9, 9, 1)).sum(axis=0) % 2.0
    assert set(resized("scratch", board, 3).ravel()) == {0.0, 1.0}
    assert np.abs(resized("scratch", board, 3, antialias=True)[:, 1, 1] - 0.5).max() < 0.05
    # Twice as large: the quarter points between neighbours, the border repeated.
    doubled = resized("scratch", np.array([0.0, 1.0]).reshape(1, 1, 2, 1), (1, 4))
    assert doubled.ravel().tolist() == [0, 0.25, 0.75, 1]


def test_half_precision():
    images = np.random.default_rng(8).uniform(size=(1, 5, 6, 2)).astype(np.float16)
    exact = resized("scratch", images.astype(np.float64), (3, 9), antialias=True)

    def call(framework, adapter):
        output = resized(framework, adapter.tensor(images), (3, 9), antialias=True)
        assert dtype_name(output) == "float16"
        return adapter.numpy(output)

    for output in everywhere(call).values():
        np.testing.assert_allclose(output, exact, rtol=2**-10)


def test_keras_graphs():
    images = np.random.default_rng(9).uniform(size=(3, 7, 10, 2)).astype(np.float32)
    for interpolation, antialias in FILTERS:
        expected = resized("scratch", images, (4, 13), interpolation, antialias)

        def call(x, interpolation=interpolation, antialias=antialias):
            return resized("keras", x, (4, 13), interpolation, antialias)

        for graph in traced(call, (None, 7, 10, 2), "float32"):
            output = ADAPTERS["keras"].numpy(graph(ADAPTERS["keras"].tensor(images)))
            np.testing.assert_allclose(output, expected, rtol=1e-6)


def test_images_are_left_alone():
    images = np.random.default_rng(10).uniform(size=(2, 4, 5, 1))
    for interpolation, antialias in FILTERS:

        def unchanged(framework, adapter, interpolation=interpolation, antialias=antialias):
            x = adapter.tensor(images)
            resized(framework, x, 7, interpolation, antialias)
            np.testing.assert_array_equal(adapter.numpy(x), images)

        everywhere(unchanged)


def test_bad_input():
    images = np.zeros((2, 4, 5, 1), np.float32)

    def resize(images, size=3, **options):
        return lambda f, a: resized(f, a.tensor(images), size, **options)

    same_error(
        resize(images.astype(np.uint8)),
        "images must be floating point in [0, 1], got uint8: divide by 255 first",
    )
    same_error(resize(images[0]), "images must have shape (N, H, W, C), got shape (4, 5, 1)")
    same_error(
        resize(images, 0), "size must be an integer >= 1 or a pair of them (height, width), got 0"
    )
    same_error(
        resize(images, interpolation="bicubic"),
        "interpolation must be one of 'bilinear', 'nearest', got 'bicubic'",
    )
    same_error(
        resize(images, interpolation="nearest", antialias=True),
        "antialias must be False where interpolation is 'nearest', got True",
    )
    same_error(resize(images, antialias=1), "antialias must be True or False, got 1")

    def weights(start, length, size=6, count=3, **options):
        def call(framework, adapter):
            given = adapter.tensor(np.array(start)), adapter.tensor(np.array(length))
            panel(framework, "resize").resize_weights(*given, size, count, **options)

        return call

    message = "start and length must be windows of at least 1 pixel inside of 6, got "
    same_error(weights([0, 3], [2, 4]), message + "[0, 3] and [2, 4]")
    same_error(weights([-1], [2]), message + "[-1] and [2]")
    same_error(weights([0], [0]), message + "[0] and [0]")
    same_error(
        weights([0], [2, 2]), "length must be integer of shape (1,), got int64 of shape (2,)"
    )
    same_error(
        weights([0.0], [2]), "start must be integer of shape (1,), got float64 of shape (1,)"
    )
    same_error(weights([0], [2], count=0), "count must be an integer >= 1, got 0")
    same_error(
        weights([0], [2], dtype="float16"),
        "dtype must be one of 'float32', 'float64', got 'float16'",
    )
