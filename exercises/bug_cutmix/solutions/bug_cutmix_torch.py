"""CutMix, whose labels say what is in the image: the solution.

The labels were mixed with the lambda that was drawn. It is the share of the pixels only as long as
the box lies within the image and its sides are whole numbers of pixels; half of the boxes are cut
off, and all are rounded down, so the labels promised more of the other image than there was. The
weight has to be counted from the box that was pasted, after all that happens to it.
"""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional

SIDE, CLASSES = 12, 4


def make_data(count, seed):
    """Images of noise with a bar, its class where the bar is: left, right, top or bottom."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(CLASSES, size=count)
    images = rng.normal(0, 1, (count, 1, SIDE, SIDE)).astype(np.float32)
    places = np.s_[:, :4], np.s_[:, -4:], np.s_[:4], np.s_[-4:]
    for image, label in zip(images, labels, strict=True):
        image[0][places[label]] += 0.5
    return torch.from_numpy(images), torch.from_numpy(labels)


def cutmix(images, rows, rng, alpha=1.0):
    """The mixed images and the mixed rows of their labels."""
    height, width = images.shape[2:]
    weight = rng.beta(alpha, alpha)
    partner = torch.from_numpy(rng.permutation(len(images)))
    row, column = rng.integers(height), rng.integers(width)
    half_height = int(height / 2 * math.sqrt(1 - weight))
    half_width = int(width / 2 * math.sqrt(1 - weight))
    top, bottom = max(row - half_height, 0), min(row + half_height, height)
    left, right = max(column - half_width, 0), min(column + half_width, width)
    mixed = images.clone()
    mixed[:, :, top:bottom, left:right] = images[partner, :, top:bottom, left:right]
    weight = 1 - (bottom - top) * (right - left) / (height * width)  # of the box as it is
    return mixed, weight * rows + (1 - weight) * rows[partner]


def build_model(seed):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Flatten(), nn.Linear(SIDE * SIDE, 64), nn.ReLU(), nn.Linear(64, CLASSES)
    )


def train(model, images, labels, epochs=30, batch_size=50, seed=0):
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    rows, rng = functional.one_hot(labels, CLASSES).float(), np.random.default_rng(seed)
    for _ in range(epochs):
        for batch in torch.from_numpy(rng.permutation(len(images))).split(batch_size):
            mixed, targets = cutmix(images[batch], rows[batch], rng)
            loss = functional.cross_entropy(model(mixed), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def main():
    images, labels = make_data(500, seed=0)
    unseen, classes = make_data(1000, seed=1)
    model = build_model(seed=0)
    train(model, images, labels)
    right = model(unseen).argmax(dim=1) == classes
    print(f"right, of images that were not seen: {right.float().mean():.1%}")

    rng, gaps = np.random.default_rng(0), []
    white_and_black, rows = torch.tensor([1.0, 0.0]).reshape(2, 1, 1, 1), torch.eye(2)
    for _ in range(1000):
        mixed, targets = cutmix(white_and_black.expand(2, 1, SIDE, SIDE), rows, rng)
        gaps.append(float((mixed[0].mean() - targets[0, 0]).abs()))
    print("share of the label, less the share of the pixels, for 1000 boxes:")
    print(f"  off by {np.mean(gaps):.3f} on average, by {max(gaps):.3f} at worst")


if __name__ == "__main__":
    main()
