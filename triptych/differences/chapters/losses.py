"""Losses: what they are divided by, what they clip, and what they take."""

import keras
import numpy as np
import torch
from keras import losses, ops
from torch.nn import functional as F

from triptych.differences.entry import Difference
from triptych.differences.probe import array, keras_tensor, normal, outcome, tensor
from triptych.translate import class_weight_to_keras, huber_to_torch, smoothed_class_weight_to_keras

LABELS = np.array([0, 2, 1, 1, 0, 2])
WEIGHT = np.array([1.0, 2.0, 4.0])
ROWS = np.array([[0.5, 0.25, 0.25], [0.25, 0.0, 0.75], [0.0, 1.0, 0.0]])


class ClassWeightMean(Difference):
    """With class weights PyTorch divides by the sum of the weights, Keras by the number of rows."""

    pytorch = "sum(w * loss) / sum(w)"
    keras = "sum(w * loss) / N, of `sample_weight` and `class_weight`"
    mapping = "sample weights of w * N / sum(w); or `reduction='mean_with_sample_weight'`"
    links = (
        "pytorch/pytorch#61309",
        "pytorch/pytorch#40560",
        "pytorch/pytorch#50528",
        "pytorch/pytorch#8062",
    )
    asked = 8
    words = "class_weight sample_weight weighted cross entropy imbalanced mean divided"

    def in_pytorch(mapped):
        return F.cross_entropy(tensor(normal(6, 3)), tensor(LABELS), weight=tensor(WEIGHT))

    def in_keras(mapped):
        weight = class_weight_to_keras(LABELS, WEIGHT) if mapped else WEIGHT[LABELS]
        loss = losses.SparseCategoricalCrossentropy(from_logits=True)
        return loss(LABELS, normal(6, 3), sample_weight=weight)


class ClassWeightDense(Difference):
    """Where labels are rows of probabilities, PyTorch weighs each class, Keras the likeliest one.

    PyTorch then divides by the number of rows, not by the weights: one-hot rows and the integers
    that they stand for have different losses.
    """

    pytorch = "-sum_c w[c] * t[c] * log p[c] of a row; mean over N"
    keras = "`fit(class_weight=)`: w[argmax t] times the loss of the row; mean over N"
    mapping = "targets w * t / sum(w * t), and sample weights of sum(w * t)"
    words = "class_weight soft labels one-hot probabilities weighted cross entropy mixup argmax"

    def in_pytorch(mapped):
        return F.cross_entropy(tensor(normal(3, 3)), tensor(ROWS), weight=tensor(WEIGHT))

    def in_keras(mapped):
        loss = losses.CategoricalCrossentropy(from_logits=True)
        if mapped:
            sums = (WEIGHT * ROWS).sum(1)
            return loss(WEIGHT * ROWS / sums[:, None], normal(3, 3), sample_weight=sums)
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, use_bias=False)])
        model.set_weights([np.eye(3)])
        model.compile(loss=loss)
        return model.train_on_batch(normal(3, 3), ROWS, class_weight=dict(enumerate(WEIGHT)))


class LabelSmoothingClassWeight(Difference):
    """With label smoothing PyTorch weighs each class's term, Keras the whole loss of a row.

    Without class weights, or without smoothing, they agree up to the divisor.
    """

    pytorch = "the share s / C of class c has the weight of c"
    keras = "weight of the label times the smoothed loss"
    mapping = "targets and sample weights: `translate.smoothed_class_weight_to_keras`"
    links = ("pytorch/pytorch#104776",)
    asked = 1
    words = "label smoothing with class weights cross entropy weight"

    def in_pytorch(mapped):
        logits, labels = tensor(normal(6, 3)), tensor(LABELS)
        return F.cross_entropy(logits, labels, weight=tensor(WEIGHT), label_smoothing=0.25)

    def in_keras(mapped):
        if mapped:
            targets, rows = smoothed_class_weight_to_keras(LABELS, WEIGHT, 0.25)
            loss = losses.CategoricalCrossentropy(from_logits=True)
            return loss(targets, normal(6, 3), sample_weight=rows)
        loss = losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.25)
        return loss(
            np.eye(3)[LABELS], normal(6, 3), sample_weight=class_weight_to_keras(LABELS, WEIGHT)
        )


