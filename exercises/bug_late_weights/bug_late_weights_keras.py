"""Find the bug: weights that come too late.

The script fits a curve through 20 noisy points, with early stopping: training is to end after
``patience`` epochs in a row without a lower validation loss than the lowest before, and the model
then to have the weights of its best epoch, however training ends.

What one sees: training goes on long after the validation loss has begun to rise, to the last epoch
that it may have, and the model that comes out has a validation loss far above the lowest that the
history shows.

Find what is wrong (it may be two things) and mend it. Keep the functions, their arguments and what
they return: ``train`` returns a dictionary with the lists loss and val_loss, one number for each
epoch that was run.

    python bug_late_weights_keras.py                     train, and see the numbers
    triptych exercise check bug_late_weights_keras.py    measure what the script does
"""

import os

# Or TensorFlow begins with notes on how it was built.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import keras
import numpy as np
from keras import layers


def build_model(inputs, seed):
    """A number (N, 1) for each of the points (N, inputs)."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((inputs,)),
            layers.Dense(64, activation="tanh"),
            layers.Dense(1),
        ]
    )
    model.compile(optimizer=keras.optimizers.SGD(0.05), loss="mse")
    return model


def train(model, training, validation, *, epochs=100, patience=20):
    """The history; ``training`` and ``validation`` are pairs, points and numbers (N, 1)."""
    stopping = keras.callbacks.EarlyStopping(monitor="loss", patience=patience)
    fitted = model.fit(
        *training,
        validation_data=validation,
        epochs=epochs,
        batch_size=len(training[0]),
        callbacks=[stopping],
        verbose=0,
    )
    return fitted.history


def curve(rows, seed):
    """Of which only the first of ten inputs says something."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 10)).astype("float32")
    y = np.sin(2 * x[:, :1]) + rng.normal(0, 0.3, (rows, 1))
    return x, y.astype("float32")


def main():
    training, validation = curve(20, seed=0), curve(200, seed=1)
    model = build_model(10, seed=0)
    history = train(model, training, validation)
    best = int(np.argmin(history["val_loss"]))
    print(f"{len(history['loss'])} epochs were run; the training loss ends at", end=" ")
    print(f"{history['loss'][-1]:.3f}")
    print(f"the lowest validation loss was {history['val_loss'][best]:.3f}, in epoch {best + 1}")
    print(f"the model that comes out has {model.evaluate(*validation, verbose=0):.3f}")


if __name__ == "__main__":
    main()
