"""XOR in Keras: correct files, changed."""

from parity_tests.exercise_files.specimens import Right, Wrong

SOLUTION = "exercises/xor/solutions/xor_keras.py"
SUBCLASSED = "parity_tests/exercise_files/xor/correct/keras_subclassed.py"

# Of SOLUTION:
NORM = "layers.BatchNormalization(momentum=0.9)"
DROP = "layers.Dropout(0.2)"
FIT = """\
    model.compile(
        optimizer=keras.optimizers.SGD(learning_rate),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
    )
    history = model.fit(x, y[:, None], batch_size=batch_size, epochs=epochs, verbose=0)
    return history.history["loss"]
"""

# Correct changes of SOLUTION, to go on from: a batch norm, a dropout, a loop of one's own.
OWN_NORM = [
    (
        "def build_model(",
        """\
class Norm(layers.Layer):
    def build(self, shape):
        size = (shape[-1],)
        self.gamma = self.add_weight(shape=size, initializer="ones")
        self.beta = self.add_weight(shape=size, initializer="zeros")
        self.mean = self.add_weight(shape=size, initializer="zeros", trainable=False)
        self.variance = self.add_weight(shape=size, initializer="ones", trainable=False)

    def call(self, x, training=False):
        if training:
            mean, variance = keras.ops.mean(x, axis=0), keras.ops.var(x, axis=0)
            self.mean.assign(0.9 * self.mean + 0.1 * mean)
            self.variance.assign(0.9 * self.variance + 0.1 * variance)
        else:
            mean, variance = self.mean, self.variance
        return self.gamma * (x - mean) / keras.ops.sqrt(variance + 1e-5) + self.beta


def build_model(""",
    ),
    (NORM, "Norm()"),
]
OWN_DROP = [
    (
        "def build_model(",
        """\
class Drop(layers.Layer):
    def __init__(self, rate):
        super().__init__()
        self.rate, self.seeds = rate, keras.random.SeedGenerator()

    def call(self, x, training=False):
        if not training:
            return x
        mask = keras.random.binomial(keras.ops.shape(x), 1, 1 - self.rate, seed=self.seeds)
        return x * mask / (1 - self.rate)


def build_model(""",
    ),
    (DROP, "Drop(0.2)"),
]
OWN_LOOP = [
    ("import keras\n", "import keras\nimport tensorflow as tf\n"),
    (
        FIT,
        """\
    rng = np.random.default_rng(seed)
    optimizer = keras.optimizers.SGD(learning_rate)
    cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)
    losses = []
    for _ in range(epochs):
        order, total = rng.permutation(len(x)), 0.0
        for start in range(0, len(x), batch_size):
            rows = order[start : start + batch_size]
            with tf.GradientTape() as tape:
                logits = model(x[rows], training=True)
                loss = cross_entropy(y[rows, None], logits) + sum(model.losses)
            variables = model.trainable_variables
            optimizer.apply(tape.gradient(loss, variables), variables)
            total += float(loss) * len(rows)
        losses.append(total / len(x))
    return losses
""",
    ),
]

# OWN_NORM behind the tanh, of SOLUTION.
BEHIND = [
    *OWN_NORM,
    (
        '            Norm(),\n            layers.Activation("tanh"),\n',
        '            layers.Activation("tanh"),\n            Norm(),\n',
    ),
]

