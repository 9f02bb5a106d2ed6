"""Loading data."""

import tempfile
from pathlib import Path

import keras
import numpy as np
import torch
from keras import layers
from PIL import Image
from torch.utils.data import DataLoader, TensorDataset, random_split

from triptych.differences.entry import Difference
from triptych.differences.probe import array, outcome, torchvision_v2


def folder_of_images(root):
    """Two classes, "10" and "9", of one image each: 4 x 4, grey of 51."""
    for name in ("10", "9"):
        Path(root, name).mkdir()
        Image.fromarray(np.full((4, 4, 3), 51, "uint8")).save(Path(root, name, "a.png"))
    return root


class LastBatchDropped(Difference):
    """Both keep a short last batch; only PyTorch's loader can drop it."""

    pytorch = "`DataLoader(drop_last=True)`"
    keras = "`fit` over arrays always keeps it; `tf.data`'s `batch(drop_remainder=True)` does not"
    mapping = "`drop_last=False`, the default"
    words = "drop_last last batch incomplete remainder number of steps"

    def in_pytorch(mapped):
        return len(
            DataLoader(TensorDataset(torch.zeros(10, 1)), batch_size=4, drop_last=not mapped)
        )

    def in_keras(mapped):
        steps = []
        model = keras.Sequential([keras.Input((1,)), layers.Dense(1)])
        model.compile("sgd", "mse", run_eagerly=True)
        watch = keras.callbacks.LambdaCallback(on_train_batch_end=lambda b, logs: steps.append(b))
        model.fit(np.zeros((10, 1)), np.zeros((10, 1)), 4, verbose=0, callbacks=[watch])
        return len(steps)


class FoldersScale(Difference):
    """Images from folders: tensors in [0, 1], channels first, and floats up to 255, channels last.

    `ToTensor` divides by 255; Keras leaves that to a `Rescaling(1 / 255)` of the model.
    """

    pytorch = "`ImageFolder` with `ToTensor`: (3, H, W) in [0, 1]"
    keras = "`image_dataset_from_directory`: (N, H, W, 3) in [0, 255]"
    mapping = "`Rescaling(1 / 255)`, and permute"
    bound = 1e-6
    because = "both in float32"
    needs = ("torchvision", "tensorflow")
    words = "ImageFolder ToTensor image_dataset_from_directory scale 255 rescaling"

    def in_pytorch(mapped):
        v2 = torchvision_v2()
        from torchvision.datasets import ImageFolder

        with tempfile.TemporaryDirectory() as root:
            scaled = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])
            return ImageFolder(folder_of_images(root), scaled)[0][0].permute(1, 2, 0)

    def in_keras(mapped):
        with tempfile.TemporaryDirectory() as root:
            data = keras.utils.image_dataset_from_directory(
                folder_of_images(root), image_size=(4, 4), shuffle=False, verbose=False
            )
            images = next(iter(data))[0]
            return array(layers.Rescaling(1 / 255)(images) if mapped else images)[0]


class FoldersSize(Difference):
    """Keras resizes images from folders to 256 x 256; PyTorch leaves them as they are."""

    pytorch = "`ImageFolder`: each in its own size"
    keras = "`image_dataset_from_directory(image_size=(256, 256))`, bilinear"
    mapping = "say the size"
    needs = ("torchvision", "tensorflow")
    words = "image_dataset_from_directory default image_size 256 resized"

    def in_pytorch(mapped):
        torchvision_v2()
        from torchvision.datasets import ImageFolder

        with tempfile.TemporaryDirectory() as root:
            return ImageFolder(folder_of_images(root))[0][0].size

    def in_keras(mapped):
        options = {"image_size": (4, 4)} if mapped else {}
        with tempfile.TemporaryDirectory() as root:
            data = keras.utils.image_dataset_from_directory(
                folder_of_images(root), verbose=False, **options
            )
            return next(iter(data))[0].shape[1:3]


