"""Batch normalization from scratch: the exercise and its hints."""

from triptych.exercises.findings import Exercise, Hint, Todo
from triptych.exercises.hints import FORM

__all__ = ["EXERCISE"]

TRAIN = (
    Hint(
        r"running|momentum",
        "How much of the old running value is left after a batch, at momentum 0.9?",
        "The docstring at the top has one line for each running value. Momentum is the weight of "
        "what was there before; the variance is the one that x was divided by.",
        "momentum times the old value, plus 1 - momentum times that of the batch. In some "
        "frameworks momentum is the other weight.",
    ),
    Hint(
        r"axis|rows|feature",
        "Over which of the two axes of x does a mean belong to one feature?",
        "x has shape (N, features). A mean and a variance belong to a feature, so both have shape "
        "(features,).",
        "Let mean and var run over axis 0; what comes out stands beside x by itself.",
    ),
    Hint(
        "",
        "With one feature, values 0 and 4: what are mu, v and x_hat?",
        "Write mu and v first, then x_hat from them, then y. epsilon is added to the variance, "
        "before the square root.",
        "x.mean(axis=0), x.var(axis=0); subtract, divide by np.sqrt(v + epsilon); times gamma, "
        "plus beta. Make new arrays for the running values.",
    ),
)
INFERENCE = (
    Hint(
        "",
        "What must an image's output in inference not depend on?",
        "Inference has no batch: in the place of mu and v stand the running mean and variance.",
        "The same line as in training, with running_mean and running_variance, and no x.mean.",
    ),
)
BACKWARD = (
    Hint(
        r"constants|mean\(dy\)|through",
        "If one x changes a little, which outputs change?",
        "All of its column: mu and v are made of all rows. The two terms that are subtracted in dx "
        "are what goes back through mu and through v.",
        "dx has three terms in its bracket: dy, the mean of dy over the batch, and x_hat times the "
        "mean of dy * x_hat over the batch.",
    ),
    Hint(
        "",
        "Which shape has each of the three gradients?",
        "Compute x_hat anew from x, as in training. dgamma and dbeta are sums over the batch, the "
        "two means in dx are means.",
        "dbeta = sum of grad, dgamma = sum of grad * x_hat, both over axis 0; dx = gamma / "
        "np.sqrt(v + epsilon) times the bracket of the docstring.",
    ),
)

EXERCISE = Exercise(
    name="batch_norm",
    title="Batch normalization from scratch",
    summary="Normalize a batch, keep running statistics, and send a gradient back through both.",
    todos=(
        Todo(
            "batch_norm_train",
            "training, and the running statistics",
            (*FORM, *TRAIN),
            "Whatever comes in, each feature leaves with mean beta and deviation gamma. The "
            "running statistics remember some ten batches: with a momentum of 0.9, after 22 of "
            "them the start counts for less than 0.1.",
        ),
        Todo(
            "batch_norm_inference",
            "inference",
            (*FORM, *INFERENCE),
            "Each row is judged on its own. The layer is now one factor and one number to add for"
            " each feature, and can be put into the weights of the layer before it.",
        ),
        Todo(
            "batch_norm_backward",
            "the gradients",
            (*FORM, *BACKWARD),
            "dx has no part that shifts all rows or stretches them about their mean, for both "
            "would be undone. So twice the weights in front of it change nothing, and get half "
            "the gradient.",
        ),
    ),
)
