"""Find the bug: channels that stay uneven.

The script tells two kinds of weather maps apart, 8 by 10 pixels with three channels: pressure,
temperature and humidity, in units that differ a thousandfold. Batch normalization is to bring each
channel to mean 0 and deviation 1, over the batch and all pixels, in front of the convolution and
behind it, with a scale and a shift for each channel.

What one sees: what comes out of the first normalization has a channel with a mean near 1.4, and two
that are all but constant. The network hardly tells the kinds apart; and it has other numbers of
parameters for images of another height.

Find the fault and mend it. Keep the functions and their arguments: ``make_norm`` makes the layer
that ``build_model`` has in two places. Its running statistics keep 0.9 of themselves in each step.

    python bug_channels_keras.py                     train, and see the numbers
    triptych exercise check bug_channels_keras.py    measure what the script does
"""

import os

# Or TensorFlow begins with notes on how it was built.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import keras
import numpy as np
from keras import layers


def make_norm():
    """Normalizes images (N, height, width, channels)."""
    return layers.BatchNormalization(axis=1, momentum=0.9)


def build_model(shape, classes, seed):
    """Logits (N, classes) of images, each of ``shape`` (height, width, channels)."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input(shape),
            make_norm(),
            layers.Conv2D(8, 3, padding="same", use_bias=False),
            make_norm(),
            layers.ReLU(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(classes),
        ]
    )
    model.compile(
        optimizer=keras.optimizers.SGD(0.2),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return model


def train(model, images, labels, *, epochs=20, batch_size=20):
    """The mean loss of each epoch."""
    return model.fit(images, labels, batch_size, epochs, verbose=0).history["loss"]


def maps(rows, seed):
    """Where it is warm it is humid in maps of the one kind, and dry in those of the other."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, rows)
    pressure, warmth, noise = rng.normal(size=(3, rows, 8, 10))
    humidity = np.where(labels == 1, 1, -1)[:, None, None] * warmth + 0.5 * noise
    channels = 1000 + 10 * pressure, 15 + 5 * warmth, 0.5 + 0.1 * humidity
    return np.stack(channels, axis=-1).astype("float32"), labels


def main():
    images, labels = maps(100, seed=0)
    norm = make_norm()
    normalized = keras.ops.convert_to_numpy(norm(images, training=True))
    for name, channel in zip(("pressure", "temperature", "humidity"), range(3), strict=True):
        values = normalized[..., channel]
        print(f"{name:12s} after normalization: mean {values.mean():6.3f}", end="")
        print(f", deviation {values.std():.3f}")
    print("parameters of the normalization:", [tuple(w.shape) for w in norm.trainable_variables])
    model = build_model(images.shape[1:], 2, seed=0)
    losses = train(model, images, labels)
    others, truth = maps(200, seed=1)
    right = (model.predict(others, verbose=0).argmax(axis=1) == truth).mean()
    print(f"loss {losses[0]:.2f} -> {losses[-1]:.2f}, {right:.0%} of other maps right")


if __name__ == "__main__":
    main()
