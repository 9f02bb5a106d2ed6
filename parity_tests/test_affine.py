import cv2
import numpy as np
import pytest

from parity_tests.panels import ADAPTERS, assert_gradient, everywhere, panel, same_error
from triptych.comparison import derived_bound

SHAPES = [(2, 28, 28, 1), (3, 7, 10, 3), (1, 1, 1, 2), (2, 2, 5, 1)]
INTERPOLATIONS = ["bilinear", "nearest"]
FILL_MODES = ["constant", "nearest", "reflect"]
PARAMETERS = ["rotation", "zoom", "translation_x", "translation_y", "shear"]
LIMITS = {"rotation": 180, "zoom": 0.4, "translation_x": 0.4, "translation_y": 0.4, "shear": 30}


def parameters(count, dtype="float64", **given):
    """Equal for all images; zero unless given."""
    return {name: np.full(count, given.get(name, 0), dtype) for name in PARAMETERS}


def coordinates(matrix, height, width):
    """The points (x, y) that the output pixels show, in float64."""
    y, x = np.mgrid[:height, :width]
    return matrix.astype(float) @ np.stack([x, y, np.ones_like(x)]).reshape(3, -1)


def random_matrices(shape, dtype="float64", seed=0):
    """Strong maps, no point of which is within 1e-3 of a half, where nearest sampling jumps."""
    rng, found = np.random.default_rng(seed), []
    while len(found) < shape[0]:
        drawn = {name: rng.uniform(-limit, limit, 1) for name, limit in LIMITS.items()}
        matrix = panel("scratch", "affine").affine_matrices(*shape[1:3], **drawn)[0].astype(dtype)
        if np.abs(coordinates(matrix, *shape[1:3]) % 1 - 0.5).min() > 1e-3:
            found.append(matrix)
    return np.stack(found)


def stand_in(position, size, fill_mode):
    """The pixel that is read at an integer position; ``size`` is the constant."""
    while not 0 <= position < size:
        if fill_mode == "constant":
            return size
        if fill_mode == "nearest":
            position = min(max(position, 0), size - 1)
        else:
            position = -1 - position if position < 0 else 2 * size - 1 - position
    return position


def reference_weights(matrix, height, width, interpolation, fill_mode):
    """The definition, pixel by pixel: (H W, H W + 1), the last column that of the constant."""
    weights = np.zeros((height * width, height * width + 1))
    for k, (x, y) in enumerate(coordinates(matrix, height, width).T):
        if interpolation == "nearest":
            corners = [(round(y), round(x), 1.0)]
        else:
            i, j = int(np.floor(y)), int(np.floor(x))
            corners = [
                (i + di, j + dj, (1 - abs(y - i - di)) * (1 - abs(x - j - dj)))
                for di in (0, 1)
                for dj in (0, 1)
            ]
        for i, j, weight in corners:
            i, j = stand_in(i, height, fill_mode), stand_in(j, width, fill_mode)
            outside = i == height or j == width
            weights[k, -1 if outside else i * width + j] += weight
    return weights


def coordinate_error(matrices, height, width, dtype):
    """How far apart, in pixels, rounding can put a coordinate in two panels.

    In the hand-written panels it takes 4 roundings, and 4 more to reflect; in PyTorch 7 to
    normalize the matrix, 10 to multiply the grid with it, 3 to undo the normalization. Each is at
    most eps/2 of a number that, in pixels, stays below ``reach``: 28 roundings, 14 eps * reach.
    """
    ends = np.abs(matrices).astype(float) @ [width, height, 1]
    return 14 * np.finfo(dtype).eps * (ends.max() + max(height, width))


def step(images, fill_value=None):
    """The largest difference of neighbouring pixels on each axis, (y, x), the border included."""
    if fill_value is not None:
        frame = ((0, 0), (1, 1), (1, 1), (0, 0))
        images = np.pad(images.astype(float), frame, constant_values=fill_value)
    return [np.abs(np.diff(images, axis=axis)).max(initial=0) for axis in (1, 2)]


