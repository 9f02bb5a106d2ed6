"""Cases by comparisons, and the gradient step cut off at 0."""

import numpy as np


def l1(w, strength):
    above, below = w > 0, w < 0
    gradient = strength * (above.astype(w.dtype) - below.astype(w.dtype))
    return strength * (w[above].sum() - w[below].sum()), gradient


def l2(w, strength):
    gradient = strength * w
    return np.vdot(w, gradient) / 2, gradient


def elastic_net(w, alpha, l1_ratio):
    terms = l1_ratio * np.abs(w) + 0.5 * (1 - l1_ratio) * np.square(w)
    gradient = alpha * (l1_ratio * np.sign(w) + (1 - l1_ratio) * w)
    return alpha * np.sum(terms), gradient


def l1_proximal(w, strength, step_size):
    u = w - step_size * strength * np.sign(w)
    return np.where(u * w > 0, u, 0)


def elastic_net_proximal(w, alpha, l1_ratio, step_size):
    u = w.copy()
    u[np.abs(w) <= step_size * alpha * l1_ratio] = 0
    u = u - step_size * alpha * l1_ratio * np.sign(u)
    return u * (1 / (1 + step_size * alpha * (1 - l1_ratio)))