class LabelSmoothingSparse(Difference):
    """Integer labels can be smoothed in PyTorch, in Keras only one-hot ones."""

    pytorch = "`cross_entropy(label_smoothing=)` takes class indices"
    keras = "`SparseCategoricalCrossentropy` has no `label_smoothing`"
    mapping = "`CategoricalCrossentropy(label_smoothing=)` on one-hot labels"
    links = (
        "keras-team/keras#23487",
        "keras-team/keras#23488",
        "tensorflow/tensorflow#46849",
    )
    asked = 3
    words = "sparse categorical crossentropy label_smoothing unexpected keyword argument"

    def in_pytorch(mapped):
        return F.cross_entropy(tensor(normal(6, 3)), tensor(LABELS), label_smoothing=0.25)

    def in_keras(mapped):
        if mapped:
            loss = losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.25)
            return loss(np.eye(3)[LABELS], normal(6, 3))
        kind = losses.SparseCategoricalCrossentropy
        return outcome(
            lambda: kind(from_logits=True, label_smoothing=0.25),
            "unexpected keyword argument 'label_smoothing'",
        )


class LabelSmoothingBinary(Difference):
    """Keras smooths binary labels too, towards one half; PyTorch's binary loss cannot."""

    pytorch = "none"
    keras = "`BinaryCrossentropy(label_smoothing=s)`: t * (1 - s) + s / 2"
    mapping = "smooth the target by hand"
    words = "binary crossentropy label smoothing bce"

    def in_pytorch(mapped):
        target = tensor([0.0, 1.0, 1.0])
        target = target * 0.75 + 0.125 if mapped else target
        return F.binary_cross_entropy_with_logits(tensor(normal(3)), target)

    def in_keras(mapped):
        loss = losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.25)
        return loss(np.array([0.0, 1.0, 1.0]), normal(3))


class ProbabilitiesClipped(Difference):
    """From probabilities, Keras's loss stops at 16.1, without a gradient; PyTorch's does not.

    Keras clips them to [1e-7, 1 - 1e-7]. A final softmax of a Keras model is seen through, and the
    loss taken from its logits.
    """

    pytorch = "`nll_loss(log p)`: unclipped"
    keras = "`CategoricalCrossentropy()` of p: clipped to 1e-7"
    mapping = "logits: `from_logits=True`"
    links = (
        "keras-team/keras#17634",
        "keras-team/keras#9247",
        "keras-team/keras#6338",
        "xiph/LPCNet#97",
    )
    asked = 6
    words = "from_logits probabilities clipped epsilon 1e-7 softmax output nan gradient zero"

    def in_pytorch(mapped):
        logits = tensor([[0.0, 60.0]])
        return F.nll_loss(F.log_softmax(logits, -1), torch.tensor([0]))

    def in_keras(mapped):
        logits = np.array([[0.0, 60.0]])
        loss = losses.SparseCategoricalCrossentropy(from_logits=mapped)
        return loss(
            np.array([0]),
            logits if mapped else array(keras.activations.softmax(keras_tensor(logits))),
        )


class BinaryProbabilitiesClipped(Difference):
    """From probabilities, PyTorch's binary loss stops at 100, Keras's at 16.1."""

    pytorch = "`binary_cross_entropy`: log p >= -100"
    keras = "`BinaryCrossentropy()`: at most 16.1"
    mapping = "logits on both sides"
    words = "bce clamp -100 binary cross entropy probabilities log zero"

    def in_pytorch(mapped):
        if mapped:
            return F.binary_cross_entropy_with_logits(tensor([-60.0]), tensor([1.0]))
        return F.binary_cross_entropy(tensor([0.0]), tensor([1.0]))

    def in_keras(mapped):
        loss = losses.BinaryCrossentropy(from_logits=mapped)
        return loss(np.array([1.0]), np.array([-60.0 if mapped else 0.0]))


class KlDivergenceMean(Difference):
    """The mean of a KL divergence runs over all elements in PyTorch, over rows in Keras.

    PyTorch takes log-probabilities first; Keras clips at 1e-7.
    """

    pytorch = "`kl_div(log q, p)`: mean over every element"
    keras = "`KLDivergence()(p, q)`: sum over the last axis, mean over the rest"
    mapping = "`reduction='batchmean'` for two axes"
    bound = 5e-6
    because = "Keras clips probabilities at 1e-7"
    links = (
        "pytorch/pytorch#2259",
        "pytorch/pytorch#14457",
        "facebookresearch/deit#61",
        "HikariTJU/LD#74",
    )
    asked = 8
    words = "kl_div batchmean reduction distillation kl divergence"

    def in_pytorch(mapped):
        p, q = (torch.softmax(tensor(normal(6, 4, seed=seed)), -1) for seed in (0, 1))
        return F.kl_div(q.log(), p, reduction="batchmean" if mapped else "mean")

    def in_keras(mapped):
        p, q = (array(torch.softmax(tensor(normal(6, 4, seed=seed)), -1)) for seed in (0, 1))
        return losses.KLDivergence()(p, q)


