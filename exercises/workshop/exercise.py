from triptych.exercises.findings import Exercise, Todo

from .hints import HINTS

__all__ = ["EXERCISE"]

TITLES = {
    "dropout": "dropout",
    "weight decay": "weight decay",
    "schedule": "a learning-rate schedule",
    "batch norm": "batch normalization",
    "clipping": "gradient clipping",
    "augmentation": "augmentation",
    "early stopping": "early stopping",
    "smoothing": "label smoothing",
    "curves": "curves",
    "misclassified": "misclassified images",
}

EXERCISE = Exercise(
    name="workshop",
    title="the workshop",
    summary="Give a training script that overfits ten things that it lacks.",
    todos=tuple(Todo(key, title, HINTS[key]) for key, title in TITLES.items()),
)
