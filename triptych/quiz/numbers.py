"""The numbers that settle questions, from the project's own code, at the time of asking.

Each function is named by a question, and returns a sentence.
"""

import numpy as np

from scratch.batch_norm import BatchNorm, batch_norm_inference, batch_norm_train
from scratch.distillation import distillation_divergence_backward
from scratch.dropout import Dropout, draw_mask, dropout
from scratch.flips_and_crops import horizontal_flip
from scratch.gradient_clipping import clip_by_norm, clip_by_value
from scratch.label_smoothing import smooth_labels
from scratch.losses import softmax
from scratch.mixing import cutmix_weight, mixup
from scratch.optimizers import adam_step
from scratch.penalties import l1_gradient, l1_proximal, l2_proximal
from scratch.streams import bernoulli, normal
from scratch.uncertainty import uncertainty
from scratch.weight_constraints import max_norm
from triptych.common.early_stopping import EarlyStopping
from triptych.common.history import History
from triptych.common.streams import Stream
from triptych.diagnosis import diagnose

STREAM = Stream(0, "quiz")


def verdict_overfitting() -> str:
    training = 0.01 + 2.29 * np.exp(-0.4 * np.arange(20))
    validation = 1.10 + 1.20 * np.exp(-0.8 * np.arange(20))
    return _verdict(training, validation, 0.72)


def verdict_underfitting() -> str:
    training = 1.00 + 1.30 * np.exp(-0.8 * np.arange(20))
    return _verdict(training, training + 0.02, 0.69)


def bias_and_variance() -> str:
    """L2's estimate of a weight of 1 from data that give it with an error of 0.5."""
    estimates = 1 + 0.5 * normal(STREAM, (100_000,), dtype="float64")
    parts = []
    for strength in (0.0, 0.25, 2.5):
        w = l2_proximal(estimates, strength, 1.0)
        bias, variance = (1 - w.mean()) ** 2, w.var()
        parts.append(f"{bias:.2f} + {variance:.2f} = {bias + variance:.2f} at {strength:g}")
    return f"Squared bias + variance = error, by the strength of L2: {', '.join(parts)}."


def average_of_five() -> str:
    estimates = 1 + 0.5 * normal(STREAM, (100_000, 5), dtype="float64")
    alone, averaged = estimates[:, 0], estimates.mean(axis=1)
    return (
        f"Estimates of 1 with a variance of {alone.var():.2f}: the mean of five independent ones "
        f"has {averaged.var():.2f}. Both are {averaged.mean():.2f} on average."
    )


def strength_too_large() -> str:
    """The w that minimizes (w - 2)^2 / 2 + L2, which fits y = 2 x for x of variance 1."""
    parts = []
    for strength in (0.01, 1.0, 100.0):
        (w,) = l2_proximal(np.array([2.0]), strength, 1.0)
        parts.append(f"{w:.2f} at {strength:g}")
    return f"The best slope for y = 2 x, by the strength of L2: {', '.join(parts)}."


def dropout_draws() -> str:
    layer, ones = Dropout(0.5, name="quiz"), np.ones((1, 100))
    training = [layer.forward(ones, training=True).sum() for _ in range(10)]
    inference = {layer.forward(ones).sum() for _ in range(10)}
    return (
        f"The sum of 100 ones behind dropout at 0.5, ten passes: from {min(training):.0f} to "
        f"{max(training):.0f} in training, {', '.join(f'{each:.0f}' for each in inference)} at "
        "inference."
    )


def inverted_dropout() -> str:
    ones = np.ones(1_000_000)
    mask = draw_mask(STREAM, ones.shape, 0.3)
    training, inference = (
        [
            dropout(ones, 0.3, mask, training=on, inverted=inverted).mean()
            for inverted in (True, False)
        ]
        for on in (True, False)
    )
    return (
        f"The mean of a million ones at p = 0.3, training and inference: {training[0]:.2f} and "
        f"{inference[0]:.2f} inverted, {training[1]:.2f} and {inference[1]:.2f} in the original "
        "form."
    )


