"""The chapters, and in each the techniques in the order in which they are read.

A name is that of a file in the three panels and of its test, ``parity_tests/test_NAME.py``; what
the technique is called stands in the file. ``CARRIERS`` are the files that techniques rest on.
"""

__all__ = ["CARRIERS", "CHAPTERS", "TECHNIQUES"]

CHAPTERS = {
    "Noise on the units": (
        "dropout",
        "spatial_dropout",
        "stochastic_depth",
        "noise",
        "variational_dropout",
        "variational_dense",
    ),
    "Normalization and shortcuts": (
        "batch_norm",
        "normalization",
        "residual",
    ),
    "Activations": ("activations",),
    "Penalties and targets": (
        "penalties",
        "weight_constraints",
        "label_smoothing",
        "focal_loss",
        "distillation",
    ),
    "Steering the descent": (
        "gradient_clipping",
        "adaptive_clipping",
        "gradient_accumulation",
        "training_noise",
        "schedules",
        "averaging",
        "early_stopping",
    ),
    "Augmentation": (
        "affine",
        "flips_and_crops",
        "intensity",
        "cutout",
        "augmentation",
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
    "optimizers",
    "models",
    "training",
)