def tolerances(images, matrices, upstream, interpolation, fill_mode, fill_value):
    """Allowed relative errors of output and gradient, for images and fill values of at least 1/4.

    An error d in both coordinates moves a bilinear output by at most d (step_y + step_x), and each
    weight by at most 2d; a pixel's gradient sums ``terms`` of those. float64 is held to 1e-12.
    """
    dtype, (_, height, width, _) = images.dtype.name, images.shape
    error = coordinate_error(matrices, height, width, dtype) * (interpolation == "bilinear")
    weights = [reference_weights(m, height, width, interpolation, fill_mode) for m in matrices]
    terms = max(1, *(int((w[:, :-1] != 0).sum(axis=0).max()) for w in weights))
    output = error * sum(step(images, fill_value if fill_mode == "constant" else None))
    gradient = 2 * error * terms * np.abs(upstream).max()
    pulled = [
        np.abs(w[:, :-1].T @ g.reshape(height * width, -1)).max()
        for w, g in zip(weights, upstream.astype(float), strict=True)
    ]
    scale = max(pulled) or 1.0  # 0 where no output pixel shows the image
    allowed = [
        derived_bound(dtype, 4) + output / 0.25,
        derived_bound(dtype, terms) + gradient / scale,
    ]
    return [min(bound, 1e-12) if dtype == "float64" else bound for bound in allowed]


@pytest.mark.parametrize(
    ("dtype", "shape"),
    [("float64", shape) for shape in SHAPES] + [("float32", shape) for shape in SHAPES[:2]],
)
@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize("fill_mode", FILL_MODES)
def test_output_and_gradient_agree(parity, dtype, shape, interpolation, fill_mode):
    rng = np.random.default_rng(1)
    images = rng.uniform(0.25, 1, shape).astype(dtype)
    upstream = rng.normal(size=shape).astype(dtype)
    matrices = random_matrices(shape, dtype)
    options = {"interpolation": interpolation, "fill_mode": fill_mode}

    def call(framework, adapter):
        module = panel(framework, "affine")

        def function(x):
            return module.affine(x, adapter.tensor(matrices), **options, fill_value=0.5)

        if framework == "scratch":
            return function(images), module.affine_backward(upstream, matrices, **options)
        output, (gradient,) = adapter.vjp(function, (images,), upstream)
        return output, gradient

    measured = everywhere(call)
    allowed = tolerances(images, matrices, upstream, interpolation, fill_mode, 0.5)
    for i, quantity in enumerate(["output", "gradient"]):
        pairs = {name: {quantity: values[i]} for name, values in measured.items()}
        parity("affine", pairs, tolerance=allowed[i])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize("fill_mode", FILL_MODES)
def test_it_is_its_definition(shape, interpolation, fill_mode):
    images, upstream = np.random.default_rng(2).normal(size=(2, *shape))
    matrices = random_matrices(shape, seed=2)
    scratch = panel("scratch", "affine")
    options = {"interpolation": interpolation, "fill_mode": fill_mode}
    output = scratch.affine(images, matrices, **options, fill_value=-0.75)
    gradient = scratch.affine_backward(upstream, matrices, **options)
    for n, matrix in enumerate(matrices):
        weights = reference_weights(matrix, *shape[1:3], interpolation, fill_mode)
        pixels = np.vstack([images[n].reshape(-1, shape[3]), np.full((1, shape[3]), -0.75)])
        np.testing.assert_allclose(output[n].reshape(-1, shape[3]), weights @ pixels, atol=1e-12)
        expected = weights[:, :-1].T @ upstream[n].reshape(-1, shape[3])
        np.testing.assert_allclose(gradient[n].reshape(-1, shape[3]), expected, atol=1e-12)


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize("fill_mode", FILL_MODES)
def test_backward_is_the_gradient(interpolation, fill_mode):
    scratch = panel("scratch", "affine")
    options = {"interpolation": interpolation, "fill_mode": fill_mode}
    for shape in [(2, 4, 3, 2), (1, 1, 4, 1)]:
        images, upstream = np.random.default_rng(3).normal(size=(2, *shape))
        matrices = random_matrices(shape, seed=3)
        assert_gradient(
            lambda x, up=upstream, m=matrices: (up * scratch.affine(x, m, **options)).sum(),
            images,
            scratch.affine_backward(upstream, matrices, **options),
        )


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", [(3, 7, 10), (1, 1, 1)])
def test_matrices_agree(parity, dtype, shape):
    rng = np.random.default_rng(4)
    drawn = {name: rng.uniform(-k, k, shape[0]).astype(dtype) for name, k in LIMITS.items()}

    def matrices(framework, adapter):
        given = {name: adapter.tensor(value) for name, value in drawn.items()}
        return panel(framework, "affine").affine_matrices(*shape[1:3], **given)

    # a and b, at most 2, carry about 8 roundings: of the angle, of sin, cos and tan, of 1 + zoom,
    # of a quotient, product and sum. That is 8 eps; 24 eps * side in the offset c - a x - b y. The
    # largest of a and b is above 1/2, so relative to the matrix it is at most 64 eps * side.
    bound = 64 * np.finfo(dtype).eps * max(shape[1:3])
    parity("affine", everywhere(matrices), tolerance=min(bound, 1e-12 if dtype == "float64" else 1))


