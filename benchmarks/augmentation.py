"""Rotation of a batch of images, each by an angle of its own: bilinear, black outside."""

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
import scipy.ndimage
import torch
from torch.nn import functional as F

from benchmarks.timing import Contestant, Section, Task, repeated
from scratch.affine import affine_matrices
from scratch.fast.affine import affine
from triptych.extras import keras_backend

__all__ = [
    "augmentation",
    "rotate_numpy",
    "rotate_opencv",
    "rotate_scipy",
    "rotate_torch",
]

# The shape of a batch, and how many batches one timed call rotates.
BATCHES = {"128 images 28x28x1": ((128, 28, 28, 1), 10), "64 images 96x96x3": ((64, 96, 96, 3), 3)}
LIMIT = 15.0  # degrees


def augmentation(quick: bool) -> Section:
    tasks = {}
    for name, (shape, batches) in BATCHES.items():
        units = 1 if quick else batches
        tasks[name] = Task(
            {
                title: partial(_contestant, rotation, shape, units)
                for title, rotation in ROTATIONS.items()
            },
            "Keras RandomRotation",
            units=units,
            pairs=[("NumPy panel", "SciPy, image by image")],
        )
    return Section(
        work="Rotation of a batch by up to 15 degrees",
        note="float32, bilinear, black outside. Keras draws its angles, the others are given "
        "theirs; their images agree to rounding.",
        tasks=tasks,
    )


def _contestant(
    rotation: Callable[[np.ndarray, np.ndarray], Callable[[], object]],
    shape: tuple[int, ...],
    units: int,
) -> Contestant:
    rng = np.random.default_rng(0)
    images = rng.random(shape, np.float32)
    degrees = rng.uniform(-LIMIT, LIMIT, len(images)).astype(np.float32)
    return repeated(rotation(images, degrees), units)


def _keras(images: np.ndarray, degrees: np.ndarray) -> Callable[[], object]:
    import keras

    layer = keras.layers.RandomRotation(LIMIT / 360, fill_mode="constant")
    return partial(layer, keras.ops.convert_to_tensor(images), training=True)


def _keras_graph(images: np.ndarray, degrees: np.ndarray) -> Callable[[], object]:
    import tensorflow as tf

    eager = _keras(images, degrees)
    return tf.function(eager)


def _torch(images: np.ndarray, degrees: np.ndarray) -> Callable[[], object]:
    nchw = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
    return partial(rotate_torch, nchw, torch.from_numpy(degrees))


def rotate_numpy(images: np.ndarray, degrees: np.ndarray) -> np.ndarray:
    _, height, width, _ = images.shape
    none = np.zeros_like(degrees)
    matrices = affine_matrices(
        height,
        width,
        rotation=degrees,
        zoom=none,
        translation_x=none,
        translation_y=none,
        shear=none,
    )
    return affine(images, matrices)


def rotate_torch(images: torch.Tensor, degrees: torch.Tensor) -> torch.Tensor:
    """Images (N, C, H, W). ``affine_grid`` measures in halves of each side."""
    height, width = images.shape[-2:]
    cosine, sine = torch.deg2rad(degrees).cos(), torch.deg2rad(degrees).sin()
    none = torch.zeros_like(cosine)
    rows = [cosine, -sine * height / width, none, sine * width / height, cosine, none]
    grid = F.affine_grid(
        torch.stack(rows, dim=1).reshape(-1, 2, 3), list(images.shape), align_corners=False
    )
    return F.grid_sample(images, grid, align_corners=False)


def rotate_opencv(images: np.ndarray, degrees: np.ndarray) -> np.ndarray:
    _, height, width, _ = images.shape
    centre = (width - 1) / 2, (height - 1) / 2
    rotated = np.empty_like(images)
    for image, angle, result in zip(images, degrees, rotated, strict=True):
        matrix = cv2.getRotationMatrix2D(centre, float(angle), 1)
        turned = cv2.warpAffine(image, matrix, (width, height))
        result[...] = turned.reshape(image.shape)  # OpenCV takes away a single channel
    return rotated


def rotate_scipy(images: np.ndarray, degrees: np.ndarray) -> np.ndarray:
    rotated = np.empty_like(images)
    for image, angle, result in zip(images, degrees, rotated, strict=True):
        # "constant" would not blend the edge with what is outside.
        scipy.ndimage.rotate(
            image, angle, reshape=False, order=1, mode="grid-constant", output=result
        )
    return rotated


ROTATIONS: dict[str, Callable[[np.ndarray, np.ndarray], Callable[[], object]]] = {
    "Keras RandomRotation": _keras,
    "NumPy panel": lambda *given: partial(rotate_numpy, *given),
    "PyTorch grid_sample": _torch,
    "OpenCV, image by image": lambda *given: partial(rotate_opencv, *given),
    "SciPy, image by image": lambda *given: partial(rotate_scipy, *given),
}
if keras_backend() == "tensorflow":
    ROTATIONS["Keras, compiled graph"] = _keras_graph
