r"""Mixing: mixup and CutMix train on blends of two examples, with blended labels.

    lambda ~ Beta(alpha, alpha), one for the batch or one for each example; partner: a permutation

    mixup     x~_n = weight_n * x_n + (1 - weight_n) * x_partner(n)             weight = lambda
    CutMix    x~_n = x_partner(n) inside the box of n, x_n elsewhere
              about a pixel drawn uniformly, floor(H / 2 * sqrt(1 - lambda)) rows up and as many
              down, columns likewise; what lies outside the image is cut off, and then
              weight_n = 1 - pixels in the box / (H * W)

    labels    q~_n = weight_n * q_n + (1 - weight_n) * q_partner(n)             rows q, (N, classes)
    loss      CE(x~_n, q~_n) = weight_n * CE(x~_n, q_n) + (1 - weight_n) * CE(x~_n, q_partner(n))

Both maps are linear in x, and a gradient goes to an example and to its partner: for mixup dL/dx_n =
weight_n * dy_n + sum_m [partner(m) = n] (1 - weight_m) * dy_m, for CutMix pixel by pixel likewise.
Cross-entropy is linear in q, so one forward pass of x~ takes both labels. Label smoothing is linear
too: it may come before or after.

``x`` (N, ...), images (N, H, W, C); ``partner`` integers (N,) in [0, N); ``weight`` (N,), of the
dtype of x, in [0, 1]; ``box`` integers (N, 4): top, left, bottom, right, the last two exclusive;
``alpha`` in (0, inf). A ``ValueError`` says which argument does not fit.

Papers: Zhang, Cisse, Dauphin and Lopez-Paz, "mixup: beyond empirical risk minimization", ICLR 2018;
Yun, Han, Oh, Chun, Choe and Yoo, "CutMix: regularization strategy to train strong classifiers with
localizable features", ICCV 2019.

Framework differences: PyTorch has neither; torchvision draws one lambda for a batch and pairs
neighbours, Keras draws one for each image. See ``triptych differences``: mixup-draw, cutmix-label.

Here: the equations are written out, for Keras's own ``MixUp`` and ``CutMix`` cannot be given draws,
and their gradients are the backend's. No callback changes the data of ``model.fit``: there mix
in the data set.
"""

from typing import Any

import keras
from keras import ops

from keras_impl.streams import bernoulli, beta, integers, permutation
from triptych.common.checks import (
    FLOATING,
    check_array,
    check_batch,
    check_box,
    check_draw,
    check_dtype,
    check_flag,
    check_floating,
    check_images,
    check_labels,
    check_mixing_weight,
    check_number,
    check_partner,
    check_probabilities,
    check_same_shape,
    check_seed,
    check_size,
    dtype_name,
    own_arrays,
)
from triptych.common.names import layer_name
from triptych.common.streams import Stream

__all__ = [
    "draw_mixup",
    "draw_cutmix",
    "mixup",
    "cutmix",
    "cutmix_weight",
    "Mixing",
]


def draw_mixup(
    stream: Stream, count: int, alpha: float, *, per_sample: bool = False, dtype: str = "float32"
) -> tuple[Any, Any]:
    """``partner`` and ``weight`` of ``count`` examples."""
    alpha = _check_draw(stream, count, alpha, per_sample, dtype)
    partner = permutation(stream._replace(layer=f"{stream.layer}/partner"), (count,))
    weight = beta(stream, (count if per_sample else 1,), alpha, alpha, dtype=dtype)
    return partner, ops.broadcast_to(weight, (count,))


def draw_cutmix(
    stream: Stream, shape: tuple[int, ...], alpha: float, *, per_sample: bool = False
) -> tuple[Any, Any]:
    """``partner`` and ``box`` of images of ``shape`` (N, H, W, C)."""
    count, height, width = _check_images_draw(stream, shape)
    partner, weight = draw_mixup(stream, count, alpha, per_sample=per_sample)
    boxes = count if per_sample else 1
    row = integers(stream._replace(layer=f"{stream.layer}/row"), (boxes,), 0, height)
    column = integers(stream._replace(layer=f"{stream.layer}/column"), (boxes,), 0, width)
    side = ops.sqrt(1 - weight[:boxes])
    half_height = ops.cast(ops.floor(height / 2 * side), "int64")
    half_width = ops.cast(ops.floor(width / 2 * side), "int64")
    top, bottom = ops.maximum(row - half_height, 0), ops.minimum(row + half_height, height)
    left, right = ops.maximum(column - half_width, 0), ops.minimum(column + half_width, width)
    box = ops.stack([top, left, bottom, right], axis=1)
    return partner, ops.broadcast_to(box, (count, 4))


def mixup(x: Any, partner: Any, weight: Any) -> Any:
    """x~, or q~ if ``x`` holds the rows of labels."""
    _check_mixup(x, partner, weight)
    weight = _column(weight, x)
    return weight * x + (1 - weight) * _of_partner(x, partner)


def cutmix(images: Any, partner: Any, box: Any) -> Any:
    """x~: the partner's pixels inside the box."""
    _check_cutmix(images, partner, box)
    return ops.where(_inside(box, images), _of_partner(images, partner), images)


def cutmix_weight(box: Any, height: int, width: int, *, dtype: str = "float32") -> Any:
    """The fraction of its own pixels that each image keeps."""
    _check_area(box, height, width, dtype)
    top, left, bottom, right = ops.unstack(box, 4, axis=1)
    pasted = (bottom - top) * (right - left)
    return ops.cast(height * width - pasted, dtype) / (height * width)


def _of_partner(x: Any, partner: Any) -> Any:
    return ops.take(x, ops.cast(partner, "int32"), axis=0)