class KlDivergenceClipped(Difference):
    """Keras clips both probabilities of a KL divergence at 1e-7, PyTorch neither.

    What a teacher is sure of, and a student thinks impossible, costs 16.1 at most in Keras, and has
    no gradient.
    """

    pytorch = "`kl_div(log q, p)`: unclipped"
    keras = "`KLDivergence()(p, q)`: p and q clipped to [1e-7, 1]"
    mapping = "cross-entropy from logits minus the entropy of p"
    words = "kl divergence clip epsilon 1e-7 distillation teacher student gradient zero"

    def in_pytorch(mapped):
        p = tensor([[0.75, 0.25]])
        return F.kl_div(F.log_softmax(tensor([[0.0, 60.0]]), -1), p, reduction="batchmean")

    def in_keras(mapped):
        p, logits = np.array([[0.75, 0.25]]), np.array([[0.0, 60.0]])
        if mapped:
            loss = losses.CategoricalCrossentropy(from_logits=True)(p, logits)
            return array(loss) + (p * np.log(p)).sum()
        return losses.KLDivergence()(p, array(keras.activations.softmax(keras_tensor(logits))))


class ReductionNone(Difference):
    """Without reduction PyTorch keeps every element, Keras has averaged the last axis already."""

    pytorch = "`reduction='none'`: the shape of the input"
    keras = "`reduction=None`: one axis fewer, its mean"
    mapping = "`.mean(-1)` in PyTorch"
    links = (
        "tensorflow/tensorflow#27190",
        "keras-team/keras#17207",
        "keras-team/keras#20395",
        "keras-team/keras#9307",
    )
    asked = 5
    words = "reduction none shape mse per sample loss sum"

    def in_pytorch(mapped):
        loss = F.mse_loss(tensor(normal(4, 3)), torch.zeros(4, 3), reduction="none")
        return loss.mean(-1) if mapped else loss

    def in_keras(mapped):
        return losses.MeanSquaredError(reduction=None)(np.zeros((4, 3)), normal(4, 3))


class ReductionSum(Difference):
    """A sum in Keras is one of means over the last axis; PyTorch's is over all elements."""

    pytorch = "`mse_loss(reduction='sum')`"
    keras = "`MeanSquaredError(reduction='sum')`: smaller by the last axis's size"
    mapping = "multiply Keras's by the size of the last axis"
    words = "reduction sum mse smaller factor"

    def in_pytorch(mapped):
        return F.mse_loss(tensor(normal(4, 3)), torch.zeros(4, 3), reduction="sum")

    def in_keras(mapped):
        loss = losses.MeanSquaredError(reduction="sum")(np.zeros((4, 3)), normal(4, 3))
        return 3 * loss if mapped else loss


class HuberSmoothL1(Difference):
    """SmoothL1Loss is Huber's loss divided by its threshold.

    Keras has Huber alone, PyTorch both.
    """

    pytorch = "`smooth_l1_loss(beta=b)`: slope 1 beyond b"
    keras = "`Huber(delta=d)`: slope d beyond d"
    mapping = "Huber(d) = d * SmoothL1(d)"
    links = (
        "pytorch/pytorch#48595",
        "torch/nn#579",
        "xuannianz/EfficientDet#93",
        "pytorch/pytorch#37599",
    )
    asked = 6
    words = "huber smooth l1 beta delta"

    def in_pytorch(mapped):
        beta, factor = huber_to_torch(0.5)
        loss = F.smooth_l1_loss(tensor(normal(6)), torch.zeros(6), beta=beta)
        return factor * loss if mapped else loss

    def in_keras(mapped):
        return losses.Huber(delta=0.5)(np.zeros(6), normal(6))


