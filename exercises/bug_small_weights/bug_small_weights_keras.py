"""Find the bug: weights that shrink too fast.

The script trains a network of one hidden layer on 60 points, with plain SGD at learning rate 0.1.
To its loss belongs a penalty of the two weight matrices (kernels), and of nothing else:

    0.01 / 2 * sum w^2        which takes 0.1 * 0.01 = 0.001 of itself from a weight in each step

What one sees: in a step from which there is nothing to learn, a weight loses twice as much of
itself as that. The biases, which were to be free, shrink as well. The trained network is smoother
than it was meant to be.

Find what is wrong (it may be two things) and mend it. Keep the functions and their arguments, SGD
and its learning rate, and the model: two layers with a kernel and a bias each, and logits as
outputs.

    python bug_small_weights_keras.py                     train, and see the numbers
    triptych exercise check bug_small_weights_keras.py    measure what the script does
"""

import os

# Or TensorFlow begins with notes on how it was built.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import keras
import numpy as np
from keras import layers

HIDDEN, RATE, STRENGTH = 16, 0.1, 0.01


def dense(units, activation=None):
    penalty = keras.regularizers.L2(STRENGTH)
    return layers.Dense(
        units, activation=activation, kernel_regularizer=penalty, bias_regularizer=penalty
    )


def build_model(inputs, classes, seed):
    """Logits (N, classes) of points (N, inputs)."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((inputs,)), dense(HIDDEN, "relu"), dense(classes)])
    model.compile(
        optimizer=keras.optimizers.SGD(RATE),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return model


def train(model, x, labels, *, epochs=100, batch_size=30):
    """The mean loss of each epoch, with the penalty."""
    fitted = model.fit(x, labels, epochs=epochs, batch_size=batch_size, shuffle=False, verbose=0)
    return fitted.history["loss"]


def moons(rows, seed=0):
    """Points on two half circles, which reach into each other."""
    rng = np.random.default_rng(seed)
    labels, angle = rng.integers(0, 2, rows), rng.uniform(0, np.pi, rows)
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points = np.where(labels[:, None] == 0, upper, np.array([1, 0.5]) - upper)
    return (points + rng.normal(0, 0.15, points.shape)).astype("float32"), labels


def shrinkage():
    """What each array loses of itself, in a step on points that teach nothing.

    All inputs are 0, no hidden unit is active, and both classes are equally frequent.
    """
    model = build_model(2, 2, seed=0)
    first, _, output, _ = model.get_weights()
    before = [first, np.full(HIDDEN, -1.0), output, np.full(2, 1.0)]
    model.set_weights(before)
    train(model, np.zeros((2, 2), "float32"), np.array([0, 1]), epochs=1)
    pairs = zip(before, model.get_weights(), strict=True)
    return [float(1 - np.sum(a * b) / np.sum(a * a)) for a, b in pairs]


def main():
    names = ("first kernel", "first bias", "second kernel", "second bias")
    for name, lost, asked in zip(names, shrinkage(), (0.001, 0, 0.001, 0), strict=True):
        print(f"{name:14s} loses {lost:.4f} of itself in a step, asked {asked:.4f}")
    x, labels = moons(60)
    model = build_model(2, 2, seed=0)
    losses = train(model, x, labels)
    right = (model.predict(x, verbose=0).argmax(axis=1) == labels).mean()
    norm = np.sqrt(sum(np.sum(w**2) for w in model.get_weights() if w.ndim == 2))
    print(f"after {len(losses)} epochs: norm of the kernels {norm:.2f}, {right:.0%} right")


if __name__ == "__main__":
    main()
