"""Batch normalization."""

import keras
import numpy as np
import tensorflow as tf
import torch
from keras import layers
from torch import nn

from triptych.differences.entry import Difference
from triptych.differences.probe import array, normal, outcome, tensor
from triptych.translate import batch_norm_to_keras, running_variance_to_torch


class BatchNormMomentum(Difference):
    """Momentum is the weight of the new batch in PyTorch, of the old statistics in Keras.

    A value copied over, 0.1 into Keras or 0.99 into PyTorch, keeps little but the last batch.
    Nothing fails, the outputs in training are the same, and inference is off.
    """

    pytorch = "`momentum=0.1`: running = 0.9 * running + 0.1 * batch"
    keras = "`momentum=0.99`: running = 0.99 * running + 0.01 * batch"
    mapping = "momentum of Keras = 1 - momentum of PyTorch"
    links = (
        "pytorch/examples#289",
        "huggingface/transformers#19454",
        "pytorch/vision#8250",
        "ludwig-ai/ludwig#2100",
    )
    asked = 12
    words = "batchnorm momentum running moving mean after porting inference accuracy drop"

    def in_pytorch(mapped):
        layer = nn.BatchNorm1d(3)
        layer(tensor(normal(8, 3)))
        return layer.running_mean

    def in_keras(mapped):
        arguments = batch_norm_to_keras(momentum=0.1) if mapped else {}
        layer = layers.BatchNormalization(**arguments)
        layer(normal(8, 3), training=True)
        return layer.moving_mean


class BatchNormEpsilon(Difference):
    """Epsilon is 1e-5 in PyTorch and 1e-3 in Keras.

    Both add it to the variance, below the root. It shows where a feature hardly varies.
    """

    pytorch = "`eps=1e-5`"
    keras = "`epsilon=1e-3`"
    mapping = "set one to the other"
    links = (
        "keras-team/keras#9028",
        "gzuidhof/nn-transfer#3",
        "r9y9/tacotron_pytorch#19",
        "tensorflow/tensorflow#33027",
    )
    asked = 8
    words = "batchnorm eps porting converting output slightly different"

    def in_pytorch(mapped):
        layer = nn.BatchNorm1d(3)
        return layer(tensor(0.1 * normal(8, 3)))

    def in_keras(mapped):
        layer = layers.BatchNormalization(**({"epsilon": 1e-5} if mapped else {}))
        return layer(0.1 * normal(8, 3), training=True)


class BatchNormRunningVariance(Difference):
    """The running variance is divided by n - 1 in PyTorch, by n in Keras.

    Both normalize with the variance divided by n; only what is kept for inference differs. With
    batches of two it is twice as large. n counts the rows of a batch, times the pixels of an image.
    """

    pytorch = "keeps the unbiased variance, sum((x - mean)**2) / (n - 1)"
    keras = "keeps the biased one, sum((x - mean)**2) / n"
    mapping = "v_torch = m**k * v_0 + (v_keras - m**k * v_0) * n / (n - 1) after k batches of n"
    links = (
        "pytorch/pytorch#1410",
        "keras-team/keras#8982",
        "keras-team/keras#9028",
        "keras-team/keras#10443",
    )
    asked = 9
    words = "batchnorm unbiased biased Bessel moving variance running_var after porting small batch"

    def in_pytorch(mapped):
        layer = nn.BatchNorm1d(3, momentum=0.125)
        for seed in range(7):
            layer(tensor(normal(8, 3, seed=seed)))
        return layer.running_var

    def in_keras(mapped):
        layer = layers.BatchNormalization(momentum=0.875)
        for seed in range(7):
            layer(normal(8, 3, seed=seed), training=True)
        variance = array(layer.moving_variance)
        if mapped:
            variance = running_variance_to_torch(variance, 8, momentum=0.875, batches=7)
        return variance


