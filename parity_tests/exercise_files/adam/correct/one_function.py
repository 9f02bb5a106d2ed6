"""Both steps from one, with the decay's two places as arguments."""

import math

import numpy as np


def bias_corrected(moment, beta, step):
    return moment * (1 / (1 - math.pow(beta, step)))


def moments(m, v, g, betas):
    beta_1, beta_2 = betas
    return (1 - beta_1) * g + beta_1 * m, (1 - beta_2) * np.square(g) + beta_2 * v


def descend(w, m, v, step, learning_rate, betas, epsilon):
    m_hat, v_hat = (bias_corrected(*each, step) for each in zip((m, v), betas, strict=True))
    return w - learning_rate * (m_hat / (v_hat**0.5 + epsilon))


def adam_step(
    w, grad, m, v, step, *, learning_rate=0.001, betas=(0.9, 0.999), epsilon=1e-8, decay=0.0
):
    m, v = moments(m, v, grad + decay * w, betas)
    return [descend(w, m, v, step, learning_rate, betas, epsilon), m, v]


def adamw_step(
    w, grad, m, v, step, *, learning_rate=0.001, betas=(0.9, 0.999), epsilon=1e-8, decay=0.01
):
    m, v = moments(m, v, grad, betas)
    w = w - learning_rate * decay * w
    return descend(w, m, v, step, learning_rate, betas, epsilon), m, v