def dropout_without_scaling() -> str:
    ones = np.ones(1_000_000)
    mask = draw_mask(STREAM, ones.shape, 0.3)
    training = dropout(ones, 0.3, mask, inverted=False).mean()
    inference = dropout(ones, 0.3, None, training=False).mean()
    return (
        f"The mean of a million ones is {training:.2f} in training and {inference:.2f} at "
        f"inference, {inference / training:.2f} times as large."
    )


def keep_or_drop() -> str:
    kept = [draw_mask(STREAM, (1_000_000,), rate).mean() for rate in (0.2, 0.8)]
    return (
        f"Of a million inputs the layer keeps {100 * kept[0]:.0f} % at a rate of 0.2, "
        f"{100 * kept[1]:.0f} % at 0.8."
    )


def networks() -> str:
    masks = draw_mask(STREAM, (20_000, 10), 0.5)
    found = len(np.unique(masks @ 2 ** np.arange(10)))
    return (
        f"20,000 masks of 10 units hold {found:,} different ones, 2**10. "
        f"2**100 = {2**100:,}, some {2.0**100:.2g}."
    )


def geometric_mean() -> str:
    """A softmax layer behind dropout at 0.5: all 2**8 masks, and the one pass of inference."""
    w, x = normal(STREAM, (8, 3), dtype="float64"), np.ones(8)
    masks = (np.arange(256)[:, np.newaxis] >> np.arange(8)) % 2 == 1
    every = softmax(np.stack([dropout(x, 0.5, mask) @ w for mask in masks]))
    inference = softmax(dropout(x, 0.5, None, training=False)[np.newaxis] @ w)[0]
    geometric = np.exp(np.log(every).mean(axis=0))
    errors = [
        np.abs(inference - mean).max() for mean in (geometric / geometric.sum(), every.mean(0))
    ]
    return (
        f"One pass against the {len(every)} networks of 8 units: it differs by {errors[0]:.0e} "
        f"from their geometric mean, by {errors[1]:.2f} from the arithmetic one."
    )


def two_kinds_of_doubt() -> str:
    agree = np.full((2, 1, 2), 0.5)
    differ = np.array([[[1.0, 0.0]], [[0.0, 1.0]]])
    measures = [uncertainty(passes) for passes in (agree, differ)]
    entropy, information = (
        [float(getattr(each, name)[0]) for each in measures]
        for name in ("entropy", "mutual_information")
    )
    return (
        "Two passes that both say 50 : 50, and two that are sure of opposite classes: predictive "
        f"entropy {entropy[0]:.2f} and {entropy[1]:.2f}, mutual information {information[0]:.2f} "
        f"and {information[1]:.2f}."
    )


def batch_of_one() -> str:
    rows = np.array([[3.0], [5.0]]), np.array([[0.0], [100.0]])
    outputs = [batch_norm_train(x, None, None, epsilon=1e-5)[0].ravel() for x in rows]
    try:
        BatchNorm(1, dtype="float64").forward(rows[0][:1], training=True)
    except ValueError as error:
        refused = str(error).partition(",")[0]
    return (
        f"Already of two rows, 3 and 5 become {_list(outputs[0])}, and so do 0 and 100: "
        f"{_list(outputs[1])}. Of one row, here: {refused}."
    )


def depends_on_the_batch() -> str:
    batches = np.array([[1.0], [0.0], [2.0]]), np.array([[1.0], [5.0], [9.0]])
    training = [batch_norm_train(x, None, None, epsilon=1e-5)[0][0, 0] for x in batches]
    mean, variance = np.zeros(1), np.ones(1)
    inference = [
        batch_norm_inference(x, None, None, mean, variance, epsilon=1e-5)[0, 0] for x in batches
    ]
    return (
        f"An input of 1 in two batches: {training[0]:.2f} and {training[1]:.2f} in training mode, "
        f"{inference[0]:.2f} and {inference[1]:.2f} with running statistics of 0 and 1."
    )


def scale_of_weights() -> str:
    x, w = normal(STREAM, (64, 8), dtype="float64"), np.linspace(-1, 1, 8)[:, np.newaxis]
    plain, scaled = (
        batch_norm_train(x @ (scale * w), None, None, epsilon=1e-12)[0] for scale in (1, 10)
    )
    largest = np.abs(plain - scaled).max()
    return f"With weights 10 times as large the output changes by {largest:.0e} at most."