class BatchNormCumulativeAverage(Difference):
    """PyTorch can average over all batches seen; Keras has a fixed momentum only.

    Keras 3 refuses None with a TypeError once it is called.
    """

    pytorch = "`momentum=None`: the plain mean over all batches so far"
    keras = "no such mode, and no counter of batches"
    mapping = "eagerly, before batch i = 0, 1, ...: `layer.momentum = i / (i + 1)`"
    links = (
        "pytorch/pytorch#31498",
        "pytorch/pytorch#5766",
        "automan000/Camera-based-Person-ReID#3",
        "taoyang1122/MutualNet#12",
    )
    asked = 5
    words = "batchnorm momentum None cumulative moving average num_batches_tracked"

    def in_pytorch(mapped):
        layer = nn.BatchNorm1d(3, momentum=None)
        for seed in range(4):
            layer(tensor(normal(8, 3, seed=seed)))
        return layer.running_mean

    def in_keras(mapped):
        layer = layers.BatchNormalization()
        for seed in range(4):
            if mapped:
                layer.momentum = seed / (seed + 1)
            layer(normal(8, 3, seed=seed), training=True)
        return layer.moving_mean


class BatchNormWithoutStatistics(Difference):
    """PyTorch can do without running statistics: inference then normalizes over the batch."""

    pytorch = "`track_running_stats=False`: batch statistics in eval mode too"
    keras = "always keeps statistics, and infers with them"
    mapping = "call the Keras layer with `training=True` and ignore what it keeps"
    words = "batchnorm track_running_stats False inference batch statistics"

    def in_pytorch(mapped):
        layer = nn.BatchNorm1d(3, track_running_stats=False).eval()
        return layer(tensor(3 + normal(8, 3)))

    def in_keras(mapped):
        layer = layers.BatchNormalization(epsilon=1e-5)
        return layer(3 + normal(8, 3), training=mapped)


class BatchNormOneValue(Difference):
    """PyTorch refuses a single value for a channel; Keras returns beta.

    Keras's running variance then moves towards 0 with each such batch. The usual cause is a last
    batch of one row.
    """

    pytorch = "ValueError in training"
    keras = "x - mean is 0, so the output is beta; the variance kept shrinks"
    links = (
        "lukasliebel/MultiDepth#3",
        "sksq96/pytorch-summary#4",
        "open-mmlab/mmsegmentation#272",
        "leaderj1001/BottleneckTransformers#18",
    )
    asked = 12
    words = "batchnorm batch size 1 Expected more than 1 value per channel when training"

    def in_pytorch(mapped):
        return outcome(
            lambda: nn.BatchNorm1d(3)(tensor(normal(1, 3))),
            "Expected more than 1 value per channel",
        )

    def in_keras(mapped):
        return outcome(lambda: layers.BatchNormalization()(normal(1, 3), training=True))


class BatchNormEmptyBatch(Difference):
    """An empty batch leaves PyTorch's running statistics alone and makes Keras's NaN."""

    pytorch = "statistics unchanged"
    keras = "statistics become NaN, for good"
    mapping = "do not call the layer with an empty batch"
    words = "batchnorm zero rows empty batch nan moving mean"

    def in_pytorch(mapped):
        layer = nn.BatchNorm1d(3)
        for x in (normal(8, 3), np.zeros((0, 3))):
            layer(tensor(x))
        return layer.running_mean

    def in_keras(mapped):
        layer = layers.BatchNormalization(momentum=0.9)
        for x in (normal(8, 3), np.zeros((0, 3))):
            if len(x) or not mapped:
                layer(x, training=True)
        return layer.moving_mean


class BatchNormAxis(Difference):
    """Channels are axis 1 in PyTorch, the last axis in Keras.

    Given images with channels first, Keras normalizes over their width without a complaint.
    """

    pytorch = "axis 1 of (N, C, H, W)"
    keras = "`axis=-1`, of (N, H, W, C)"
    mapping = "`axis=1` for images with channels first"
    words = "batchnorm axis channels_first channels_last NCHW NHWC gamma shape"

    def in_pytorch(mapped):
        return nn.BatchNorm2d(4)(tensor(normal(2, 4, 4, 4)))

    def in_keras(mapped):
        layer = layers.BatchNormalization(axis=1 if mapped else -1, epsilon=1e-5)
        return layer(normal(2, 4, 4, 4), training=True)


