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

MEANINGS = {
    "dropout": "No hidden unit can rely on another: each step trains one of 2**64 thinned nets, "
    "and a prediction is one pass through all of them at once, with the same mean.",
    "weight decay": "A weight that the data do not hold up shrinks by a thousandth in each step of "
    "rate 0.1: left alone, it is half of itself after some 700 steps.",
    "schedule": "Large steps at first find the valley, small ones at the end its bottom: after 3 "
    "quarters of the epochs the rate is 0.015.",
    "batch norm": "Whatever the first matrix does, each hidden unit has mean 0 and deviation 1 in "
    "the batch, so that a larger learning rate does no harm. An image is then judged by the others "
    "in its batch, which is noise that regularizes too; inference has none of it.",
    "clipping": "The direction of a step stays, its length is at most the learning rate: one odd "
    "batch cannot throw the weights away.",
    "augmentation": "500 images become 4,500 that are as real. What the network knows by heart is "
    "worth less, and that a digit is the same one a pixel further is worth more.",
    "early stopping": "Training for longer than the validation loss falls only learns the training "
    "images better. The best epoch is chosen by the validation images, so that they no longer say "
    "how good the model is: that takes a third set.",
    "smoothing": "There is no reward for a logit that grows without end: the loss is lowest where "
    "the label has the probability 0.91, and the logits differ by log(91) = 4.5.",
    "curves": "Where the training loss falls and the validation loss rises the network learns by "
    "heart. One figure of all runs shows which of them does it later, or not at all.",
    "misclassified": "The surest mistakes tell most: images that are labelled wrongly, that anyone "
    "would mistake, or of a kind that was never shown.",
}

EXERCISE = Exercise(
    name="workshop",
    title="the workshop",
    summary="Give a training script that overfits ten things that it lacks.",
    todos=tuple(Todo(key, title, HINTS[key], MEANINGS[key]) for key, title in TITLES.items()),
)
