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
    ),
    "Normalization and shortcuts": (
        "batch_norm",
        "residual",
    ),
    "Penalties and targets": (
        "penalties",
        "label_smoothing",
    ),
    "Steering the descent": (
        "gradient_clipping",
        "schedules",
        "early_stopping",
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
