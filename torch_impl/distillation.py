r"""Distillation: a student learns what a teacher says about every class, not the label alone.

    q = softmax(teacher / T)     p = softmax(student / T)     KL = sum_c q_c log(q_c / p_c)

    L = (1 - weight) * CE(student, labels) + weight * T^2 * 1/N sum_i KL_i
    dL/dstudent = (1 - weight) * dCE/dstudent + weight * T * (p - q) / N

q are the soft targets. A high temperature T shows how the teacher ranks the wrong classes. The
gradient of KL falls as 1/T^2, which the factor T^2 undoes: so the weight means the same at every T.
As T grows, the second term becomes 1/(2C) of the squared distance between the logits, each row less
its mean. The teacher is a constant: no gradient goes to it. Trained by a network of its own kind,
by itself of a run before, a student is *self-distilled* (born again).

``student`` and ``teacher`` are finite logits of one shape (N, C) and one dtype; ``labels`` integers
(N,) or rows of probabilities (N, C), as in ``losses.py``. ``temperature`` lies in (0, 1e6] and
``weight`` in [0, 1]; with 0 it is ``softmax_cross_entropy``. The loss is in nats, a scalar. A
``ValueError`` says which argument does not fit.

Papers: Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network", 2015; Furlanello,
Lipton, Tschannen, Itti and Anandkumar, "Born-again neural networks", ICML 2018.

Framework differences: PyTorch's ``kl_div`` takes log-probabilities, the student's first, and by
default the mean over all elements; Keras's ``KLDivergence`` takes probabilities, the teacher's
first, and clips both at 1e-7. We take logits, divide by N and clip nothing. See ``triptych
differences``: kl-divergence-mean, kl-divergence-clipped.

Here: it is PyTorch's own ``kl_div`` with ``reduction="batchmean"`` and ``log_target=True``, and its
autograd; the teacher is detached.
"""

import torch
from torch.nn import functional as F

from torch_impl.losses import softmax_cross_entropy
from triptych.common.checks import (
    check_batch,
    check_class_targets,
    check_floats,
    check_number,
    check_same_shape,
    own_arrays,
)

__all__ = ["distillation_divergence", "distillation_loss"]


def distillation_divergence(
    student: torch.Tensor, teacher: torch.Tensor, *, temperature: float = 4.0
) -> torch.Tensor:
    """T^2 * KL, the mean over rows: what the teacher's logits alone teach."""
    T = _check(student, teacher, temperature)
    log_q, log_p = (F.log_softmax(z / T, dim=1) for z in (teacher.detach(), student))
    return T**2 * F.kl_div(log_p, log_q, reduction="batchmean", log_target=True)


def distillation_loss(
    student: torch.Tensor,
    labels: torch.Tensor,
    teacher: torch.Tensor,
    *,
    temperature: float = 4.0,
    weight: float = 0.9,
) -> torch.Tensor:
    """The loss of a batch: of the labels, and of what the teacher says."""
    T, weight = _check_loss(student, labels, teacher, temperature, weight)
    hard = softmax_cross_entropy(student, labels)
    return (1 - weight) * hard + weight * distillation_divergence(student, teacher, temperature=T)


@own_arrays
def _check(student: torch.Tensor, teacher: torch.Tensor, temperature: float) -> float:
    check_floats(student=student, teacher=teacher)
    if len(student.shape) != 2:
        raise ValueError(f"student must have shape (N, classes), got shape {tuple(student.shape)}")
    check_batch(student, "student")
    check_same_shape("teacher", teacher, student)
    return check_number("temperature", temperature, "(0, 1e6]")


@own_arrays
def _check_loss(
    student: torch.Tensor,
    labels: torch.Tensor,
    teacher: torch.Tensor,
    temperature: float,
    weight: float,
) -> tuple[float, float]:
    temperature = _check(student, teacher, temperature)
    check_class_targets(student, labels)
    return temperature, check_number("weight", weight, "[0, 1]")