class BatchNormBareCall(Difference):
    """A fresh PyTorch layer is in training mode; a bare call of a Keras layer is inference."""

    pytorch = "modules begin with `training=True`; `.eval()` changes that"
    keras = "`layer(x)` infers, unless it runs inside `fit`"
    mapping = "say it: `.eval()` and `training=False`, or `.train()` and `training=True`"
    words = "batchnorm train eval mode default training argument model call"

    def in_pytorch(mapped):
        layer = nn.BatchNorm1d(3)
        return layer(tensor(3 + normal(8, 3)))

    def in_keras(mapped):
        layer = layers.BatchNormalization(epsilon=1e-5)
        return layer(3 + normal(8, 3), training=True) if mapped else layer(3 + normal(8, 3))


class BatchNormFreeze(Difference):
    """A frozen layer still moves its statistics in PyTorch; in Keras it infers.

    PyTorch's `requires_grad=False` stops the gradient only. Keras's `trainable=False` on a batch
    norm also switches it to inference, since Keras 2.
    """

    pytorch = "`requires_grad_(False)`: batch statistics are used, running ones move on"
    keras = "`trainable = False`: running statistics are used and stay"
    mapping = "in PyTorch also `.eval()`, after every `.train()` of the model"
    links = (
        "pytorch/pytorch#86590",
        "pytorch/pytorch#38084",
        "keras-team/keras#9965",
        "isht7/pytorch-deeplab-resnet#15",
    )
    asked = 12
    words = "frozen batch norm moves freeze fine-tune transfer learning trainable"

    def in_pytorch(mapped):
        layer = nn.BatchNorm1d(3).requires_grad_(False)
        if mapped:
            layer.eval()
        y = layer(tensor(3 + normal(8, 3)))
        return y, layer.running_mean

    def in_keras(mapped):
        layer = layers.BatchNormalization(epsilon=1e-5)
        layer.trainable = False
        y = layer(3 + normal(8, 3), training=True)
        return y, layer.moving_mean


class BatchNormFreezeAfterCompile(Difference):
    """Keras notices `trainable = False` after a first step of training only when compiled anew.

    The compiled step has been traced. PyTorch has nothing to trace.
    """

    pytorch = "`.eval()` and `requires_grad_(False)` act at once"
    keras = "statistics move on until `compile` is called again"
    mapping = "`model.compile(...)` after every change of `trainable`"
    links = ("tdeboissiere/DeepLearningImplementations#21",)
    asked = 1
    words = "frozen batch norm recompile trainable after compile fit ignored freeze"
    backends = ("tensorflow",)

    def in_pytorch(mapped):
        layer = nn.BatchNorm1d(3, momentum=0.01)
        layer(tensor(3 + normal(8, 3)))
        before = layer.running_mean.clone()
        layer.eval()
        layer(tensor(normal(8, 3)))
        return 1 + layer.running_mean - before

    def in_keras(mapped):
        model = keras.Sequential([keras.Input((3,)), layers.BatchNormalization()])
        model.compile("sgd", "mse")
        model.train_on_batch(3 + normal(8, 3), normal(8, 3))
        before = array(model.layers[0].moving_mean)
        model.layers[0].trainable = False
        if mapped:
            model.compile("sgd", "mse")
        model.train_on_batch(normal(8, 3), normal(8, 3))
        return 1 + array(model.layers[0].moving_mean) - before


