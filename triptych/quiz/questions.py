"""The questions, chapter by chapter."""

from dataclasses import dataclass

__all__ = ["CHAPTERS", "QUESTIONS", "Question"]

CHAPTERS = {
    "generalization": "Bias, variance and overfitting",
    "dropout": "Dropout",
    "normalization": "Batch normalization",
    "penalties": "Penalties and constraints",
    "descent": "Steering the descent",
    "targets": "Labels and teachers",
    "augmentation": "Augmentation",
}


@dataclass(frozen=True)
class Question:
    """``right`` is the index of the right choice, ``technique`` what to read about it.

    ``number`` names the function of ``triptych.quiz.numbers`` that settles it, if one does.
    """

    name: str
    chapter: str
    technique: str
    question: str
    choices: tuple[str, ...]
    right: int
    explanation: str
    source: str
    number: str | None = None


QUESTIONS = (
    Question(
        name="overfitting",
        chapter="generalization",
        technique="early_stopping",
        question="A network is right on 99.8 % of its training images and on 72 % of its "
        "validation images. What is it?",
        choices=(
            "It overfits: its variance is too high",
            "It underfits: its bias is too high",
            "It has diverged: its learning rate is too high",
            "It fits well: validation is always lower",
        ),
        right=0,
        explanation="It knows the training images by heart and fails on others: the gap of 28 "
        "points is mostly variance, and regularization, augmentation or more data are the "
        "remedies. A network that underfits would be poor on the training images too. One that "
        "has diverged would have learned nothing. Validation is a little lower in most good runs, "
        "but not by 28 points; check that both sets come from the same source.",
        source="Geman, Bienenstock and Doursat, Neural Computation 4, 1992",
        number="verdict_overfitting",
    ),
    Question(
        name="underfitting",
        chapter="generalization",
        technique="penalties",
        question="With dropout at 0.5 and strong L2, a network is right on 70 % of its training "
        "images and on 69 % of its validation images. What do you try first?",
        choices=(
            "More dropout",
            "More augmentation",
            "Early stopping with less patience",
            "Less regularization",
        ),
        right=3,
        explanation="There is no gap to close: the network does not even learn what it is shown, "
        "which is bias. So it needs more freedom: less dropout, weaker penalties, more units, "
        "more epochs. More dropout and more augmentation make its task harder still. Stopping "
        "earlier takes away epochs that it needs.",
        source="Geman, Bienenstock and Doursat, Neural Computation 4, 1992",
        number="verdict_underfitting",
    ),
    Question(
        name="bias-and-variance",
        chapter="generalization",
        technique="penalties",
        question="You make the strength of L2 ten times as large. What do bias and variance do?",
        choices=(
            "Bias goes up, variance down",
            "Bias goes down, variance up",
            "Both go down: it is better in every way",
            "Both go up",
        ),
        right=0,
        explanation="Weights that are pulled to 0 depend less on the sample that was drawn, which "
        "is less variance, and miss the truth by more, which is more bias. In the example below "
        "the error is 0.25 without a penalty, 0.20 at a good strength and 0.53 at ten times as "
        "much. It is the other way round when a penalty is weakened. Both cannot fall for long: a "
        "regularizer trades one for the other, and validation finds where the sum is least.",
        source="Hoerl and Kennard, Technometrics 12, 1970",
        number="bias_and_variance",
    ),
    Question(
        name="which-lowers-bias",
        chapter="generalization",
        technique="residual",
        question="Which of these mainly lowers the bias, not the variance?",
        choices=(
            "Dropout in the last layers",
            "Twice as many layers, with shortcuts",
            "Random flips and crops",
            "Early stopping",
            "An average of five networks",
        ),
        right=1,
        explanation="A deeper network that can be trained represents more functions: that is less "
        "bias, and often more variance. Dropout and early stopping hold a network back: less "
        "variance for a little bias. Flips and crops stand in for more data, which is less "
        "variance too. An average of networks has the bias of one of them and less variance.",
        source="He, Zhang, Ren and Sun, CVPR 2016",
    ),
    Question(
        name="bias-or-variance",
        chapter="generalization",
        technique="averaging",
        question="Which line on bias and variance is right?",
        choices=(
            "Label smoothing: bias down, variance up",
            "Less patience in early stopping: bias down, variance up",
            "Stronger augmentation: bias up a little, variance down",
            "An average of five networks: bias down, variance as before",
        ),
        right=2,
        explanation="Nearly all of regularization is one trade, less variance for some bias: "
        "dropout, L1, L2, max-norm, augmentation, mixup, label smoothing, and stopping earlier. "
        "So label smoothing and less patience move both the other way round. An average keeps the "
        "bias and lowers the variance, from 0.25 to 0.05 for five independent ones. Batch norm is "
        "for training first; the noise of its batches lowers the variance a little.",
        source="Hastie, Tibshirani and Friedman, The elements of statistical learning, 2009",
        number="average_of_five",
    ),
    Question(
        name="dropout-at-inference",
        chapter="dropout",
        technique="dropout",
        question="Why is dropout turned off at inference?",
        choices=(
            "The weights could go on changing otherwise",
            "It would make inference much slower",
            "Predictions would be random",
            "It needs labels, and there are none",
        ),
        right=2,
        explanation="Each mask is another network: with dropout on, the same input gives another "
        "answer each time. With all units on, and scaled, one pass stands for the average of "
        "those networks. Weights change by gradients alone, and inference has none. A mask costs "
        "next to nothing, and it is drawn without labels.",
        source="Srivastava et al., JMLR 15, 2014",
        number="dropout_draws",
    ),
    Question(
        name="inverted-dropout",
        chapter="dropout",
        technique="dropout",
        question="Inverted dropout divides by 1 - p in training. Why?",
        choices=(
            "The gradients would vanish otherwise",
            "The mean stays what it is at inference",
            "More units survive than without the division",
            "The weights stay below 1 that way",
        ),
        right=1,
        explanation="Dropping a share p makes the mean 1 - p times as large; the division puts it "
        "back to 1.00 in training, so inference is the network as it is. The original form leaves "
        "training at 0.70 for p = 0.3 and multiplies by 0.7 at inference: the same in "
        "expectation, but whoever deploys the network has to know p. The scale does not change "
        "which units survive. It is no cure for vanishing gradients, and no bound on weights.",
        source="Srivastava et al., JMLR 15, 2014, section 10",
        number="inverted_dropout",
    ),
    Question(
        name="dropout-without-scaling",
        chapter="dropout",
        technique="dropout",
        question="You wrote dropout that drops a share of 0.3 and scales nothing, neither in "
        "training nor at inference. What happens at inference?",
        choices=(
            "The next layer gets 1.43 times as much",
            "The next layer gets 0.7 times as much",
            "Nothing: the mean is that of training",
            "The next layer gets 3.33 times as much",
        ),
        right=0,
        explanation="In training 0.7 of the units are on, at inference all: 1 / 0.7 = 1.43 times "
        "as much arrives as the next layer has learned to expect. It is not 0.7, for it is "
        "training that has less. It would be 1 / 0.3 = 3.33 if 0.3 were the share that is kept. "
        "The mean is the same only with one of the two scalings.",
        source="Srivastava et al., JMLR 15, 2014",
        number="dropout_without_scaling",
    ),
    Question(
        name="keep-or-drop",
        chapter="dropout",
        technique="dropout",
        question="The paper of 2014 has p = 0.8 for the inputs. Which rate do you give "
        "torch.nn.Dropout or keras.layers.Dropout?",
        choices=("0.8", "0.5", "0.2", "1.25"),
        right=2,
        explanation="In the paper p is the probability to keep, in both frameworks the argument "
        "is the probability to drop: 1 - 0.8 = 0.2. With 0.8 only 20 % of the inputs would be "
        "left, not 80 %. 1.25 is the factor 1 / 0.8 by which what is kept is scaled. 0.5 is the "
        "paper's value for hidden units, where keep and drop happen to be alike.",
        source="Srivastava et al., JMLR 15, 2014",
        number="keep_or_drop",
    ),
    Question(
        name="ensemble",
        chapter="dropout",
        technique="dropout",
        question="Dropout trains an ensemble of networks that share their weights. How many "
        "networks do 100 units that can be dropped make?",
        choices=("100", "200", "100**2", "2**100", "100!"),
        right=3,
        explanation="Each unit is on or off, independently of the others: 2 * 2 * ... * 2 = "
        "2**100, some 1.3e+30. 100 would be one unit dropped at a time, 200 counts states, not "
        "their combinations. 100**2 counts pairs and 100! orders, but a mask has no order. Nearly "
        "all of those networks are never trained; they work because they share their weights.",
        source="Srivastava et al., JMLR 15, 2014",
        number="networks",
    ),
    Question(
        name="which-average",
        chapter="dropout",
        technique="dropout",
        question="For a softmax layer behind dropout at 0.5, one pass of inference is an average "
        "over all masks. Exactly which?",
        choices=(
            "The arithmetic mean of the probabilities",
            "The median of the probabilities",
            "The class for which most networks vote",
            "Their geometric mean, normalized",
        ),
        right=3,
        explanation="Scaled inputs give the mean of the logits, and the softmax of a mean of "
        "logits is the normalized geometric mean of the probabilities. The arithmetic mean is "
        "what averaging many passes gives, and it is another number. Neither votes nor medians "
        "come out of a linear layer. With hidden layers that are not linear, one pass only "
        "approximates the average.",
        source="Baldi and Sadowski, NIPS 2013",
        number="geometric_mean",
    ),
    Question(
        name="monte-carlo",
        chapter="dropout",
        technique="uncertainty",
        question="Fifty passes with dropout on disagree about an input. Which uncertainty does "
        "that disagreement measure?",
        choices=(
            "Aleatoric: noise in the data, which no amount of further data would remove",
            "Numerical: rounding in float32",
            "Epistemic: what the model has not learned, and more data would teach",
            "None: the passes differ by chance",
        ),
        right=2,
        explanation="Masks are samples of the model; where they disagree, the data have not "
        "settled the weights, as Gal and Ghahramani read it. Mutual information measures that: "
        "0.69 where two passes are sure of opposite classes, 0.00 where both say 50 : 50. The "
        "latter is aleatoric doubt; predictive entropy holds both kinds. Rounding is smaller by "
        "orders of magnitude. Chance draws the masks; how far they move the prediction is the "
        "measure.",
        source="Gal and Ghahramani, ICML 2016; Houlsby et al., 2011",
        number="two_kinds_of_doubt",
    ),
    Question(
        name="covariate-shift",
        chapter="normalization",
        technique="batch_norm",
        question="The paper of 2015 says that batch norm helps by reducing internal covariate "
        "shift. What does later work say?",
        choices=(
            "It was confirmed: where there is no such shift, batch norm does nothing",
            "It helps even where the shift is larger: the loss is smoother",
            "Batch norm does not help at all",
            "It helps because it adds parameters",
        ),
        right=1,
        explanation="Internal covariate shift is the change of a layer's inputs while the layers "
        "before it learn. Santurkar et al. added noise after batch norm, so that the shift became "
        "larger, and training was nearly as fast as before; what they measured was a smoother "
        "loss, with gradients that hold over longer steps. So the shift can hardly be the reason, "
        "and yet batch norm helps: it allows higher rates and faster training. Its two parameters "
        "for each feature add hardly anything, and without them it helps too.",
        source="Ioffe and Szegedy, ICML 2015; Santurkar et al., NeurIPS 2018",
    ),
    Question(
        name="batch-of-one",
        chapter="normalization",
        technique="batch_norm",
        question="What do the equations of batch norm, behind a dense layer, make of a batch of "
        "one example in training?",
        choices=(
            "The example as it is",
            "The example, divided by its norm",
            "The same as at inference",
            "beta, whatever the example",
        ),
        right=3,
        explanation="The mean of one value is that value, so x - mean is 0 and beta is left. "
        "Keras computes just that, while PyTorch and this project refuse fewer than 2 values. "
        "Nothing is divided by the norm of the example, and running statistics are for inference "
        "only. Small batches take layer or group norm; behind a convolution the pixels count as "
        "values, so that even one image has a variance.",
        source="Ioffe and Szegedy, ICML 2015; Wu and He, ECCV 2018",
        number="batch_of_one",
    ),
    Question(
        name="depends-on-the-batch",
        chapter="normalization",
        technique="batch_norm",
        question="A deployed network gives the same image different classes, depending on the "
        "other images in its batch. What was most likely forgotten?",
        choices=(
            "To switch to inference mode",
            "To fix the random seed",
            "To shuffle the images",
            "To scale the images to [0, 1] as in training",
        ),
        right=0,
        explanation="In training mode batch norm uses the mean and variance of the batch, so each "
        "example depends on the others: an input of 1 becomes 0.00 in one batch and -1.22 in "
        "another. At inference it uses running statistics, which are the same for all. A seed "
        "fixes what is drawn, but this depends on the batch even where nothing is drawn. "
        "Shuffling only decides which images share a batch, and a wrong scale would be wrong in "
        "each.",
        source="Ioffe and Szegedy, ICML 2015",
        number="depends_on_the_batch",
    ),
    Question(
        name="scale-of-weights",
        chapter="normalization",
        technique="batch_norm",
        question="You multiply all weights of a layer in front of batch norm by 10. What does the "
        "output of batch norm do, in training?",
        choices=(
            "It becomes 10 times as large",
            "It becomes 100 times as large",
            "It stays the same",
            "It becomes 10 times smaller",
        ),
        right=2,
        explanation="Mean and standard deviation grow by 10 as well and cancel the factor, up to "
        "rounding and epsilon. So neither 10 nor 100 times is left, nor a tenth. It follows that "
        "L2 on these weights does not make the function simpler. It keeps them small, and the "
        "smaller they are, the larger a step is for them: it acts on the effective learning rate.",
        source="van Laarhoven, arXiv 1706.05350, 2017",
        number="scale_of_weights",
    ),
    Question(
        name="dropout-and-batch-norm",
        chapter="normalization",
        technique="batch_norm",
        question="Where does dropout belong in a network with batch norm?",
        choices=(
            "Directly before batch norm, which normalizes its noise away",
            "Behind the last batch norm: no statistics see its masks",
            "It makes no difference",
            "Both must stand in the same block, in any order",
        ),
        right=1,
        explanation="Dropout changes the variance: behind a rate of 0.5, batch norm meets 2.01 in "
        "training but 1.00 at inference, while its running variance remembers the former. Its "
        "output is then too small at inference, 0.71 in place of 1. Noise is not normalized away: "
        "only its scale is, and with it that of the signal. So the order makes a difference, and "
        "so does the block; behind the last batch norm there is no statistic left to spoil.",
        source="Li, Chen, Hu and Yang, CVPR 2019",
        number="variance_shift",
    ),
    Question(
        name="l1-or-l2",
        chapter="penalties",
        technique="penalties",
        question="Which penalty gives weights of exactly 0, and why?",
        choices=(
            "L2: its gradient is larger than that of L1",
            "Both, if they are strong enough",
            "Neither: weights are floating point",
            "L1: its pull does not fade near 0",
        ),
        right=3,
        explanation="L1 pulls with the same force however small the weight is; its proximal step "
        "subtracts a threshold and stops at 0, so 0.05 becomes 0. L2 pulls in proportion to the "
        "weight: its step divides, 0.05 becomes 0.045, and a weight that is not 0 stays so at any "
        "strength. Its gradient is larger only for large weights. Floating point has an exact 0.",
        source="Tibshirani, JRSS B 58, 1996; Parikh and Boyd, 2014",
        number="proximal_steps",
    ),
    Question(
        name="l1-by-gradient",
        chapter="penalties",
        technique="penalties",
        question="You add the gradient of L1 to that of the loss and train with plain gradient "
        "descent. Are weights exactly 0 at the end?",
        choices=(
            "No, they move back and forth around 0",
            "Yes, all those that the loss does not need",
            "Yes, all of them",
            "No, L1 makes them larger",
        ),
        right=0,
        explanation="The gradient of L1 has the same size on both sides of 0, so that a step "
        "jumps over it: in the example |w| stays at 0.005. The proximal step stops at 0, which is "
        "why solvers of the lasso use it. So unneeded weights are small, but not 0; needed ones "
        "are held up by the loss. L1 never pushes away from 0 but by such a jump.",
        source="Parikh and Boyd, Foundations and Trends in Optimization 1, 2014",
        number="subgradient",
    ),
    Question(
        name="strength-too-large",
        chapter="penalties",
        technique="penalties",
        question="How does a much too large lambda of L2 show?",
        choices=(
            "Both losses high, and close together",
            "Training loss low, validation loss high",
            "The loss becomes NaN at once",
            "Training loss high, validation loss low",
        ),
        right=0,
        explanation="The penalty outweighs the data and weights shrink to almost 0: the network "
        "says nearly the same of every input, in training and validation alike, so it underfits. "
        "For y = 2 x the best slope is 1.98 at a lambda of 0.01, and 0.02 at 100. A low training "
        "loss with a high validation loss is overfitting, a lambda too small. NaN comes of steps "
        "that are too large, and validation cannot be good where nothing was learned.",
        source="Hoerl and Kennard, Technometrics 12, 1970",
        number="strength_too_large",
    ),
    Question(
        name="adam-or-adamw",
        chapter="penalties",
        technique="optimizers",
        question="Why is L2 in Adam not the same as the weight decay of AdamW?",
        choices=(
            "AdamW decays biases and scales as well as weights",
            "Adam has no learning rate",
            "Adam scales L2 as it does the gradients",
            "AdamW uses L1",
        ),
        right=2,
        explanation="L2 is part of the gradient, and Adam divides that by its running size: "
        "weights with large gradients are hardly decayed, others strongly. Ten steps pull by "
        "0.001 where gradients are 10, and by 0.115 where they are 0.001. AdamW takes the decay "
        "off the weight beside Adam's step, 0.010 from both. What is decayed is chosen apart from "
        "that, both have a learning rate, and in neither is there L1; for plain SGD the two are "
        "the same.",
        source="Loshchilov and Hutter, ICLR 2019",
        number="adam_and_adamw",
    ),
    Question(
        name="max-norm",
        chapter="penalties",
        technique="weight_constraints",
        question="What does a max-norm constraint of 3 do to the weights that lead to a unit?",
        choices=(
            "It clips each weight to [-3, 3]",
            "It scales them to norm 3 if they are longer",
            "It makes them a little smaller in each step, as L2 does",
            "It scales them to norm 3 in any case",
        ),
        right=1,
        explanation="After a step, weights longer than 3 are put back on the ball of radius 3, in "
        "their own direction: (3, 4) becomes (1.8, 2.4). Shorter ones stay as they are: it does "
        "not always scale, and it is no steady pull as L2 is. Clipping each weight would turn "
        "their direction. It goes well with dropout and high learning rates: weights cannot blow "
        "up.",
        source="Srivastava et al., JMLR 15, 2014, section 5.1",
        number="max_norm_of_units",
    ),
    Question(
        name="clipping",
        chapter="descent",
        technique="gradient_clipping",
        question="What does clipping gradients by value change that clipping by norm does not?",
        choices=(
            "The step's direction",
            "The step's length",
            "The sign of the gradient",
            "The learning rate",
        ),
        right=0,
        explanation="By value each element is cut off for itself: large ones lose more than small "
        "ones, and in the example the gradient turns by 21 degrees. By norm the whole is scaled, "
        "so that it keeps its direction. Both make the step shorter. Neither turns a sign, and "
        "neither touches the learning rate.",
        source="Pascanu, Mikolov and Bengio, ICML 2013",
        number="clipped_direction",
    ),
    Question(
        name="patience",
        chapter="descent",
        technique="early_stopping",
        question="Validation losses of epochs 1 to 7: 1.00, 0.80, 0.70, 0.72, 0.71, 0.73, 0.69. "
        "Early stopping has a patience of 3 and restores the best weights. When does it stop, with "
        "which weights?",
        choices=(
            "After epoch 4, with those of epoch 3",
            "After epoch 7, with those of epoch 7",
            "After epoch 6, with those of epoch 3",
            "After epoch 6, with those of epoch 5",
        ),
        right=2,
        explanation="Epochs 4, 5 and 6 are three in a row that do not beat the 0.70 of epoch 3: "
        "it stops after epoch 6 and goes back to epoch 3. After epoch 4 only one such epoch has "
        "passed. Epoch 5 is better than epoch 4, but that is not what counts: it has to beat the "
        "best. The 0.69 of epoch 7 would have been better still, and is never seen: a patience of "
        "4 would have found it.",
        source="Prechelt, Neural networks: tricks of the trade, 1998",
        number="patience",
    ),
    Question(
        name="best-weights",
        chapter="descent",
        technique="early_stopping",
        question="Why does early stopping restore the best weights, and not keep the last?",
        choices=(
            "The last may be infinite, which the best never are",
            "The last come after epochs without improvement",
            "The best ones have a lower training loss",
            "It saves memory",
        ),
        right=1,
        explanation="It stops only after the patience has run out: by then the network has been "
        "past its best for that many epochs, as in the question on patience: 0.73, not 0.70. The "
        "last weights are finite, just not the best on validation. Their training loss is as a "
        "rule lower than that of the best ones, for that is what overfitting is. Memory is spent, "
        "not saved: a copy of the weights is kept.",
        source="Prechelt, Neural networks: tricks of the trade, 1998",
        number="last_and_best",
    ),
    Question(
        name="label-smoothing",
        chapter="targets",
        technique="label_smoothing",
        question="Label smoothing of 0.1 with K = 10 classes: what are the targets of the right "
        "class and of each other one?",
        choices=("0.90 and 0.10", "0.90 and 0.01", "0.95 and 0.05", "0.91 and 0.01"),
        right=3,
        explanation="0.1 is spread over all ten classes, 0.01 each, the right one among them: 0.9 "
        "+ 0.01 = 0.91 and 0.01. 0.90 and 0.01 add up to 0.99, so that is no distribution. 0.90 "
        "and 0.10 add up to 1.80, and 0.95 and 0.05 to 1.40. With 0.1 spread over the nine others "
        "alone it would be 0.90 and 0.011, which is another definition.",
        source="Szegedy et al., CVPR 2016, section 7",
        number="smoothed_target",
    ),
    Question(
        name="temperature",
        chapter="targets",
        technique="distillation",
        question="Why does distillation use a temperature T > 1?",
        choices=(
            "The student's weights become smaller",
            "The teacher becomes more accurate",
            "It shows how the teacher ranks wrong classes",
            "The teacher can then be trained without labels, too",
        ),
        right=2,
        explanation="A good teacher puts almost all on one class: at T = 1 the others get 0.018 "
        "and 0.0003, which hardly count in the loss. At T = 4 they get 0.24 and 0.09, and the "
        "student learns what is like what. The largest logit stays the largest, so the teacher is "
        "as accurate as before. T divides logits, it shrinks no weights. And the teacher was "
        "trained on labels before any of this.",
        source="Hinton, Vinyals and Dean, 2015",
        number="temperature",
    ),
    Question(
        name="temperature-squared",
        chapter="targets",
        technique="distillation",
        question="Why is the loss of distillation multiplied by T**2?",
        choices=(
            "Its gradient falls as 1 / T**2 otherwise",
            "It is no distribution otherwise",
            "The student's probabilities are too small otherwise",
            "Wrong classes are to count twice",
        ),
        right=0,
        explanation="Dividing the logits by T makes the gradient smaller by about T twice over: "
        "once by the chain rule, once because the two softened distributions are closer together. "
        "From T = 4 to 16 it would fall by a factor of some 17; with T**2 it changes by 1.1. So "
        "the weight between labels and teacher means the same at any T. A factor on a loss makes "
        "no distribution, changes no probabilities, and treats all classes alike.",
        source="Hinton, Vinyals and Dean, 2015",
        number="temperature_squared",
    ),
    Question(
        name="mixup-label",
        chapter="targets",
        technique="mixing",
        question="Mixup blends 0.7 of a cat with 0.3 of a dog. What is the label?",
        choices=(
            "Cat, the larger share",
            "0.7 cat and 0.3 dog",
            "0.5 cat and 0.5 dog",
            "A class of its own",
            "Both, 1 cat and 1 dog",
        ),
        right=1,
        explanation="The label is blended as the image is, with the same lambda: 0.7 cat and 0.3 "
        "dog. Cat alone would teach that the dog in it does not count, and half and half that the "
        "shares do not. Cross-entropy needs shares that add up to 1, so it is not 1 and 1. There "
        "is no new class: the network is to be linear between the two that there are.",
        source="Zhang, Cisse, Dauphin and Lopez-Paz, ICLR 2018",
        number="mixed_label",
    ),
    Question(
        name="cutmix-lambda",
        chapter="targets",
        technique="mixing",
        question="CutMix draws lambda = 0.5 on images of 32 x 32, and a box about the corner "
        "pixel (0, 0). Most of the box lies outside. Which lambda do the labels get?",
        choices=(
            "0.5, as drawn",
            "0.12, the share of the box",
            "0.75, as a quarter of the box is left",
            "0.88, the share that was kept",
        ),
        right=3,
        explanation="The box reaches 11 pixels to each side, of which 11 x 11 = 121 lie in the "
        "image: 1 - 121 / 1024 = 0.88 of the image is its own. The 0.5 that was drawn would give "
        "half of the label for an eighth of the pixels. 0.12 is the partner's share. 0.75 would "
        "be right for a box as large as the image, but it has less than half of it.",
        source="Yun et al., ICCV 2019",
        number="clipped_box",
    ),
    Question(
        name="validation-images",
        chapter="augmentation",
        technique="augmentation",
        question="You train with random flips and crops. What do validation images get?",
        choices=(
            "The same random flips and crops: that is only fair",
            "Stronger flips and crops: that is a harder test",
            "What they will get when deployed: nothing random",
            "Nothing at all, not even scaling",
        ),
        right=2,
        explanation="Validation is to say how the network does on what it will be given, and to "
        "give the same score each time. With random flips the score moves with the draw, in the "
        "example from 49.5 to 52.5 % for a rule that is always right on the images as they are. "
        "Stronger ones measure another task, worth a look, but not for choosing epochs. Scaling "
        "and resizing are no augmentation: without them the inputs are not those that the network "
        "was trained on.",
        source="Krizhevsky, Sutskever and Hinton, NIPS 2012",
        number="flips_in_validation",
    ),
    Question(
        name="labels-survive",
        chapter="augmentation",
        technique="flips_and_crops",
        question="Which augmentation is wrong for handwritten digits?",
        choices=(
            "A shift by two pixels",
            "Half a turn",
            "A turn by ten degrees or less",
            "A little noise",
        ),
        right=1,
        explanation="An augmentation must leave the label true: upside down, a 6 is a 9, and the "
        "network is taught that it is not. Shifts by a few pixels, turns by a few degrees and a "
        "little noise leave a digit what it is. What is right depends on the task: satellite "
        "images may be turned at will, letters and traffic signs may not.",
        source="Shorten and Khoshgoftaar, Journal of Big Data 6, 2019",
    ),
)
