"""With numbers in the place of arrays, and copies that are then written into."""

import numpy as np


def bias_corrected(moment, beta, step):
    left = 1.0
    for _ in range(step):
        left *= beta
    corrected = moment.copy()
    corrected /= 1 - left
    return corrected


def adam_step(w, grad, m, v, step, **options):
    return steps(w, grad, m, v, step, coupled=True, **options)


def adamw_step(w, grad, m, v, step, **options):
    return steps(w, grad, m, v, step, coupled=False, **options)


def steps(w, grad, m, v, step, *, coupled, learning_rate, betas, epsilon, decay):
    new_w, new_m, new_v = np.zeros_like(w), np.zeros_like(w), np.zeros_like(w)
    for i in np.ndindex(w.shape):
        g = float(grad[i])
        if coupled:
            g += decay * float(w[i])
        new_m[i] = betas[0] * float(m[i]) + (1 - betas[0]) * g
        new_v[i] = betas[1] * float(v[i]) + (1 - betas[1]) * g**2
        m_hat = float(new_m[i]) / (1 - betas[0] ** step)
        v_hat = float(new_v[i]) / (1 - betas[1] ** step)
        change = m_hat / (v_hat**0.5 + epsilon)
        if not coupled:
            change += decay * float(w[i])
        new_w[i] = float(w[i]) - learning_rate * change
    return new_w, new_m, new_v