def test_matrices_compose():
    """Enlarge, shear, rotate, then move; each about the centre, as the conventions say."""
    height, width = 7, 10
    rotation, zoom, x, y, shear = 25.0, 0.25, 0.125, -0.25, 15.0
    r, t = np.deg2rad(rotation), np.tan(np.deg2rad(shear))
    # From input to output, with y pointing down.
    centre = np.array([[1, 0, (width - 1) / 2], [0, 1, (height - 1) / 2], [0, 0, 1]])
    enlarge = np.diag([1 + zoom, 1 + zoom, 1])
    lean = np.array([[1, -t, 0], [0, 1, 0], [0, 0, 1]])
    turn = np.array([[np.cos(r), np.sin(r), 0], [-np.sin(r), np.cos(r), 0], [0, 0, 1]])
    move = np.array([[1, 0, width * x], [0, 1, height * y], [0, 0, 1]])
    forward = move @ centre @ turn @ lean @ enlarge @ np.linalg.inv(centre)
    given = parameters(
        1, rotation=rotation, zoom=zoom, translation_x=x, translation_y=y, shear=shear
    )
    matrices = panel("scratch", "affine").affine_matrices(height, width, **given)
    np.testing.assert_allclose(matrices[0], np.linalg.inv(forward)[:2], atol=1e-13)


def transformed(framework, adapter, images, options, **given):
    module, count = panel(framework, "affine"), len(images)
    tensors = {k: adapter.tensor(v) for k, v in parameters(count, images.dtype, **given).items()}
    matrices = module.affine_matrices(*images.shape[1:3], **tensors)
    return adapter.numpy(module.affine(adapter.tensor(images), matrices, **options))


def agrees(framework, output, expected):
    """Exactly, but for PyTorch's bilinear sampling: ``coordinate_error``, its reach below 24."""
    if framework != "torch":
        np.testing.assert_array_equal(output, expected)
    else:
        bound = 14 * np.finfo(output.dtype).eps * 24 * 2  # both steps at most 1
        np.testing.assert_allclose(output, expected, rtol=0, atol=bound)


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize("fill_mode", FILL_MODES)
@pytest.mark.parametrize("framework", ["scratch", "torch", "keras"])
def test_maps_of_whole_pixels(framework, interpolation, fill_mode):
    adapter = ADAPTERS[framework]
    options = {"interpolation": interpolation, "fill_mode": fill_mode}

    def apply(images, **given):
        return transformed(framework, adapter, images, options, **given)

    images = np.random.default_rng(5).uniform(size=(2, 8, 8, 3)).astype(np.float32)
    agrees(framework, apply(images), images)
    # A quarter of the columns to the right and an eighth of the rows up.
    moved = apply(images, translation_x=0.25, translation_y=-0.125)
    mode = {"constant": "constant", "nearest": "edge", "reflect": "symmetric"}[fill_mode]
    padded = np.pad(images, ((0, 0), (0, 1), (2, 0), (0, 0)), mode=mode)
    agrees(framework, moved, padded[:, 1:, :8])
    # Quarter turns, counter-clockwise: cos(90 degrees) is 6e-17 and not 0, so the points are whole
    # numbers but for that, which rounding removes.
    for turns in (1, 2, 3, -1):
        turned, expected = apply(images, rotation=90.0 * turns), np.rot90(images, turns, (1, 2))
        if interpolation == "nearest":
            np.testing.assert_array_equal(turned, expected)
        else:
            # sin and cos of an angle of up to 3/2 pi, itself off by eps/2 of it, times 8 pixels.
            bound = (14 * 24 * 2 + 2 * 5 * 8) * np.finfo(np.float32).eps
            np.testing.assert_allclose(turned, expected, rtol=0, atol=bound)


