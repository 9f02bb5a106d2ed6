"""Hints for the workshop."""

from triptych.exercises.findings import Hint

__all__ = ["HINTS"]

INFERENCE = Hint(
    r"predict",
    "In which mode does the model run when predict is called, right after a step of training?",
    "Dropout and batch normalization have two modes, and the model does not know which is meant.",
    {
        "scratch": "In predict: model.forward(images, training=False).",
        "torch": "In predict: model.eval(), before the pass; in train_step: model.train().",
        "keras": "In predict: model(images, training=False).",
    },
)

HINTS: dict[str, tuple[Hint, ...]] = {
    "dropout": (
        INFERENCE,
        Hint(
            r"share|scale|divided",
            "The argument of your framework's dropout: is it the share that is dropped, or that "
            "is kept?",
            "0.3 are dropped, 0.7 are kept, and 1 / 0.7 is their factor. The framework's layer "
            "scales by itself.",
            "One layer of dropout, with 0.3, and no factor of your own.",
        ),
        Hint(
            r"logits|pixels|scaled by one number|together",
            "Between which two layers do the hidden units come out?",
            "The order is: matrix, batch normalization if there is one, ReLU, dropout, matrix.",
            "Put dropout directly in front of the last matrix.",
        ),
        Hint(
            "",
            "Which numbers are the hidden units, in the list of layers, and where do they come "
            "out?",
            {
                "scratch": "scratch/dropout.py has a layer, Dropout(rate, seed=...).",
                "torch": "torch.nn has a layer for it; its argument is the share that is dropped.",
                "keras": "keras.layers has a layer for it; its argument is the share dropped.",
            },
            {
                "scratch": "from scratch.dropout import Dropout; behind ReLU(), Dropout(0.3, "
                "seed=seed).",
                "torch": "nn.Dropout(0.3) behind nn.ReLU().",
                "keras": "layers.Dropout(0.3) behind layers.ReLU().",
            },
        ),
    ),
    "weight decay": (
        Hint(
            r"more than the two",
            "Which parameters does the optimizer know, and which of them are to shrink?",
            "A bias of 2 does not make a function less smooth, and most leave out gamma and beta.",
            {
                "scratch": "SGD(weight_decay=...) leaves biases, gamma and beta alone by itself.",
                "torch": "Two groups: [{'params': matrices, 'weight_decay': 0.01}, {'params': "
                "others}]. A matrix has two axes.",
                "keras": "A kernel_regularizer acts on kernels alone. With weight_decay of the "
                "optimizer, see exclude_from_weight_decay.",
            },
        ),
        Hint(
            r"strength|proportion|sign|grow",
            "With the loss left aside, by how much does a step of rate 0.1 change a weight of 1?",
            "The derivative of 0.01 / 2 * w**2 is 0.01 * w. Is the one-half there, once?",
            {
                "scratch": "0.01, as weight_decay of SGD, which has the one-half in it.",
                "torch": "weight_decay=0.01 of torch.optim.SGD adds 0.01 * w: the half is in it.",
                "keras": "regularizers.L2(l) is l * sum(w**2), without a one-half; weight_decay of "
                "the optimizer takes 0.01 * w by itself.",
            },
        ),
        Hint(
            "",
            "How does the optimizer, or the loss, learn that weights are to be small?",
            {
                "scratch": "See the arguments of scratch.optimizers.SGD.",
                "torch": "See weight_decay of torch.optim.SGD, and its parameter groups.",
                "keras": "See weight_decay of optimizers.SGD, or kernel_regularizer of Dense.",
            },
            {
                "scratch": "SGD(0.1, weight_decay=0.01).",
                "torch": "Parameters with two axes in a group with weight_decay 0.01, the others "
                "in one without.",
                "keras": "SGD(0.1, weight_decay=0.01), and exclude 'bias', 'gamma', 'beta'; or "
                "kernel_regularizer=keras.regularizers.L2(0.005) in both Dense layers.",
            },
        ),
    ),
    "schedule": (
        Hint(
            r"optimizer|does not ask",
            "Does the optimizer learn what learning_rate returns, in each epoch?",
            "train calls set_learning_rate(optimizer, learning_rate(epoch, epochs)) in each epoch.",
            "Leave that line where it was, and one optimizer for the whole training.",
        ),
        Hint(
            "",
            "What is the cosine of 0, of pi / 2 and of pi? And the rate at those?",
            "At epoch 0 the bracket is 2; with the one-half the rate is 0.1. The last epoch is "
            "epochs - 1, so that it still learns a little.",
            "The line stands in the docstring at the top; math.cos takes radians, and math.pi is "
            "pi.",
        ),
    ),
    "batch norm": (
        INFERENCE,
        Hint(
            r"ReLU|pixels|logits",
            "What is normalized: the pixels, the sums that the matrix makes, or what the ReLU "
            "leaves of them?",
            "The order is: matrix, batch normalization, ReLU.",
            "Put it directly behind the first matrix.",
        ),
        Hint(
            "",
            "Over what are mean and variance taken: over the units of one image, or over the "
            "images of the batch?",
            {
                "scratch": "scratch/batch_norm.py has a layer, BatchNorm(features).",
                "torch": "torch.nn has BatchNorm1d for rows of features.",
                "keras": "keras.layers has BatchNormalization.",
            },
            {
                "scratch": "from scratch.batch_norm import BatchNorm; BatchNorm(HIDDEN) in front "
                "of ReLU().",
                "torch": "nn.BatchNorm1d(HIDDEN) in front of nn.ReLU().",
                "keras": "layers.BatchNormalization() in front of layers.ReLU().",
            },
        ),
    ),
    "clipping": (
        Hint(
            r"value|each array",
            "Does the step still go in the direction of the gradient?",
            "Clipping by value, or array by array, changes the direction. The global norm is the "
            "root of the sum of all squares of all arrays; one factor goes to all.",
            {
                "scratch": "clip_by_global_norm of scratch.gradient_clipping, with a list of all.",
                "torch": "nn.utils.clip_grad_norm_, with all parameters at once.",
                "keras": "global_clipnorm of the optimizer: clipnorm is for each array, clipvalue "
                "for each element.",
            },
        ),
        Hint(
            "",
            "Between which two lines do the gradients exist, and the step has not been made?",
            {
                "scratch": "In train_step, between backward and optimizer.step: grads.",
                "torch": "In train_step, between loss.backward() and optimizer.step().",
                "keras": "The optimizer makes the step, and clips if it is told to: see its "
                "arguments.",
            },
            {
                "scratch": "from scratch.gradient_clipping import clip_by_global_norm; it takes "
                "and returns a list; then a dictionary again.",
                "torch": "nn.utils.clip_grad_norm_(model.parameters(), 1.0).",
                "keras": "keras.optimizers.SGD(0.1, global_clipnorm=1.0).",
            },
        ),
    ),
    "augmentation": (
        Hint(
            r"validation|evaluated",
            "Is a shifted image still the one whose loss you want to know?",
            "train calls augment for the training images of an epoch; evaluate takes images as "
            "they are.",
            "No call of augment in evaluate, predict or load.",
        ),
        Hint(
            r"alike|never happen|same images|one seed",
            "How many numbers have to be drawn for N images?",
            "Two for each image, -1, 0 or 1, from the rng that is given.",
            "rng.integers(-1, 2, (len(images), 2)): the end is left out.",
        ),
        Hint(
            "",
            "Where does the pixel that stands at (2, 3) come from, if an image is shifted down by "
            "one?",
            "Put a border of zeros round all images, np.pad, and cut a window of the old size out "
            "of each, at another place.",
            "padded[i, 1 - down : 1 - down + height, 1 - right : 1 - right + width], into a new "
            "array.",
        ),
    ),
    "early stopping": (
        Hint(
            r"weights of its best",
            "Do the weights that you keep stay what they were, while training goes on?",
            {
                "scratch": "get_weights makes copies; set_weights writes them back.",
                "torch": "state_dict() holds the very tensors that training changes.",
                "keras": "get_weights makes copies; set_weights writes them back.",
            },
            {
                "scratch": "Keep model.get_weights() at each new lowest loss; after the loop, "
                "however it ended, model.set_weights(...).",
                "torch": "copy.deepcopy(model.state_dict()) at each new lowest loss; after the "
                "loop, however it ended, load_state_dict.",
                "keras": "Keep model.get_weights() at each new lowest loss; after the loop, "
                "however it ended, model.set_weights(...).",
            },
        ),
        Hint(
            "",
            "What has to be remembered from epoch to epoch, to know when to stop?",
            "The lowest loss so far, the weights that had it, and how many epochs went by since.",
            "If the loss is below the lowest: keep it and a copy of the weights, and count from 0. "
            "Else count one, and break if the count is patience. Restore after the loop.",
        ),
    ),
    "smoothing": (
        Hint(
            r"shared by the 9|strength|add up",
            "How much of the 0.1 that is spread goes to the label itself?",
            "All ten classes get 0.1 / 10, the label's too: it has 0.91 in all.",
            "q = 0.9 * one_hot + 0.1 / 10.",
        ),
        Hint(
            "",
            "Which row of probabilities is the cross-entropy taken against?",
            {
                "scratch": "scratch/label_smoothing.py has the loss and its backward.",
                "torch": "See the arguments of functional.cross_entropy.",
                "keras": "CategoricalCrossentropy has label_smoothing, and takes rows.",
            },
            {
                "scratch": "label_smoothing_cross_entropy(logits, labels, 0.1), and its backward.",
                "torch": "functional.cross_entropy(..., label_smoothing=0.1).",
                "keras": "A function of (labels, logits): keras.ops.one_hot, then "
                "keras.losses.categorical_crossentropy with from_logits and label_smoothing=0.1.",
            },
        ),
    ),
    "curves": (
        Hint(
            r"csv",
            "Which rows does a table have with a loss for each epoch of each run?",
            "The columns stand in the docstring of save_curves; the first epoch is 0.",
            "csv.writer: the row of names first, then (run, epoch, loss, validation_loss).",
        ),
        Hint(
            "",
            "Which lines does the eye want to compare, and on which axes?",
            "All runs on one pair of axes: for each run, one line for training and one for "
            "validation, told apart by a legend.",
            "import matplotlib.pyplot as plt; figure, axes = plt.subplots() once; axes.plot for "
            "history['loss'] and for history['validation_loss'] of each run; then "
            "figure.savefig(Path(folder) / 'curves.png'). And the same numbers to curves.csv.",
        ),
    ),
    "misclassified": (
        Hint(
            r"least sure|order",
            "Which way does argsort sort?",
            "The surest mistake, the highest confidence, comes first.",
            "Sort by minus the confidence.",
        ),
        Hint(
            "",
            "Which class does a row of probabilities stand for, and how sure is it of it?",
            "argmax tells the class, max its probability; wrong is where argmax is not the label.",
            "np.flatnonzero(predicted != labels) are the indices; sort them by confidence, and "
            "make a row (index, label, predicted, confidence) for each.",
        ),
    ),
}
