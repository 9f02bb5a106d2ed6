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
    "dropout": "No hidden unit can rely on another: each example of a step trains one of 2**64 "
    "thinned nets, and a prediction is one pass through all of them at once, with the same mean "
    "logits.",
    "weight decay": "A weight that the data do not hold up shrinks by a thousandth in each step of "
    "rate 0.1: left alone, it is half of itself after some 700 steps. In front of batch norm it "
    "acts on the length of the steps only.",
    "schedule": "Large steps at first find the valley, small ones at the end its bottom: after 3 "
    "quarters of the epochs the rate is 0.015.",
    "batch norm": "Whatever the first matrix does, each hidden unit has mean 0 and deviation 1 in "
    "the batch, before gamma and beta, so that a larger learning rate does less harm. An image is "
    "judged by the others in its batch, which is noise that regularizes too; inference has none.",
    "clipping": "The direction of a step stays, its length is at most the learning rate, but for "
    "the decay: one odd batch cannot throw the weights away.",
    "augmentation": "500 images become 4,500 that are nearly as real. What the network knows by "
    "heart is worth less, and that a digit is the same one a pixel further is worth more.",
    "early stopping": "Training on while the validation loss rises mostly learns the training "
    "images better. The best epoch is chosen by the validation images, so that they flatter the "
    "model: how good it is takes a third set.",
    "smoothing": "There is no reward for a logit that grows without end: the loss is lowest where "
    "the label has the probability 0.91, and the logits differ by log(91) = 4.5.",
    "curves": "Where the training loss falls and the validation loss rises the network learns by "
    "heart. The training loss is measured with dropout, shifts and smoothing, whose lowest is "
    "0.50: so it may lie above.",
    "misclassified": "The surest mistakes tell most: images that are labelled wrongly, that anyone "
    "would mistake, or of a kind that was never shown.",
}

EXERCISE = Exercise(
    name="workshop",
    title="the workshop",
    summary="A training script overfits: give it the ten things that it lacks.",
    todos=tuple(Todo(key, title, HINTS[key], MEANINGS[key]) for key, title in TITLES.items()),
)
