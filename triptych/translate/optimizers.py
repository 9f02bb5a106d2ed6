"""Adam's epsilon, momentum at a changing rate, weight decay and what it acts on.

    eps_torch = epsilon_keras / sqrt(1 - beta_2**t)         at step t = 1, 2, ...
    buffer_torch = -m_keras / learning_rate
    weight_decay = 2 * l2                                   of SGD without momentum, SGD, Adam, ...
    weight_decay of AdamW = weight_decay of Keras           of Adam, AdamW

PyTorch's ``weight_decay`` is an L2 penalty in most optimizers: it is added to the gradient. In
AdamW (also in Adafactor and Muon, and in Adam, NAdam and RAdam with
``decoupled_weight_decay=True``) it shrinks the weights, as Keras's ``weight_decay`` always does.
"""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from triptych.common.checks import check_choice, check_number, check_size
from triptych.translate.refusal import NoCounterpart

__all__ = [
    "adam_epsilon_to_keras",
    "adam_epsilon_to_torch",
    "decayed_to_keras",
    "decayed_to_torch",
    "momentum_buffer_to_keras",
    "momentum_buffer_to_torch",
    "weight_decay_to_keras",
    "weight_decay_to_torch",
]

COUPLED = ("SGD", "Adam", "NAdam", "RAdam", "Adamax", "Adagrad", "Adadelta", "RMSprop", "ASGD")
DECOUPLED = ("AdamW",)
SHARED = ("SGD", "Adam", "AdamW", "Adamax", "Adagrad", "Adadelta", "RMSprop")
FROM_KERAS = {name: name for name in SHARED} | {"Nadam": "NAdam"}


def adam_epsilon_to_torch(epsilon: float, step: int, *, beta_2: float = 0.999) -> float:
    """The ``eps`` with which PyTorch's step number ``step`` is Keras's; it changes at every step.

    >>> f"{adam_epsilon_to_torch(1e-7, 1):.3g}"
    '3.16e-06'
    """
    return check_number("epsilon", epsilon, "[0, inf)") / _correction(step, beta_2)


def adam_epsilon_to_keras(eps: float, step: int, *, beta_2: float = 0.999) -> float:
    """The ``epsilon`` with which Keras's step number ``step`` is PyTorch's."""
    return check_number("eps", eps, "[0, inf)") * _correction(step, beta_2)


def _correction(step: int, beta_2: float) -> float:
    return math.sqrt(1 - check_number("beta_2", beta_2, "[0, 1)") ** check_size("step", step))


def momentum_buffer_to_torch(velocity: np.ndarray, learning_rate: float) -> np.ndarray:
    """PyTorch's ``momentum_buffer`` for Keras's, of SGD; ``learning_rate`` is that of last step.

    PyTorch multiplies by the rate when it moves the weights, Keras when it fills the buffer. So
    after a change of the rate, multiply PyTorch's buffer by old / new for Keras's course.
    """
    return -np.asarray(velocity) / check_number("learning_rate", learning_rate, "(0, inf)")


def momentum_buffer_to_keras(buffer: np.ndarray, learning_rate: float) -> np.ndarray:
    """The inverse of ``momentum_buffer_to_torch``."""
    return -np.asarray(buffer) * check_number("learning_rate", learning_rate, "(0, inf)")


def weight_decay_to_keras(optimizer: str, weight_decay: float) -> dict[str, float]:
    """What does in Keras what ``torch.optim.OPTIMIZER(weight_decay=...)`` does.

    Either ``{"weight_decay": ...}`` for the optimizer, or ``{"l2": ...}``: a regularizer
    ``keras.regularizers.L2`` on every variable that PyTorch's optimizer has, biases too.

    >>> weight_decay_to_keras("Adam", 0.02), weight_decay_to_keras("AdamW", 0.02)
    ({'l2': 0.01}, {'weight_decay': 0.02})
    """
    weight_decay = check_number("weight_decay", weight_decay, "[0, inf)")
    check_choice("optimizer", optimizer, (*COUPLED, *DECOUPLED))
    if optimizer in DECOUPLED:
        return {"weight_decay": weight_decay}
    return {"l2": weight_decay / 2}