@pytest.mark.parametrize("framework", ["scratch", "torch", "keras"])
def test_directions(framework):
    adapter, options = ADAPTERS[framework], {"interpolation": "nearest"}
    images = np.zeros((1, 5, 5, 1), np.float32)
    images[0, 1:4, 2] = 1  # an upright bar
    leaning = transformed(framework, adapter, images, options, shear=45.0)[0, :, :, 0]
    assert np.argwhere(leaning).tolist() == [[1, 3], [2, 2], [3, 1]]  # its top moved right
    images = np.zeros((1, 9, 9, 1), np.float32)
    images[0, 3:6, 3:6] = 1
    assert transformed(framework, adapter, images, options, zoom=0.75)[0].sum() == 25
    assert transformed(framework, adapter, images, options, zoom=-0.75)[0].sum() == 1


@pytest.mark.parametrize("shape", [(2, 28, 28, 1), (2, 7, 10, 3), (1, 2, 5, 1), (1, 1, 1, 1)])
@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize("fill_mode", FILL_MODES)
def test_opencv(parity, shape, interpolation, fill_mode):
    """``cv2.warpAffine`` of float64 images computes with coordinates in fixed point.

    The products m00 x and m01 y + m02 are rounded to 1/1024 pixel each; then bilinear sampling
    rounds their sum to 1/32 pixel. So a coordinate is off by at most 2/2048, plus 1/64 if bilinear.
    """
    _, height, width, channels = shape
    images = np.random.default_rng(6).uniform(size=shape)
    matrices = random_matrices(shape, seed=6)
    flags = {"bilinear": cv2.INTER_LINEAR, "nearest": cv2.INTER_NEAREST}[interpolation]
    border = {
        "constant": cv2.BORDER_CONSTANT,
        "nearest": cv2.BORDER_REPLICATE,
        "reflect": cv2.BORDER_REFLECT,
    }[fill_mode]
    warped = [
        cv2.warpAffine(
            image,
            matrix,
            (width, height),
            flags=flags | cv2.WARP_INVERSE_MAP,
            borderMode=border,
            borderValue=[0.25] * 4,
        ).reshape(height, width, channels)
        for image, matrix in zip(images, matrices, strict=True)
    ]
    options = {"interpolation": interpolation, "fill_mode": fill_mode, "fill_value": 0.25}
    ours = panel("scratch", "affine").affine(images, matrices, **options)
    theirs = np.stack(warped)
    if interpolation == "nearest":
        # Points within 1/1024 of a half may go either way; random_matrices has none.
        parity("affine, native", {"scratch": ours, "opencv": theirs}, tolerance=0.0)
    else:
        error = 2 / 2048 + 1 / 64
        bound = error * sum(step(images, 0.25 if fill_mode == "constant" else None))
        scale = max(np.abs(ours).max(), np.abs(theirs).max())
        tolerance = bound / scale + derived_bound("float64", 4)
        parity("affine, native", {"scratch": ours, "opencv": theirs}, tolerance=tolerance)


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize("fill_mode", FILL_MODES)
@pytest.mark.parametrize(
    "given",
    [
        {"rotation": 33.0},
        {"zoom": 0.3},
        {"translation_x": 0.17, "translation_y": -0.21},
        {"shear": 20.0},
    ],
)
def test_torch_affine_grid(parity, interpolation, fill_mode, given):
    """Driven with theta in normalized coordinates, where x is in units of W/2 and y of H/2.

    Entries of the map: rotation-grid.
    """
    import torch
    import torch.nn.functional as F

    shape = n, height, width, channels = (2, 7, 10, 3)
    images, upstream = np.random.default_rng(7).uniform(size=(2, *shape))
    values = {name: 0.0 for name in PARAMETERS} | given
    angle, lean = np.deg2rad(values["rotation"]), np.tan(np.deg2rad(values["shear"]))
    cosine, sine = np.cos(angle), np.sin(angle)
    theta = np.array(
        [
            [cosine, (lean - sine) * height / width, -2 * values["translation_x"]],
            [sine * width / height, cosine, -2 * values["translation_y"]],
        ]
    )
    theta[:, :2] /= 1 + values["zoom"]
    padding = {"constant": "zeros", "nearest": "border", "reflect": "reflection"}[fill_mode]
    tensor = torch.tensor(images, requires_grad=True)
    native = F.grid_sample(
        tensor.permute(0, 3, 1, 2),
        F.affine_grid(torch.tensor(theta).expand(n, 2, 3), (n, channels, height, width), False),
        mode=interpolation,
        padding_mode=padding,
        align_corners=False,
    ).permute(0, 2, 3, 1)
    native.backward(torch.tensor(upstream))
    scratch = panel("scratch", "affine")
    matrices = scratch.affine_matrices(height, width, **parameters(n, **given))
    options = {"interpolation": interpolation, "fill_mode": fill_mode}
    parity(
        "affine, native",
        {
            "scratch": [
                scratch.affine(images, matrices, **options),
                scratch.affine_backward(upstream, matrices, **options),
            ],
            "torch": [native, tensor.grad],
        },
        # As between the panels: 14 eps of a reach below 40 pixels, both steps at most 1.
        tolerance=2 * 14 * np.finfo(float).eps * 40,
    )


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize("fill_mode", FILL_MODES)
def test_keras_layers(parity, interpolation, fill_mode):
    """At fixed factors (f, f); they compute in float32.

    Entries of the map: rotation-units, zoom-sign, shear-units.
    """
    import keras

    images = np.random.default_rng(8).uniform(size=(3, 9, 12, 2)).astype(np.float32)
    n, height, width, _ = images.shape
    options = {"interpolation": interpolation, "fill_mode": fill_mode, "fill_value": 0.25}
    scratch = panel("scratch", "affine")

    def ours(**given):
        drawn = parameters(n, "float32", **given)
        return scratch.affine(images, scratch.affine_matrices(height, width, **drawn), **options)

    # Fractions of a turn; positive zoom factors shrink, by 1 / (1 + f); height before width.
    layers = {
        "rotation": (keras.layers.RandomRotation((0.0625, 0.0625), **options), ours(rotation=22.5)),
        "zoom": (
            keras.layers.RandomZoom((0.3, 0.3), **options),
            ours(zoom=1 / (1 + float(np.float32(0.3))) - 1),
        ),
        "translation": (
            keras.layers.RandomTranslation((-0.22, -0.22), (0.15, 0.15), **options),
            ours(translation_x=0.15, translation_y=-0.22),
        ),
    }
    keras_outputs = {
        name: keras.ops.convert_to_numpy(layer(images, training=True))
        for name, (layer, _) in layers.items()
    }
    scratch_outputs = {name: expected for name, (_, expected) in layers.items()}
    # RandomShear moves x by a fraction of y and y by one of x, the corner staying, with a random
    # sign: in pixels its map is [[1, s_x, 0], [s_y, 1, 0]].
    shear = keras.layers.RandomShear((0.23, 0.23), (0.11, 0.11), **options)
    drawn = shear.get_random_transformation(images, training=True)
    tensor = keras.ops.convert_to_tensor(images)
    keras_outputs["shear"] = keras.ops.convert_to_numpy(shear.transform_images(tensor, drawn))
    factors = keras.ops.convert_to_numpy(drawn["shear_factor"])
    matrices = np.tile(np.eye(2, 3, dtype=np.float32), (n, 1, 1))
    matrices[:, 0, 1], matrices[:, 1, 0] = factors[:, 0], factors[:, 1]
    scratch_outputs["shear"] = scratch.affine(images, matrices, **options)
    # 14 roundings of coordinates and 8 of matrix entries, of a reach below 40 pixels.
    bound = (14 + 8) * np.finfo(np.float32).eps * 40
    parity(
        "affine, native", {"scratch": scratch_outputs, "keras": keras_outputs}, tolerance=2 * bound
    )


