"""Find the bug: a student that hardly hears its teacher.

The script distils: a linear student learns from the logits of a teacher, and from labels of which
many are wrong. With q = softmax(teacher / T) and p = softmax(student / T), its loss is

    L = (1 - weight) * CE(student, labels) + weight * T^2 * 1/N sum_i sum_c q_ic log(q_ic / p_ic)

The factor T^2 is there so that ``weight`` means the same at every temperature T.

What one sees: at T = 1 a weight of 0.9 brings the student near its teacher. At T = 4 the same
weight leaves it farther off, where it should be as near as can be: the wrong labels have a say as
if they were more than a tenth of the loss. And the loss, which begins higher, stays above 1.

Find the fault and mend it. Keep the functions, their arguments and what they return, and keep the
learning rate.

    python bug_deaf_student_scratch.py                     train, and see the numbers
    triptych exercise check bug_deaf_student_scratch.py    measure what the script does
"""

import numpy as np

INPUTS, CLASSES, RATE = 6, 5, 0.5


def log_softmax(logits):
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def distillation_loss(student, labels, teacher, temperature=4.0, weight=0.9):
    """L, a number; ``student`` and ``teacher`` are logits (N, classes), ``labels`` integers."""
    hard = -log_softmax(student)[np.arange(len(labels)), labels].mean()
    log_q, log_p = log_softmax(teacher / temperature), log_softmax(student / temperature)
    soft = np.mean(np.sum(np.exp(log_q) * (log_q - log_p), axis=1))
    return (1 - weight) * hard + weight * temperature**2 * soft


def distillation_gradient(student, labels, teacher, temperature=4.0, weight=0.9):
    """dL/dstudent, (N, classes)."""
    targets = np.eye(student.shape[1])[labels]
    hard = (np.exp(log_softmax(student)) - targets) / len(labels)
    p = np.exp(log_softmax(student / temperature))
    q = np.exp(log_softmax(teacher / temperature))
    soft = (p - q) / temperature / len(labels)
    return (1 - weight) * hard + weight * soft


def train(student, x, labels, teacher, *, temperature=4.0, weight=0.9, steps=200):
    """The loss before each step; ``student`` is a matrix (inputs, classes), changed in place."""
    losses = []
    for _ in range(steps):
        logits = x @ student
        losses.append(distillation_loss(logits, labels, teacher, temperature, weight))
        gradient = distillation_gradient(logits, labels, teacher, temperature, weight)
        student -= RATE * x.T @ gradient
    return losses


def data(rows=300, seed=0):
    """Inputs, the teacher's logits, and labels of which two fifths are drawn anew."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, INPUTS))
    teacher = x @ rng.normal(0, 1.5, (INPUTS, CLASSES))
    labels = teacher.argmax(axis=1)
    again = rng.random(rows) < 0.4
    labels[again] = rng.integers(0, CLASSES, again.sum())
    return x, teacher, labels


def distance(student, x, teacher):
    """Between the logits of both, without what all classes have in common."""
    gap = x @ student - teacher
    gap -= gap.mean(axis=1, keepdims=True)
    return np.sqrt(np.mean(gap**2))


def main():
    x, teacher, labels = data()
    print("distance of the student's logits from the teacher's, after 200 steps:")
    for temperature, weight in ((1.0, 0.0), (1.0, 0.9), (4.0, 0.9)):
        student = np.zeros((INPUTS, CLASSES))
        losses = train(student, x, labels, teacher, temperature=temperature, weight=weight)
        print(f"  T = {temperature:.0f}, weight {weight:.1f}: ", end="")
        print(f"{distance(student, x, teacher):.2f}, loss {losses[0]:.2f} -> {losses[-1]:.2f}")


if __name__ == "__main__":
    main()