class LossBroadcast(Difference):
    """(N, 1) against (N,): PyTorch broadcasts to (N, N), Keras aligns the two.

    PyTorch warns. The loss falls to the variance of the labels and stays there.
    """

    pytorch = "`mse_loss` of (N, 1) and (N,) is a mean over N * N pairs"
    keras = "squeezes the last axis where it is 1"
    mapping = "equal shapes: `target[:, None]`"
    links = (
        "deepset-ai/FARM#229",
        "FluxML/Flux.jl#1522",
        "andrewgcodes/xlstm#4",
        "jiwei0921/CoNet#3",
    )
    asked = 10
    words = "Using a target size that is different to the input size broadcasting mse (N,1) vs (N)"

    def in_pytorch(mapped):
        y, target = tensor(normal(6, 1)), tensor(normal(6))
        return F.mse_loss(y, target[:, None] if mapped else target)

    def in_keras(mapped):
        return losses.MeanSquaredError()(normal(6), normal(6, 1))


class PosWeight(Difference):
    """PyTorch's binary loss can weigh the positive class; Keras's cannot."""

    pytorch = "`binary_cross_entropy_with_logits(pos_weight=w)`: w * t * log p + ..."
    keras = "none; `BinaryFocalCrossentropy(apply_class_balancing=)` is another"
    mapping = "`sample_weight`: w where the label is 1, else 1"
    links = (
        "pytorch/pytorch#5660",
        "keras-team/keras#2115",
        "keras-team/keras#5258",
        "pytorch/pytorch#67007",
    )
    asked = 4
    words = "pos_weight BCEWithLogitsLoss imbalance positive class"

    def in_pytorch(mapped):
        target = tensor([0.0, 1.0, 1.0])
        return F.binary_cross_entropy_with_logits(
            tensor(normal(3)), target, pos_weight=tensor([3.0])
        )

    def in_keras(mapped):
        target = np.array([[0.0], [1.0], [1.0]])
        weight = np.where(target == 1, 3.0, 1.0) if mapped else None
        return losses.BinaryCrossentropy(from_logits=True)(target, normal(3)[:, None], weight)


class IgnoreIndex(Difference):
    """-100 is a label to be left out in PyTorch; in Keras only where `ignore_class` says so.

    Told so, both divide by the number of rows that are left.
    """

    pytorch = "`ignore_index=-100`: neither in the sum nor in the count"
    keras = "`SparseCategoricalCrossentropy(ignore_class=None)`: an error, or NaN"
    mapping = "`ignore_class=-100`"
    links = (
        "keras-team/keras#6118",
        "keras-team/keras#16712",
        "keras-team/keras-core#562",
        "artemmavrin/focal-loss#24",
    )
    asked = 4
    words = "ignore_index -100 padding tokens ignore_class masked labels"

    def in_pytorch(mapped):
        return F.cross_entropy(tensor(normal(6, 3)), torch.tensor([0, 2, 1, -100, 0, -100]))

    def in_keras(mapped):
        labels = np.array([0, 2, 1, -100, 0, -100])
        ignored = -100 if mapped else None
        loss = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=ignored)
        return outcome(lambda: array(loss(labels, normal(6, 3))), "InvalidArgumentError")


class AllLabelsIgnored(Difference):
    """Where every label is ignored, PyTorch's mean is NaN, Keras's 0."""

    pytorch = "0 / 0"
    keras = "`ignore_class=`: 0 where there is nothing to divide by"
    mapping = "leave the batch out; or `reduction='sum'`, and a count of at least 1"
    words = "ignore_index all ignored nan loss batch of padding only masked"

    def in_pytorch(mapped):
        loss = F.cross_entropy(
            tensor(normal(2, 3)), torch.tensor([-100, -100]), reduction="sum" if mapped else "mean"
        )
        return loss if mapped else str(loss.item())

    def in_keras(mapped):
        loss = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-100)
        loss = loss(np.array([-100, -100]), normal(2, 3))
        return loss if mapped else str(float(array(loss)))


