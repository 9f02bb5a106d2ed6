"""Dropout from scratch: the solution, changed."""

from parity_tests.exercise_files.specimens import Right, Wrong

SOLUTION = "exercises/dropout/solutions/dropout_scratch.py"

DRAW = "rng.random(shape) >= rate"
STANDARD = "x * mask if training else x * (1 - rate)"
STANDARD_BACKWARD = "grad * mask if training else grad * (1 - rate)"
INVERTED = "x * mask / (1 - rate) if training else x\n"
INVERTED_BACKWARD = "grad * mask / (1 - rate) if training else grad\n"

SPECIMENS = [
    Right(
        "backward_by_forward",
        "The map is linear and diagonal, so backward is forward of the gradient.",
        SOLUTION,
        [
            (STANDARD_BACKWARD, "standard_dropout(grad, rate, mask, training=training)"),
            (INVERTED_BACKWARD, "inverted_dropout(grad, rate, mask, training=training)\n"),
        ],
    ),
    Right(
        "with_where",
        "The mask chooses between the value and 0.",
        SOLUTION,
        [
            (STANDARD, "np.where(mask, x, 0).astype(x.dtype) if training else x * (1 - rate)"),
            (INVERTED, "np.where(mask, x / (1 - rate), 0).astype(x.dtype) if training else x\n"),
        ],
    ),
    # --- draw_mask
    Wrong(
        "keep_and_drop_swapped",
        "The mask is True with probability rate.",
        SOLUTION,
        [(DRAW, "rng.random(shape) < rate")],
        todo="draw_mask",
        says="Keep and drop probability are swapped",
    ),
    Wrong(
        "rate_not_used",
        "The mask keeps half, whatever the rate.",
        SOLUTION,
        [(DRAW, "rng.random(shape) >= 0.5")],
        todo="draw_mask",
        says="The rate is not used",
    ),
    Wrong(
        "mask_of_features_only",
        "One mask of shape (features,) for all rows.",
        SOLUTION,
        [(DRAW, "rng.random(shape[-1]) >= rate")],
        todo="draw_mask",
        says="mask of shape (features,)",
    ),
    Wrong(
        "own_generator",
        "The mask comes from a new generator of a fixed seed.",
        SOLUTION,
        [(DRAW, "np.random.default_rng(0).random(shape) >= rate")],
        todo="draw_mask",
        says="fixed seed is made at every call",
    ),
    Wrong(
        "fixed_number_dropped",
        "Exactly rate times the number of elements are dropped.",
        SOLUTION,
        [(DRAW, "(rng.permutation(n := int(np.prod(shape))) >= round(rate * n)).reshape(shape)")],
        todo="draw_mask",
        says="fixed number of elements is chosen",
    ),
    # --- standard_dropout
    Wrong(
        "standard_not_rescaled",
        "The standard form does nothing in inference.",
        SOLUTION,
        [(STANDARD, "x * mask if training else x")],
        todo="standard_dropout",
        says="There is no rescaling",
    ),
    Wrong(
        "training_and_inference_swapped",
        "The two modes have each other's equation.",
        SOLUTION,
        [(STANDARD, "x * (1 - rate) if training else x * mask")],
        todo="standard_dropout",
        says="Training and inference are swapped",
    ),
    Wrong(
        "mask_means_drop",
        "The mask is read as True = drop.",
        SOLUTION,
        [(STANDARD, "np.where(mask, 0, x) if training else x * (1 - rate)")],
        todo="standard_dropout",
        says="True in the mask means keep",
    ),
    Wrong(
        "x_changed_in_place",
        "Dropped elements of x itself are set to zero.",
        SOLUTION,
        [
            (
                f"    return {STANDARD}",
                """\
    if training:
        x[~mask] = 0
        return x
    return x * (1 - rate)""",
            )
        ],
        todo="standard_dropout",
        says="changed in place",
    ),
    Wrong(
        "mask_changed_in_place",
        "The mask itself is inverted.",
        SOLUTION,
        [
            (
                f"    return {STANDARD}",
                """\
    if not training:
        return x * (1 - rate)
    np.logical_not(mask, out=mask)
    y = x.copy()
    y[mask] = 0
    return y""",
            )
        ],
        todo="standard_dropout",
        says="mask is changed in place",
    ),
    # --- standard_dropout_backward
    Wrong(
        "mask_forgotten_in_backward",
        "Backward lets the gradient through everywhere.",
        SOLUTION,
        [(STANDARD_BACKWARD, "grad if training else grad * (1 - rate)")],
        todo="standard_dropout_backward",
        says="The mask is forgotten in backward",
    ),
    Wrong(
        "new_mask_in_backward",
        "Backward draws a mask of its own.",
        SOLUTION,
        [
            (
                f"    return {STANDARD_BACKWARD}",
                """\
    new = draw_mask(np.random.default_rng(), grad.shape, rate)
    return grad * new if training else grad * (1 - rate)""",
            )
        ],
        todo="standard_dropout_backward",
        says="A new mask is drawn in backward",
    ),
    Wrong(
        "upstream_forgotten",
        "Backward returns the derivative without the upstream gradient.",
        SOLUTION,
        [
            (
                f"    return {STANDARD_BACKWARD}",
                """\
    local = mask * 1.0 if training else np.full(grad.shape, 1 - rate)
    return local.astype(grad.dtype)""",
            )
        ],
        todo="standard_dropout_backward",
        says="The upstream gradient is not used",
    ),
    Wrong(
        "standard_backward_swapped",
        "Training and inference change places in backward.",
        SOLUTION,
        [(STANDARD_BACKWARD, "grad * (1 - rate) if training else grad * mask")],
        todo="standard_dropout_backward",
        says="Training and inference are swapped",
    ),
    Wrong(
        "standard_backward_unscaled",
        "The scale of inference is forgotten in backward.",
        SOLUTION,
        [(STANDARD_BACKWARD, "grad * mask if training else grad * 1")],
        todo="standard_dropout_backward",
        says="The scale is forgotten in backward",
    ),
    # --- inverted_dropout
    Wrong(
        "no_rescaling",
        "The inverted form does not rescale in training.",
        SOLUTION,
        [(INVERTED, "x * mask if training else x\n")],
        todo="inverted_dropout",
        says="There is no rescaling",
    ),
    Wrong(
        "divided_by_rate",
        "Training divides by rate instead of 1 - rate.",
        SOLUTION,
        [(INVERTED, "x * mask / max(rate, 1e-12) if training else x\n")],
        todo="inverted_dropout",
        says="Keep and drop probability are swapped",
    ),
    Wrong(
        "multiplied_instead_of_divided",
        "Training multiplies by 1 - rate.",
        SOLUTION,
        [(INVERTED, "x * mask * (1 - rate) if training else x\n")],
        todo="inverted_dropout",
        says="Multiplied by (1 - rate) instead of divided",
    ),
    Wrong(
        "scaled_in_training_and_inference",
        "Inference scales as well.",
        SOLUTION,
        [(INVERTED, "x * mask / (1 - rate) if training else x * (1 - rate)\n")],
        todo="inverted_dropout",
        says="Scaled in training and in inference",
    ),
    Wrong(
        "active_in_inference",
        "The training flag is ignored: dropout is active in inference.",
        SOLUTION,
        [(INVERTED, "x * mask / (1 - rate)\n")],
        todo="inverted_dropout",
        says="still active in inference",
    ),
    Wrong(
        "float64_out",
        "The mask is converted to float64, and y with it.",
        SOLUTION,
        [(INVERTED, "x * mask.astype(np.float64) / (1 - rate) if training else x\n")],
        todo="inverted_dropout",
        says="A float64 array takes part",
    ),
    Wrong(
        "no_return",
        "The function computes y and does not return it.",
        SOLUTION,
        [(f"return {INVERTED}", f"y = {INVERTED}")],
        todo="inverted_dropout",
        says="A return is missing",
    ),
    Wrong(
        "crash",
        "An index is out of range.",
        SOLUTION,
        [(INVERTED, "x * mask / (1 - rate) / [1.0][training] if training else x\n")],
        todo="inverted_dropout",
        says="raises IndexError",
    ),
    # --- inverted_dropout_backward
    Wrong(
        "scale_forgotten_in_backward",
        "Inverted backward only masks.",
        SOLUTION,
        [(INVERTED_BACKWARD, "grad * mask if training else grad\n")],
        todo="inverted_dropout_backward",
        says="The scale is forgotten in backward",
    ),
    Wrong(
        "backward_scales_twice",
        "Inverted backward divides twice.",
        SOLUTION,
        [(INVERTED_BACKWARD, "grad * mask / (1 - rate) ** 2 if training else grad\n")],
        todo="inverted_dropout_backward",
        says="Scaled twice in backward",
    ),
    Wrong(
        "backward_active_in_inference",
        "Backward ignores the training flag.",
        SOLUTION,
        [(INVERTED_BACKWARD, "grad * mask / (1 - rate)\n")],
        todo="inverted_dropout_backward",
        says="still active in inference in backward",
    ),
    Wrong(
        "inverted_backward_multiplied",
        "Inverted backward multiplies by what it should divide by.",
        SOLUTION,
        [(INVERTED_BACKWARD, "grad * mask * (1 - rate) if training else grad\n")],
        todo="inverted_dropout_backward",
        says="Multiplied by (1 - rate) in backward",
    ),
    Wrong(
        "inverted_backward_of_the_dropped",
        "The gradient goes where the activation was dropped.",
        SOLUTION,
        [(INVERTED_BACKWARD, "grad * ~mask / (1 - rate) if training else grad\n")],
        todo="inverted_dropout_backward",
        says="Keep and drop are swapped",
    ),
]
