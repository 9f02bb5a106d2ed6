"""Find the bug: a validation score that moves.

The script trains a small network on 48 images of three kinds of stripes, which it augments in each
epoch anew: each image is shifted by a pixel or none and gets noise. It validates after each epoch.

What one sees: the same network on the same images has another validation loss in each call of
``evaluate``, and a worse one than its predictions, which are right more often than the score says.
Two runs cannot be compared that way, nor the best epoch chosen.

Find the fault and mend it. Keep the functions, their arguments and what they return; ``train``
augments by calling ``augment``, which takes and returns NumPy arrays.

    python bug_moving_score_keras.py                     train, and see the numbers
    triptych exercise check bug_moving_score_keras.py    measure what the script does
"""

import os

# Or TensorFlow begins with notes on how it was built.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import keras
import numpy as np
from keras import layers

SIZE, CLASSES, BATCH = 8, 3, 16


def build_model(seed):
    """Logits (N, 3) of images (N, 8, 8, 1)."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 1)),
            layers.Flatten(),
            layers.Dense(32, activation="relu"),
            layers.Dense(CLASSES),
        ]
    )
    model.compile(
        optimizer=keras.optimizers.SGD(0.1),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def augment(images, rng):
    """Each image shifted round by up to a pixel in each direction, with noise."""
    shifts = rng.integers(-1, 2, (len(images), 2))
    moved = [np.roll(image, shift, (0, 1)) for image, shift in zip(images, shifts, strict=True)]
    return np.array(moved) + rng.normal(0, 0.3, images.shape).astype("float32")


class Pipeline(keras.utils.PyDataset):
    """Batches of images and labels."""

    def __init__(self, seed, images, labels):
        super().__init__()
        self.images, self.labels = images, labels
        self.rng = np.random.default_rng(seed)

    def __len__(self):
        return -(-len(self.images) // BATCH)

    def __getitem__(self, index):
        rows = slice(index * BATCH, (index + 1) * BATCH)
        return augment(self.images[rows], self.rng), self.labels[rows]


def train(model, training, validation, *, epochs=30, seed=0):
    """The history of ``fit``: loss, accuracy, val_loss and val_accuracy of each epoch.

    ``training`` and ``validation`` are pairs, images and labels.
    """
    return model.fit(
        Pipeline(seed, *training),
        validation_data=Pipeline(seed + 1, *validation),
        epochs=epochs,
        shuffle=False,
        verbose=0,
    ).history


def evaluate(model, images, labels):
    """The mean cross-entropy, and the share of the images that is right."""
    loss, accuracy = model.evaluate(Pipeline(None, images, labels), verbose=0)
    return loss, accuracy


def stripes(rows, seed):
    """Rows, columns or squares of light, each of a strength of its own."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, rows)
    y, x = np.indices((SIZE, SIZE))
    kinds = np.stack([y % 4 < 2, x % 4 < 2, (x % 4 < 2) & (y % 4 < 2)])
    images = kinds[labels] * rng.uniform(0.3, 1, (rows, 1, 1)) + rng.normal(0, 0.1, (rows, 8, 8))
    return images[..., None].astype("float32"), labels


def main():
    training, validation = stripes(48, seed=0), stripes(100, seed=1)
    model = build_model(seed=0)
    train(model, training, validation)
    for call in (1, 2, 3):
        loss, accuracy = evaluate(model, *validation)
        print(f"call {call} of evaluate: loss {loss:.3f}, {accuracy:.0%} right")
    right = (model.predict(validation[0], verbose=0).argmax(axis=1) == validation[1]).mean()
    print(f"of the validation images as they are, {right:.0%} are predicted right")


if __name__ == "__main__":
    main()
