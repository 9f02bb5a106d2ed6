"""XOR in NumPy: correct files, changed."""

from parity_tests.exercise_files.specimens import Right, Wrong

STARTER = "exercises/xor/xor_scratch.py"
ONE_CLASS = "parity_tests/exercise_files/xor/correct/scratch_one_class.py"
LAYERS = "parity_tests/exercise_files/xor/correct/scratch_layer_classes.py"
FUNCTIONS = "parity_tests/exercise_files/xor/correct/scratch_functions.py"

# Of ONE_CLASS:
MASK = "(self.rng.random(self.activation.shape) > 0.2) / 0.8"
NORM_BACKWARD = "(n * dz_hat - dz_hat.sum(axis=0) - self.z_hat * along) / (n * self.std)"
# Of LAYERS:
ORDER = "self.fc1, self.bn, Tanh(), Dropout(0.2, rng), self.fc2"
# Of ONE_CLASS and LAYERS:
L2 = """\
            for name in ("W1", "W2"):
                model.grads[name] += 0.01 * model.params[name]
"""
# Of FUNCTIONS:
L2_OF_KEY = """\
                if key in ("W1", "W2"):
                    grad = grad + LAMBDA * model.params[key]
"""
PENALTY = """\
            penalty = sum(np.sum(model.params[key] ** 2) for key in ("W1", "W2"))
            loss += len(batch) * LAMBDA / 2 * penalty
"""
BACKWARD = "            model.backward((sigmoid(logits) - yb) / len(batch))\n"