def variance_shift() -> str:
    x = normal(STREAM, (200_000, 1), dtype="float64")
    dropped = dropout(x, 0.5, draw_mask(STREAM._replace(step=1), x.shape, 0.5))
    _, mean, variance = batch_norm_train(dropped, None, None, epsilon=1e-5)
    y = batch_norm_inference(x, None, None, mean, variance, epsilon=1e-5)
    return (
        f"Behind dropout at 0.5 batch norm meets a variance of {variance[0]:.2f} in training and "
        f"{x.var():.2f} at inference: its output then has a deviation of {y.std():.2f}, not 1."
    )


def proximal_steps() -> str:
    w = np.array([0.05, -0.3, 1.0])
    l1, l2 = l1_proximal(w, 1.0, 0.1), l2_proximal(w, 1.0, 0.1)
    return (
        f"One proximal step of size 0.1 at strength 1 takes {_list(w)} to {_list(l1)} with L1, to "
        f"{_list(l2, 3)} with L2."
    )


def subgradient() -> str:
    w = np.array([0.055])
    proximal, sizes = w, []
    for _ in range(100):
        w = w - 0.01 * l1_gradient(w, 1.0)
        proximal = l1_proximal(proximal, 1.0, 0.01)
        sizes.append(abs(w[0]))
    return (
        f"100 steps of 0.01 from 0.055, under L1 alone: by the gradient |w| stays at "
        f"{min(sizes[-10:]):.3f}, by the proximal step it is {abs(proximal[0]):g}."
    )


def adam_and_adamw() -> str:
    """How far ten steps of decay pull weights of 1 whose gradients are +-10 and +-0.001."""

    def end(weight_decay: float, coupled: bool = False) -> np.ndarray:
        w, m, v = np.ones(2), np.zeros(2), np.zeros(2)
        for t in range(1, 11):
            g = np.array([10.0, 0.001]) * (-1) ** t
            w, m, v = adam_step(
                w,
                g,
                m,
                v,
                t,
                learning_rate=0.01,
                weight_decay=weight_decay,
                coupled_weight_decay=coupled,
            )
        return w

    without = end(0.0)
    adam, adamw = (without - end(0.1, coupled) for coupled in (True, False))
    return (
        "Two weights of 1 with gradients of +-10 and +-0.001: ten steps with a decay of 0.1 pull "
        f"them by {adam[0]:.3f} and {adam[1]:.3f} as L2 in Adam, by {adamw[0]:.3f} and "
        f"{adamw[1]:.3f} in AdamW."
    )


def max_norm_of_units() -> str:
    units = max_norm(np.array([[3.0, 0.6], [4.0, 0.8]]), 3.0, axis=1)
    return (
        f"At a max-norm of 3, the weights (3, 4) of a unit become {_list(units[:, 0])}, and "
        f"(0.6, 0.8) stay {_list(units[:, 1])}."
    )


def clipped_direction() -> str:
    g = np.array([30.0, 0.4])
    (value,), (norm,) = clip_by_value([g], 1.0), clip_by_norm([g], 1.0)
    angles = [float(np.degrees(np.arctan2(each[1], each[0]))) for each in (g, value, norm)]
    return (
        f"The gradient (30, 0.4) at a limit of 1: {_list(value)} by value, turned by "
        f"{angles[1] - angles[0]:.0f} degrees; {_list(norm)} by norm, by "
        f"{abs(angles[2] - angles[0]):.0f}."
    )


CURVE = (1.00, 0.80, 0.70, 0.72, 0.71, 0.73, 0.69)


def patience() -> str:
    stopping, epoch = _stopped()
    return (
        f"It stops after epoch {epoch}; the best so far was epoch {_best(stopping) + 1}, at "
        f"{stopping.best:.2f}. The {CURVE[-1]:.2f} of epoch {len(CURVE)} is never seen."
    )


