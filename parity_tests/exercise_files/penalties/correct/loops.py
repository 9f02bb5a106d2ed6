"""Weight by weight."""

import numpy as np


def sign(x):
    if x > 0:
        return 1.0
    if x < 0:
        return -1.0
    return 0.0


def l1(w, strength):
    penalty, gradient = 0.0, np.zeros_like(w)
    for i in np.ndindex(w.shape):
        penalty += strength * abs(w[i])
        gradient[i] = strength * sign(w[i])
    return penalty, gradient


def l2(w, strength):
    penalty = 0.0
    for x in w.flat:
        penalty += float(x) ** 2
    return strength * penalty / 2, w * strength


def elastic_net(w, alpha, l1_ratio):
    first, first_gradient = l1(w, alpha * l1_ratio)
    second, second_gradient = l2(w, alpha - alpha * l1_ratio)
    return first + second, first_gradient + second_gradient


def l1_proximal(w, strength, step_size):
    threshold = strength * step_size
    u = np.zeros_like(w)
    for i in np.ndindex(w.shape):
        if w[i] > threshold:
            u[i] = w[i] - threshold
        elif w[i] < -threshold:
            u[i] = w[i] + threshold
    return u


def elastic_net_proximal(w, alpha, l1_ratio, step_size):
    u = l1_proximal(w, alpha * l1_ratio, step_size)
    for i in np.ndindex(w.shape):
        u[i] /= 1 + step_size * alpha * (1 - l1_ratio)
    return u
