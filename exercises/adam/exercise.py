"""Adam and AdamW from scratch: the exercise and its hints."""

from triptych.exercises.findings import Exercise, Hint, Todo
from triptych.exercises.hints import FORM

__all__ = ["EXERCISE"]

CORRECTION = (
    Hint(
        r"power|step \+ 1|multiplied by step",
        "At beta 0.5, which part of the moment is made of gradients after one step, and after two?",
        "1/2 and 3/4: what is left of the start at 0 is beta^step, step counted from 1.",
        "Python writes a power with **, and it binds more tightly than the minus before it.",
    ),
    Hint(
        "",
        "After one step from m = 0, what is m, and by what must it be divided to give g?",
        "m = (1 - beta) * g after one step; after more of them the part is 1 - beta^step.",
        "Divide the moment by 1 minus beta to the power step.",
    ),
)
STEP = (
    Hint(
        r"root|epsilon|square|place of m_hat",
        "What is v a moving average of, and what is its root like?",
        "v is made of squares, so that sqrt(v_hat) is as large as a gradient. epsilon is added to "
        "that root.",
        "The step is learning_rate times m_hat, divided by the sum of np.sqrt(v_hat) and epsilon.",
    ),
    Hint(
        r"corrected|correction|power",
        "How long is the first step, from m = v = 0, and on what does it depend?",
        "It is learning_rate long because both moments are corrected, each with its own beta. What "
        "is kept for the next step are the moments themselves, uncorrected.",
        "Call bias_corrected for the new m with the first beta, for the new v with the second; "
        "return the new m and v.",
    ),
    Hint(
        r"swapped|wrong order|before the step\.|goes up",
        "What is left of the old m after one step, at betas of 0.9 and 0.999?",
        "The first beta belongs to m, the second to v, and each is the weight of the old moment. "
        "The step is subtracted from w.",
        "beta times the old moment, plus 1 - beta times g (or its square); return w, m, v in this "
        "order, all new.",
    ),
)
ADAM = (
    Hint(
        r"decay",
        "What is the gradient of decay / 2 * sum(w^2), and where does it go?",
        "It is decay * w. With L2 it is part of the gradient before anything else is done with it.",
        "Let g be grad plus decay * w, and write g wherever m and v have a gradient.",
    ),
    *STEP,
    Hint(
        "",
        "In which order do g, m, v, m_hat, v_hat and w come about?",
        "Just so: one line for each, from the equations at the top. The corrections use the new m "
        "and v.",
        "g from grad, decay and w; new m and v; bias_corrected of both; w minus the step. Return "
        "the new w, m and v.",
    ),
)
ADAMW = (
    Hint(
        r"decay",
        "With a gradient of zeros and m = v = 0, what is left of w after one step?",
        "w - learning_rate * decay * w: the decay stands beside Adam's step, and grad, m and v "
        "know nothing of it.",
        "Subtract two things from the old w: Adam's step, from grad alone, and learning_rate * "
        "decay * w. If w is made smaller first, the same comes out.",
    ),
    *STEP,
    Hint(
        "",
        "What of Adam's step changes when the decay is taken out of the gradient?",
        "m, v and the step are those of Adam with decay 0. Besides, w loses a part of itself.",
        "The lines of adam_step with g = grad, and from w also subtract learning_rate * decay * w, "
        "with the w that was given.",
    ),
)

EXERCISE = Exercise(
    name="adam",
    title="Adam and AdamW from scratch",
    summary="Correct moments for their start at 0; decay weights in the gradient, or beside it.",
    todos=(
        Todo(
            "bias_corrected",
            "the correction of a moment",
            (*FORM, *CORRECTION),
            "Both moments start at 0. Uncorrected, with betas of 0.9 and 0.999, the first step "
            "would be 3.2 times as long as it should be, the tenth 6.5 times, the thousandth 1.26 "
            "times.",
        ),
        Todo(
            "adam_step",
            "Adam with L2",
            (*FORM, *ADAM),
            "A weight moves by about the learning rate, be its gradients around 1 or 0.001. And "
            "so L2 is divided by their size too: 100 times larger gradients, 100 times less "
            "decay.",
        ),
        Todo(
            "adamw_step",
            "AdamW",
            (*FORM, *ADAMW),
            "Every weight loses the same part of itself, whatever its gradients: with a rate of "
            "0.001 and a decay of 0.01, half of it in 69,000 steps.",
        ),
    ),
)
