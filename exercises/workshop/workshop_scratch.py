"""The workshop: ten things that a plain training script lacks, in NumPy.

The script below trains a network of one hidden layer on 500 images of digits. It soon knows them by
heart: the training loss goes to 0, and the validation loss does not. Ten sections are open. Each
stands alone: do them in any order. The script runs at every stage, and says what is open.

    python workshop_scratch.py                             train, and see what is open
    triptych exercise check workshop_scratch.py            measure what the script does
    triptych exercise check workshop_scratch.py --todo 3   one section alone
    triptych exercise hint workshop_scratch.py             help with what is not done

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

import math
from pathlib import Path

import numpy as np

from scratch.layers import Dense, Flatten, ReLU, Sequential
from scratch.losses import softmax_cross_entropy, softmax_cross_entropy_backward
from scratch.optimizers import SGD
from triptych.common.datasets import DatasetUnavailable, digits, mnist

HIDDEN, CLASSES = 64, 10
OPEN: dict[int, str] = {}


def todo(number, what):
    """Notes that a section is open."""
    OPEN[number] = what


def build_model(shape, seed):
    """Logits (N, 10) of images, each of ``shape`` (height, width, 1)."""
    todo(1, "dropout")
    todo(4, "batch normalization")
    return Sequential(
        [
            Flatten(),
            Dense(math.prod(shape), HIDDEN, seed=seed, name="hidden"),
            ReLU(),
            Dense(HIDDEN, CLASSES, seed=seed, name="output"),
        ]
    )


def make_optimizer(model):
    todo(2, "weight decay")
    return SGD(0.1)


def set_learning_rate(optimizer, rate):
    optimizer.learning_rate = rate


def train_step(model, optimizer, images, labels):
    """One step on a batch, and its loss."""
    logits = model.forward(images, training=True)
    todo(8, "label smoothing")
    loss = softmax_cross_entropy(logits, labels)
    model.backward(softmax_cross_entropy_backward(logits, labels))
    params = {name: layer.params[key] for name, layer, key in model.parameters()}
    grads = {name: layer.grads[key] for name, layer, key in model.parameters()}
    todo(5, "gradient clipping")
    optimizer.step(params, grads)
    return float(loss)


def predict(model, images):
    """Probabilities (N, 10), in inference mode."""
    logits = model.forward(images, training=False)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def learning_rate(epoch, epochs):
    """That of an epoch; the first is 0."""
    todo(3, "a schedule")
    return 0.1


def augment(images, rng):
    """The training images of one epoch."""
    todo(6, "augmentation")
    return images


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
    for epoch in range(epochs):
        set_learning_rate(optimizer, learning_rate(epoch, epochs))
        augmented, order, total = augment(images, rng), rng.permutation(len(images)), 0.0
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            total += train_step(model, optimizer, augmented[rows], labels[rows]) * len(rows)
        history["loss"].append(total / len(images))
        history["validation_loss"].append(evaluate(model, *validation)[0])
        todo(7, "early stopping")
    return history


def save_curves(histories, folder):
    """curves.png and curves.csv in ``folder``: ``histories`` are those of ``train``, by name.

    The columns of curves.csv are run, epoch (the first is 0), loss and validation_loss.
    """
    todo(9, "curves")


def misclassified(probabilities, labels):
    """Rows (index, label, predicted, confidence) of the images that are wrong, the surest first.

    ``confidence`` is the probability of the class predicted.
    """
    todo(10, "misclassified images")
    return []


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
