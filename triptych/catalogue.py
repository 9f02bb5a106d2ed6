"""The chapters, and in each the techniques in the order in which they are read.

A name is that of a file in the three panels and of its test, ``parity_tests/test_NAME.py``; what
the technique is called stands in the file. ``CARRIERS`` are the files that techniques rest on.
"""

__all__ = ["CARRIERS", "CHAPTERS", "TECHNIQUES"]

CHAPTERS = {
    "Noise on the units": (
        "dropout",
        "alpha_dropout",
        "spatial_dropout",
        "drop_block",
        "stochastic_depth",
        "noise",
        "drop_connect",
        "variational_dropout",
        "variational_dense",
    ),
    "Normalization, activations and shortcuts": (
        "batch_norm",
        "normalization",
        "activations",
        "residual",
    ),
    "Penalties and targets": (
        "penalties",
        "weight_constraints",
        "spectral_norm",
        "label_smoothing",
        "focal_loss",
    ),
    "Steering the descent": (
        "gradient_clipping",
        "adaptive_clipping",
        "gradient_accumulation",
        "training_noise",
        "schedules",
        "warmup",
        "warm_restarts",
        "one_cycle",
        "averaging",
        "early_stopping",
    ),
    "Sequences": (
        "embedding",
        "position",
        "recurrent",
        "attention",
    ),
    "What a model knows": (
        "distillation",
        "uncertainty",
    ),
    "Augmentation": (
        "affine",
        "flips_and_crops",
        "resize",
        "random_resized_crop",
        "intensity",
        "color",
        "tone",
        "cutout",
        "random_erasing",
        "augmentation",
        "rand_augment",
        "mixing",
    ),
}

TECHNIQUES = tuple(name for chapter in CHAPTERS.values() for name in chapter)

CARRIERS = (
    "streams",
    "layers",
    "convolution",
    "pooling",
    "losses",
    "squared_error",
    "optimizers",
    "rmsprop",
    "models",
    "training",
)