def _column(weight: Any, x: Any) -> Any:
    """(N,) as (N, 1, ...), to stand beside x."""
    return ops.reshape(weight, (-1, *[1] * (len(x.shape) - 1)))


def _inside(box: Any, images: Any) -> Any:
    """Booleans (N, H, W, 1): inside the box."""
    sides = ops.unstack(ops.cast(box, "int32"), 4, axis=1)
    top, left, bottom, right = (side[:, None] for side in sides)
    i, j = (ops.arange(side, dtype="int32") for side in images.shape[1:3])
    rows = ops.logical_and(ops.greater_equal(i, top), ops.less(i, bottom))
    columns = ops.logical_and(ops.greater_equal(j, left), ops.less(j, right))
    return ops.logical_and(rows[:, :, None], columns[:, None, :])[..., None]


class Mixing(keras.callbacks.Callback):
    """Mixes each batch: by mixup, by CutMix, or, with both, by one of them, a fair coin says which.

    ``mixup`` and ``cutmix`` are their alphas; 0 is without. The draws are those of the stream
    (seed, name, step). In a loop of one's own, whose loss takes rows of labels:

        mixing = Mixing(classes=10, mixup=0.2)
        for step, (x, y) in enumerate(batches):
            x, q = mixing.mix(x, y, step)
            ...
    """

    def __init__(
        self,
        classes: int,
        *,
        mixup: float = 0.0,
        cutmix: float = 0.0,
        per_sample: bool = False,
        seed: int = 0,
        name: str | None = None,
    ) -> None:
        super().__init__()
        self.name = layer_name("keras", "mixing", name)
        self.classes = check_size("classes", classes)
        self.mixup, self.cutmix = _check_alphas(mixup, cutmix)
        self.per_sample = check_flag("per_sample", per_sample)
        self.seed = check_seed(seed)

    def mix(self, x: Any, y: Any, step: int) -> tuple[Any, Any]:
        """x~ and q~ of a batch with integer labels ``y``, or with rows of labels."""
        # Batches are NumPy arrays; PyTorch multiplies its tensors with those under protest.
        dtype = dtype_name(x)
        q = ops.convert_to_tensor(self._one_hot(x, y), dtype)
        x = ops.convert_to_tensor(x, dtype)
        stream = Stream(self.seed, self.name, step)
        if self._cuts(stream):
            partner, box = draw_cutmix(
                stream, tuple(x.shape), self.cutmix, per_sample=self.per_sample
            )
            weight = cutmix_weight(box, *x.shape[1:3], dtype=dtype)
            return cutmix(x, partner, box), mixup(q, partner, weight)
        partner, weight = draw_mixup(
            stream, len(x), self.mixup, per_sample=self.per_sample, dtype=dtype
        )
        return mixup(x, partner, weight), mixup(q, partner, weight)

    def _one_hot(self, x: Any, y: Any) -> Any:
        _check_batch(x, y, self.classes, self.cutmix)
        return y if len(y.shape) == 2 else ops.one_hot(y, self.classes, dtype=x.dtype)

    def _cuts(self, stream: Stream) -> bool:
        if self.mixup > 0 and self.cutmix > 0:
            coin = stream._replace(layer=f"{stream.layer}/coin")
            return bool(bernoulli(coin, (1,), 0.5)[0])
        return self.cutmix > 0

    def on_train_begin(self, logs: Any = None) -> None:
        self._step = 0

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if not logs:
            raise ValueError(
                "Mixing works in our fit, which hands it the batch; model.fit does not"
            )
        logs["x"], logs["y"] = self.mix(logs["x"], logs["y"], self._step)
        self._step += 1


def _check_draw(stream: Stream, count: int, alpha: float, per_sample: bool, dtype: str) -> float:
    check_draw(stream, (check_size("count", count),))
    check_flag("per_sample", per_sample)
    check_dtype(dtype)
    return check_number("alpha", alpha, "(0, inf)")


def _check_images_draw(stream: Stream, shape: tuple[int, ...]) -> tuple[int, int, int]:
    check_draw(stream, shape)
    if len(shape) != 4 or 0 in shape:
        raise ValueError(f"shape must be (N, H, W, C), got {tuple(shape)}")
    return shape[0], shape[1], shape[2]


@own_arrays
def _check_mixup(x: Any, partner: Any, weight: Any, name: str = "x") -> None:
    check_floating(name, x)
    check_batch(x, name)
    check_partner(partner, x.shape[0])
    check_mixing_weight(weight, x, name)


@own_arrays
def _check_cutmix(images: Any, partner: Any, box: Any, name: str = "images") -> None:
    check_images(images, name)
    check_partner(partner, images.shape[0])
    check_box(box, images.shape[0], images.shape[1], images.shape[2])


@own_arrays
def _check_area(box: Any, height: int, width: int, dtype: str) -> None:
    check_box(box, None, check_size("height", height), check_size("width", width))
    check_dtype(dtype)


def _check_alphas(mixup: float, cutmix: float) -> tuple[float, float]:
    mixup = check_number("mixup", mixup, "[0, inf)")
    cutmix = check_number("cutmix", cutmix, "[0, inf)")
    if mixup == 0 and cutmix == 0:
        raise ValueError("mixup or cutmix must be above 0, got 0.0 for both")
    return mixup, cutmix


@own_arrays
def _check_batch(x: Any, y: Any, classes: int, cutmix: float) -> None:
    check_floating("x", x)
    check_batch(x)
    if cutmix > 0:
        check_images(x, "x")
    check_array("y", y)
    if dtype_name(y) in FLOATING:
        check_probabilities("y", y)
        check_same_shape("y", y, (x.shape[0], classes))
    else:
        check_labels((x.shape[0], classes), y, name="y")