SPECIMENS = [
    Right(
        "running_variance_from_0",
        "Batch normalization by hand behind the tanh, with a running variance that starts at 0.",
        SOLUTION,
        [*BEHIND, ('initializer="ones", trainable=False', 'initializer="zeros", trainable=False')],
    ),
    # --- the loop of train
    Wrong(
        "gradients_not_zeroed",
        "A loop of one's own adds the gradients of all steps.",
        SOLUTION,
        [
            *OWN_LOOP,
            ("    losses = []\n", "    losses, summed = [], None\n"),
            (
                "            optimizer.apply(tape.gradient(loss, variables), variables)\n",
                """\
            found = tape.gradient(loss, variables)
            summed = found if summed is None else [a + b for a, b in zip(summed, found)]
            optimizer.apply(summed, variables)
""",
            ),
        ],
        todo="",
        says="never set to 0",
    ),
    Wrong(
        "learning_rate_ignored",
        "The optimizer has a learning rate of its own.",
        SOLUTION,
        [("SGD(learning_rate)", "SGD(0.05)")],
        todo="",
        says="train ignores its learning rate",
    ),
    Wrong(
        "batch_size_ignored",
        "fit's own batch size, 32.",
        SOLUTION,
        [("batch_size=batch_size, ", "")],
        todo="",
        says="train ignores its batch size",
    ),
    Wrong(
        "not_shuffled",
        "fit(shuffle=False) takes the rows in their order.",
        SOLUTION,
        [("batch_size=batch_size, ", "batch_size=batch_size, shuffle=False, ")],
        todo="",
        says="the rows are not shuffled",
    ),
    Wrong(
        "losses_summed",
        "A loop of one's own returns sums over the examples.",
        SOLUTION,
        [*OWN_LOOP, ("losses.append(total / len(x))", "losses.append(total)")],
        todo="",
        says="the losses of all examples are summed",
    ),
    Wrong(
        "loss_summed",
        'reduction="sum" for the loss that is minimized.',
        SOLUTION,
        [("(from_logits=True)", '(from_logits=True, reduction="sum")')],
        todo="",
        says="of the sum over the mini-batch",
    ),
    Wrong(
        "predict_of_two_dimensions",
        "predict returns the shape (N, 1).",
        SOLUTION,
        [("keras.ops.sigmoid(logits))[:, 0]", "keras.ops.sigmoid(logits))")],
        todo="",
        says="must have the shape (4,)",
    ),
    # --- dropout
    Wrong(
        "dropout_80",
        "The probability to keep.",
        SOLUTION,
        [(DROP, "layers.Dropout(0.8)")],
        todo="dropout",
        says="the probability to drop and the probability to keep are swapped",
    ),
    Wrong(
        "dropout_80_behind_batch_norm",
        "The same, with batch normalization between the tanh and dropout.",
        SOLUTION,
        [
            (f"            {NORM},\n", ""),
            (DROP, f"{NORM},\n            layers.Dropout(0.8)"),
        ],
        todo="dropout",
        says="the probability to drop and the probability to keep are swapped",
    ),
    Wrong(
        "dropout_without_gradient",
        "A stop_gradient of what is dropped: no gradient comes to the first layer.",
        SOLUTION,
        [
            *OWN_DROP,
            (
                "return x * mask / (1 - self.rate)",
                "return keras.ops.stop_gradient(x * mask) / (1 - self.rate)",
            ),
        ],
        todo="dropout",
        says="only the mask needs no gradient",
    ),
    Wrong(
        "call_without_training",
        "call has no argument `training`: fit says training=True only to a model that takes it.",
        SUBCLASSED,
        [
            ("        self.norm = layers.BatchNormalization(momentum=0.9)\n", ""),
            ("        x = self.norm(x, training=training)\n", ""),
            ("def call(self, x, training=False)", "def call(self, x)"),
            ("self.drop(x, training=training)", "self.drop(x)"),
            (
                "    return Network()",
                "    model = Network()\n    model.build((None, 2))\n    return model",
            ),
        ],
        todo="dropout",
        says="train runs the network without dropout",
    ),
    Wrong(
        "dropout_mask_drawn_once",
        "The mask is drawn with NumPy when the layer is built, and never again.",
        SOLUTION,
        [
            *OWN_DROP,
            ("self.rate, self.seeds = rate, keras.random.SeedGenerator()", "self.rate = rate"),
            (
                "    def call(",
                """\
    def build(self, shape):
        self.mask = (np.random.rand(shape[-1]) > self.rate).astype("float32")

    def call(""",
            ),
            (
                "        mask = keras.random.binomial(keras.ops.shape(x), 1, 1 - self.rate, "
                "seed=self.seeds)\n",
                "",
            ),
            ("x * mask", "x * self.mask"),
        ],
        todo="dropout",
        says="the mask is drawn once",
    ),
    Wrong(
        "dropout_seed_fixed",
        "Dropout(0.2, seed=0): every model has the same masks, whatever seed it is built with.",
        SOLUTION,
        [(DROP, "layers.Dropout(0.2, seed=0)")],
        todo="dropout",
        says="whatever the seed",
    ),
    Wrong(
        "dropout_without_rescaling",
        "A dropout layer of one's own multiplies with the mask, and forgets to divide by 0.8.",
        SOLUTION,
        [*OWN_DROP, ("x * mask / (1 - self.rate)", "x * mask")],
        todo="dropout",
        says="is not divided by 1 - rate",
    ),
    Wrong(
        "predict_in_training_mode",
        "predict calls the model with training=True, so that dropout stays on.",
        SOLUTION,
        [(f"            {NORM},\n", ""), ("model(x, training=False)", "model(x, training=True)")],
        todo="dropout",
        says="predict runs the network in training mode",
    ),
    # --- batch norm
    Wrong(
        "batch_norm_after_tanh_detached",
        "Behind the tanh, with a stop_gradient of mean and variance.",
        SOLUTION,
        [
            *BEHIND,
            (
                "mean, variance = keras.ops.mean(x, axis=0), keras.ops.var(x, axis=0)",
                "fixed = keras.ops.stop_gradient(x)\n            "
                "mean, variance = keras.ops.mean(fixed, axis=0), keras.ops.var(fixed, axis=0)",
            ),
        ],
        todo="batch norm",
        says="mean and variance depend on x too",
    ),
    Wrong(
        "batch_norm_beta_drawn",
        "beta is drawn at random.",
        SOLUTION,
        [(NORM, 'layers.BatchNormalization(momentum=0.9, beta_initializer="random_normal")')],
        todo="batch norm",
        says="there is no beta, or it does not start at 0",
    ),
    Wrong(
        "batch_norm_without_beta",
        "BatchNormalization(center=False) has no beta, and a dense layer's bias is none.",
        SOLUTION,
        [(NORM, "layers.BatchNormalization(momentum=0.9, center=False)")],
        todo="batch norm",
        says="one of gamma and beta is missing",
    ),
    Wrong(
        "batch_norm_half_kept",
        "momentum=0.5: the running statistics keep a half of their old value.",
        SOLUTION,
        [(NORM, "layers.BatchNormalization(momentum=0.5)")],
        todo="batch norm",
        says="forget too fast",
    ),
    Wrong(
        "batch_norm_frozen",
        "The layer is frozen: trainable=False runs it in inference mode.",
        SOLUTION,
        [(NORM, "layers.BatchNormalization(momentum=0.9, trainable=False)")],
        todo="batch norm",
        says="it is frozen",
    ),
    Wrong(
        "batch_norm_momentum",
        "BatchNormalization(momentum=0.1), as in PyTorch: it keeps a tenth of the old statistics.",
        SOLUTION,
        [(NORM, "layers.BatchNormalization(momentum=0.1)")],
        todo="batch norm",
        says="momentum is turned round",
    ),
    Wrong(
        "batch_norm_running_deviation",
        "The running variance is fed with the standard deviation.",
        SOLUTION,
        [*OWN_NORM, ("0.1 * variance", "0.1 * keras.ops.std(x, axis=0)")],
        todo="batch norm",
        says="the running variance is fed with something else than the variance",
    ),
    Wrong(
        "batch_norm_updated_in_inference",
        "A layer of one's own moves the running statistics in inference too.",
        SOLUTION,
        [
            *OWN_NORM,
            (
                "            mean, variance = self.mean, self.variance\n",
                """\
            mean, variance = self.mean + 0.0, self.variance + 0.0
            self.mean.assign(0.9 * mean + 0.1 * keras.ops.mean(x, axis=0))
            self.variance.assign(0.9 * variance + 0.1 * keras.ops.var(x, axis=0))
""",
            ),
        ],
        todo="batch norm",
        says="they must be updated in training only",
    ),
    Wrong(
        "batch_norm_without_gamma",
        "BatchNormalization(scale=False) has no gamma, and a dense layer's bias is none.",
        SOLUTION,
        [(NORM, "layers.BatchNormalization(momentum=0.9, scale=False)")],
        todo="batch norm",
        says="gamma",
    ),
    Wrong(
        "layer_normalization",
        "LayerNormalization normalizes each example over its units.",
        SOLUTION,
        [(NORM, "layers.LayerNormalization()")],
        todo="batch norm",
        says="that is layer normalization",
    ),
    Wrong(
        "loop_without_batch_norm",
        "A training loop of one's own forgets training=True, and batch norm never sees a batch.",
        SOLUTION,
        [
            (f"            {DROP},\n", ""),
            *OWN_LOOP,
            ("model(x[rows], training=True)", "model(x[rows])"),
        ],
        todo="batch norm",
        says="train leaves the running statistics as they are",
    ),
    # --- L2
    Wrong(
        "l2_momentum",
        "SGD with a momentum of 0.9.",
        SOLUTION,
        [("SGD(learning_rate)", "SGD(learning_rate, momentum=0.9)")],
        todo="l2",
        says="the optimizer has momentum, 0.9",
    ),
    Wrong(
        "l2_rmsprop",
        "RMSprop instead of plain gradient descent.",
        SOLUTION,
        [("SGD(learning_rate)", "RMSprop(learning_rate / 10)")],
        todo="l2",
        says="an optimizer like Adam or RMSprop",
    ),
    Wrong(
        "l2_of_the_first_weights",
        "A loop of one's own adds 0.01 * w to the gradients, of the weights at the start of train.",
        SOLUTION,
        [
            *OWN_LOOP,
            (" + sum(model.losses)", ""),
            (
                "    losses = []\n",
                "    losses = []\n    first = [v.numpy() for v in model.trainable_variables]\n",
            ),
            (
                "            optimizer.apply(tape.gradient(loss, variables), variables)\n",
                """\
            found = tape.gradient(loss, variables)
            found = [g + 0.01 * w * (w.ndim == 2) for g, w in zip(found, first)]
            optimizer.apply(found, variables)
""",
            ),
        ],
        todo="l2",
        says="the weights are read once",
    ),
    Wrong(
        "l2_in_adam",
        "Adam with the right regularizers: it divides the penalty's gradient by its own size.",
        SOLUTION,
        [("keras.optimizers.SGD(", "keras.optimizers.Adam(")],
        todo="l2",
        says="an optimizer like Adam",
    ),
    Wrong(
        "l2_losses_forgotten",
        "A training loop of one's own forgets model.losses.",
        SOLUTION,
        [*OWN_LOOP, (" + sum(model.losses)", "")],
        todo="l2",
        says="adds sum(model.losses) to the loss itself",
    ),
    Wrong(
        "l2_of_first_layer_only",
        "Only the hidden layer has a regularizer.",
        SOLUTION,
        [
            (
                "dense(1, deviation=0.25)",
                "layers.Dense(1, kernel_initializer=keras.initializers.RandomNormal(stddev=0.25))",
            )
        ],
        todo="l2",
        says="the weights of the output layer are not penalized",
    ),
    Wrong(
        "l2_without_one_half",
        "L2(0.01): Keras's L2 has no one-half, so the penalty is twice as strong.",
        SOLUTION,
        [("L2(0.01 / 2)", "L2(0.01)")],
        todo="l2",
        says="as keras.regularizers.L2 is",
    ),
    Wrong(
        "weight_decay_of_biases_too",
        "SGD(weight_decay=0.01) with nothing excluded: biases, gamma and beta decay too.",
        SOLUTION,
        [
            ("        kernel_regularizer=keras.regularizers.L2(0.01 / 2),\n", ""),
            ("SGD(learning_rate)", "SGD(learning_rate, weight_decay=0.01)"),
        ],
        todo="l2",
        says="biases are penalized",
    ),
]
