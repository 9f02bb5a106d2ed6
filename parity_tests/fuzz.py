"""A good call of every public function, to be spoiled one argument at a time by test_fuzz.py.

Arrays are NumPy's and become the tensors of a panel when it is called; everything else is passed
as it is.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from scratch.pooling import max_pool2d_with_winners
from triptych.common.datasets import xor
from triptych.common.recipes import AugmentationRecipe, Recipe
from triptych.common.streams import Stream
from triptych.panels import panel

__all__ = ["BAD_ARRAYS", "BAD_VALUES", "CALLS", "FIRST", "LAYERS", "OBJECTS"]

RNG = np.random.default_rng(0)
STREAM = Stream(1, "fuzz", 0)


def floats(*shape: int) -> np.ndarray:
    return RNG.uniform(0.2, 0.8, shape).astype("float32")


def booleans(*shape: int) -> np.ndarray:
    return RNG.random(shape) > 0.5


X = floats(4, 3)
IMAGES = floats(4, 6, 5, 2)
RGB = floats(4, 6, 5, 3)
G = floats(3)
SHAPE = IMAGES.shape
PER_IMAGE = floats(4)
MASKED = {"rate": 0.5, "training": True}
CONNECTED = {"x": X, "weight": floats(3, 2), "mask": booleans(3, 2)}
UNITS = {"log_alpha": G, "noise": X - 0.5, "training": True, "threshold": 3.0}
WEIGHTS = {"x": X, "weight": floats(3, 2), "log_sigma2": floats(3, 2), "noise": floats(4, 2)}
WEIGHTS |= {"training": True, "threshold": 3.0}
SINGULAR = {"w": X, "u": floats(3), "v": PER_IMAGE}
NORM = {"x": X, "gamma": G, "mean": floats(3), "variance": floats(3), "epsilon": 1e-5}
CENTRED = {"x": X, "gamma": G, "epsilon": 0.1}
INSTANCES = {"x": IMAGES, "gamma": G[:2], "epsilon": 0.1}
GROUPED = CENTRED | {"groups": 1}
KERNEL = {"x": IMAGES, "weight": floats(3, 2, 2, 3), "stride": 1, "padding": "valid"} | {
    "dilation": 1,
    "groups": 1,
}
CONVOLVED = floats(4, 4, 4, 3)
POOLING = {"pool_size": 2, "stride": 2, "padding": "valid"}
POOLED = floats(4, 3, 2, 2)
WINNERS = max_pool2d_with_winners(IMAGES, 2, stride=2)[1]
LABELS = np.array([0, 2, 1, 1])
SCORES = {"logits": floats(4, 3), "labels": LABELS}
TARGETS = np.array([[0.5, 0.25, 0.25], [1, 0, 0], [0, 0.5, 0.5], [0, 0, 1]], "float32")
BINARY = {"logits": floats(4, 1), "labels": np.array([0, 1, 1, 0])}
SQUARES = {"predictions": X, "targets": floats(4, 3)}
REDUCED = {"sample_weights": PER_IMAGE, "reduction": "mean", "mean_over": "weights"}
WEIGHTED = REDUCED | {"class_weights": G}
ROW = np.array([0, 1, 1, 0])
PARTNER = np.array([1, 2, 0, 3])
BOX = np.array([[0, 0, 2, 3], [1, 1, 6, 5], [2, 2, 2, 4], [0, 0, 6, 5]])
DISTILLED = {"student": floats(4, 3), "teacher": floats(4, 3), "temperature": 4.0}
MAP = {
    "matrices": np.tile(np.array([[1, 0.1, 0], [0, 1, 0.2]], "float32"), (4, 1, 1)),
    "interpolation": "bilinear",
    "fill_mode": "constant",
}
WINDOW = {"top": ROW, "left": ROW, "height": 4, "width": 3, "fill_mode": "constant"}
RESIZED = {"interpolation": "bilinear", "antialias": True}
GRADS = [floats(3, 2), floats(2)]
AUGMENTATION = AugmentationRecipe(rotation=5.0, brightness=0.1)
BOXES = {"scale": (0.1, 0.5), "ratio": (0.5, 2.0)}
STRENGTH = {"magnitude": 9.0, "interpolation": "bilinear", "fill_value": 0.5}
NAMED = {"seed": 0, "name": "n"}
DTYPE = {"dtype": "float32"}
AFFINE = {"features": 3, "epsilon": 0.1, "affine": True, "name": "n"} | DTYPE
RATES = {"learning_rate": 0.1, "weight_decay": 0.01}
ADAM = RATES | {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8, "amsgrad": True}
DECAY = {"learning_rate": 0.1, "factor": 0.5, "every": 3}
POLYNOMIAL = {"learning_rate": 0.1, "steps": 9, "floor": 0.01, "power": 2.0}
RESTARTS = {"learning_rate": 0.1, "steps": 9, "t_mult": 2, "factor": 0.5, "floor": 0.01}
ONE_CYCLE = {
    "learning_rate": 0.1,
    "steps": 9,
    "pct_start": 0.3,
    "anneal": "cosine",
    "div_factor": 25.0,
    "final_div_factor": 1e4,
    "three_phase": True,
}
WORDS = np.array([[0, 2, 4], [1, 3, 0], [4, 4, 1], [2, 0, 0]])
EMBEDDED = {"x": WORDS, "w": floats(5, 2), "rate": 0.5, "keep": booleans(5)}
STEPS = floats(4, 5, 2)  # sequences
REAL = np.arange(5) < np.array([[5], [2], [4], [1]])
QKV = {"q": floats(4, 2, 3, 2), "k": floats(4, 2, 5, 2), "v": floats(4, 2, 5, 2)}
SEEN = REAL[:, np.newaxis]
KEPT = {"rate": 0.5, "keep": booleans(4, 2, 3, 5)}
HEADS = {"query": floats(4, 3, 4), "key": floats(4, 5, 4), "value": floats(4, 5, 4)}
HEADS |= {"in_weight": floats(4, 12), "in_bias": floats(12)}
HEADS |= {"out_weight": floats(4, 4), "out_bias": floats(4), "heads": 2, "mask": SEEN} | KEPT


def recurrent_call(gates: int) -> dict[str, Any]:
    weights = {"weight": floats(2, 3 * gates), "recurrent_weight": floats(3, 3 * gates)}
    biases = {"bias": floats(3 * gates), "recurrent_bias": floats(3 * gates)}
    options = {"mask": REAL, "reverse": False, "rate": 0.5, "keep": booleans(4, 3)}
    zoned = {"zoneout": 0.5, "zones": booleans(4, 5, 3)}
    return {"x": STEPS} | weights | biases | options | zoned


CELL_ZONED = {"cell_zoneout": 0.5, "cell_zones": booleans(4, 5, 3)}
STATES = floats(4, 5, 3)
RECURRENT = {"in_features": 2, "units": 3, "use_bias": True, "reverse": False}
RECURRENT |= {"return_sequences": True, "recurrent_dropout": 0.5, "zoneout": 0.5} | NAMED | DTYPE


def forwards(framework: str) -> Any:
    return panel(framework, "recurrent").GRU(2, 3, name="forwards")


def backwards(framework: str) -> Any:
    return panel(framework, "recurrent").GRU(2, 3, reverse=True, name="backwards")


def model(framework: str) -> Any:
    return panel(framework, "models").mlp(MLP)


def penalty(framework: str) -> Any:
    return panel(framework, "penalties").L2(0.1)


def schedule(framework: str) -> Any:
    first = [optimizer()] if framework == "torch" else []
    return panel(framework, "schedules").StepDecay(*first, **DECAY)


def draw(framework: str) -> Any:
    return panel(framework, "augmentation").draw_augmentation(STREAM, SHAPE, AUGMENTATION)


def crop_draw(framework: str) -> Any:
    return panel(framework, "random_resized_crop").draw_resized_crop(STREAM, SHAPE)


def erasing_draw(framework: str) -> Any:
    return panel(framework, "random_erasing").draw_random_erasing(STREAM, SHAPE)


def rand_augment_draw(framework: str) -> Any:
    return panel(framework, "rand_augment").draw_rand_augment(STREAM, 4, 2)


def dense(framework: str) -> Any:
    return panel(framework, "layers").Dense(3, 2, name="inner")


def branch(framework: str) -> list[Any]:
    return [panel(framework, "layers").ReLU(name="inner")]


MLP = Recipe(input_shape=(2,), hidden=(3,), outputs=1, loss="binary")
CNN = Recipe(input_shape=(6, 6, 1), channels=(2,), hidden=(3,), outputs=3)
SENTENCES = Recipe(
    input_shape=(4,), vocabulary=5, width=4, heads=2, recurrent=(3,), hidden=(), outputs=2
)
DATASET = xor("float32")

# In the order of the catalogue. A value that is a function of the panel's name is made anew for it.
CALLS: dict[str, dict[str, Any]] = {
    "dropout.draw_mask": {"stream": STREAM, "shape": (4, 3), "rate": 0.5, "noise_shape": (None, 1)},
    "dropout.dropout": MASKED | {"x": X, "mask": booleans(4, 3), "inverted": True},
    "dropout.dropout_backward": MASKED | {"grad": X, "mask": booleans(4, 3), "inverted": True},
    "alpha_dropout.alpha_dropout": MASKED | {"x": X, "mask": booleans(4, 3)},
    "alpha_dropout.alpha_dropout_backward": MASKED | {"grad": X, "mask": booleans(4, 3)},
    "spatial_dropout.draw_mask": {"stream": STREAM, "shape": (4, 6, 5, 2), "rate": 0.5},
    "spatial_dropout.spatial_dropout": MASKED | {"x": IMAGES, "mask": booleans(4, 2)},
    "spatial_dropout.spatial_dropout_backward": MASKED | {"grad": IMAGES, "mask": booleans(4, 2)},
    "drop_block.draw_seeds": {"stream": STREAM, "shape": SHAPE, "rate": 0.2, "block_size": 2},
    "drop_block.block_mask": {"seeds": booleans(4, 5, 4, 2), "block_size": 2},
    "drop_block.drop_block": {"x": IMAGES, "mask": booleans(4, 6, 5, 2), "training": True},
    "drop_block.drop_block_backward": {"grad": IMAGES, "mask": booleans(4, 6, 5, 2)}
    | {"training": True},
    "stochastic_depth.linear_decay": {"rate": 0.5, "depth": 3},
    "stochastic_depth.draw_keep": {"stream": STREAM, "count": 4, "rate": 0.5},
    "stochastic_depth.stochastic_depth": MASKED | {"x": X, "keep": booleans(4), "inverted": True},
    "stochastic_depth.stochastic_depth_backward": MASKED
    | {"grad": X, "keep": booleans(4), "inverted": True},
    "noise.draw_noise": {"stream": STREAM, "shape": (4, 3)} | DTYPE,
    "noise.gaussian_noise": {"x": X, "stddev": 0.5, "noise": X - 0.5, "training": True},
    "noise.gaussian_noise_backward": {"grad": X},
    "noise.gaussian_dropout": {"x": X, "rate": 0.5, "noise": X - 0.5, "training": True},
    "noise.gaussian_dropout_backward": {"grad": X, "rate": 0.5, "noise": X - 0.5, "training": True},
    "drop_connect.drop_connect": MASKED | CONNECTED | {"bias": G[:2]},
    "drop_connect.drop_connect_backward": {"grad": floats(4, 2)} | MASKED | CONNECTED,
    "variational_dropout.variational_dropout": UNITS | {"x": X},
    "variational_dropout.variational_dropout_backward": UNITS | {"x": X, "grad": X},
    "variational_dropout.kept": {"log_alpha": X, "threshold": 0.5},
    "variational_dropout.kl_divergence": {"log_alpha": X, "approximation": "cubic"},
    "variational_dropout.kl_divergence_backward": {"log_alpha": X, "approximation": "cubic"},
    "variational_dense.variational_dense": WEIGHTS | {"bias": G[:2]},
    "variational_dense.variational_dense_backward": {"grad": floats(4, 2)} | WEIGHTS,
    "variational_dense.log_alpha": {"weight": X, "log_sigma2": X - 1},
    "variational_dense.log_alpha_backward": {"grad": X, "weight": X},
    "batch_norm.batch_norm_train": {"x": X, "gamma": G, "beta": G, "epsilon": 1e-5},
    "batch_norm.batch_norm_inference": NORM | {"beta": G},
    "batch_norm.batch_norm_backward": {"grad": X[::-1].copy()} | NORM | {"training": True},
    "batch_norm.update_running": {"running": G, "batch": 2 * G, "momentum": 0.9},
    "adaptive_clipping.unit_norms": {"w": X, "axis": -1},
    "adaptive_clipping.clip_adaptively": {
        "grads": GRADS,
        "params": [2 * grad for grad in GRADS],
        "clipping": 0.1,
        "epsilon": 1e-3,
        "axis": -1,
    },
    "gradient_accumulation.mean_gradients": {"grads": [GRADS, GRADS]},
    "averaging.ema_decay": {"step": 3, "decay": 0.5, "warmup": True},
    "averaging.ema_update": {"average": X, "w": X + 1, "decay": 0.5},
    "averaging.swa_update": {"average": X, "w": X + 1, "count": 2},
    "averaging.update_batch_norm": {"model": model, "x": X[:, :2].copy(), "batch_size": 2},
    "normalization.layer_norm": CENTRED | {"beta": G},
    "normalization.layer_norm_backward": {"grad": X[::-1].copy()} | CENTRED,
    "normalization.rms_norm": CENTRED,
    "normalization.rms_norm_backward": {"grad": X[::-1].copy()} | CENTRED,
    "normalization.group_norm": GROUPED | {"beta": G},
    "normalization.group_norm_backward": {"grad": X[::-1].copy()} | GROUPED,
    "normalization.instance_norm": INSTANCES | {"beta": G[:2]},
    "normalization.instance_norm_backward": {"grad": IMAGES[::-1].copy()} | INSTANCES,
    "embedding.embedding": EMBEDDED,
    "embedding.embedding_backward": {"grad": floats(4, 3, 2)} | EMBEDDED | {"padding_index": 1},
    "position.sinusoidal_positions": {"steps": 5, "features": 3} | DTYPE,
    "position.add_positions": {"x": STEPS, "p": floats(6, 2)},
    "position.add_positions_backward": {"grad": STEPS, "p": floats(6, 2)},
    "recurrent.rnn": recurrent_call(1),
    "recurrent.rnn_backward": {"grad": STATES} | recurrent_call(1),
    "recurrent.lstm": recurrent_call(4) | CELL_ZONED,
    "recurrent.lstm_backward": {"grad": STATES} | recurrent_call(4) | CELL_ZONED,
    "recurrent.gru": recurrent_call(3),
    "recurrent.gru_backward": {"grad": STATES} | recurrent_call(3),
    "attention.causal_mask": {"steps": 4},
    "attention.attention_weights": {"q": QKV["q"], "k": QKV["k"], "mask": SEEN},
    "attention.attention_weights_backward": {
        "grad": floats(4, 2, 3, 5),
        "a": floats(4, 2, 3, 5),
        "q": QKV["q"],
        "k": QKV["k"],
    },
    "attention.scaled_dot_product_attention": QKV | {"mask": SEEN} | KEPT,
    "attention.scaled_dot_product_attention_backward": (
        {"grad": floats(4, 2, 3, 2)} | QKV | {"mask": SEEN} | KEPT
    ),
    "attention.multi_head_attention": HEADS,
    "attention.multi_head_attention_backward": {"grad": floats(4, 3, 4)} | HEADS,
    "activations.gelu": {"x": X, "approximate": True},
    "activations.gelu_backward": {"grad": X, "x": X, "approximate": True},
    "activations.silu": {"x": X},
    "activations.silu_backward": {"grad": X, "x": X},
    "activations.leaky_relu": {"x": X, "negative_slope": 0.01},
    "activations.leaky_relu_backward": {"grad": X, "x": X, "negative_slope": 0.01},
    "activations.selu": {"x": X},
    "activations.selu_backward": {"grad": X, "x": X},
    "penalties.l1_penalty": {"w": X, "strength": 0.1},
    "penalties.l1_gradient": {"w": X, "strength": 0.1},
    "penalties.l1_proximal": {"w": X, "strength": 0.1, "step_size": 0.1},
    "penalties.l2_penalty": {"w": X, "strength": 0.1},
    "penalties.l2_gradient": {"w": X, "strength": 0.1},
    "penalties.l2_proximal": {"w": X, "strength": 0.1, "step_size": 0.1},
    "penalties.elastic_net_penalty": {"w": X, "alpha": 0.1, "l1_ratio": 0.5},
    "penalties.elastic_net_gradient": {"w": X, "alpha": 0.1, "l1_ratio": 0.5},
    "penalties.elastic_net_proximal": {"w": X, "alpha": 0.1, "l1_ratio": 0.5, "step_size": 0.1},
    "penalties.penalized": {"model": model},
    "penalties.total_penalty": {"model": model, "penalty": penalty},
    "penalties.total_penalty_backward": {"model": model, "penalty": penalty},
    "spectral_norm.power_iteration": SINGULAR | {"iterations": 2},
    "spectral_norm.spectral_norm": SINGULAR,
    "spectral_norm.spectral_norm_backward": {"grad": floats(4, 3)} | SINGULAR,
    "weight_constraints.max_norm": {"w": X, "max_norm": 0.5, "axis": -1},
    "weight_constraints.unit_norm": {"w": X, "axis": -1},
    "weight_constraints.min_max_norm": {"w": X, "min_norm": 0.5, "max_norm": 1.0}
    | {"rate": 0.5, "axis": -1},
    "weight_constraints.non_negative": {"w": X - 0.5},
    "label_smoothing.smooth_labels": {
        "labels": LABELS,
        "classes": 3,
        "smoothing": 0.1,
        "dtype": "float32",
    },
    "label_smoothing.smooth_targets": {"targets": TARGETS, "smoothing": 0.1},
    "label_smoothing.label_smoothing_cross_entropy": SCORES
    | WEIGHTED
    | {"smoothing": 0.1, "ignore_index": 2},
    "label_smoothing.label_smoothing_cross_entropy_backward": SCORES
    | WEIGHTED
    | {"smoothing": 0.1, "ignore_index": 2},
    "focal_loss.sigmoid_focal_loss": BINARY | REDUCED | {"gamma": 2.0, "alpha": 0.25},
    "focal_loss.sigmoid_focal_loss_backward": BINARY | REDUCED | {"gamma": 2.0, "alpha": 0.25},
    "focal_loss.softmax_focal_loss": SCORES | WEIGHTED | {"gamma": 2.0},
    "focal_loss.softmax_focal_loss_backward": SCORES | WEIGHTED | {"gamma": 2.0},
    "distillation.distillation_divergence": DISTILLED,
    "distillation.distillation_divergence_backward": DISTILLED,
    "distillation.distillation_loss": DISTILLED | {"labels": LABELS, "weight": 0.5},
    "distillation.distillation_loss_backward": DISTILLED | {"labels": LABELS, "weight": 0.5},
    "gradient_clipping.global_norm": {"grads": GRADS, "order": 3.0},
    "uncertainty.uncertainty": {"probabilities": np.stack([TARGETS, TARGETS[::-1]])},
    "uncertainty.reliability": {"probabilities": TARGETS, "labels": LABELS, "bins": 5},
    "uncertainty.calibration_error": {"probabilities": TARGETS, "labels": LABELS, "bins": 5},
    "uncertainty.monte_carlo": {"model": model, "x": X[:, :2].copy(), "passes": 2},
    "gradient_clipping.clip_by_value": {"grads": GRADS, "limit": 0.5},
    "gradient_clipping.clip_by_norm": {"grads": GRADS, "max_norm": 0.5, "order": 3.0},
    "gradient_clipping.clip_by_global_norm": {"grads": GRADS, "max_norm": 0.5, "order": 3.0},
    "schedules.step_decay": {"step": 4, "learning_rate": 0.1, "factor": 0.5, "every": 3},
    "schedules.multi_step_decay": {
        "step": 4,
        "learning_rate": 0.1,
        "factor": 0.5,
        "milestones": (3, 6),
    },
    "schedules.exponential_decay": {"step": 4, "learning_rate": 0.1, "factor": 0.5, "every": 3},
    "schedules.cosine_decay": {
        "step": 4,
        "learning_rate": 0.1,
        "steps": 9,
        "floor": 0.01,
        "warmup_steps": 2,
    },
    "schedules.polynomial_decay": {"step": 4} | POLYNOMIAL,
    "schedules.improves": {
        "value": 0.5,
        "best": 0.6,
        "threshold": 0.01,
        "threshold_mode": "rel",
        "mode": "min",
    },
    "warmup.linear_warmup": {"step": 4, "learning_rate": 0.1, "steps": 9, "start_factor": 0.5},
    "warm_restarts.warm_restarts": {"step": 40} | RESTARTS,
    "one_cycle.one_cycle": {"step": 4} | ONE_CYCLE,
    "early_stopping.improves": {"value": 0.5, "best": 0.6, "min_delta": 0.01, "mode": "min"},
    "affine.affine_matrices": {
        "height": 6,
        "width": 5,
        "rotation": PER_IMAGE,
        "zoom": PER_IMAGE,
        "translation_x": PER_IMAGE,
        "translation_y": PER_IMAGE,
        "shear": PER_IMAGE,
    },
    "affine.affine": {"images": IMAGES} | MAP | {"fill_value": 0.5},
    "affine.affine_backward": {"grad": IMAGES} | MAP,
    "flips_and_crops.horizontal_flip": {"images": IMAGES, "flips": booleans(4)},
    "flips_and_crops.horizontal_flip_backward": {"grad": IMAGES, "flips": booleans(4)},
    "flips_and_crops.vertical_flip": {"images": IMAGES, "flips": booleans(4)},
    "flips_and_crops.vertical_flip_backward": {"grad": IMAGES, "flips": booleans(4)},
    "flips_and_crops.crop": {"images": IMAGES} | WINDOW | {"fill_value": 0.5},
    "flips_and_crops.crop_backward": {"grad": IMAGES} | WINDOW | {"height": 7, "width": 8},
    "resize.resize_weights": {"start": ROW, "length": ROW + 2, "size": 6, "count": 3}
    | RESIZED
    | DTYPE,
    "resize.resize": {"images": IMAGES, "size": (3, 7)} | RESIZED,
    "resize.resize_backward": {"grad": IMAGES, "size": (3, 7)} | RESIZED,
    "random_resized_crop.draw_resized_crop": {"stream": STREAM, "shape": SHAPE} | BOXES | DTYPE,
    "random_resized_crop.resized_crop": {"images": IMAGES, "draw": crop_draw, "size": (3, 7)}
    | RESIZED,
    "random_resized_crop.resized_crop_backward": {"grad": IMAGES, "draw": crop_draw, "size": (6, 5)}
    | RESIZED,
    "intensity.brightness": {"images": IMAGES, "shift": PER_IMAGE},
    "intensity.brightness_backward": {"grad": IMAGES},
    "intensity.contrast": {"images": IMAGES, "factor": PER_IMAGE},
    "intensity.contrast_backward": {"grad": IMAGES, "factor": PER_IMAGE},
    "intensity.gaussian_noise": {"images": IMAGES, "noise": floats(*SHAPE), "deviation": 0.1},
    "intensity.gaussian_noise_backward": {"grad": IMAGES},
    "intensity.clip": {"images": IMAGES},
    "intensity.clip_backward": {"grad": IMAGES, "images": IMAGES},
    "color.grayscale": {"images": RGB},
    "color.grayscale_backward": {"grad": RGB},
    "color.saturation": {"images": RGB, "factor": PER_IMAGE},
    "color.saturation_backward": {"grad": RGB, "factor": PER_IMAGE},
    "color.hue": {"images": RGB, "shift": PER_IMAGE},
    "color.hue_backward": {"grad": RGB, "images": RGB, "shift": PER_IMAGE},
    "tone.posterize": {"images": IMAGES, "bits": 3},
    "tone.posterize_backward": {"grad": IMAGES},
    "tone.solarize": {"images": IMAGES, "threshold": 0.5},
    "tone.solarize_backward": {"grad": IMAGES, "images": IMAGES, "threshold": 0.5},
    "tone.autocontrast": {"images": IMAGES},
    "tone.autocontrast_backward": {"grad": IMAGES, "images": IMAGES},
    "tone.sharpness": {"images": IMAGES, "factor": PER_IMAGE},
    "tone.sharpness_backward": {"grad": IMAGES, "factor": PER_IMAGE},
    "cutout.cutout": {"images": IMAGES, "row": ROW, "column": ROW, "side": 2, "fill_value": 0.5},
    "cutout.cutout_backward": {"grad": IMAGES, "row": ROW, "column": ROW, "side": 2},
    "random_erasing.draw_random_erasing": {"stream": STREAM, "shape": SHAPE, "probability": 0.5}
    | BOXES
    | {"noise": False}
    | DTYPE,
    "random_erasing.random_erasing": {"images": IMAGES, "draw": erasing_draw, "value": 0.5},
    "random_erasing.random_erasing_backward": {"grad": IMAGES, "draw": erasing_draw},
    "augmentation.draw_augmentation": {
        "stream": STREAM,
        "shape": SHAPE,
        "recipe": AUGMENTATION,
        "dtype": "float32",
    },
    "augmentation.augment": {"images": IMAGES, "draw": draw, "recipe": AUGMENTATION},
    "augmentation.augment_backward": {
        "grad": IMAGES,
        "images": IMAGES,
        "draw": draw,
        "recipe": AUGMENTATION,
    },
    "mixing.draw_mixup": {"stream": STREAM, "count": 4, "alpha": 0.5, "per_sample": True} | DTYPE,
    "mixing.draw_cutmix": {"stream": STREAM, "shape": SHAPE, "alpha": 0.5, "per_sample": True},
    "mixing.mixup": {"x": X, "partner": PARTNER, "weight": PER_IMAGE},
    "mixing.mixup_backward": {"grad": X, "partner": PARTNER, "weight": PER_IMAGE},
    "mixing.cutmix": {"images": IMAGES, "partner": PARTNER, "box": BOX},
    "mixing.cutmix_backward": {"grad": IMAGES, "partner": PARTNER, "box": BOX},
    "mixing.cutmix_weight": {"box": BOX, "height": 6, "width": 5} | DTYPE,
    "rand_augment.draw_rand_augment": {"stream": STREAM, "count": 4, "num_ops": 2},
    "rand_augment.rand_augment": {"images": RGB, "draw": rand_augment_draw} | STRENGTH,
    "rand_augment.rand_augment_backward": {"grad": RGB, "images": RGB, "draw": rand_augment_draw}
    | STRENGTH,
    "streams.philox": {"key": (1, 2), "counter": np.arange(8, dtype="int64").reshape(4, 2)},
    "streams.words": {"stream": STREAM, "count": 5},
    "streams.uniform": {"stream": STREAM, "shape": (4, 3), "dtype": "float32"},
    "streams.bernoulli": {"stream": STREAM, "shape": (4, 3), "probability": 0.5},
    "streams.normal": {"stream": STREAM, "shape": (4, 3), "dtype": "float32"},
    "streams.integers": {"stream": STREAM, "shape": (4, 3), "low": -2, "high": 5},
    "streams.permutation": {"stream": STREAM, "shape": (4, 3)},
    "streams.beta": {"stream": STREAM, "shape": (4, 3), "a": 0.5, "b": 2.0, "dtype": "float32"},
    "layers.glorot_uniform": {"shape": (3, 2), "seed": 0, "name": "dense", "dtype": "float32"},
    "convolution.conv2d": KERNEL | {"bias": G},
    "convolution.conv2d_input_backward": {"grad": CONVOLVED} | KERNEL,
    "convolution.conv2d_weight_backward": {"grad": CONVOLVED} | KERNEL,
    "convolution.conv2d_bias_backward": {"grad": CONVOLVED},
    "convolution.conv2d_backward": {"grad": CONVOLVED} | KERNEL,
    "pooling.max_pool2d": POOLING | {"x": IMAGES},
    "pooling.max_pool2d_with_winners": POOLING | {"x": IMAGES},
    "pooling.max_pool2d_with_winners_backward": POOLING
    | {"grad": POOLED, "winners": WINNERS, "shape": SHAPE},
    "pooling.max_pool2d_backward": POOLING | {"grad": POOLED, "x": IMAGES},
    "pooling.average_pool2d": POOLING | {"x": IMAGES, "count_include_pad": True},
    "pooling.average_pool2d_backward": POOLING
    | {"grad": POOLED, "x": IMAGES, "count_include_pad": True},
    "pooling.global_average_pool2d": {"x": IMAGES},
    "pooling.global_average_pool1d": {"x": STEPS, "mask": REAL},
    "pooling.global_average_pool1d_backward": {"grad": floats(4, 2), "x": STEPS, "mask": REAL},
    "pooling.global_average_pool2d_backward": {"grad": floats(4, 2), "x": IMAGES},
    "pooling.global_max_pool2d": {"x": IMAGES},
    "pooling.global_max_pool2d_backward": {"grad": floats(4, 2), "x": IMAGES, "first": True},
    "losses.softmax_cross_entropy": SCORES | WEIGHTED | {"ignore_index": 2},
    "losses.softmax_cross_entropy_backward": SCORES | WEIGHTED | {"ignore_index": 2},
    "losses.binary_cross_entropy": BINARY | REDUCED | {"smoothing": 0.1, "pos_weight": 2.0},
    "losses.binary_cross_entropy_backward": BINARY
    | REDUCED
    | {"smoothing": 0.1, "pos_weight": 2.0},
    "squared_error.mean_squared_error": {"predictions": X, "targets": floats(4, 3)} | REDUCED,
    "squared_error.mean_squared_error_backward": {"predictions": X, "targets": floats(4, 3)}
    | REDUCED,
    "optimizers.sgd_step": {"w": X, "g": X, "v": X, "t": 2, "momentum": 0.9, "nesterov": False}
    | RATES,
    "optimizers.adam_step": {"w": X, "g": X, "m": X, "v": X, "t": 2} | RATES,
    "optimizers.amsgrad_step": {"w": X, "g": X, "m": X, "v": X, "v_max": X, "t": 2} | RATES,
    "rmsprop.rmsprop_step": {"w": X, "g": X, "v": X, "a": X, "u": X, "momentum": 0.9} | RATES,
    "models.mlp": {"recipe": MLP},
    "models.cnn": {"recipe": CNN},
    "models.resnet": {"recipe": CNN},
    "models.recurrent": {"recipe": SENTENCES},
    "models.transformer": {"recipe": SENTENCES},
    "training.batches": {"recipe": MLP, "examples": 4, "epoch": 0},
    "training.fit": {
        "model": model,
        "recipe": MLP,
        "dataset": DATASET,
        "progress": False,
        "watchers": [],
    },
    "training.evaluate": {
        "model": model,
        "recipe": MLP,
        "x": X[:, :2],
        "y": np.array([0, 1, 1, 0]),
    },
    "training.predict": {"model": model, "recipe": MLP, "x": X[:, :2]},
}

# A layer: what makes it, and what it is then called with.
LAYERS: dict[str, tuple[dict[str, Any], np.ndarray]] = {
    "dropout.Dropout": ({"rate": 0.5, "inverted": True, "noise_shape": None} | NAMED, X),
    "alpha_dropout.AlphaDropout": ({"rate": 0.5} | NAMED, X),
    "spatial_dropout.SpatialDropout2D": ({"rate": 0.5} | NAMED, IMAGES),
    "drop_block.DropBlock2D": ({"rate": 0.2, "block_size": 2} | NAMED, IMAGES),
    "stochastic_depth.StochasticDepth": ({"rate": 0.5, "inverted": True} | NAMED, X),
    "noise.GaussianNoise": ({"stddev": 0.5} | NAMED, X),
    "noise.GaussianDropout": ({"rate": 0.5} | NAMED, X),
    "drop_connect.DropConnectDense": (
        {"in_features": 3, "out_features": 2, "rate": 0.5, "per_example": False, "use_bias": True}
        | NAMED
        | DTYPE,
        X,
    ),
    "variational_dropout.VariationalDropout": (
        {"features": 3, "alpha": 0.25, "learned": True, "threshold": 3.0} | NAMED | DTYPE,
        X,
    ),
    "variational_dense.VariationalDense": (
        {"in_features": 3, "out_features": 2, "use_bias": True}
        | {"log_sigma2": -2.0, "threshold": 3.0}
        | NAMED
        | DTYPE,
        X,
    ),
    "batch_norm.BatchNorm": (
        {"features": 3, "momentum": 0.9, "epsilon": 1e-5, "affine": True, "name": "n"} | DTYPE,
        X,
    ),
    "normalization.LayerNorm": (AFFINE | {"use_bias": True}, X),
    "normalization.RMSNorm": (AFFINE, X),
    "normalization.GroupNorm": (AFFINE | {"groups": 1}, X),
    "normalization.InstanceNorm": (AFFINE | {"features": 2}, IMAGES),
    "embedding.Embedding": (
        {"words": 5, "features": 2, "padding_index": 1, "rate": 0.5} | NAMED | DTYPE,
        WORDS,
    ),
    "position.SinusoidalPositions": ({"steps": 6, "features": 2, "name": "n"} | DTYPE, STEPS),
    "position.LearnedPositions": ({"steps": 6, "features": 2} | NAMED | DTYPE, STEPS),
    "recurrent.RNN": (RECURRENT, STEPS),
    "recurrent.LSTM": (RECURRENT | {"cell_zoneout": 0.5}, STEPS),
    "recurrent.GRU": (RECURRENT, STEPS),
    "recurrent.Bidirectional": (
        {"forward": forwards, "backward": backwards, "name": "n"},
        STEPS,
    ),
    "attention.MultiHeadAttention": (
        {"features": 2, "heads": 2, "rate": 0.5, "causal": True, "use_bias": True} | NAMED | DTYPE,
        STEPS,
    ),
    "residual.Residual": ({"branch": branch, "shortcut": (), "name": "n"}, X),
    "spectral_norm.SpectralNorm": ({"layer": dense, "iterations": 2} | NAMED, X),
    "activations.GELU": ({"approximate": True, "name": "n"}, X),
    "activations.SiLU": ({"name": "n"}, X),
    "activations.LeakyReLU": ({"negative_slope": 0.01, "name": "n"}, X),
    "activations.SELU": ({"name": "n"}, X),
    "random_resized_crop.RandomResizedCrop": ({"size": 3} | BOXES | RESIZED | NAMED, IMAGES),
    "random_erasing.RandomErasing": ({"probability": 0.5, "value": 0.5} | BOXES | NAMED, IMAGES),
    "augmentation.Augmentation": ({"recipe": AUGMENTATION} | NAMED, IMAGES),
    "rand_augment.RandAugment": ({"num_ops": 2} | STRENGTH | NAMED, RGB),
    "layers.Dense": (
        {"in_features": 3, "out_features": 2, "use_bias": True} | NAMED | DTYPE,
        X,
    ),
    "layers.ReLU": ({"name": "n"}, X),
    "layers.Tanh": ({"name": "n"}, X),
    "layers.Sigmoid": ({"name": "n"}, X),
    "layers.Flatten": ({"order": "chw", "name": "n"}, IMAGES),
    "layers.Sequential": ({"layers": branch, "name": "n"}, X),
    "convolution.Conv2D": (
        {"in_channels": 2, "out_channels": 3, "kernel_size": 3, "stride": 1, "padding": "valid"}
        | {"dilation": 1, "groups": 1, "use_bias": True}
        | NAMED
        | DTYPE,
        IMAGES,
    ),
    "pooling.MaxPool2D": (POOLING | {"name": "n"}, IMAGES),
    "pooling.AveragePool2D": (POOLING | {"count_include_pad": True, "name": "n"}, IMAGES),
    "pooling.GlobalAveragePool2D": ({"name": "n"}, IMAGES),
    "pooling.GlobalAveragePool1D": ({"name": "n"}, STEPS),
    "pooling.GlobalMaxPool2D": ({"name": "n"}, IMAGES),
}

# Everything else that is made: penalties, watchers, optimizers.
OBJECTS: dict[str, dict[str, Any]] = {
    "penalties.L1": {"strength": 0.1},
    "penalties.L2": {"strength": 0.1},
    "penalties.ElasticNet": {"alpha": 0.1, "l1_ratio": 0.5},
    "gradient_clipping.NormMonitor": {"max_norm": 1.0},
    "gradient_clipping.GlobalNormClipping": {"max_norm": 1.0},
    "gradient_clipping.GradientNorms": {},
    "schedules.StepDecay": DECAY,
    "schedules.MultiStepDecay": {"learning_rate": 0.1, "factor": 0.5, "milestones": (3, 6)},
    "schedules.ExponentialDecay": DECAY,
    "schedules.CosineDecay": {
        "learning_rate": 0.1,
        "steps": 9,
        "floor": 0.01,
        "warmup_steps": 2,
    },
    "schedules.PolynomialDecay": POLYNOMIAL,
    "schedules.ReduceOnPlateau": {
        "monitor": "validation_loss",
        "factor": 0.1,
        "patience": 2,
        "threshold": 0.01,
        "threshold_mode": "rel",
        "cooldown": 0,
        "floor": 0.0,
        "mode": "min",
    },
    "warmup.Warmup": {"schedule": schedule, "steps": 9, "start_factor": 0.5},
    "warm_restarts.WarmRestarts": RESTARTS,
    "one_cycle.OneCycle": ONE_CYCLE,
    "early_stopping.EarlyStopping": {
        "patience": 1,
        "monitor": "validation_loss",
        "min_delta": 0.0,
        "mode": "min",
        "baseline": 0.5,
        "start_from_epoch": 0,
        "restore_best_weights": True,
    },
    "weight_constraints.MaxNorm": {"max_norm": 0.5},
    "weight_constraints.UnitNorm": {},
    "weight_constraints.MinMaxNorm": {"min_norm": 0.5, "max_norm": 1.0, "rate": 0.5},
    "weight_constraints.NonNegative": {},
    "weight_constraints.WeightConstraint": {"constraint": abs},
    "adaptive_clipping.AdaptiveClipping": {"clipping": 0.1, "epsilon": 1e-3},
    "training_noise.WeightNoise": {"stddev": 0.1} | NAMED,
    "training_noise.GradientNoise": {"eta": 0.1, "gamma": 0.5} | NAMED,
    "gradient_accumulation.GradientAccumulation": {"steps": 3},
    "averaging.ExponentialMovingAverage": {"decay": 0.5, "warmup": True},
    "averaging.StochasticWeightAveraging": {"start_epoch": 1, "batch_size": 8},
    "mixing.Mixing": {"classes": 3, "mixup": 0.5, "cutmix": 0.5, "per_sample": True} | NAMED,
    "optimizers.SGD": {"momentum": 0.9, "nesterov": True} | RATES,
    "optimizers.Adam": ADAM,
    "optimizers.AdamW": ADAM,
    "rmsprop.RMSprop": RATES | {"rho": 0.9, "momentum": 0.9, "epsilon": 1e-8, "centered": False},
}


def parameters() -> list[tuple[str, torch.nn.Parameter]]:
    return [("weight", torch.nn.Parameter(torch.ones(2, 2)))]


def optimizer() -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters())


# What PyTorch's own constructors take first.
FIRST = {
    "torch_impl.optimizers": parameters,
    "torch_impl.rmsprop": parameters,
    "torch_impl.schedules": optimizer,
    "torch_impl.warm_restarts": optimizer,
    "torch_impl.one_cycle": optimizer,
}

# Each makes a bad array of a good one.
BAD_ARRAYS: dict[str, Callable[[np.ndarray], Any]] = {
    "None": lambda a: None,
    "a list": lambda a: a.tolist(),
    "text": lambda a: "text",
    "a number": lambda a: 0.5,
    "an integer": lambda a: 1,
    "True": lambda a: True,
    "a dict": lambda a: {},
    "0-d": lambda a: a.reshape(-1)[0].reshape(()),
    "a NumPy number": lambda a: a.reshape(-1)[0],
    "an axis more": lambda a: a[None],
    "an axis less": lambda a: a[0],
    "a row less": lambda a: a[1:],
    "empty": lambda a: a[:0],
    "no columns": lambda a: a[..., :0],
    "half": lambda a: a.astype("float16"),
    "float64": lambda a: a.astype("float64"),
    "complex": lambda a: a.astype("complex64"),
    "object": lambda a: a.astype(object),
    "strings": lambda a: a.astype(str),
    "integers": lambda a: a.astype("int32"),
    "booleans": lambda a: a.astype(bool),
    "unsigned": lambda a: a.astype("uint8"),
    "large": lambda a: a * np.array(10**9, a.dtype) if a.dtype != bool else ~a,
    "negative": lambda a: -a if a.dtype != bool else ~a,
    "NaN": lambda a: a * np.nan if a.dtype.kind == "f" else a,
    "infinite": lambda a: a * np.inf if a.dtype.kind == "f" else a,
    "read-only": lambda a: _read_only(a),
    "reversed": lambda a: a[::-1, ...],
    "Fortran": lambda a: np.asfortranarray(a),
    "masked": lambda a: np.ma.masked_array(a, a > 0.5),
    "matrix": lambda a: np.matrix(a.reshape(len(a), -1)),
}

BAD_VALUES: dict[str, Any] = {
    "None": None,
    "NaN": float("nan"),
    "infinity": float("inf"),
    "-infinity": float("-inf"),
    "0": 0,
    "-1": -1,
    "1": 1,
    "1.5": 1.5,
    "huge": 10**400,
    "large": 2**40,
    "text": "text",
    "empty text": "",
    "True": True,
    "a list": [1, 2],
    "a tuple": (1, 2),
    "an empty tuple": (),
    "a dict": {},
    "complex": 1 + 1j,
    "NumPy's float": np.float32(0.5),
    "NumPy's integer": np.int64(2),
    "NumPy's bool": np.bool_(True),
    "0-d": np.array(0.5),
    "an array": np.ones((2, 2)),
    "an object": object(),
    "a type": float,
}


def _read_only(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array.flags.writeable = False
    return array
