"""The workshop: ten things that a plain training script lacks, in Keras.

The script below trains a network of one hidden layer on 500 images of digits. It soon knows them by
heart: the training loss goes to 0, and the validation loss does not. Ten sections are open. Each
stands alone: do them in any order. The script runs at every stage, and says what is open. This
is the solution.

    python workshop_keras.py                             train, and see what is open
    triptych exercise check workshop_keras.py            measure what the script does
    triptych exercise check workshop_keras.py --todo 3   one section alone
    triptych exercise hint workshop_keras.py             help with what is not done

TODO 1, dropout: in training a hidden unit is 0 with probability 0.3, after the ReLU, and what is
    kept is divided by 0.7; in inference nothing happens.
TODO 2, weight decay of 0.01: each step subtracts learning rate * 0.01 * w from every weight w of
    the two matrices, the gradient of 0.01 / 2 * sum w^2. Biases are left alone, and so are gamma
    and beta, the scale and shift that batch normalization learns.
TODO 3, a schedule: half a cosine, from 0.1 in epoch 0 towards 0 after the last:
    0.1 * (1 + cos(pi * epoch / epochs)) / 2.
TODO 4, batch normalization of the hidden layer, after its matrix and before its ReLU.
TODO 5, gradient clipping: in each step the norm of all gradients together is at most 1.
TODO 6, augmentation: each training image is shifted by -1, 0 or 1 pixels down, and by -1, 0 or 1 to
    the right, drawn for itself, and anew in each epoch; pixels that come in at the border are 0.
    Validation images are not shifted.
TODO 7, early stopping: training ends after ``patience`` epochs in a row without a lower validation
    loss than the lowest before. The model then has the weights of its best epoch.
TODO 8, label smoothing of 0.1 in the training loss: each label's row is 0.9 of the label and 0.1
    spread evenly over all 10 classes. ``evaluate`` measures without it.
TODO 9, curves: a figure, curves.png, with the training and the validation loss of every run over
    its epochs, and the same numbers in curves.csv.
TODO 10, misclassified images: which, taken for what, and how surely, the surest first.

All ten together are not the best: they are too much for 500 images, and smoothing raises the loss
that ``evaluate`` measures, whatever it does to the share that is right. Compare.

Keep the functions and their arguments; what is inside is yours to change. ``train`` calls the
others by their names. Images are float32 arrays (N, height, width, 1) with values in [0, 1],
labels are integers (N,), both NumPy; ``rng`` is a NumPy generator. The line ``todo(...)`` in a
section only notes that it is open: take it out when you are done.
"""

import csv
import math
import os
from pathlib import Path

# Or TensorFlow begins with notes on how it was built.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers

from triptych.common.datasets import DatasetUnavailable, digits, mnist

HIDDEN, CLASSES = 64, 10
OPEN: dict[int, str] = {}


def todo(number, what):
    """Notes that a section is open."""
    OPEN[number] = what


def smoothed_cross_entropy(labels, logits):
    rows = keras.ops.one_hot(keras.ops.cast(labels, "int32"), CLASSES)
    return keras.losses.categorical_crossentropy(
        rows, logits, from_logits=True, label_smoothing=0.1
    )


def build_model(shape, seed):
    """Logits (N, 10) of images, each of ``shape`` (height, width, 1)."""
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input(shape),
            layers.Flatten(),
            layers.Dense(HIDDEN),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Dropout(0.3),
            layers.Dense(CLASSES),
        ]
    )


def make_optimizer(model):
    """Compiles the model: with its loss, too."""
    model.compile(
        optimizer=keras.optimizers.SGD(0.1, weight_decay=0.01, global_clipnorm=1.0),
        loss=smoothed_cross_entropy,
    )
    model.optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return model.optimizer


def set_learning_rate(optimizer, rate):
    optimizer.learning_rate = rate


def train_step(model, optimizer, images, labels):
    """One step on a batch, and its loss."""
    model.reset_metrics()  # or the loss would be the mean over all batches so far
    return float(model.train_on_batch(images, labels))


def predict(model, images):
    """Probabilities (N, 10), in inference mode."""
    logits = model(images, training=False)
    return keras.ops.convert_to_numpy(keras.ops.softmax(logits))


def learning_rate(epoch, epochs):
    """That of an epoch; the first is 0."""
    return 0.1 * (1 + math.cos(math.pi * epoch / epochs)) / 2