class CosineSimilaritySign(Difference):
    """As a loss, Keras's cosine similarity is negative, to be minimized; PyTorch's is 1 - cos."""

    pytorch = "`cosine_embedding_loss(x, y, 1)`: 1 - cos"
    keras = "`CosineSimilarity()`: -cos"
    mapping = "add 1"
    links = (
        "tensorflow/tensorflow#34577",
        "huggingface/sentence-transformers#549",
        "facebookresearch/simsiam#44",
        "keras-team/keras#3031",
    )
    asked = 7
    words = "cosine similarity loss negative sign"

    def in_pytorch(mapped):
        x, y = tensor(normal(6, 3)), tensor(normal(6, 3, seed=1))
        return F.cosine_embedding_loss(x, y, torch.ones(6))

    def in_keras(mapped):
        loss = losses.CosineSimilarity()(normal(6, 3), normal(6, 3, seed=1))
        return 1 + loss if mapped else loss


class PoissonInput(Difference):
    """PyTorch's Poisson loss takes the logarithm of the rate, Keras's the rate."""

    pytorch = "`poisson_nll_loss(log_input=True)`: exp(x) - y * x"
    keras = "`Poisson()`: x - y * log(x + 1e-7)"
    mapping = "`log_input=False, eps=1e-7`"
    bound = 1e-6
    because = "Keras's 1e-7 is a float32"
    words = "poisson nll log_input counts"

    def in_pytorch(mapped):
        rate, target = tensor(np.abs(normal(6))), tensor(np.arange(6.0))
        options = {"log_input": False, "eps": 1e-7} if mapped else {}
        return F.poisson_nll_loss(rate, target, **options)

    def in_keras(mapped):
        return losses.Poisson()(np.arange(6.0), np.abs(normal(6)))


class HingeLabels(Difference):
    """Keras's hinge losses take labels 0 and 1 for -1 and 1; PyTorch takes them as they are."""

    pytorch = "`hinge_embedding_loss`, `soft_margin_loss`: y in {-1, 1}"
    keras = "`Hinge()`: labels of 0 and 1 are turned into -1 and 1"
    mapping = "2 * y - 1"
    words = "hinge loss labels -1 1 svm margin"

    def in_pytorch(mapped):
        y = tensor([0.0, 1.0, 1.0, 0.0])
        return F.relu(1 - (2 * y - 1 if mapped else y) * tensor(normal(4))).mean()

    def in_keras(mapped):
        return losses.Hinge()(np.array([0.0, 1.0, 1.0, 0.0]), normal(4))


class LabelsOutOfRange(Difference):
    """A label that is no class: PyTorch raises an IndexError, Keras an error or nothing.

    TensorFlow raises on the CPU and gives NaN on a GPU; JAX gives a loss of 0 or NaN. On CUDA
    PyTorch says "device-side assert triggered", and the process has to start anew.
    """

    pytorch = "IndexError: Target 3 is out of bounds"
    keras = "InvalidArgumentError on TensorFlow's CPU; on JAX the loss goes on"
    words = "label out of range target out of bounds number of classes nan loss"
    backends = ("tensorflow", "jax")

    def in_pytorch(mapped):
        return outcome(
            lambda: F.cross_entropy(tensor(normal(1, 3)), torch.tensor([3])), "out of bounds"
        )

    def in_keras(mapped):
        loss = losses.SparseCategoricalCrossentropy(from_logits=True)
        return outcome(lambda: array(loss(np.array([3]), normal(1, 3))), "InvalidArgumentError")


class SoftTargetRows(Difference):
    """Where a row of targets does not sum to 1, TensorFlow's gradient ignores the sum."""

    pytorch = "gradient (p * sum(q) - q) / N"
    keras = "on TensorFlow (p - q) / N; on JAX and PyTorch as PyTorch"
    mapping = "rows that sum to 1, the rest in `sample_weight`"
    backends = ("tensorflow",)
    words = "soft labels probabilities not normalized gradient cross entropy mixup"

    def in_pytorch(mapped):
        logits = tensor(normal(1, 3), gradient=True)
        F.cross_entropy(logits, tensor([[0.5, 0.25, 0.25 if mapped else 1.0]])).backward()
        return logits.grad

    def in_keras(mapped):
        import tensorflow as tf

        logits = tf.Variable(normal(1, 3))
        with tf.GradientTape() as tape:
            targets = np.array([[0.5, 0.25, 0.25 if mapped else 1.0]])
            loss = losses.CategoricalCrossentropy(from_logits=True)(targets, logits)
        return tape.gradient(loss, logits)


