"""Element by element, with floats for the norms."""

import math

import numpy as np


def clip_by_value(grad, limit):
    clipped = grad.copy()
    for place in np.ndindex(grad.shape):
        if clipped[place] > limit:
            clipped[place] = limit
        elif clipped[place] < -limit:
            clipped[place] = -limit
    return clipped


def squares(grad):
    total = 0.0
    for number in grad.flatten():
        total += float(number) ** 2
    return total


def clip_by_norm(grad, max_norm):
    (clipped,), norm = clip_by_global_norm([grad], max_norm)
    return clipped, norm


def clip_by_global_norm(grads, max_norm):
    total = 0.0
    for grad in grads:
        total += squares(grad)
    norm = math.sqrt(total)
    clipped = []
    for grad in grads:
        if norm > max_norm:
            clipped.append(grad * (max_norm / norm))
        else:
            clipped.append(grad.copy())
    return clipped, norm
