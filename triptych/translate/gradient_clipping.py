"""Clipping by norm: which norm, and the 1e-6 that PyTorch adds to it.

scale_torch = min(1, max_norm / (norm + 1e-6))         scale_keras = min(1, max_norm / norm)
"""

from typing import Any

from triptych.common.checks import check_number
from triptych.translate.refusal import NoCounterpart

__all__ = ["clip_norm_to_keras", "clip_norm_to_torch", "clipping_to_keras", "clipping_to_torch"]

EPSILON = 1e-6


def clip_norm_to_torch(max_norm: float, norm: float) -> float:
    """The ``max_norm`` with which PyTorch scales gradients of this norm as Keras does."""
    max_norm, norm = _check(max_norm, norm)
    return max_norm * ((norm + EPSILON) / norm) if norm else max_norm


def clip_norm_to_keras(max_norm: float, norm: float) -> float:
    """The ``global_clipnorm`` with which Keras scales gradients of this norm as PyTorch does."""
    max_norm, norm = _check(max_norm, norm)
    return max_norm * (norm / (norm + EPSILON)) if norm else max_norm


def _check(max_norm: float, norm: float) -> tuple[float, float]:
    return check_number("max_norm", max_norm, "(0, inf)"), check_number("norm", norm, "[0, inf)")


def clipping_to_keras(
    *, max_norm: float | None = None, norm_type: float = 2.0, clip_value: float | None = None
) -> dict[str, float]:
    """An optimizer's argument for ``clip_grad_norm_(max_norm)`` or ``clip_grad_value_``.

    >>> clipping_to_keras(max_norm=1.0)
    {'global_clipnorm': 1.0}
    """
    if (max_norm is None) == (clip_value is None):
        raise ValueError("give one of max_norm and clip_value")
    name, limit = ("max_norm", max_norm) if clip_value is None else ("clip_value", clip_value)
    limit = check_number(name, limit, "[0, inf)")
    if not limit:
        text = f"{name}=0 sets gradients to 0 in PyTorch and is no limit in Keras"
        raise NoCounterpart("clip-zero", text)
    if clip_value is not None:
        return {"clipvalue": limit}
    if norm_type != 2:
        raise NoCounterpart("clip-norm-type", f"Keras has the 2-norm alone, not {norm_type!r}")
    return {"global_clipnorm": limit}


def clipping_to_torch(
    *,
    clipnorm: float | None = None,
    global_clipnorm: float | None = None,
    clipvalue: float | None = None,
) -> dict[str, Any]:
    """The call of ``torch.nn.utils`` for an optimizer's argument in Keras.

    ``"each": True`` says that it is made for one parameter after the other.

    >>> clipping_to_torch(clipnorm=1.0)
    {'call': 'clip_grad_norm_', 'max_norm': 1.0, 'each': True}
    """
    given = {
        name: check_number(name, limit, "[0, inf)")
        for name, limit in (
            ("clipnorm", clipnorm),
            ("global_clipnorm", global_clipnorm),
            ("clipvalue", clipvalue),
        )
        if limit is not None
    }
    if len(given) != 1:
        raise ValueError(f"give one of clipnorm, global_clipnorm and clipvalue, got {list(given)}")
    ((name, limit),) = given.items()
    if not limit:
        raise NoCounterpart("clip-zero", f"{name}=0 is no limit in Keras: leave the call out")
    if name == "clipvalue":
        return {"call": "clip_grad_value_", "clip_value": limit, "each": False}
    return {"call": "clip_grad_norm_", "max_norm": limit, "each": name == "clipnorm"}