def test_half_precision_keeps_its_coordinates(parity):
    """float16 has 11 bits: coordinates of 28 pixels in it would be off by 1/128."""
    images = np.random.default_rng(9).uniform(size=(2, 28, 28, 1)).astype(np.float16)
    matrices = random_matrices(images.shape, "float32")
    expected = panel("scratch", "affine").affine(images.astype(np.float64), matrices)

    def sampled(framework, adapter):
        return panel(framework, "affine").affine(adapter.tensor(images), adapter.tensor(matrices))

    outputs = everywhere(sampled)
    parity("affine", outputs, terms=4)
    np.testing.assert_allclose(outputs["scratch"], expected, atol=4 * np.finfo(np.float16).eps)


def test_one_graph_serves_every_batch_size():
    import keras

    images = np.random.default_rng(10).uniform(size=(5, 6, 9, 2)).astype(np.float32)
    matrices = random_matrices(images.shape, "float32")
    module = panel("keras", "affine")
    expected = panel("scratch", "affine").affine(images, matrices, fill_mode="reflect")

    class Sampler(keras.Layer):
        def call(self, inputs):
            return module.affine(*inputs, fill_mode="reflect")

    inputs = [keras.Input((6, 9, 2)), keras.Input((2, 3))]
    model = keras.Model(inputs, Sampler()(inputs))
    predicted = model.predict([images, matrices], batch_size=3, verbose=0)
    bound = coordinate_error(matrices, 6, 9, np.float32) * sum(step(images))
    np.testing.assert_allclose(predicted, expected, rtol=0, atol=bound)