def last_and_best() -> str:
    stopping, epoch = _stopped()
    last = CURVE[epoch - 1]
    return (
        f"Validation losses {', '.join(f'{each:.2f}' for each in CURVE[:epoch])}: the last weights "
        f"are worth {last:.2f}, those of epoch {_best(stopping) + 1} are worth {stopping.best:.2f}."
    )


def smoothed_target() -> str:
    q = smooth_labels(np.array([3]), 10, 0.1, dtype="float64")[0]
    return f"The right class gets {q[3]:.2f}, each of the nine others {q[0]:.2f}: {q.sum():.2f}."


def temperature() -> str:
    logits = np.array([[9.0, 5.0, 1.0]])
    hard, soft = (softmax(logits / T)[0] for T in (1.0, 4.0))
    return f"Logits of 9, 5 and 1 give {_list(hard, 4)} at T = 1, {_list(soft)} at T = 4."


def temperature_squared() -> str:
    student, teacher = np.array([[1.0, 2.0, 0.5]]), np.array([[3.0, 1.0, 0.0]])
    with_factor, without = [], []
    for T in (4.0, 16.0):
        gradient = distillation_divergence_backward(student, teacher, temperature=T)
        with_factor.append(np.abs(gradient).max())
        without.append(with_factor[-1] / T**2)
    return (
        f"From T = 4 to T = 16 the largest gradient becomes {without[0] / without[1]:.0f} times "
        f"smaller without the factor, {with_factor[0] / with_factor[1]:.1f} times with it."
    )


def mixed_label() -> str:
    labels = np.array([[1.0, 0.0], [0.0, 1.0]])  # cat, dog
    cat, dog = mixup(labels, np.array([1, 0]), np.array([0.7, 0.7]))[0]
    return f"The label of the blend is {cat:.1f} cat and {dog:.1f} dog."


def clipped_box() -> str:
    half = int(np.floor(32 / 2 * np.sqrt(1 - 0.5)))
    box = np.array([[0, 0, half, half]])  # about pixel (0, 0): three quarters are cut off
    (weight,) = cutmix_weight(box, 32, 32, dtype="float64")
    return f"{half} x {half} = {half**2} pixels of 1024 are pasted, so lambda is {weight:.2f}."


def flips_in_validation() -> str:
    """The score of a 'classifier' that tells left from right, on images that are flipped."""
    images = np.zeros((1000, 1, 2, 1))
    images[:, :, 0] = 1  # bright on the left: all of one class
    scores = []
    for step in range(5):
        flipped = horizontal_flip(images, bernoulli(STREAM._replace(step=step), (1000,), 0.5))
        scores.append(100 * (flipped[:, 0, 0, 0] == 1).mean())
    plain = 100 * (images[:, 0, 0, 0] == 1).mean()
    return (
        f"A rule that is right for {plain:.0f} % of 1,000 images scores from {min(scores):.1f} to "
        f"{max(scores):.1f} % in five validations with random flips."
    )


def _verdict(training: np.ndarray, validation: np.ndarray, accuracy: float) -> str:
    """On made-up losses that begin at guessing among ten classes, 2.30."""
    history = History(
        "scratch",
        loss=training.tolist(),
        validation_loss=validation.tolist(),
        validation_accuracy=[accuracy] * len(training),
    )
    return (
        f"Of a run that ends at a loss of {training[-1]:.2f} in training and {validation[-1]:.2f} "
        f"in validation, triptych diagnose says: {diagnose(history).verdict}."
    )


def _stopped() -> tuple[EarlyStopping, int]:
    """A run with a patience of 3, and after how many epochs it was stopped."""
    stopping = EarlyStopping(patience=3, restore_best_weights=False)
    epochs = (i for i, loss in enumerate(CURVE) if stopping.update(i, loss, None))
    return stopping, next(epochs) + 1


def _best(stopping: EarlyStopping) -> int:
    assert stopping.best_epoch is not None
    return stopping.best_epoch


def _list(values: np.ndarray, digits: int = 2) -> str:
    """(0.05, -0.3, 1): rounded, and without a minus before 0."""
    return f"({', '.join(f'{round(float(each), digits) + 0.0:g}' for each in values)})"