class BatchNormMask(Difference):
    """Keras leaves masked positions out of the statistics; PyTorch has no mask.

    Keras divides by the number of valid rows plus 1e-7.
    """

    pytorch = "every row counts"
    keras = "`call(x, mask=...)` weighs rows by the mask"
    mapping = "in PyTorch, normalize the valid rows alone: `layer(x[mask])`"
    bound = 1e-6
    because = "Keras adds 1e-7 to the number of rows"
    links = (
        "pytorch/pytorch#70529",
        "tensorflow/tensorflow#30161",
        "pytorch/pytorch#25910",
        "pytorch/pytorch#30414",
    )
    asked = 8
    words = "batchnorm padding mask sequence variable length masked statistics"

    def in_pytorch(mapped):
        x = tensor(normal(2, 4, 3))
        mask = torch.tensor([[True, True, True, False], [True, True, False, False]])
        layer = nn.BatchNorm1d(3)
        layer(x[mask] if mapped else x.reshape(-1, 3))
        return layer.running_mean

    def in_keras(mapped):
        mask = np.array([[True, True, True, False], [True, True, False, False]])
        layer = layers.BatchNormalization(momentum=0.9)
        layer(normal(2, 4, 3), training=True, mask=mask)
        return layer.moving_mean


class BatchNormHalf(Difference):
    """A model in pure float16 loses PyTorch's running variance; a mixed policy keeps float32.

    The largest float16 is 65504, the variance of features of some hundred is beyond.
    """

    pytorch = "`model.half()`: running_var is float16, and overflows"
    keras = "policy mixed_float16: weights and statistics are float32"
    mapping = "keep batch norm in float32 (autocast does), and cast around it"
    bound = 0.01
    because = "Keras rounds the batch to float16 before it takes the variance"
    differs = 0.1
    links = (
        "apple/coreai-torch#54",
        "pytorch/pytorch#126525",
    )
    asked = 2
    words = "batchnorm float16 half precision overflow inf running_var amp mixed"
    backends = ("tensorflow", "jax")

    def in_pytorch(mapped):
        layer = nn.BatchNorm1d(3, momentum=0.5)
        x = torch.tensor(1000 * normal(64, 3), dtype=torch.float16)
        if mapped:
            layer.float()(x.float())
        else:
            layer.half()(x)
        return layer.running_var.double()

    def in_keras(mapped):
        layer = layers.BatchNormalization(momentum=0.5, dtype="mixed_float16")
        layer((1000 * normal(64, 3)).astype("float16"), training=True)
        return array(layer.moving_variance).astype("float64") * (64 / 63 if mapped else 1)


class BatchNormRenorm(Difference):
    """Keras has batch renormalization, PyTorch has not.

    It corrects the batch's statistics towards the running ones while training.
    """

    pytorch = "none"
    keras = "`renorm=True`: three more variables, and clipped corrections r and d"
    links = (
        "keras-team/keras#19857",
        "keras-team/keras#19063",
        "tensorflow/tensorflow#69790",
        "keras-team/keras#22047",
    )
    asked = 6
    words = "batch renormalization renorm small batches"
    since = "Keras 3.14"

    def in_pytorch(mapped):
        layer = nn.BatchNorm1d(3)
        return [layer(tensor(normal(8, 3, seed=seed))) for seed in range(3)][-1]

    def in_keras(mapped):
        clipping = {"rmax": 3.0, "rmin": 1 / 3, "dmax": 5.0}
        layer = layers.BatchNormalization(
            momentum=0.9, epsilon=1e-5, renorm=True, renorm_clipping=clipping
        )
        return [layer(normal(8, 3, seed=seed), training=True) for seed in range(3)][-1]


class BatchNormSynchronized(Difference):
    """Statistics across devices: a layer of its own in PyTorch, an argument in Keras.

    In one process both are plain batch norm, but Keras's synchronized form on TensorFlow takes the
    variance as E[x**2] - E[x]**2, which loses digits where the mean is large.
    """

    pytorch = "`SyncBatchNorm.convert_sync_batchnorm(model)`; on one CPU process, plain batch norm"
    keras = "`synchronized=True`, on TensorFlow; the variance is a difference"
    mapping = "in one process `synchronized=False`"
    differs = 1e-11
    links = (
        "tensorflow/tensorflow#18222",
        "tensorflow/tensorflow#60438",
        "keras-team/keras#18671",
        "tensorflow/tensorflow#7439",
    )
    asked = 6
    words = "sync batch norm multi gpu distributed synchronized replicas"
    backends = ("tensorflow",)

    def in_pytorch(mapped):
        return nn.BatchNorm1d(3)(tensor(1024 + normal(8, 3)))

    def in_keras(mapped):
        layer = layers.BatchNormalization(epsilon=1e-5, synchronized=not mapped)
        return layer(1024 + normal(8, 3), training=True)