def test_inputs_are_left_alone():
    images = np.random.default_rng(11).uniform(size=(2, 5, 6, 1))
    matrices = random_matrices(images.shape)

    def unchanged(framework, adapter):
        given = adapter.tensor(images), adapter.tensor(matrices)
        for fill_mode in FILL_MODES:
            panel(framework, "affine").affine(*given, fill_mode=fill_mode, fill_value=1.0)
        np.testing.assert_array_equal(adapter.numpy(given[0]), images)
        np.testing.assert_array_equal(adapter.numpy(given[1]), matrices)

    everywhere(unchanged)
    scratch, frozen = panel("scratch", "affine"), images.copy()
    scratch.affine_backward(images, matrices)
    np.testing.assert_array_equal(images, frozen)


def test_bad_input():
    images, matrices = np.zeros((2, 4, 5, 1), np.float32), np.zeros((2, 2, 3), np.float32)

    def apply(images=images, matrices=matrices, **options):
        def call(framework, adapter):
            tensors = adapter.tensor(images), adapter.tensor(matrices)
            panel(framework, "affine").affine(*tensors, **options)

        return call

    integers = "images must be floating point in [0, 1], got uint8: divide by 255 first"
    same_error(apply(images=images.astype(np.uint8)), integers)
    rank = "images must have shape (N, H, W, C), got shape (4, 5, 1)"
    same_error(apply(images=images[0]), rank)
    empty = "images must hold at least one row, got shape (0, 4, 5, 1)"
    same_error(apply(images=images[:0]), empty)
    same_error(apply(matrices=matrices[:1]), "matrices must have shape (2, 2, 3), got (1, 2, 3)")
    for bad in (np.nan, np.inf):
        finite = "matrices must be finite, got NaN or infinity"
        same_error(apply(matrices=matrices + np.float32(bad)), finite)
    same_error(
        apply(interpolation="cubic"),
        "interpolation must be one of 'bilinear', 'nearest', got 'cubic'",
    )
    same_error(
        apply(fill_mode="wrap"),
        "fill_mode must be one of 'constant', 'nearest', 'reflect', got 'wrap'",
    )
    same_error(apply(fill_value=np.nan), "fill_value must be a number in (-inf, inf), got nan")


def test_bad_parameters():
    def build(height=4, width=5, **wrong):
        def call(framework, adapter):
            given = {k: adapter.tensor(v) for k, v in (parameters(2) | wrong).items()}
            panel(framework, "affine").affine_matrices(height, width, **given)

        return call

    same_error(
        build(zoom=np.zeros(3)),
        "zoom must be floating point of shape (2,), got float64 of shape (3,)",
    )
    same_error(
        build(shear=np.zeros(2, int)),
        "shear must be floating point, got int64",
    )
    same_error(
        build(rotation=np.zeros(())),
        "rotation must be floating point of shape (N,), got float64 of shape ()",
    )
    same_error(
        build(rotation=np.zeros((2, 1))),
        "rotation must be floating point of shape (2,), got float64 of shape (2, 1)",
    )
    same_error(build(height=0), "height must be an integer >= 1, got 0")
    same_error(build(width=2.5), "width must be an integer >= 1, got 2.5")
