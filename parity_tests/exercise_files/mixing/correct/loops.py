"""Example by example and pixel by pixel."""

import numpy as np


def mixup(x, partner, weight):
    mixed = np.empty_like(x)
    for n in range(len(x)):
        mixed[n] = weight * x[n] + (1 - weight) * x[partner[n]]
    return mixed


def mixed_labels(labels, partner, weight, *, classes):
    rows = np.zeros((len(labels), classes))
    for n, label in enumerate(labels):
        rows[n, label] += weight
        rows[n, labels[partner[n]]] += 1 - weight
    return rows


def cutmix_box(row, column, weight, height, width):
    box_height = height * (1.0 - weight) ** 0.5
    box_width = width * (1.0 - weight) ** 0.5
    top = row - int(box_height / 2)
    bottom = row + int(box_height / 2)
    left = column - int(box_width / 2)
    right = column + int(box_width / 2)
    if top < 0:
        top = 0
    if left < 0:
        left = 0
    if bottom > height:
        bottom = height
    if right > width:
        right = width
    return [top, left, bottom, right]


def cutmix(images, partner, box):
    mixed = np.array(images)
    for n in range(images.shape[0]):
        for i in range(box[0], box[2]):
            for j in range(box[1], box[3]):
                mixed[n, i, j] = images[partner[n], i, j]
    return mixed


def cutmix_weight(weight, box, height, width):
    kept = 0
    for i in range(height):
        for j in range(width):
            if not (box[0] <= i < box[2] and box[1] <= j < box[3]):
                kept += 1
    return kept / (height * width)
