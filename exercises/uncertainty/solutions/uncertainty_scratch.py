r"""Uncertainty by Monte Carlo dropout, and calibration, from scratch, in NumPy.

A network with dropout left on gives other class probabilities p_t in each of T passes. Their mean
is the prediction, and how they differ says how sure the network is. For each example:

    mean                   p_k = 1/T sum_t p_tk
    variance               v_k = 1/T sum_t (p_tk - p_k)^2                     of each class
    predictive entropy     H[p] = -sum_k p_k log p_k                          all there is to doubt
    expected entropy       E = 1/T sum_t H[p_t]                               doubt within a pass
    mutual information     I = H[p] - E                                       passes that disagree

log is the natural logarithm, and 0 log 0 is 0: there must come no nan.

A network is calibrated if it is right in 80 percent of the cases in which it is 80 percent sure.
The expected calibration error sorts the examples by their confidence, the largest of their K
probabilities, into M bins of equal width, and compares the two:

    bin b has the confidences in (b / M, (b + 1) / M],                        b = 0, ..., M - 1
    n_b of the N examples: so many are in it, accuracy_b and confidence_b are their means
    ECE = sum_b n_b / N * abs(accuracy_b - confidence_b)                      empty bins add 0

This is the solution. T passes are ``passes``, (T, N, K); ``probabilities`` are (N, K), ``labels``
N integers.

Papers: Gal and Ghahramani, "Dropout as a Bayesian approximation", ICML 2016; Houlsby, Huszar,
Ghahramani and Lengyel, "Bayesian active learning for classification and preference learning", 2011;
Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", ICML 2017.
"""

import numpy as np


def mean_and_variance(passes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean and the variance, both of shape (N, K)."""
    return passes.mean(axis=0), passes.var(axis=0)


def entropies(passes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The predictive entropy, the expected entropy and the mutual information, each (N,)."""
    predictive = entropy(passes.mean(axis=0))
    expected = entropy(passes).mean(axis=0)
    return predictive, expected, predictive - expected


def entropy(p: np.ndarray) -> np.ndarray:
    """Over the last axis. log 1 is 0, which times p = 0 is 0 as well."""
    return -(p * np.log(np.where(p > 0, p, 1))).sum(axis=-1)


def calibration_error(probabilities: np.ndarray, labels: np.ndarray, *, bins: int = 15) -> float:
    """ECE with ``bins`` bins, a number."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    b = np.maximum(np.ceil(confidence * bins) - 1, 0)
    total = 0.0
    for each in range(bins):
        inside = b == each
        if inside.any():
            gap = abs(right[inside].mean() - confidence[inside].mean())
            total += inside.mean() * gap
    return total


def main() -> None:
    """Two passes of one example that are sure, and do not agree; then two examples."""
    passes = np.array([[[1.0, 0.0]], [[0.0, 1.0]]])
    show(
        "0.5 in the mean, and each pass is 0.5 away from it",
        lambda: mean_and_variance(passes),
        ([[0.5, 0.5]], [[0.25, 0.25]]),
    )
    show(
        "no doubt within a pass: all of log 2 is disagreement",
        lambda: entropies(passes),
        ([np.log(2)], [0.0], [np.log(2)]),
    )
    show(
        "sure by 0.6 and 0.8, and right once of two: 0.7 against 0.5 in the one bin of the two",
        lambda: calibration_error(np.array([[0.6, 0.4], [0.2, 0.8]]), np.array([0, 0]), bins=2),
        (0.2,),
    )


def show(title, call, expected):
    """Whether a call gives what was worked out by hand."""
    try:
        found = call()
    except NotImplementedError:
        print(f"TODO   {title}")
        return
    found = found if isinstance(found, tuple) else (found,)
    right = len(found) == len(expected) and all(map(np.allclose, found, expected))
    print(f"{'right' if right else 'wrong'}  {title}")
    if not right:
        print("       expected", *expected)
        print("       found   ", *(np.asarray(each).tolist() for each in found))


if __name__ == "__main__":
    main()
