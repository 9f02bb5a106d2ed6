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
    # --- dropout
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
