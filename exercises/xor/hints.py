"""The hints for XOR: for each TODO by what the check found, the last for what is not begun."""

from triptych.exercises.findings import Hint

__all__ = ["BATCH_NORM", "DROPOUT", "L2"]

MODE = (
    "Who tells the network whether it trains, and when? Follow that from train and from predict to "
    "the place where it decides.",
    {
        "scratch": "forward has an argument `training`. Which call of it says True, which says "
        "False, and does every branch in forward look at it?",
        "torch": "model.train() and model.eval() set a mode that stays until the other is called. "
        "predict may come before train, and train after predict.",
        "keras": "Layers act by the argument `training` of a call. fit passes it on to a model "
        "whose call has it; a loop of your own, and predict, must say it themselves.",
    },
    {
        "scratch": "In train call model.forward(rows, training=True), in predict "
        "model.forward(x, training=False). In forward, let `if training` choose.",
        "torch": "Begin train with model.train() and predict with model.eval(). A call of "
        "functional.dropout or functional.batch_norm needs training=self.training.",
        "keras": "In a loop of your own model(x, training=True), in predict "
        "model(x, training=False). A call of your own takes `training` and hands it to each layer "
        "that it runs.",
    },
)

DROPOUT = (
    Hint(
        r"backward|gradient|detach",
        "The forward pass multiplies each hidden value by a number, 0 or 1 / 0.8. What is the "
        "derivative of a constant times x?",
        {
            "scratch": "backward needs the very mask of the last forward pass, at the same place "
            "between the layers. And which hidden values did the output weights meet?",
            "torch": "Automatic differentiation follows what it sees. Is the product with the mask "
            "under no_grad, or are values detached on the way?",
            "keras": "Automatic differentiation follows what it sees. Is there a stop_gradient on "
            "the way, or something that is turned into an array of another library?",
        },
        {
            "scratch": "Keep in forward what you multiply by, mask and scale in one array (ones in "
            "inference). In backward multiply by it what comes back through W2, before the slope "
            "of the tanh if dropout stands behind the tanh. The gradient of W2 takes the hidden "
            "values after dropout.",
            "torch": "Only the mask may be drawn without gradients; multiply the hidden values as "
            "they are, or use nn.Dropout.",
            "keras": "Only the mask needs no gradient; multiply the hidden values as they are, or "
            "use layers.Dropout.",
        },
    ),
    Hint(r"active in|training mode|without dropout|whatever mode|turned round", *MODE),
    Hint(
        r"before batch norm|on the (inputs|output)|weights are dropped|becomes",
        "Which values does the output layer see, and at which place are they dropped?",
        "The values of the hidden layer are dropped, behind batch norm if there is one. Dropping "
        "before the tanh and behind it are the same, since tanh(0) is 0.",
        {
            "scratch": "In forward, multiply between batch norm and the product with W2, not x, "
            "not W1 or W2, and not the logits.",
            "torch": "In the Sequential: linear, batch norm, tanh, dropout, linear.",
            "keras": "In the Sequential: dense, batch norm, tanh, dropout, dense.",
        },
    ),
    Hint(
        r"mask|seed|at once|same number|each unit|disturbed|once",
        "How many numbers are drawn for a batch of N rows and 16 units, and when are they drawn "
        "again?",
        "Each unit of each example is dropped by itself: the mask has the shape of the hidden "
        "values. It is drawn anew in each training pass, from a generator that goes on.",
        {
            "scratch": "Make one generator from the seed in __init__ and keep it. In forward draw "
            "uniform numbers of the hidden values' shape from it, and compare them with the rate.",
            "torch": "nn.Dropout does it, with torch's own generator, which build_model seeds. By "
            "hand: torch.rand_like(hidden) in forward.",
            "keras": "layers.Dropout does it, from the seed that build_model sets, if you give it "
            "none of its own. By hand: keras.random.uniform with keras.ops.shape(x) and a "
            "keras.random.SeedGenerator made in __init__; NumPy would draw once, when fit traces "
            "the network.",
        },
    ),
    Hint(
        r"mean|scale|divided|multiplied|%|swapped",
        "If a fifth of the values become 0, what happens to the sum that the output layer gets, on "
        "average? And in inference?",
        {
            "scratch": "Two numbers decide: the probability to drop, and the factor of what stays. "
            "The probability to stay times the factor must be 1.",
            "torch": "Is the argument of nn.Dropout the probability to drop or to keep? Does it "
            "scale by itself?",
            "keras": "Is the argument of layers.Dropout the probability to drop or to keep? Does "
            "it scale by itself?",
        },
        {
            "scratch": "Keep where a uniform number is at least 0.2, and divide what is kept by "
            "0.8. In training alone; inference has no factor.",
            "torch": "nn.Dropout(p) drops with probability p and divides by 1 - p itself: no "
            "factor of your own beside it. By hand: divide the mask by 0.8, in training alone.",
            "keras": "layers.Dropout(rate) drops with probability rate and divides by 1 - rate "
            "itself: no factor of your own beside it. By hand: divide the mask by 0.8, in training "
            "alone.",
        },
    ),
    Hint(
        "",
        "What differs between a step of training and a prediction? Predict the same points twice: "
        "do you get the same numbers?",
        "Three things decide: where the values are dropped (the hidden layer, after batch norm), "
        "when (in training only; who tells the network that it trains?), and what happens to the "
        "values that stay, so that their mean over many masks is what it was without dropout.",
        {
            "scratch": "In forward, in training: draw one number for each example and each unit "
            "from a generator that the model keeps, compare it with the rate, multiply, and divide "
            "by the probability to stay. In backward multiply by the same mask and scale.",
            "torch": "nn.Dropout with the probability to drop, between the tanh and the output "
            "layer; it scales by itself. It acts by the mode of the whole model: train must set "
            "the one, predict the other.",
            "keras": "layers.Dropout with the probability to drop, between the tanh and the output "
            "layer; it scales by itself. fit says training=True to it, and predict already says "
            "training=False.",
        },
    ),
)