SPECIMENS = [
    Right(
        "batch_norm_after_tanh",
        "Tanh, batch norm, dropout.",
        LAYERS,
        [(ORDER, "self.fc1, Tanh(), self.bn, Dropout(0.2, rng), self.fc2")],
    ),
    Right(
        "dropout_before_tanh",
        "Batch norm, dropout, tanh.",
        LAYERS,
        [(ORDER, "self.fc1, self.bn, Dropout(0.2, rng), Tanh(), self.fc2")],
    ),
    Right(
        "float32",
        "Everything in float32.",
        ONE_CLASS,
        [
            ("rng.normal(0, 1, (2, 16))", "rng.normal(0, 1, (2, 16)).astype(np.float32)"),
            ("rng.normal(0, 0.25, (16, 1))", "rng.normal(0, 0.25, (16, 1)).astype(np.float32)"),
            ("np.zeros(16)", "np.zeros(16, np.float32)", 3),
            ("np.ones(16)", "np.ones(16, np.float32)", 2),
            ("np.zeros(1)", "np.zeros(1, np.float32)"),
            ("np.asarray(x, np.float64)", "np.asarray(x, np.float32)"),
            ("> 0.2) / 0.8", "> 0.2).astype(np.float32) / np.float32(0.8)"),
        ],
    ),
    Right(
        "fresh_generator",
        "A generator without a seed, made anew in each forward pass.",
        ONE_CLASS,
        [("self.rng.random(", "np.random.default_rng().random(")],
    ),
    Right(
        "generator_of_the_class",
        "One generator that all Dropout layers share, an attribute of their class.",
        LAYERS,
        [
            (
                "class Dropout:\n    def __init__(self, rate, rng):\n",
                """\
class Dropout:
    rng = np.random.default_rng()

    def __init__(self, rate):
""",
            ),
            ("self.rate, self.rng = rate, rng", "self.rate = rate"),
            ("Dropout(0.2, rng)", "Dropout(0.2)"),
            (
                "rng = np.random.default_rng(seed)",
                "rng, Dropout.rng = np.random.default_rng(seed), np.random.default_rng(seed)",
                2,
            ),
        ],
    ),
    Right(
        "global_seed",
        "NumPy's global generator, seeded in build_model and in train.",
        FUNCTIONS,
        [
            (
                "rng.binomial(1, 1 - P_DROP, size=x.shape)",
                "(np.random.rand(*x.shape) < 1 - P_DROP)",
            ),
            ("self.rng = np.random.default_rng(seed)", "np.random.seed(seed)"),
            ("self.rng.standard_normal((2, 16))", "np.random.randn(2, 16)"),
            ("self.rng.standard_normal((16, 1))", "np.random.randn(16, 1)"),
            ("dropout_forward(x, rng, training)", "dropout_forward(x, training)"),
            ("dropout_forward(h1, self.rng, training)", "dropout_forward(h1, training)"),
            ("rng = np.random.default_rng(seed)", "np.random.seed(seed)"),
            ("rng.permutation", "np.random.permutation"),
        ],
    ),
    Right(
        "params_made_anew",
        "Each step makes new dicts of parameters and gradients; dropout by where.",
        FUNCTIONS,
        [
            (
                "rng.binomial(1, 1 - P_DROP, size=x.shape) / (1 - P_DROP)",
                "np.where(rng.uniform(size=x.shape) < P_DROP, 0.0, 1 / (1 - P_DROP))",
            ),
            (
                f"""\
            for key in model.params:
                grad = model.grads[key]
{L2_OF_KEY}\
                model.params[key] -= learning_rate * grad
""",
                """\
            decay = {"W1": LAMBDA, "W2": LAMBDA}
            model.params = {
                key: w - learning_rate * (model.grads[key] + decay.get(key, 0) * w)
                for key, w in model.params.items()
            }
""",
            ),
        ],
    ),
    Right(
        "penalty_in_backward",
        "The penalty's gradient is added in backward, and its value to the loss.",
        FUNCTIONS,
        [
            (
                '        g["b1"] = da1.sum(axis=0)\n',
                """\
        g["b1"] = da1.sum(axis=0)
        for key in ("W1", "W2"):
            g[key] = g[key] + LAMBDA * self.params[key]
""",
            ),
            (BACKWARD, PENALTY + BACKWARD),
            (L2_OF_KEY, ""),
        ],
    ),
    Right(
        "relu",
        "ReLU in the hidden layer, behind batch norm.",
        LAYERS,
        [
            ("self.y = np.tanh(x)", "self.y = np.maximum(x, 0)"),
            ("1 - self.y**2", "self.y > 0"),
        ],
    ),
    Right(
        "row_vectors",
        "Biases, gamma and beta as rows of shape (1, 16), sums with keepdims.",
        ONE_CLASS,
        [
            ("np.zeros(16)", "np.zeros((1, 16))", 3),
            ("np.ones(16)", "np.ones((1, 16))", 2),
            ("np.zeros(1)", "np.zeros((1, 1))"),
            ("axis=0)", "axis=0, keepdims=True)", 8),
        ],
    ),
    Right(
        "sigmoid_units",
        "Sigmoid units in the hidden layer.",
        LAYERS,
        [
            ("self.y = np.tanh(x)", "self.y = sigmoid(x)"),
            ("1 - self.y**2", "self.y * (1 - self.y)"),
            ("rng.normal(0, 0.25, (16, 1))", "rng.normal(0, 1, (16, 1))"),
            ("learning_rate: float = 0.1", "learning_rate: float = 0.5"),
        ],
    ),
    Right(
        "standard_dropout",
        "The standard form: nothing is divided in training, inference multiplies by 0.8.",
        ONE_CLASS,
        [
            ("> 0.2) / 0.8", "> 0.2)"),
            ("self.hidden = self.activation\n", "self.hidden = self.activation * 0.8\n"),
        ],
    ),
    Right(
        "running_variance_from_0",
        "Tanh, batch norm with a running variance that starts at 0, dropout.",
        LAYERS,
        [
            (ORDER, "self.fc1, Tanh(), self.bn, Dropout(0.2, rng), self.fc2"),
            (
                "self.mean, self.var = np.zeros(units), np.ones(units)",
                "self.mean, self.var = np.zeros(units), np.zeros(units)",
            ),
        ],
    ),
    # --- the loop of train
    Wrong(
        "gradients_added_up",
        "Each step's gradients are added to those of the steps before.",
        ONE_CLASS,
        [
            (
                "    losses = []\n",
                "    losses = []\n    summed = dict.fromkeys(model.params, 0.0)\n",
            ),
            (
                "model.params[name] -= learning_rate * gradient",
                "summed[name] = summed[name] + gradient\n"
                "                model.params[name] -= learning_rate * summed[name]",
            ),
        ],
        todo="",
        says="never set to 0",
    ),
    Wrong(
        "learning_rate_ignored",
        "The step has a learning rate of its own.",
        ONE_CLASS,
        [("-= learning_rate * gradient", "-= 0.05 * gradient")],
        todo="",
        says="train ignores its learning rate",
    ),
    Wrong(
        "batch_size_ignored",
        "The mini-batches have 20 rows, whatever is asked for.",
        ONE_CLASS,
        [
            ("range(0, len(x), batch_size)", "range(0, len(x), 20)"),
            ("start + batch_size", "start + 20"),
        ],
        todo="",
        says="train ignores its batch size",
    ),
    Wrong(
        "not_shuffled",
        "The rows are taken in their order.",
        ONE_CLASS,
        [("rng.permutation(len(x))", "np.arange(len(x))")],
        todo="",
        says="the rows are not shuffled",
    ),
    Wrong(
        "gradient_of_the_sum",
        "The gradient is that of the sum over the mini-batch.",
        ONE_CLASS,
        [("(sigmoid(logits) - targets) / len(rows)", "sigmoid(logits) - targets")],
        todo="",
        says="of the sum over the mini-batch",
    ),
    Wrong(
        "losses_summed",
        "The losses that are returned are sums over the examples.",
        ONE_CLASS,
        [("losses.append(float(total / len(x)))", "losses.append(float(total))")],
        todo="",
        says="the losses of all examples are summed",
    ),
    Wrong(
        "predict_of_two_dimensions",
        "predict returns the shape (N, 1).",
        ONE_CLASS,
        [("training=False))[:, 0]", "training=False))")],
        todo="",
        says="must have the shape (4,)",
    ),
    # --- dropout
    Wrong(
        "dropout_80",
        "The rate is 0.8, the probability to keep, behind batch norm behind tanh.",
        LAYERS,
        [(ORDER, "self.fc1, Tanh(), self.bn, Dropout(0.8, rng), self.fc2")],
        todo="dropout",
        says="the probability to drop and the probability to keep are swapped",
    ),
    Wrong(
        "active_in_inference",
        "Values are dropped in inference too: forward does not ask for training.",
        ONE_CLASS,
        [("        # TODO 1\n        if training:\n", "        if True:\n")],
        todo="dropout",
        says="dropout is still active in inference",
    ),
    Wrong(
        "dropout_before_batch_norm",
        "Dropout comes before batch norm: its zeros enter the batch's mean and variance.",
        LAYERS,
        [(ORDER, "self.fc1, Dropout(0.2, rng), self.bn, Tanh(), self.fc2")],
        todo="dropout",
        says="dropout stands before batch norm",
    ),
    Wrong(
        "keep_and_drop_swapped",
        "The rate is taken for the probability to keep.",
        LAYERS,
        [(">= self.rate", "< self.rate")],
        todo="dropout",
        says="the probability to drop and the probability to keep are swapped",
    ),
    Wrong(
        "mask_not_in_backward",
        "Backward does not multiply by the mask.",
        ONE_CLASS,
        [("        grad = grad * self.mask\n", "")],
        todo="dropout",
        says="backward multiplies by the mask",
    ),
    Wrong(
        "mask_of_rows",
        "The mask has the shape (N, 1): an example loses all units or none.",
        FUNCTIONS,
        [("size=x.shape", "size=(x.shape[0], 1)")],
        todo="dropout",
        says="an example loses all hidden units at once",
    ),
    Wrong(
        "multiplied_by_keep",
        "The values that are kept are multiplied by 0.8, where they are to be divided.",
        LAYERS,
        [("self.mask / (1 - self.rate)", "self.mask * (1 - self.rate)", 2)],
        todo="dropout",
        says="multiplied by 1 - rate, where it must be divided",
    ),
    Wrong(
        "new_mask_in_backward",
        "Backward draws a mask of its own.",
        FUNCTIONS,
        [("dh1 = dropout_backward(dd1, mask)", "dh1, _ = dropout_forward(dd1, self.rng, True)")],
        todo="dropout",
        says="backward multiplies by the mask",
    ),
    Wrong(
        "no_rescaling",
        "The values that are kept are not divided by 0.8.",
        ONE_CLASS,
        [("> 0.2) / 0.8", "> 0.2)")],
        todo="dropout",
        says="what is kept is not divided by 1 - rate",
    ),
    Wrong(
        "scale_not_in_backward",
        "Backward multiplies by the mask and forgets the scale, 1 / 0.8.",
        LAYERS,
        [("grad * self.mask / (1 - self.rate)", "grad * self.mask")],
        todo="dropout",
        says="the scale of its forward pass",
    ),
    Wrong(
        "seeded_in_forward",
        "The generator is made anew in forward, with a fixed seed: the mask never changes.",
        LAYERS,
        [
            ("Dropout(0.2, rng)", "Dropout(0.2, seed)"),
            ("self.rate, self.rng = rate, rng", "self.rate, self.seed = rate, rng"),
            ("self.rng.random(", "np.random.default_rng(self.seed).random("),
        ],
        todo="dropout",
        says="the mask is the same at every step",
    ),
    Wrong(
        "tanh_slope_after_dropout",
        "The tanh's slope is taken from the values after dropout, 1 - hidden**2.",
        ONE_CLASS,
        [("1 - self.activation**2", "1 - self.hidden**2")],
        todo="dropout",
        says="slope of the activation",
    ),
    Wrong(
        "three_units_of_each_row",
        "Of each example exactly 3 of 16 units are dropped, where each has a chance of its own.",
        ONE_CLASS,
        [
            (
                MASK,
                """np.full(self.activation.shape, 1 / 0.8)
            for row in self.mask:
                row[self.rng.choice(16, size=int(0.2 * 16), replace=False)] = 0""",
            )
        ],
        todo="dropout",
        says="the same number of hidden units",
    ),
    Wrong(
        "train_without_training",
        "train() calls forward without training=True, so that nothing is ever dropped.",
        STARTER,
        [
            (
                "        rng = np.random.default_rng(seed)\n",
                "        rng = self.rng = np.random.default_rng(seed)\n",
            ),
            (
                "        return self.hidden @",
                """\
        self.mask = (self.rng.random(self.hidden.shape) > 0.2) / 0.8 if training else 1.0
        self.tanh, self.hidden = self.hidden, self.hidden * self.mask
        return self.hidden @""",
            ),
            ("grad * (1 - self.hidden**2)", "grad * self.mask * (1 - self.tanh**2)"),
            ("            # TODO 3: L2 on the weight matrices.\n", L2),
            ("model.forward(x[rows], training=True)", "model.forward(x[rows])"),
        ],
        todo="dropout",
        says="train runs the network without dropout",
    ),
    Wrong(
        "undropped_in_gradient_of_w2",
        "The gradient of W2 is taken with the hidden values before dropout.",
        ONE_CLASS,
        [("self.hidden.T @ grad", "self.activation.T @ grad")],
        todo="dropout",
        says="the gradient of W2",
    ),
    # --- batch norm
    Wrong(
        "after_tanh_with_constant_statistics",
        "Behind the tanh, backward treats mean and variance as constants.",
        LAYERS,
        [
            (ORDER, "self.fc1, Tanh(), self.bn, Dropout(0.2, rng), self.fc2"),
            ("return centred * self.inv_std", "return grad * self.inv_std"),
        ],
        todo="batch norm",
        says="mean and variance depend on x too",
    ),
    Wrong(
        "beta_drawn",
        "beta is drawn at random.",
        ONE_CLASS,
        [('"beta": np.zeros(16)', '"beta": rng.normal(0, 1, 16)')],
        todo="batch norm",
        says="there is no beta, or it does not start at 0",
    ),
    Wrong(
        "half_kept",
        "The running statistics keep a half of their old value.",
        LAYERS,
        [("momentum=0.9", "momentum=0.5")],
        todo="batch norm",
        says="forget too fast",
    ),
    Wrong(
        "half_kept_after_tanh",
        "The same behind the tanh.",
        LAYERS,
        [
            ("momentum=0.9", "momentum=0.5"),
            (ORDER, "self.fc1, Tanh(), self.bn, Dropout(0.2, rng), self.fc2"),
        ],
        todo="batch norm",
        says="forget too fast",
    ),
    Wrong(
        "frozen",
        "Training normalizes with running statistics that never move.",
        ONE_CLASS,
        [
            ("        # TODO 2\n        if training:\n", "        # TODO 2\n        if False:\n"),
            (NORM_BACKWARD, "dz_hat / self.std"),
        ],
        todo="batch norm",
        says="it is frozen",
    ),
    Wrong(
        "axis_1",
        "Mean and variance are taken along axis 1, over the units of each example.",
        ONE_CLASS,
        [
            ("z.mean(axis=0)", "z.mean(axis=1, keepdims=True)"),
            ("z.var(axis=0)", "z.var(axis=1, keepdims=True)"),
            ("0.1 * mean", "0.1 * mean.mean()"),
            ("0.1 * var", "0.1 * var.mean()"),
            ("n = len(grad)", "n = 16"),
            ("dz_hat.sum(axis=0)", "dz_hat.sum(axis=1, keepdims=True)"),
            ("dz_hat * self.z_hat, axis=0)", "dz_hat * self.z_hat, axis=1, keepdims=True)"),
        ],
        todo="batch norm",
        says="they belong along axis 0",
    ),
    Wrong(
        "backward_with_constant_statistics",
        "Backward treats mean and variance as constants.",
        FUNCTIONS,
        [("dxhat / sqrtvar + dvar * 2 * xmu / n + dmu / n", "dxhat / sqrtvar")],
        todo="batch norm",
        says="mean and variance depend on x too",
    ),
    Wrong(
        "backward_without_gamma",
        "Backward forgets to multiply by gamma on the way to x.",
        LAYERS,
        [("        grad = grad * self.gamma\n", "")],
        todo="batch norm",
        says="backward pass is wrong: the gradient of",
    ),
    Wrong(
        "batch_norm_of_the_inputs",
        "The inputs are normalized, not the hidden layer.",
        LAYERS,
        [
            ("BatchNorm(16)", "BatchNorm(2)"),
            (ORDER, "self.bn, self.fc1, Tanh(), Dropout(0.2, rng), self.fc2"),
        ],
        todo="batch norm",
        says="batch norm acts on the inputs",
    ),
    Wrong(
        "batch_statistics_in_inference",
        "Inference normalizes with the statistics of the batch that it is given.",
        FUNCTIONS,
        [
            ('x - state["mean"]', "x - np.mean(x, axis=0)"),
            ('        var = state["var"]\n', "        var = np.mean(xmu**2, axis=0)\n"),
        ],
        todo="batch norm",
        says="inference uses the statistics of the batch",
    ),
    Wrong(
        "divided_by_the_variance",
        "Divided by the variance, where it must be by its square root.",
        ONE_CLASS,
        [
            ("np.sqrt(var + 1e-5)", "var + 1e-5"),
            (
                NORM_BACKWARD,
                "(dz_hat - dz_hat.mean(axis=0)) / self.std - 2 * self.z_hat * along / n",
            ),
        ],
        todo="batch norm",
        says="divided by the variance",
    ),
    Wrong(
        "gamma_and_beta_not_in_params",
        "gamma and beta are not among the params: they are never trained.",
        LAYERS,
        [
            ('            "gamma": self.bn.gamma,\n            "beta": self.bn.beta,\n', ""),
            ('            "gamma": self.bn.dgamma,\n            "beta": self.bn.dbeta,\n', ""),
        ],
        todo="batch norm",
        says="gamma and beta are not trained",
    ),
    Wrong(
        "gamma_drawn",
        "gamma is drawn at random like a weight, where it starts at 1.",
        ONE_CLASS,
        [
            ('"gamma": np.ones(16)', '"gamma": rng.normal(0, 1, 16)'),
            ('"beta": np.zeros(16)', '"beta": rng.normal(0, 1, 16)'),
        ],
        todo="batch norm",
        says="does not start at 1",
    ),
    Wrong(
        "gamma_of_one_number",
        "gamma and beta are one number each for all units, where each unit has its own.",
        ONE_CLASS,
        [
            ('"gamma": np.ones(16)', '"gamma": np.ones(1)'),
            ('"beta": np.zeros(16)', '"beta": np.zeros(1)'),
            ("np.sum(grad * self.z_hat, axis=0)", "np.sum(grad * self.z_hat).reshape(1)"),
            ("np.sum(grad, axis=0)", "np.sum(grad).reshape(1)"),
        ],
        todo="batch norm",
        says="one number for all units",
    ),
    Wrong(
        "gamma_without_gradient",
        "gamma and beta are in params, but backward gives them no gradient.",
        ONE_CLASS,
        [
            ('        self.grads["gamma"] = np.sum(grad * self.z_hat, axis=0)\n', ""),
            ('        self.grads["beta"] = np.sum(grad, axis=0)\n', ""),
        ],
        todo="batch norm",
        says="gamma and beta are not trained",
    ),
    Wrong(
        "gradient_of_gamma",
        "The gradient of gamma is summed with the input, not with its normalized value.",
        LAYERS,
        [
            ("self.x_hat = (x - mu)", "self.x, self.x_hat = x, (x - mu)"),
            ("self.dgamma = (grad * self.x_hat)", "self.dgamma = (grad * self.x)"),
        ],
        todo="batch norm",
        says="the gradient of gamma",
    ),
    Wrong(
        "mean_over_everything",
        "Mean and variance are single numbers, over all examples and units: the axis is missing.",
        LAYERS,
        [
            ("x.mean(axis=0), x.var(axis=0)", "x.mean(), x.var()"),
            ("grad - grad.mean(axis=0)", "grad - grad.mean()"),
            ("(grad * self.x_hat).mean(axis=0)", "(grad * self.x_hat).mean()"),
        ],
        todo="batch norm",
        says="an axis is missing",
    ),
    Wrong(
        "momentum_turned_round",
        "The weights are turned round: 0.1 of the old and 0.9 of the new statistics.",
        FUNCTIONS,
        [("MOMENTUM = 0.99", "MOMENTUM = 0.1")],
        todo="batch norm",
        says="momentum is turned round",
    ),
    Wrong(
        "running_standard_deviation",
        "The running variance is fed with the standard deviation.",
        LAYERS,
        [("(1 - self.momentum) * var", "(1 - self.momentum) * np.sqrt(var)")],
        todo="batch norm",
        says="the running variance is fed with something else",
    ),
    Wrong(
        "running_statistics_not_stored",
        "The running statistics are computed into local variables and lost.",
        ONE_CLASS,
        [
            ("self.running_mean = 0.9 *", "running_mean = 0.9 *"),
            ("self.running_var = 0.9 *", "running_var = 0.9 *"),
        ],
        todo="batch norm",
        says="the running statistics never change",
    ),
    Wrong(
        "training_with_updated_running_statistics",
        "Training normalizes with the running statistics, after the batch has moved them.",
        ONE_CLASS,
        [
            ("np.sqrt(var + 1e-5)", "np.sqrt(self.running_var + 1e-5)"),
            ("(z - mean)", "(z - self.running_mean)"),
            (NORM_BACKWARD, "dz_hat / self.std"),
        ],
        todo="batch norm",
        says="training uses the running statistics",
    ),
    Wrong(
        "updated_in_inference",
        "The running statistics are updated in inference too.",
        LAYERS,
        [
            (
                "            mu, var = self.mean, self.var\n",
                """\
            self.mean = self.momentum * self.mean + (1 - self.momentum) * x.mean(axis=0)
            self.var = self.momentum * self.var + (1 - self.momentum) * x.var(axis=0)
            mu, var = self.mean, self.var
""",
            )
        ],
        todo="batch norm",
        says="predict changes the running statistics",
    ),
    # --- L2
    Wrong(
        "l2_momentum",
        "A momentum of 0.9.",
        ONE_CLASS,
        [
            (
                "    losses = []\n",
                "    losses = []\n    velocity = dict.fromkeys(model.params, 0.0)\n",
            ),
            (
                "model.params[name] -= learning_rate * gradient",
                "velocity[name] = 0.9 * velocity[name] + gradient\n"
                "                model.params[name] -= learning_rate * velocity[name]",
            ),
        ],
        todo="l2",
        says="the optimizer has momentum, 0.9",
    ),
    Wrong(
        "l2_rmsprop",
        "RMSprop.",
        ONE_CLASS,
        [
            (
                "    losses = []\n",
                "    losses = []\n    squares = dict.fromkeys(model.params, 0.0)\n",
            ),
            (
                "model.params[name] -= learning_rate * gradient",
                "squares[name] = 0.9 * squares[name] + 0.1 * gradient**2\n"
                "                scaled = gradient / np.sqrt(squares[name] + 1e-8)\n"
                "                model.params[name] -= 0.1 * learning_rate * scaled",
            ),
        ],
        todo="l2",
        says="an optimizer like Adam or RMSprop",
    ),
    Wrong(
        "l2_of_the_first_weights",
        "The weights in the penalty's gradient are those at the start of train.",
        ONE_CLASS,
        [
            (
                "    losses = []\n",
                "    losses = []\n"
                "    first = {name: value.copy() for name, value in model.params.items()}\n",
            ),
            ("0.01 * model.params", "0.01 * first"),
        ],
        todo="l2",
        says="the weights are read once",
    ),
    Wrong(
        "l2_divided_by_examples",
        "The penalty is divided by the number of rows of the data.",
        ONE_CLASS,
        [("0.01 * model.params", "0.01 / len(x) * model.params")],
        todo="l2",
        says="divided by the number of examples",
    ),
    Wrong(
        "l2_first_layer_only",
        "Only the first layer's weights are penalized.",
        ONE_CLASS,
        [('("W1", "W2")', '("W1",)')],
        todo="l2",
        says="the weights of the output layer are not penalized",
    ),
    Wrong(
        "l2_gamma_too",
        "All but the names that begin with b are penalized, and so gamma is.",
        LAYERS,
        [('("W1", "W2")', '(name for name in model.params if not name.startswith("b"))')],
        todo="l2",
        says="gamma, beta or the hidden bias are penalized",
    ),
    Wrong(
        "l2_in_the_loss_only",
        "The penalty is in the loss that is reported, and not in the gradients.",
        FUNCTIONS,
        [(BACKWARD, PENALTY + BACKWARD), (L2_OF_KEY, "")],
        todo="l2",
        says="the loss has the penalty, but the gradients do not",
    ),
    Wrong(
        "l2_of_the_norm",
        "The penalty is the norm of the weights, not its square.",
        LAYERS,
        [("model.params[name]\n", "model.params[name] / np.linalg.norm(model.params[name])\n")],
        todo="l2",
        says="the norm",
    ),
    Wrong(
        "l2_once_per_epoch",
        "The weights decay once in an epoch, not at each step.",
        ONE_CLASS,
        [
            (L2, ""),
            (
                "        losses.append(",
                """\
        for name in ("W1", "W2"):
            model.params[name] -= learning_rate * 0.01 * model.params[name]
        losses.append(""",
            ),
        ],
        todo="l2",
        says="once in an epoch",
    ),
    Wrong(
        "l2_without_learning_rate",
        "The decay in the update is not multiplied by the learning rate.",
        FUNCTIONS,
        [("grad = grad + LAMBDA * model", "model.params[key] -= LAMBDA * model")],
        todo="l2",
        says="not multiplied by the learning rate",
    ),
    Wrong(
        "l2_without_one_half",
        "The gradient of 0.01 * sum(w**2) is added, without the one-half: twice as much.",
        ONE_CLASS,
        [("0.01 * model.params", "2 * 0.01 * model.params")],
        todo="l2",
        says="without the one-half",
    ),
]
