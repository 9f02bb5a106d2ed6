"""XOR in PyTorch: correct files, changed."""

from parity_tests.exercise_files.specimens import Right, Wrong

SOLUTION = "exercises/xor/solutions/xor_torch.py"
MODULE = "parity_tests/exercise_files/xor/correct/torch_module_functional.py"
BY_HAND = "parity_tests/exercise_files/xor/correct/torch_by_hand_dataloader.py"

# Of SOLUTION:
NORM = "nn.BatchNorm1d(16), nn.Tanh()"
EVAL = "    model.eval()\n"
MATRICES = "[p for p in model.parameters() if p.ndim == 2]"
VECTORS = "[p for p in model.parameters() if p.ndim == 1]"
# Of MODULE:
DROP = "        h = functional.dropout(h, 0.2, self.training)\n"
TRAIN = "        model.train()\n"

SPECIMENS = [
    Right(
        "batch_norm_after_tanh",
        "Linear, tanh, batch normalization, dropout; squares of norms in the loss.",
        MODULE,
        [
            ("torch.tanh(self.norm(self.hidden(x)))", "self.norm(torch.tanh(self.hidden(x)))"),
            ("w.pow(2).sum()", "torch.linalg.norm(w) ** 2"),
        ],
    ),
    Right(
        "dropout_before_tanh",
        "Dropout between batch normalization and tanh, a running average of 0.99.",
        SOLUTION,
        [
            (
                f"{NORM}, nn.Dropout(0.2)",
                "nn.BatchNorm1d(16, momentum=0.01), nn.Dropout(p=0.2, inplace=True), nn.Tanh()",
            )
        ],
    ),
    Right(
        "row_vectors",
        "Batch normalization by hand with gamma and beta of shape (1, 16), as in textbooks.",
        BY_HAND,
        [
            ("torch.ones(size)", "torch.ones(1, size)", 2),
            ("torch.zeros(size)", "torch.zeros(1, size)", 2),
            ("x.mean(dim=0)", "x.mean(dim=0, keepdim=True)"),
            ("x.var(dim=0, unbiased=False)", "((x - mean) ** 2).mean(dim=0, keepdim=True)"),
        ],
    ),
    Right(
        "sigmoid_dropout_before",
        "Sigmoid units with dropout before the activation.",
        MODULE,
        [
            ("self.hidden.weight, std=1.0", "self.hidden.weight, std=2.0"),
            ("self.out.weight, std=0.25", "self.out.weight, std=3.0"),
            ("torch.tanh(self.norm(self.hidden(x)))", "self.norm(self.hidden(x))"),
            ("self.out(h)", "self.out(torch.sigmoid(h))"),
        ],
    ),
    Right(
        "running_variance_from_0",
        "Batch normalization by hand behind the tanh, with a running variance that starts at 0.",
        BY_HAND,
        [
            ('"running_var", torch.ones(size)', '"running_var", torch.zeros(size)'),
            (
                "        BatchNorm(16),\n        nn.Tanh(),\n",
                "        nn.Tanh(),\n        BatchNorm(16),\n",
            ),
        ],
    ),
    # --- the loop of train
    Wrong(
        "gradients_not_zeroed",
        "optimizer.zero_grad() is missing.",
        SOLUTION,
        [("            optimizer.zero_grad()\n", "")],
        todo="",
        says="optimizer.zero_grad() is missing",
    ),
    Wrong(
        "gradients_not_zeroed_alone",
        "The same without dropout and batch norm: the weights grow until predictions are 0 or 1.",
        SOLUTION,
        [
            (f"{NORM}, nn.Dropout(0.2)", "nn.Tanh()"),
            ("            optimizer.zero_grad()\n", ""),
        ],
        todo="",
        says="optimizer.zero_grad() is missing",
    ),
    Wrong(
        "learning_rate_ignored",
        "The optimizer has a learning rate of its own.",
        SOLUTION,
        [("lr=learning_rate", "lr=0.05")],
        todo="",
        says="train ignores its learning rate",
    ),
    Wrong(
        "batch_size_ignored",
        "The mini-batches have 20 rows, whatever is asked for.",
        SOLUTION,
        [(".split(batch_size)", ".split(20)")],
        todo="",
        says="train ignores its batch size",
    ),
    Wrong(
        "not_shuffled",
        "The rows are taken in their order.",
        SOLUTION,
        [("torch.randperm(len(inputs), generator=generator)", "torch.arange(len(inputs))")],
        todo="",
        says="the rows are not shuffled",
    ),
    Wrong(
        "loss_summed",
        'reduction="sum" for the loss that is minimized.',
        SOLUTION,
        [
            ("logits, targets[rows])", 'logits, targets[rows], reduction="sum")'),
            ("loss.item() * len(rows)", "loss.item()"),
        ],
        todo="",
        says="of the sum over the mini-batch",
    ),
    Wrong(
        "losses_summed",
        "The losses that are returned are sums over the examples.",
        SOLUTION,
        [("losses.append(total / len(inputs))", "losses.append(total)")],
        todo="",
        says="the losses of all examples are summed",
    ),
    Wrong(
        "predict_of_two_dimensions",
        "predict returns the shape (N, 1).",
        SOLUTION,
        [("[:, 0].numpy()", ".numpy()")],
        todo="",
        says="must have the shape (4,)",
    ),
    # --- dropout
    Wrong(
        "dropout_80_behind_batch_norm",
        "Linear, tanh, batch normalization, and dropout that is given the probability to keep.",
        SOLUTION,
        [(f"{NORM}, nn.Dropout(0.2)", "nn.Tanh(), nn.BatchNorm1d(16), nn.Dropout(0.8)")],
        todo="dropout",
        says="the probability to drop and the probability to keep are swapped",
    ),
    Wrong(
        "dropout_without_gradient",
        "The hidden values are dropped under no_grad: no gradient comes to the first layer.",
        MODULE,
        [(DROP, f"        with torch.no_grad():\n    {DROP}")],
        todo="dropout",
        says="only the mask needs no gradient",
    ),
    Wrong(
        "dropout_in_data",
        "The mask is multiplied into .data, behind the gradient's back.",
        MODULE,
        [
            (
                DROP,
                "        h = h + 0\n"
                "        h.data = functional.dropout(h.data, 0.2, self.training)\n",
            )
        ],
        todo="dropout",
        says="only the mask needs no gradient",
    ),
    Wrong(
        "dropout_alpha",
        "nn.AlphaDropout, which is for SELU: dropped values are not 0.",
        SOLUTION,
        [("nn.Dropout(0.2), output", "nn.AlphaDropout(0.2), output")],
        todo="dropout",
        says="not 0",
    ),
    Wrong(
        "dropout_condition_turned",
        "The condition on training is turned round.",
        BY_HAND,
        [("if not self.training:", "if self.training:")],
        todo="dropout",
        says="turned round",
    ),
    Wrong(
        "dropout_divided_by_rate",
        "What is kept is divided by the rate.",
        BY_HAND,
        [("x * mask / (1 - self.rate)", "x * mask / self.rate")],
        todo="dropout",
        says="divided by rate",
    ),
    Wrong(
        "dropout_eval_between_epochs",
        "A validation pass leaves the model in eval mode from the second epoch on.",
        SOLUTION,
        [
            (NORM, "nn.Tanh()"),
            (
                "        losses.append(total / len(inputs))\n",
                """\
        losses.append(total / len(inputs))
        print("accuracy", ((predict(model, x) > 0.5) == y).mean())
""",
            ),
        ],
        todo="dropout",
        says="train runs the network without dropout",
    ),
    Wrong(
        "dropout_eval_missing",
        "predict never calls model.eval(), so dropout stays active.",
        SOLUTION,
        [(NORM, "nn.Tanh()"), (EVAL, "")],
        todo="dropout",
        says="predict runs the network in training mode",
    ),
    Wrong(
        "dropout_functional_default",
        "functional.dropout with training left at its default, True.",
        MODULE,
        [("0.2, self.training)", "0.2)")],
        todo="dropout",
        says="dropout is still active in inference",
    ),
    Wrong(
        "dropout_gaussian_noise",
        "Gaussian noise instead of a mask of zeros and ones.",
        BY_HAND,
        [
            (
                "mask = (torch.rand_like(x) >= self.rate).float()",
                "deviation = (self.rate / (1 - self.rate)) ** 0.5",
            ),
            ("x * mask / (1 - self.rate)", "x * (1 + deviation * torch.randn_like(x))"),
        ],
        todo="dropout",
        says="noise of another kind",
    ),
    Wrong(
        "dropout_inference_scaled_too",
        "What is kept is divided by 0.8, and inference multiplies by 0.8 as well.",
        BY_HAND,
        [("            return x\n", "            return x * (1 - self.rate)\n")],
        todo="dropout",
        says="in inference multiplied by it too",
    ),
    Wrong(
        "dropout_keep_probability",
        "nn.Dropout is given the probability to keep.",
        SOLUTION,
        [("nn.Dropout(0.2), output", "nn.Dropout(p=0.8), output")],
        todo="dropout",
        says="the probability to drop and the probability to keep are swapped",
    ),
    Wrong(
        "dropout_mask_drawn_once",
        "The mask is drawn once, in __init__, and kept as a buffer.",
        BY_HAND,
        [
            (
                "        self.rate = rate\n",
                """\
        self.rate = rate
        self.register_buffer("mask", (torch.rand(16) >= rate).float())
""",
            ),
            ("        mask = (torch.rand_like(x) >= self.rate).float()\n", ""),
            ("x * mask", "x * self.mask"),
        ],
        todo="dropout",
        says="the mask is drawn once",
    ),
    Wrong(
        "dropout_mask_of_units",
        "One mask of shape (16,) for all examples of the batch.",
        BY_HAND,
        [("torch.rand_like(x)", "torch.rand(x.shape[1])")],
        todo="dropout",
        says="one mask serves all examples",
    ),
    Wrong(
        "dropout_of_weights",
        "The weights of the hidden layer are dropped, not its values (DropConnect).",
        MODULE,
        [
            (
                "        h = torch.tanh(self.norm(self.hidden(x)))\n",
                """\
        weight = functional.dropout(self.hidden.weight, 0.2, self.training)
        h = functional.linear(x, weight, self.hidden.bias)
        h = torch.tanh(self.norm(h))
""",
            ),
            (DROP, ""),
        ],
        todo="dropout",
        says="the weights are dropped",
    ),
    Wrong(
        "dropout_on_inputs",
        "Dropout of the inputs instead of the hidden values.",
        MODULE,
        [
            (DROP, ""),
            (
                "        h = torch.tanh(",
                "        x = functional.dropout(x, 0.2, self.training)\n        h = torch.tanh(",
            ),
        ],
        todo="dropout",
        says="dropout acts on the inputs",
    ),
    Wrong(
        "dropout_on_output",
        "Dropout behind the output layer drops logits.",
        SOLUTION,
        [("nn.Dropout(0.2), output", "output, nn.Dropout(0.2)")],
        todo="dropout",
        says="dropout acts on the output",
    ),
    Wrong(
        "dropout_tanh_before_batch_norm",
        "The order linear, tanh, dropout, batch normalization.",
        MODULE,
        [
            ("torch.tanh(self.norm(self.hidden(x)))", "torch.tanh(self.hidden(x))"),
            ("self.out(h)", "self.out(self.norm(h))"),
        ],
        todo="dropout",
        says="dropout stands before batch norm",
    ),
    Wrong(
        "dropout_train_missing",
        "train never calls model.train(): after a predict it runs without dropout.",
        MODULE,
        [
            ("        self.norm = nn.BatchNorm1d(16)\n", ""),
            ("self.norm(self.hidden(x))", "self.hidden(x)"),
            (TRAIN, ""),
        ],
        todo="dropout",
        says="train does not put the network into training mode",
    ),
    # --- batch norm
    Wrong(
        "batch_norm_after_tanh_detached",
        "Behind the tanh, with mean and variance detached.",
        BY_HAND,
        [
            (
                "        BatchNorm(16),\n        nn.Tanh(),\n",
                "        nn.Tanh(),\n        BatchNorm(16),\n",
            ),
            ("x.mean(dim=0)", "x.detach().mean(dim=0)"),
            ("x.var(dim=0, unbiased=False)", "x.detach().var(dim=0, unbiased=False)"),
        ],
        todo="batch norm",
        says="mean and variance depend on x too",
    ),
    Wrong(
        "batch_norm_beta_drawn",
        "beta is drawn at random.",
        BY_HAND,
        [
            (
                "self.beta = nn.Parameter(torch.zeros(size))",
                "self.beta = nn.Parameter(torch.randn(size))",
            )
        ],
        todo="batch norm",
        says="there is no beta, or it does not start at 0",
    ),
    Wrong(
        "batch_norm_half_kept",
        "momentum=0.5: the running statistics keep a half of their old value.",
        SOLUTION,
        [(NORM, "nn.BatchNorm1d(16, momentum=0.5), nn.Tanh()")],
        todo="batch norm",
        says="forget too fast",
    ),
    Wrong(
        "batch_norm_half_kept_after_tanh",
        "The same behind the tanh.",
        SOLUTION,
        [(NORM, "nn.Tanh(), nn.BatchNorm1d(16, momentum=0.5)")],
        todo="batch norm",
        says="forget too fast",
    ),
    Wrong(
        "batch_norm_frozen",
        "The layer is put into inference mode for good.",
        MODULE,
        [("torch.tanh(self.norm(", "torch.tanh(self.norm.eval()(")],
        todo="batch norm",
        says="it is frozen",
    ),
    Wrong(
        "batch_norm_axis_forgotten",
        "One mean and variance for the whole batch and all units: dim is missing.",
        BY_HAND,
        [
            ("x.mean(dim=0)", "x.mean()"),
            ("x.var(dim=0, unbiased=False)", "x.var(unbiased=False)"),
        ],
        todo="batch norm",
        says="one number for all units",
    ),
    Wrong(
        "batch_norm_eval_between_epochs",
        "A validation pass leaves the model in eval mode from the second epoch on.",
        MODULE,
        [
            (DROP, ""),
            (f"    for _ in range(epochs):\n{TRAIN}", f"{TRAIN[4:]}    for _ in range(epochs):\n"),
            (
                "        losses.append(total / len(inputs))\n",
                """\
        losses.append(total / len(inputs))
        print("accuracy", ((predict(model, x) > 0.5) == y).mean())
""",
            ),
        ],
        todo="batch norm",
        says="train leaves the running statistics as they are",
    ),
    Wrong(
        "batch_norm_eval_missing",
        "predict never calls model.eval(): it normalizes with the batch it is given.",
        SOLUTION,
        [("nn.Dropout(0.2), output", "output"), (EVAL, "")],
        todo="batch norm",
        says="predict runs the network in training mode",
    ),
    Wrong(
        "batch_norm_gamma_not_in_optimizer",
        "The optimizer has the parameters of the two linear layers, not gamma and beta.",
        SOLUTION,
        [(VECTORS, "[model[0].bias, model[-1].bias]")],
        todo="batch norm",
        says="gamma and beta are not trained",
    ),
    Wrong(
        "batch_norm_layer_norm",
        "nn.LayerNorm instead of batch normalization.",
        SOLUTION,
        [(NORM, "nn.LayerNorm(16), nn.Tanh()")],
        todo="batch norm",
        says="layer normalization",
    ),
    Wrong(
        "batch_norm_momentum",
        "momentum=0.9, meant as the part that is kept: for PyTorch it is the weight of the new.",
        SOLUTION,
        [(NORM, "nn.BatchNorm1d(16, momentum=0.9), nn.Tanh()")],
        todo="batch norm",
        says="forget too fast",
    ),
    Wrong(
        "batch_norm_no_running_statistics",
        "track_running_stats=False: inference uses the batch it is given.",
        SOLUTION,
        [(NORM, "nn.BatchNorm1d(16, track_running_stats=False), nn.Tanh()")],
        todo="batch norm",
        says="inference uses the statistics of the batch",
    ),
    Wrong(
        "batch_norm_no_square_root",
        "Division by the variance instead of its square root.",
        BY_HAND,
        [("torch.sqrt(var + self.eps)", "(var + self.eps)")],
        todo="batch norm",
        says="by its square root it must be",
    ),
    Wrong(
        "batch_norm_not_affine",
        "affine=False: there is no gamma and no beta.",
        MODULE,
        [("nn.BatchNorm1d(16)", "nn.BatchNorm1d(16, affine=False)")],
        todo="batch norm",
        says="gamma and beta are not trained",
    ),
    Wrong(
        "batch_norm_running_in_training",
        "Training updates the running statistics and normalizes with them.",
        BY_HAND,
        [
            ("x - mean", "x - self.running_mean"),
            ("torch.sqrt(var + self.eps)", "torch.sqrt(self.running_var + self.eps)"),
        ],
        todo="batch norm",
        says="training uses the running statistics",
    ),
    Wrong(
        "batch_norm_statistics_detached",
        "Mean and variance are computed under no_grad: their part of the gradient is lost.",
        BY_HAND,
        [
            ("x.mean(dim=0)", "x.detach().mean(dim=0)"),
            ("x.var(dim=0, unbiased=False)", "x.detach().var(dim=0, unbiased=False)"),
        ],
        todo="batch norm",
        says="mean and variance depend on x too",
    ),
    Wrong(
        "batch_norm_train_missing",
        "train never calls model.train(): after a predict the running statistics stand still.",
        MODULE,
        [(DROP, ""), (TRAIN, "")],
        todo="batch norm",
        says="train does not put the network into training mode",
    ),
    # --- L2
    Wrong(
        "l2_momentum",
        "SGD with a momentum of 0.9.",
        SOLUTION,
        [("SGD(groups, lr=learning_rate)", "SGD(groups, lr=learning_rate, momentum=0.9)")],
        todo="l2",
        says="the optimizer has momentum, 0.9",
    ),
    Wrong(
        "l2_rmsprop",
        "RMSprop instead of plain gradient descent.",
        SOLUTION,
        [("SGD(groups, lr=learning_rate)", "RMSprop(groups, lr=learning_rate / 10)")],
        todo="l2",
        says="an optimizer like Adam or RMSprop",
    ),
    Wrong(
        "l2_of_the_first_weights",
        "The weights in the penalty's gradient are those at the start of train.",
        BY_HAND,
        [
            (
                "    model.train()\n",
                "    first = {id(p): p.detach().clone() for p in model.parameters()}\n"
                "    model.train()\n",
            ),
            ("p.grad + 0.01 * p if", "p.grad + 0.01 * first[id(p)] if"),
        ],
        todo="l2",
        says="the weights are read once",
    ),
    Wrong(
        "l2_adam",
        "Adam with weight_decay instead of plain gradient descent.",
        SOLUTION,
        [("torch.optim.SGD(", "torch.optim.Adam(")],
        todo="l2",
        says="an optimizer like Adam",
    ),
    Wrong(
        "l2_adamw",
        "AdamW instead of plain gradient descent.",
        SOLUTION,
        [("torch.optim.SGD(", "torch.optim.AdamW(")],
        todo="l2",
        says="an optimizer like Adam",
    ),
    Wrong(
        "l2_gamma_called_weight",
        "The groups go by the name 'weight', which gamma has too.",
        SOLUTION,
        [
            (MATRICES, "[p for name, p in model.named_parameters() if 'weight' in name]"),
            (VECTORS, "[p for name, p in model.named_parameters() if 'weight' not in name]"),
        ],
        todo="l2",
        says="gamma, beta or the hidden bias are penalized",
    ),
    Wrong(
        "l2_half_weight_decay",
        "weight_decay=0.01 / 2: PyTorch's has no one-half.",
        SOLUTION,
        [('"weight_decay": 0.01}', '"weight_decay": 0.01 / 2}')],
        todo="l2",
        says="the one-half counts twice",
    ),
    Wrong(
        "l2_l1",
        "L1, the sum of absolute values.",
        MODULE,
        [("w.pow(2).sum()", "w.abs().sum()")],
        todo="l2",
        says="that is L1",
    ),
    Wrong(
        "l2_learning_rate_twice",
        "The learning rate is in weight_decay already, and SGD multiplies by it again.",
        SOLUTION,
        [('"weight_decay": 0.01}', '"weight_decay": 0.01 * learning_rate}')],
        todo="l2",
        says="multiplied by the learning rate twice",
    ),
    Wrong(
        "l2_mean_of_squares",
        "The mean of the squares instead of their sum.",
        MODULE,
        [("w.pow(2).sum()", "w.pow(2).mean()")],
        todo="l2",
        says="the mean of the squares",
    ),
    Wrong(
        "l2_no_half",
        "The penalty 0.01 * sum(w**2), without the one-half.",
        MODULE,
        [("0.01 / 2 * sum", "0.01 * sum")],
        todo="l2",
        says="without the one-half",
    ),
    Wrong(
        "l2_only_reported",
        "The penalty is added to the loss that is reported, not to the one that is minimized.",
        MODULE,
        [
            (" + l2_penalty(model)", ""),
            ("loss.item()", "(loss + l2_penalty(model)).item()"),
        ],
        todo="l2",
        says="the loss has the penalty, but the gradients do not",
    ),
    Wrong(
        "l2_penalty_detached",
        "The penalty is computed from .data and has no gradient.",
        MODULE,
        [("w.pow(2)", "w.data.pow(2)")],
        todo="l2",
        says="the loss has the penalty, but the gradients do not",
    ),
    Wrong(
        "l2_sign",
        "The sign of the decay is wrong: the weights grow.",
        BY_HAND,
        [("p.grad + 0.01 * p", "p.grad - 0.01 * p")],
        todo="l2",
        says="the weights grow",
    ),
    Wrong(
        "l2_small_weight_decay",
        "weight_decay=1e-4, as in many examples, instead of 0.01.",
        SOLUTION,
        [('"weight_decay": 0.01}', '"weight_decay": 1e-4}')],
        todo="l2",
        says="0.01x what",
    ),
    Wrong(
        "l2_weight_decay_for_all",
        "weight_decay for all parameters: biases, gamma and beta decay too.",
        SOLUTION,
        [('"weight_decay": 0.0}', '"weight_decay": 0.01}')],
        todo="l2",
        says="for all parameters",
    ),
]