BACKWARD = (
    "Backward, with x_hat the normalized values, deviation = sqrt(variance + epsilon), "
    "g = dL/dy * gamma, and sums and means over the batch:\n"
    "    dL/dgamma = sum(dL/dy * x_hat)\n"
    "    dL/dbeta  = sum(dL/dy)\n"
    "    dL/dx     = (g - mean(g) - x_hat * mean(g * x_hat)) / deviation"
)
BATCH_NORM = (
    Hint(
        r"backward|constants|detach|gradient",
        "Move the value of one example a little. Which normalized values of the batch change, "
        "besides its own?",
        {
            "scratch": "x reaches the output in three ways: by itself, through the mean, and "
            "through the variance. Write down the derivative of each and add them. gamma and beta "
            "serve the whole batch: their gradients are sums over it.",
            "torch": "Automatic differentiation follows what it sees. Is something detached, under "
            "no_grad or turned into NumPy between x and the normalized values?",
            "keras": "Automatic differentiation follows what it sees. Is there a stop_gradient, or "
            "something turned into NumPy, between x and the normalized values?",
        },
        {
            "scratch": BACKWARD,
            "torch": "Normalize with x.mean(0) and x.var(0, unbiased=False) as they are. Only for "
            "the running statistics detach them.",
            "keras": "Normalize with ops.mean(x, axis=0) and ops.var(x, axis=0) as they are. Only "
            "for the running statistics use stop_gradient.",
        },
    ),
    Hint(
        r"gamma|beta",
        "Normalized, every unit has mean 0 and variance 1. What must training be able to change "
        "about that?",
        "A scale and a shift for each of the 16 units, gamma that starts at 1 and beta that starts "
        "at 0, and the optimizer must know both.",
        {
            "scratch": 'model.params gets "gamma" and "beta", each of shape (16,), and backward '
            "puts their gradients into model.grads under the same names.",
            "torch": "nn.BatchNorm1d has both. By hand: two nn.Parameter of shape (16,), set in "
            "__init__, so that model.parameters() has them when the optimizer is made.",
            "keras": "layers.BatchNormalization has both, unless center or scale is False. By "
            "hand: two self.add_weight of shape (16,) in build.",
        },
    ),
    Hint(
        r"training mode|inference mode|train leaves|predict changes|given|frozen",
        *MODE,
    ),
    Hint(
        r"running|statistics|momentum|forget",
        "Which mean and variance normalize a training pass, and which a prediction? When does each "
        "change?",
        "In training the mini-batch's own mean and variance normalize it, and besides move the "
        "running ones a little; in inference the running ones normalize, and do not move.",
        {
            "scratch": "In training: running = 0.9 * running + 0.1 * batch's, for the mean and for "
            "the variance (not its root), stored in the model. In inference: use them, with the "
            "same formula and the same small number.",
            "torch": "nn.BatchNorm1d does it; its momentum is the weight of the new value, so 0.1 "
            "keeps 0.9 of the old. By hand: two buffers (register_buffer), moved in training "
            "alone.",
            "keras": "layers.BatchNormalization does it; its momentum is the weight of the old "
            "value, so 0.9 keeps 0.9. By hand: two weights with trainable=False, changed by "
            "assign in training alone: what is kept in an attribute is lost when fit traces the "
            "network.",
        },
    ),
    Hint(
        r"normaliz|axis|mean|variance|inputs",
        "Over what is the mean taken: over the units of an example, or over the examples of a "
        "unit? And at which layer?",
        "The hidden values of a batch are a matrix (N, 16). There are 16 means and 16 variances, "
        "and the deviation is the variance's square root.",
        {
            "scratch": "mean and var with axis=0 of the hidden values, (x - mean) / "
            "sqrt(var + 1e-5), then gamma and beta.",
            "torch": "nn.BatchNorm1d(16) behind the first linear layer (LayerNorm is another "
            "thing). By hand: mean and var over dimension 0, and divide by the root.",
            "keras": "layers.BatchNormalization behind the first dense layer (LayerNormalization "
            "is another thing). By hand: ops.mean and ops.var with axis=0, and divide by the root.",
        },
    ),
    Hint(
        "",
        "Over what is the mean taken: over the units of an example, or over the examples of a "
        "unit? And what is there to average when you predict a single point?",
        "A batch-normalized layer computes in two ways. In training it uses the mini-batch and, on "
        "the side, keeps running statistics; in inference it uses those. Whether it trains has to "
        "be told at the right moments, in train and in predict.",
        {
            "scratch": "For each unit: subtract the mean over the batch, divide by the square root "
            "of the variance plus a small number, then scale and shift with gamma and beta. "
            f"Running = 0.9 of the old + 0.1 of the batch's. {BACKWARD}",
            "torch": "nn.BatchNorm1d of the hidden units, behind the first linear layer; its "
            "momentum is the weight of the new statistics. Before training model.train(), before a "
            "prediction model.eval().",
            "keras": "layers.BatchNormalization behind the first dense layer; its momentum is the "
            "weight of the old statistics, and its default 0.99 takes some hundred steps to forget "
            "where they begin. The tanh becomes a layer of its own if it is to come after.",
        },
    ),
)

