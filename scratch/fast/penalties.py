"""Penalties in fewer passes over memory; a training step need not look at the strength again.

BLAS adds the squares up, and a soft threshold takes from w its part in [-t, t].
"""

import numpy as np

__all__ = [
    "l1_penalty",
    "l1_gradient",
    "l1_proximal",
    "l2_penalty",
    "l2_gradient",
    "l2_proximal",
    "elastic_net_penalty",
    "elastic_net_gradient",
    "elastic_net_proximal",
]


def l1_penalty(w: np.ndarray, strength: float) -> np.ndarray:
    return strength * np.abs(w).sum()


def l1_gradient(w: np.ndarray, strength: float) -> np.ndarray:
    return strength * np.sign(w)


def l1_proximal(w: np.ndarray, strength: float, step_size: float) -> np.ndarray:
    t = step_size * strength
    return w - np.clip(w, -t, t)


def l2_penalty(w: np.ndarray, strength: float) -> np.ndarray:
    return strength / 2 * np.vdot(w, w)


def l2_gradient(w: np.ndarray, strength: float) -> np.ndarray:
    return strength * w


def l2_proximal(w: np.ndarray, strength: float, step_size: float) -> np.ndarray:
    return w / (1 + step_size * strength)


def elastic_net_penalty(w: np.ndarray, alpha: float, l1_ratio: float) -> np.ndarray:
    return l1_penalty(w, alpha * l1_ratio) + l2_penalty(w, alpha * (1 - l1_ratio))


def elastic_net_gradient(w: np.ndarray, alpha: float, l1_ratio: float) -> np.ndarray:
    return l1_gradient(w, alpha * l1_ratio) + l2_gradient(w, alpha * (1 - l1_ratio))


def elastic_net_proximal(
    w: np.ndarray, alpha: float, l1_ratio: float, step_size: float
) -> np.ndarray:
    u = l1_proximal(w, alpha * l1_ratio, step_size)
    return l2_proximal(u, alpha * (1 - l1_ratio), step_size)