class ValidationSplit(Difference):
    """Keras's validation_split takes the last rows, in order; PyTorch's random_split draws.

    Data sorted by class are then validated on classes that were never trained.
    """

    pytorch = "`random_split`: a random share"
    keras = "`fit(validation_split=0.25)`: the last quarter, before any shuffling"
    mapping = "`Subset(data, range(n_training, n))`"
    links = (
        "keras-team/keras#6422",
        "keras-team/keras#597",
        "keras-team/keras#10374",
        "keras-team/keras#20946",
    )
    asked = 8
    words = "validation_split last samples not shuffled random_split sorted classes"

    def in_pytorch(mapped):
        data = torch.arange(16.0)
        if mapped:
            return data[12:].mean()
        _, held = random_split(data, [12, 4], torch.Generator().manual_seed(0))
        return torch.stack(list(held)).mean()

    def in_keras(mapped):
        rows = np.arange(16.0)[:, None]
        model = keras.Sequential([keras.Input((1,)), layers.Identity()])
        model.compile("sgd", lambda y, p: p)
        return model.fit(rows, rows, validation_split=0.25, verbose=0).history["val_loss"][0]


class NumpyFloat64(Difference):
    """NumPy's float64 stays float64 in PyTorch, and clashes with the weights; Keras casts it.

    `torch.from_numpy` keeps the dtype, `fit` casts to the first layer's.
    """

    pytorch = "RuntimeError: expected scalar type Float but found Double"
    keras = "cast to float32 in silence"
    mapping = "`torch.from_numpy(x).float()`"
    words = "expected scalar type Float but found Double from_numpy float64 dtype"

    def in_pytorch(mapped):
        x = torch.from_numpy(np.ones((2, 3)))
        layer = torch.nn.Linear(3, 1).float()
        return outcome(
            lambda: layer(x.float() if mapped else x).shape[0], "must have the same dtype"
        )

    def in_keras(mapped):
        model = keras.Sequential(
            [keras.Input((3,), dtype="float32"), layers.Dense(1, dtype="float32")]
        )
        return outcome(lambda: model(np.ones((2, 3))).shape[0])


class DatasetCallbackEarly(Difference):
    """Keras calls a PyDataset's `on_epoch_end` once before the first epoch ends.

    What it shuffles or counts there is one ahead.
    """

    pytorch = "a sampler is asked anew for each epoch, and for nothing else"
    keras = "`on_epoch_end` runs once more than there are epochs"
    mapping = "ignore the first call"
    backends = ("tensorflow", "jax")
    words = "PyDataset on_epoch_end called twice before first epoch shuffle sequence"

    def in_pytorch(mapped):
        class Counting(torch.utils.data.SequentialSampler):
            def __iter__(self):
                calls.append(1)
                return super().__iter__()

        calls, data = [], TensorDataset(torch.zeros(4, 1))
        loader = DataLoader(data, batch_size=2, sampler=Counting(data))
        for _ in range(3):
            list(loader)
        return len(calls)

    def in_keras(mapped):
        class Counting(keras.utils.PyDataset):
            called = False

            def __len__(self):
                return 2

            def __getitem__(self, index):
                return np.zeros((2, 1)), np.zeros((2, 1))

            def on_epoch_end(self):
                if self.called or not mapped:
                    calls.append(1)
                self.called = True

        calls = []
        model = keras.Sequential([keras.Input((1,)), layers.Dense(1)])
        model.compile("sgd", "mse")
        model.fit(Counting(), epochs=3, verbose=0)
        return len(calls)


class BinaryLabelsShape(Difference):
    """Binary labels of shape (N,) for outputs of (N, 1): Keras adds the axis, PyTorch refuses.

    With binary cross-entropy PyTorch raises, with the squared error it broadcasts.
    """

    pytorch = "`binary_cross_entropy_with_logits`: ValueError"
    keras = "`fit` and `train_on_batch` add the axis"
    mapping = "`labels[:, None]`"
    words = "Target size must be the same as input size binary labels shape (N,) (N,1)"

    def in_pytorch(mapped):
        logits, labels = torch.zeros(4, 1), torch.ones(4)
        bce = torch.nn.functional.binary_cross_entropy_with_logits
        return outcome(
            lambda: float(bce(logits, labels[:, None] if mapped else labels)),
            "must be the same as input size",
        )

    def in_keras(mapped):
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        return outcome(lambda: float(array(loss(np.ones(4), np.zeros((4, 1))))))