def weight_decay_to_torch(
    optimizer: str,
    *,
    weight_decay: float | None = None,
    l2: float | None = None,
    momentum: float = 0.0,
) -> dict[str, Any]:
    """What does in PyTorch what a Keras optimizer's ``weight_decay``, or ``L2(l2)``, does.

    Returns the optimizer of ``torch.optim`` and its ``weight_decay``. Refused: both at once, which
    PyTorch has in no optimizer; L2 with AdamW, and ``weight_decay`` with others than Adam, AdamW
    and SGD without momentum.

    >>> weight_decay_to_torch("Adam", weight_decay=0.02), weight_decay_to_torch("SGD", l2=0.01)
    ({'optimizer': 'AdamW', 'weight_decay': 0.02}, {'optimizer': 'SGD', 'weight_decay': 0.02})
    """
    name = FROM_KERAS[check_choice("optimizer", optimizer, tuple(FROM_KERAS))]
    decay = check_number("weight_decay", weight_decay or 0.0, "[0, inf)")
    strength = check_number("l2", l2 or 0.0, "[0, inf)")
    if decay and strength:
        text = "no optimizer of PyTorch has coupled and decoupled decay at once"
        raise NoCounterpart("adam-weight-decay", text)
    if strength:
        if name in DECOUPLED:
            raise NoCounterpart("adam-weight-decay", "PyTorch's AdamW has no L2 penalty")
        return {"optimizer": name, "weight_decay": 2 * strength}
    if decay and name == "SGD" and momentum:
        text = "PyTorch's SGD puts its decay into the momentum, Keras's does not"
        raise NoCounterpart("sgd-weight-decay", text)
    if decay and name not in ("Adam", "AdamW", "SGD"):
        text = f"PyTorch's {name} adds its decay to the gradient, Keras's does not"
        raise NoCounterpart("adam-weight-decay", text)
    return {"optimizer": "AdamW" if decay and name == "Adam" else name, "weight_decay": decay}


def decayed_to_torch(
    parameters: Mapping[str, Any],
    weight_decay: float,
    exclude: Iterable[str] = (),
    *,
    backend: str = "tensorflow",
) -> list[dict[str, Any]]:
    """Parameter groups that decay what Keras decays with ``exclude_from_weight_decay``.

    ``parameters`` is ``dict(model.named_parameters())``. ``exclude`` are Keras's ``var_names``,
    regular expressions: on the TensorFlow backend they are searched for in the whole path of a
    variable, on JAX and PyTorch in its own name, "kernel" or "bias", without that of its layer:
    here, in what follows the last dot. PyTorch's names are not Keras's ("weight" for "kernel" and
    for "gamma"): a pattern that fits no parameter is refused.
    """
    if isinstance(exclude, str):
        raise ValueError(f"exclude must be a list of patterns, got the text {exclude!r}")
    weight_decay = check_number("weight_decay", weight_decay, "[0, inf)")
    check_choice("backend", backend, ("tensorflow", "jax", "torch"))
    patterns = [re.compile(pattern) for pattern in exclude]
    seen = {
        name: name.replace(".", "/") if backend == "tensorflow" else name.rpartition(".")[2]
        for name in parameters
    }
    for pattern in patterns:
        if not any(map(pattern.search, seen.values())):
            raise ValueError(
                f"exclude has {pattern.pattern!r}, which fits none of {', '.join(seen.values())}"
            )
    groups: dict[bool, list[Any]] = {True: [], False: []}
    for name, parameter in parameters.items():
        groups[not any(pattern.search(seen[name]) for pattern in patterns)].append(parameter)
    return [
        {"params": groups[True], "weight_decay": weight_decay},
        {"params": groups[False], "weight_decay": 0.0},
    ]


def decayed_to_keras(decays: Mapping[str, float]) -> dict[str, Any]:
    """The decay of each variable by its path, as one rate and the paths to exclude.

    ``weight_decay`` is for the optimizer. For ``exclude_from_weight_decay(var_list=...)`` take the
    variables whose ``path`` is in ``exclude``; its ``var_names`` see the layer's name on TensorFlow
    alone. Two rates other than 0 are refused: Keras has one.

    >>> decayed_to_keras({"dense/kernel": 0.1, "dense/bias": 0.0})
    {'weight_decay': 0.1, 'exclude': ['dense/bias']}
    """
    rates = {check_number(name, decay, "[0, inf)") for name, decay in decays.items()} - {0.0}
    if len(rates) > 1:
        text = f"a Keras optimizer has one weight_decay, not {sorted(rates)}"
        raise NoCounterpart("weight-decay-exclusion", text)
    exclude = [name for name, decay in decays.items() if not decay]
    return {"weight_decay": rates.pop() if rates else 0.0, "exclude": exclude}