class BatchNormFusedTensorflow(Difference):
    """TensorFlow's fused op, which Keras 2 used, keeps the variance divided by n - 1.

    So old tf.keras models with 4-D inputs agree with PyTorch there, and Keras 3 does not.
    """

    pytorch = "divided by n - 1"
    keras = "Keras 3: n; `tf.compat.v1.nn.fused_batch_norm`: n - 1"
    mapping = "with the fused op, none is needed"
    differs = 1e-3
    bound = 1e-5
    because = "the fused op computes in float32"
    words = "tf.keras Keras 2 fused batch norm unbiased variance migration upgrade"
    needs = ("tensorflow",)

    def in_pytorch(mapped):
        layer = nn.BatchNorm2d(3, momentum=1.0)
        layer(tensor(normal(2, 3, 4, 4)))
        return layer.running_var

    def in_keras(mapped):
        x = normal(2, 3, 4, 4).transpose(0, 2, 3, 1)
        if mapped:
            ones, zeros = np.ones(3, "float32"), np.zeros(3, "float32")
            fused = tf.compat.v1.nn.fused_batch_norm
            return fused(x.astype("float32"), ones, zeros, is_training=True)[2].numpy()
        layer = layers.BatchNormalization(momentum=0.0)
        layer(x, training=True)
        return layer.moving_variance


class BatchNormVarianceOnPytorch(Difference):
    """Keras on PyTorch takes the variance as E[x**2] - E[x]**2.

    In float32 it is wrong by 0.3 for features of mean 1000 and deviation 1, and below 0, so NaN,
    for constant ones.
    """

    pytorch = "two passes: the mean of (x - mean)**2"
    keras = "on the PyTorch backend one pass, which cancels"
    mapping = "subtract a constant first, or normalize through `torch.nn.functional.batch_norm`"
    bound = 1e-4
    because = "float32, in which 1000 itself has a spacing of 6e-5"
    differs = 0.01
    backends = ("torch",)
    words = "keras torch backend batchnorm nan constant feature moments float32 cancellation"

    def in_pytorch(mapped):
        x = torch.tensor(1000 + normal(64, 3), dtype=torch.float32)
        return x.var(0, unbiased=False)

    def in_keras(mapped):
        x = (1000 + normal(64, 3)).astype("float32")
        layer = layers.BatchNormalization(momentum=0.0, dtype="float32")
        layer(x - 1000 if mapped else x, training=True)
        return layer.moving_variance


class BatchNormFarFromZero(Difference):
    """Features far from 0 with little spread are normalized wrongly by both, each in its own way.

    The mean is a float32, summed once: of 60,000 values of 100.3 and deviation 0.001 the outputs
    are off by more than a standard deviation.
    """

    pytorch = "one pass for the mean, in float32"
    keras = "`tf.nn.moments`, float32 too"
    mapping = "subtract a constant first"
    bound = 2e-3
    because = "float32 keeps 1e-5 of these values apart"
    differs = 0.01
    backends = ("tensorflow",)
    words = "batchnorm large mean small variance precision float32 sum wrong output"

    def in_pytorch(mapped):
        x = torch.tensor(100.3 + 1e-3 * normal(60_000, 1), dtype=torch.float32)
        layer = nn.BatchNorm1d(1, eps=1e-12, affine=False).float()
        return layer(x - 100.3 if mapped else x)

    def in_keras(mapped):
        x = (100.3 + 1e-3 * normal(60_000, 1)).astype("float32")
        layer = layers.BatchNormalization(epsilon=1e-12, dtype="float32")
        return layer(x - np.float32(100.3) if mapped else x, training=True)
