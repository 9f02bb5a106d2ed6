from triptych.exercises.findings import Exercise, Todo

__all__ = ["EXERCISE"]

EXERCISE = Exercise(
    name="xor",
    title="the XOR challenge",
    summary="Give a network that learns XOR dropout, batch norm and L2.",
    todos=(
        Todo(
            "dropout",
            "dropout",
            (
                "What differs between a step of training and a prediction? Predict the same points "
                "twice: do you get the same numbers?",
                "Three things decide: where the values are dropped (the hidden layer, after batch "
                "norm), when (in training only; who tells the network that it trains?), and what "
                "happens to the values that stay, so that their mean over many masks is what it "
                "was without dropout.",
                "Draw one number for each example and each unit at every training step, compare "
                "it with the rate, multiply. Divide by the probability to stay. PyTorch's modules "
                "act according to the mode that the whole model is in, Keras's layers to the "
                "argument `training`; in NumPy the backward pass needs the very mask of the "
                "forward pass. In your framework's documentation: is its argument the probability "
                "to drop or to keep?",
            ),
        ),
        Todo(
            "batch norm",
            "batch normalization",
            (
                "Over what is the mean taken: over the units of an example, or over the examples "
                "of a unit? And what is there to average when you predict a single point?",
                "A batch-normalized layer computes in two ways. In training it uses the mini-batch "
                "and, on the side, keeps running statistics; in inference it uses those. Whether "
                "it trains has to be told at the right moments, in train and in predict.",
                "For each unit: subtract the mean over the batch, divide by the square root of the "
                "variance plus a small number, then scale and shift with two learned vectors. "
                "Running = most of the old + the rest of the new; PyTorch's momentum is the weight "
                "of the new, Keras's that of the old. In NumPy: mean and variance depend on every "
                "example of the batch, so dL/dx has three terms.",
            ),
        ),
        Todo(
            "l2",
            "L2",
            (
                "If the data had nothing to say (a gradient of zero), what should a step do to a "
                "weight, and what to a bias?",
                "Write down the derivative of 0.01 / 2 * sum(w**2). Then look up what your "
                "framework's penalty or weight decay adds to the gradient: the same, or twice as "
                "much? And to which parameters?",
                "In the penalty of the loss or in the optimizer, both are right with plain "
                "gradient descent: each step takes learning_rate * 0.01 * w from every entry of "
                "the two weight matrices, and nothing from biases, gamma and beta. PyTorch's "
                "optimizers take groups of parameters with settings of their own; Keras's layers "
                "take a regularizer for the kernel, and Keras's L2 has no one-half.",
            ),
        ),
    ),
)