def augment(images, rng):
    """The training images of one epoch."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    shifted = np.empty_like(images)
    height, width = images.shape[1:3]
    for i, (down, right) in enumerate(rng.integers(-1, 2, (len(images), 2))):
        shifted[i] = padded[i, 1 - down : 1 - down + height, 1 - right : 1 - right + width]
    return shifted


def evaluate(model, images, labels):
    """The mean cross-entropy, and the share of the images that is right."""
    probabilities = predict(model, images)
    of_label = probabilities[np.arange(len(labels)), labels]
    loss = -np.log(np.maximum(of_label, 1e-7)).mean()
    return float(loss), float((probabilities.argmax(axis=1) == labels).mean())


def train(model, training, validation, *, epochs=40, batch_size=25, patience=5, seed=0):
    """The losses of each epoch; ``training`` and ``validation`` are pairs, images and labels."""
    (images, labels), rng = training, np.random.default_rng(seed)
    optimizer = make_optimizer(model)
    history: dict[str, list[float]] = {"loss": [], "validation_loss": []}
    best, waited, best_weights = math.inf, 0, None
    for epoch in range(epochs):
        set_learning_rate(optimizer, learning_rate(epoch, epochs))
        augmented, order, total = augment(images, rng), rng.permutation(len(images)), 0.0
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            total += train_step(model, optimizer, augmented[rows], labels[rows]) * len(rows)
        history["loss"].append(total / len(images))
        history["validation_loss"].append(evaluate(model, *validation)[0])
        if history["validation_loss"][-1] < best:
            best, waited = history["validation_loss"][-1], 0
            best_weights = model.get_weights()
        else:
            waited += 1
        if waited == patience:
            break
    if best_weights is not None:
        model.set_weights(best_weights)
    return history


def save_curves(histories, folder):
    """curves.png and curves.csv in ``folder``: ``histories`` are those of ``train``, by name.

    The columns of curves.csv are run, epoch (the first is 0), loss and validation_loss.
    """
    figure, axes = plt.subplots()
    lines = []
    for number, (run, history) in enumerate(histories.items()):
        losses, validation = history["loss"], history["validation_loss"]
        axes.plot(losses, f"C{number}:", label=f"{run}, training")
        axes.plot(validation, f"C{number}-", label=f"{run}, validation")
        lines += [(run, i, *both) for i, both in enumerate(zip(losses, validation, strict=True))]
    axes.set(xlabel="epoch", ylabel="cross-entropy", title="Loss of each run")
    axes.legend()
    figure.savefig(Path(folder) / "curves.png")
    plt.close(figure)
    with (Path(folder) / "curves.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["run", "epoch", "loss", "validation_loss"])
        writer.writerows(lines)


def misclassified(probabilities, labels):
    """Rows (index, label, predicted, confidence) of the images that are wrong, the surest first.

    ``confidence`` is the probability of the class predicted.
    """
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    wrong = wrong[np.argsort(-confidence[wrong])]
    return [(int(i), int(labels[i]), int(predicted[i]), float(confidence[i])) for i in wrong]


def load():
    """MNIST, or scikit-learn's digits where it cannot be had; 500 images to learn from."""
    try:
        data = mnist()
    except DatasetUnavailable:
        print("MNIST cannot be had here: training on scikit-learn's 8x8 digits instead.\n")
        data = digits()
    training = data.x_train[:500], data.y_train[:500]
    return training, (data.x_validation[:1000], data.y_validation[:1000])


def main():
    training, validation = load()
    folder, histories = Path("workshop"), {}
    folder.mkdir(exist_ok=True)
    for seed in (0, 1):
        model = build_model(training[0].shape[1:], seed)
        histories[f"seed {seed}"] = history = train(model, training, validation, seed=seed)
        loss, accuracy = evaluate(model, *training)
        print(f"seed {seed}: {len(history['loss'])} epochs")
        print(f"  training    loss {loss:.3f}, {accuracy:.1%} right")
        loss, accuracy = evaluate(model, *validation)
        print(f"  validation  loss {loss:.3f}, {accuracy:.1%} right")
    save_curves(histories, folder)
    wrong = misclassified(predict(model, validation[0]), validation[1])
    for index, label, predicted, confidence in wrong[:5]:
        print(f"image {index} is a {label}, taken for a {predicted} with {confidence:.0%}")
    for number, what in sorted(OPEN.items()):
        print(f"open: TODO {number}, {what}")


if __name__ == "__main__":
    main()