class IntegerLabelsCast(Difference):
    """Keras's `Loss` turns labels into floats before a loss of one's own sees them.

    Used as an index, a float label is an error.
    """

    pytorch = "labels reach a loss as they are"
    keras = "`losses.Loss.call` gets floats"
    mapping = "`ops.cast(labels, 'int32')` in `call`"
    words = "custom loss labels float cast integer index y_true dtype"

    def in_pytorch(mapped):
        class Loss(torch.nn.Module):
            def forward(self, logits, labels):
                seen.append(str(labels.dtype).removeprefix("torch.")[:3])
                return logits.sum()

        seen = []
        Loss()(tensor(normal(6, 3)), tensor(LABELS))
        return seen[0]

    def in_keras(mapped):
        class Loss(losses.Loss):
            def call(self, y_true, y_pred):
                labels = ops.cast(y_true, "int32") if mapped else y_true
                seen.append(keras.backend.standardize_dtype(labels.dtype)[:3])
                return ops.sum(y_pred, -1)

        seen = []
        Loss()(LABELS, normal(6, 3))
        return seen[0]


class FocalBalance(Difference):
    """Keras's focal losses weigh the two classes only if asked; PyTorch has none of its own.

    torchvision's `sigmoid_focal_loss` weighs by alpha=0.25.
    """

    pytorch = "none: alpha_t * (1 - p_t)**gamma * bce by hand"
    keras = "`BinaryFocalCrossentropy(gamma=2)`: no alpha unless `apply_class_balancing=True`"
    mapping = "`apply_class_balancing=True, alpha=0.25`"
    words = "focal loss alpha gamma class balancing detection"

    def in_pytorch(mapped):
        logits, target = tensor(normal(6)), tensor((LABELS > 0).astype(float))
        bce = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
        p = torch.sigmoid(logits)
        p_t = p * target + (1 - p) * (1 - target)
        alpha_t = 0.25 * target + 0.75 * (1 - target)
        return (alpha_t * (1 - p_t) ** 2 * bce).mean()

    def in_keras(mapped):
        loss = losses.BinaryFocalCrossentropy(from_logits=True, apply_class_balancing=mapped)
        return loss((LABELS > 0).astype(float), normal(6))

    bound = 1e-6
    because = "Keras clips the probabilities of its factor"


class CategoricalFocalAlpha(Difference):
    """Keras's categorical focal loss is a quarter of what the paper's is without weights.

    One ``alpha`` for all classes balances nothing: it is a factor.
    """

    pytorch = "none: (1 - p)**gamma * cross_entropy by hand"
    keras = "`CategoricalFocalCrossentropy(alpha=0.25, gamma=2)`: times 0.25"
    mapping = "`alpha=1.0`, or a list with a weight for each class"
    words = "categorical focal crossentropy alpha 0.25 softmax multi-class smaller"

    def in_pytorch(mapped):
        logits, labels = tensor(normal(6, 3)), tensor(LABELS)
        ce = F.cross_entropy(logits, labels, reduction="none")
        return ((1 - (-ce).exp()) ** 2 * ce).mean()

    def in_keras(mapped):
        options = {"alpha": 1.0} if mapped else {}
        loss = losses.CategoricalFocalCrossentropy(from_logits=True, **options)
        return loss(np.eye(3)[LABELS], normal(6, 3))


class FocalClipped(Difference):
    """Keras's categorical focal loss clips probabilities at 1e-7, from logits too.

    A sure and wrong answer costs 16.1 at most, and has no gradient: the hardest examples, which the
    loss is made for, teach nothing. Keras's binary one does so on JAX and PyTorch; on TensorFlow it
    sees the logits behind its sigmoid.
    """

    pytorch = "by hand from `log_softmax`: unclipped"
    keras = "`CategoricalFocalCrossentropy(from_logits=True)`: a softmax, then clipped"
    mapping = "by hand, from `ops.log_softmax`"
    words = "focal loss from_logits clip epsilon saturated gradient zero hard examples"

    def in_pytorch(mapped):
        log_p = F.log_softmax(tensor([[0.0, 60.0]]), -1)[:, 0]
        return -((1 - log_p.exp()) ** 2) * log_p

    def in_keras(mapped):
        logits = np.array([[0.0, 60.0]])
        if mapped:
            log_p = ops.log_softmax(keras_tensor(logits))[:, 0]
            return -ops.square(1 - ops.exp(log_p)) * log_p
        loss = losses.CategoricalFocalCrossentropy(alpha=1.0, from_logits=True, reduction=None)
        return loss(np.array([[1.0, 0.0]]), logits)