L2 = (
    Hint(
        r"Adam|adaptive|momentum|learning rate, whatever",
        "A step of plain gradient descent is the learning rate times the gradient. What does your "
        "optimizer make of the gradient?",
        "The penalty's gradient is added to the data's before the optimizer sees either. One that "
        "divides by the gradient's size takes the strength out of it.",
        {
            "scratch": "params -= learning_rate * gradient, and nothing else.",
            "torch": "torch.optim.SGD, without momentum.",
            "keras": "keras.optimizers.SGD, without momentum.",
        },
    ),
    Hint(
        r"biases|gamma|not penalized|all parameters",
        "Which parameters multiply an input, and which only shift or scale?",
        "The two weight matrices have the penalty, of the hidden layer and of the output layer; "
        "biases, gamma and beta have none.",
        {
            "scratch": 'Add it to the gradients of "W1" and "W2" by their names.',
            "torch": "Give the optimizer two groups, one with weight_decay and one without, or sum "
            "the squares of the two layers' .weight alone (batch norm's .weight is its gamma).",
            "keras": "kernel_regularizer in both Dense layers, no bias_regularizer. With "
            "weight_decay: optimizer.exclude_from_weight_decay, before it is built.",
        },
    ),
    Hint(
        r"loss has|never added|do not move|model\.losses",
        "What moves the weights: the loss that you report, or the gradients?",
        "The penalty has to be in what is differentiated (or its derivative in the gradients) at "
        "every step.",
        {
            "scratch": "Add 0.01 * w to model.grads of each weight matrix, before the step.",
            "torch": "Add the penalty to the loss before loss.backward(), as a tensor: .item() and "
            "detach() cut it off.",
            "keras": "fit adds model.losses by itself. A loop of your own adds sum(model.losses) "
            "to its loss, inside the tape.",
        },
    ),
    Hint(
        r"proportional|L1|norm of|absolute",
        "How does the pull on a weight of 2 compare with that on a weight of 1?",
        "Write down the derivative of 0.01 / 2 * sum(w**2): it is proportional to w. That of the "
        "absolute value, or of the norm, is not.",
        "Square each weight and sum; no absolute value, no square root of the sum.",
    ),
    Hint(
        r"times|should be|\* w|one-half|strength|epoch|sign|before training",
        "If the data had a gradient of zero, by how much would one step shrink a weight of 1?",
        "Write down the derivative of 0.01 / 2 * sum(w**2), and compare it with what is measured. "
        "The penalty counts once for each mini-batch, whatever the number of its rows.",
        {
            "scratch": "Each gradient of a weight matrix gets + 0.01 * w: no 2, no division by the "
            "rows, no learning rate (the step multiplies by it).",
            "torch": "weight_decay=0.01 adds 0.01 * w, which is just it; beside it no penalty in "
            "the loss. In the loss: 0.01 / 2 * (w**2).sum().",
            "keras": "regularizers.L2(l) is l * sum(w**2), without a one-half: its gradient is "
            "2 * l * w. Which l gives 0.01 * w? SGD's weight_decay adds weight_decay * w.",
        },
    ),
    Hint(
        "",
        "If the data had nothing to say (a gradient of zero), what should a step do to a weight, "
        "and what to a bias?",
        {
            "scratch": "Write down the derivative of 0.01 / 2 * sum(w**2). Where in train do the "
            "gradients stand before the step takes them?",
            "torch": "Write down the derivative of 0.01 / 2 * sum(w**2). Then look up what "
            "weight_decay of torch.optim.SGD adds to the gradient, and of which parameters.",
            "keras": "Write down the derivative of 0.01 / 2 * sum(w**2). Then look up what "
            "keras.regularizers.L2 adds to the loss, and which arguments of Dense take it.",
        },
        {
            "scratch": "In train, between backward and the step: the gradients of W1 and W2 get "
            "0.01 times their weights, those of the others nothing.",
            "torch": "Two groups for the optimizer, the .weight of the two linear layers with "
            "weight_decay, all others without. Or add the sum of squares to the loss.",
            "keras": "kernel_regularizer of both Dense layers, a keras.regularizers.L2; it has no "
            "one-half, so its argument is half of the strength.",
        },
    ),
)
