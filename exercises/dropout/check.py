"""Holds a learner's dropout against the equations, and then against `scratch/dropout.py`.

Forward and backward are called in training and inference, on arrays of two and four dimensions and
of one element, in float32 and float64, at several rates. Whatever differs from the NumPy panel is
explained by the wrong formula that gives the learner's numbers, if there is one. That panel is what
the tests hold PyTorch's and Keras's dropout to; neither is imported here.

The masks: of n = 100 000 elements the share that is kept has a standard error of
sqrt(rate (1 - rate) / n), and five of them are allowed. A right function exceeds that in one of two
million cases, at each rate; the generators are seeded, so that it does so always or never.
"""

import functools
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import numpy as np

from scratch.dropout import dropout, dropout_backward
from triptych.comparison import compare
from triptych.exercises.findings import DONE, NOT_DONE, WRONG, Finding
from triptych.exercises.functions import raised

__all__ = ["check"]

Progress = Callable[[str], None]

TODOS = (
    "draw_mask",
    "standard_dropout",
    "standard_dropout_backward",
    "inverted_dropout",
    "inverted_dropout_backward",
)


def check(
    module: ModuleType,
    framework: str,
    progress: Progress,
    seed: int = 0,
    only: str | None = None,
) -> Iterator[Finding]:
    """At least one finding for each TODO, or for one. ``framework`` is "scratch"."""
    for key in TODOS if only is None else [only]:
        function = getattr(module, key, None)
        if not callable(function):
            yield Finding(key, WRONG, f"the file has no function {key}")
            continue
        progress(f"running {key}")
        masks = key == "draw_mask"
        run: Callable[..., Any] = functools.partial(draw, seed=seed) if masks else apply
        try:
            with np.errstate(all="ignore"):  # nan and inf are judged as numbers
                results = run(function)
        except NotImplementedError:
            yield Finding(key, NOT_DONE)
        except Exception as error:
            yield raised(key, error, module)
        else:
            if key == "draw_mask":
                yield from judge_draws(key, results)
            else:
                yield from judge_results(key, results)


# The masks.

MASK_RATES = (0.0, 0.1, 0.25, 0.5, 0.8)
MASK_SHAPE = (1000, 100)
OTHER_SHAPES = ((8, 10, 10, 16), (7,), (1, 1))


@dataclass(frozen=True)
class Draws:
    by_rate: dict[float, Any]  # of MASK_SHAPE, each from a generator of its own
    by_shape: dict[tuple[int, ...], Any]  # at rate 0.5
    twice: list[Any]  # two in a row from one generator
    same_seed: list[Any]
    small: list[Any]  # many of 10 x 10 from one generator


def draw(draw_mask: Callable[..., Any], *, seed: int) -> Draws:
    def new(number: int) -> np.random.Generator:
        return np.random.default_rng((seed, number))

    one, other = new(1), new(2)
    return Draws(
        {rate: draw_mask(new(i), MASK_SHAPE, rate) for i, rate in enumerate(MASK_RATES)},
        {shape: draw_mask(new(0), shape, 0.5) for shape in OTHER_SHAPES},
        [draw_mask(one, MASK_SHAPE, 0.5) for _ in range(2)],
        [draw_mask(new(3), MASK_SHAPE, 0.5) for _ in range(2)],
        [draw_mask(other, (10, 10), 0.5) for _ in range(30)],
    )


def judge_draws(key: str, draws: Draws) -> Iterator[Finding]:
    wrong = functools.partial(Finding, key, WRONG)
    shaped = [(MASK_SHAPE, mask) for mask in draws.by_rate.values()] + list(draws.by_shape.items())
    for shape, mask in shaped:
        if not isinstance(mask, np.ndarray):
            yield wrong(
                f"draw_mask returns no array for shape {shape}",
                f"an array of booleans of shape {shape}",
                f"{mask!r}" if mask is None else type(mask).__name__,
                "A return is missing." if mask is None else "",
            )
            return
        if mask.shape != shape:
            yield wrong(
                "the mask has another shape",
                f"shape {shape}",
                f"shape {mask.shape}",
                "One draw is shared by many elements, such as a mask of shape (features,) by all "
                "rows: each element needs a draw of its own.",
            )
            return
        if mask.dtype != bool:
            yield wrong(
                "the mask is not boolean",
                "dtype bool, True = keep",
                f"dtype {mask.dtype}",
                "A comparison gives booleans; the mask itself is not multiplied by anything.",
            )
            return
    for shape, mask in shaped:
        for axis in range(mask.ndim):
            if mask.shape[axis] > 5 and mask.any() and not mask.all() and constant(mask, axis):
                yield wrong(
                    f"all elements along axis {axis} are kept or dropped together",
                    "a draw of its own for each element",
                    f"the same mask for all {shape[axis]} of them, shape {shape}",
                    "One draw is shared by many elements, such as a mask of shape (features,) by "
                    "all rows.",
                )
                return

    shares = {rate: float(mask.mean()) for rate, mask in draws.by_rate.items()}
    n = math.prod(MASK_SHAPE)
    off = [rate for rate in MASK_RATES if abs(shares[rate] - (1 - rate)) > five_errors(rate, n)]
    if off:
        rate = off[-1]
        yield wrong(
            f"the wrong share of elements is kept, at {len(off)} of {len(MASK_RATES)} rates",
            f"1 - rate: {1 - rate:.4g} +- {five_errors(rate, n):.2g} (5 standard errors) at rate "
            f"{rate:g}, {n} elements",
            f"{shares[rate]:.4g}",
            cause_of_shares(shares, n),
        )
    if not np.array_equal(*draws.same_seed):
        yield wrong(
            "two generators of the same seed give different masks",
            "the mask depends on rng, shape and rate alone",
            f"{np.mean(draws.same_seed[0] != draws.same_seed[1]):.0%} of the elements differ",
            "The numbers do not come from the rng that is given: it is np.random, or a generator "
            "made elsewhere.",
        )
    elif np.array_equal(*draws.twice):
        yield wrong(
            "two calls with one rng give the same mask",
            "another mask at each call",
            "all elements are equal",
            "A new generator of a fixed seed is made at every call; use the rng that is given.",
        )
    elif not off and len({int(mask.sum()) for mask in draws.small}) == 1:
        yield wrong(
            "the number of kept elements never varies",
            "a number that varies: each element is kept or dropped on its own",
            f"{int(draws.small[0].sum())} of 100 elements in each of {len(draws.small)} masks",
            "A fixed number of elements is chosen, by a permutation or a choice without "
            "replacement.",
        )
    elif not off:
        parts = [f"{shares[rate]:.4f} kept at rate {rate:g}" for rate in MASK_RATES]
        yield Finding(
            key,
            DONE,
            f"of {n} elements, {', '.join(parts)}: all within 5 standard errors of 1 - rate; the "
            "masks come from rng and differ from call to call",
        )


def constant(mask: np.ndarray, axis: int) -> bool:
    return bool((mask == mask.take([0], axis)).all())


def five_errors(rate: float, n: int) -> float:
    return 5 * math.sqrt(rate * (1 - rate) / n)


def cause_of_shares(shares: dict[float, float], n: int) -> str:
    if all(abs(share - rate) <= five_errors(rate, n) for rate, share in shares.items()):
        return "Keep and drop probability are swapped: True, which means keep, comes with rate."
    if len({round(share, 1) for share in shares.values()}) == 1:
        return "The rate is not used."
    return ""


# Forward and backward.


@dataclass(frozen=True)
class Case:
    values: np.ndarray  # x for a forward function, dL/dy for a backward one
    mask: np.ndarray
    rate: float
    training: bool

    def __str__(self) -> str:
        mode = "training" if self.training else "inference"
        return f"{mode}, rate {self.rate:g}, {self.values.dtype}, shape {self.values.shape}"


def make_cases() -> list[Case]:
    rng = np.random.default_rng(0)
    shapes = [(6, 4), (2, 3, 3, 4), (1, 1)]
    found = []
    for shape, dtype, rate in itertools.product(
        shapes, ("float64", "float32"), (0.0, 0.25, 0.5, 0.9)
    ):
        values, mask = rng.normal(size=shape).astype(dtype), rng.random(shape) >= rate
        if values.size > 1 and rate:
            mask.flat[0], mask.flat[-1] = True, False  # some of each
        elif rate:
            mask[...] = rate != 0.5
        found += [Case(values, mask, rate, training) for training in (True, False)]
    return found


CASES = make_cases()


@dataclass(frozen=True)
class Result:
    output: Any
    again: Any  # of a second call with the same arguments
    changed: tuple[str, ...]  # the arguments that were written into


def apply(function: Callable[..., Any]) -> list[Result]:
    results = []
    for case in CASES:
        outputs, changed = [], []
        for _ in range(2):
            values, mask = case.values.copy(), case.mask.copy()
            output = function(values, case.rate, mask, training=case.training)
            outputs.append(output.copy() if isinstance(output, np.ndarray) else output)
            if not np.array_equal(values, case.values):
                changed.append("values")
            if not np.array_equal(mask, case.mask):
                changed.append("mask")
        results.append(Result(outputs[0], outputs[1], tuple(changed)))
    return results


def judge_results(key: str, results: list[Result]) -> Iterator[Finding]:
    faults = list(faults_of_form(key, results))
    if not faults:
        faults = list(faults_of_value(key, results))
    yield from faults or [agreement(key, results)]


def faults_of_form(key: str, results: list[Result]) -> Iterator[Finding]:
    """Type, shape, dtype, and whether arguments are changed or something random is in it."""
    wrong = functools.partial(Finding, key, WRONG)
    argument = "grad" if key.endswith("backward") else "x"
    pairs = list(zip(CASES, results, strict=True))
    for case, result in pairs:
        shape = case.values.shape
        output = result.output
        is_array = isinstance(output, np.ndarray) and output.dtype.kind in "biuf"
        if not is_array or output.shape != shape:
            yield wrong(
                f"{key} returns no array of numbers of the shape of {argument} ({case})",
                f"an array of shape {shape}",
                f"shape {output.shape}" if is_array else type(output).__name__,
                "A return is missing." if output is None else "",
            )
            return
    for name in ("values", "mask"):
        if changed := [case for case, result in pairs if name in result.changed]:
            array = argument if name == "values" else name
            yield wrong(
                f"{array} is changed in place, in {share(changed)}",
                f"{array} as it was before the call",
                f"other values afterwards ({changed[0]})",
                f"An operator such as *= or an assignment to elements writes into {array}, which "
                "the caller still needs; make a new array.",
            )
    if other := [(c, r) for c, r in pairs if r.output.dtype != c.values.dtype]:
        case, result = other[0]
        wider = result.output.dtype.itemsize > case.values.dtype.itemsize
        yield wrong(
            f"the dtype is not kept, in {share(other)}",
            f"{case.values.dtype} out for {case.values.dtype} in",
            f"{result.output.dtype} ({case})",
            "A float64 array takes part, such as the mask or the scale converted with astype, "
            "np.array or np.float64, and NumPy goes to the wider dtype."
            if wider
            else "The numbers are converted to a fixed dtype; use that of the argument.",
        )
    if random := [c for c, r in pairs if not np.array_equal(r.output, r.again, equal_nan=True)]:
        where = " in backward" if key.endswith("backward") else ""
        yield wrong(
            f"two calls with the same arguments differ, in {share(random)}",
            "the same numbers: the mask is given",
            f"others ({random[0]})",
            f"A new mask is drawn{where}, where the one of the forward pass is needed."
            if any(case.training for case in random)
            else f"Dropout is still active in inference{where}, with a mask of its own.",
        )


def share(found: list[Any]) -> str:
    return f"{len(found)} of {len(CASES)} cases"


def faults_of_value(key: str, results: list[Result]) -> Iterator[Finding]:
    """What differs from the NumPy panel, in training and in inference, and the likely cause."""
    backward, inverted = key.endswith("backward"), key.startswith("inverted")
    left, symbol = ("dL/dx", "dL/dy") if backward else ("y", "x")
    expected = references(inverted)[backward]
    formulas, findings = {}, []
    for training in (True, False):
        mode = "training" if training else "inference"
        chosen = [i for i, case in enumerate(CASES) if case.training == training]
        off = [i for i in chosen if not equal(expected[i], results[i].output)]
        if not off:
            continue
        right = Formula(*EQUATIONS[inverted, training])
        found = find_formula([(CASES[i], results[i].output) for i in chosen])
        formulas[training] = found
        # An element of a large array at a rate that tells most formulas apart.
        example = next((i for i in off if CASES[i].rate == 0.25), off[0])
        case, got, want = CASES[example], results[example].output, expected[example]
        with np.errstate(all="ignore"):
            gap = np.nan_to_num(np.abs(got - want), nan=math.inf)
        index = np.unravel_index(int(np.argmax(gap)), got.shape)
        fits = f"{left} = {found.text(symbol)}" if found else "no formula that is known here"
        given = f"{symbol} = {case.values[index]:.4g}, mask {case.mask[index]}, rate {case.rate:g}"
        findings.append(
            Finding(
                key,
                WRONG,
                f"{mode}: other numbers, in {len(off)} of {len(chosen)} cases",
                f"{left} = {right.text(symbol)}, that is {want[index]:.4g} for {given}",
                f"{got[index] + 0:.4g}{', as from ' if found else '; '}{fits}",
                found.cause(right, inverted, training, backward)
                if found
                else cause_without_formula([(CASES[i], results[i].output) for i in off], training),
            )
        )
    if len(findings) == 2 and all(
        formula is not None and formula == Formula(*EQUATIONS[inverted, not training])
        for training, formula in formulas.items()
    ):
        findings = [replace(findings[0], cause="Training and inference are swapped.")]
    yield from findings


def equal(a: np.ndarray, b: np.ndarray) -> bool:
    return compare({"a": a, "b": b}).ok


# A formula is "x", a factor for the mask and a factor for the scale. (inverted, training): the two.
EQUATIONS = {
    (False, True): (" * mask", ""),
    (False, False): ("", " * (1 - rate)"),
    (True, True): (" * mask", " / (1 - rate)"),
    (True, False): ("", ""),
}
MASKS: dict[str, Callable[[np.ndarray], Any]] = {
    "": np.ones_like,
    " * mask": lambda mask: mask,
    " * (1 - mask)": lambda mask: ~mask,
    " * mask[0]": lambda mask: mask[0],
    " * mask[0, ..., 0, :]": lambda mask: mask.reshape(-1, mask.shape[-1])[0],
}
SCALES: dict[str, Callable[[float], float]] = {
    "": lambda rate: 1.0,
    " * (1 - rate)": lambda rate: 1 - rate,
    " / (1 - rate)": lambda rate: 1 / (1 - rate),
    " * (1 - rate)**2": lambda rate: (1 - rate) ** 2,
    " / (1 - rate)**2": lambda rate: 1 / (1 - rate) ** 2,
    " * rate": lambda rate: rate,
    " / rate": lambda rate: 1 / rate,
    " * 0": lambda rate: 0.0,
}


@dataclass(frozen=True)
class Formula:
    mask: str
    scale: str
    symbol: bool = True  # False: the argument itself is not in it

    def __call__(self, case: Case) -> np.ndarray:
        values = case.values if self.symbol else np.ones_like(case.values)
        return values * MASKS[self.mask](case.mask) * SCALES[self.scale](case.rate)

    def text(self, symbol: str) -> str:
        return f"{symbol if self.symbol else '1'}{self.mask}{self.scale}"

    def cause(self, right: "Formula", inverted: bool, training: bool, backward: bool) -> str:
        """What is wrong about this formula, where ``right`` belongs."""
        where = " in backward" if backward else ""
        if self == right:
            return "The formula is right; digits are lost in a step of a coarser dtype."
        if self.scale == " * 0":
            return f"All is 0{where}."
        if not training and self.mask:
            return f"Dropout is still active in inference{where}."
        causes = []
        if not self.symbol:
            causes.append("The upstream gradient is not used." if backward else "x is not used.")
        if not self.mask and right.mask:
            causes.append(f"The mask is forgotten{where}.")
        elif "1 - mask" in self.mask:
            causes.append("Keep and drop are swapped: True in the mask means keep.")
        elif self.mask != right.mask:
            causes.append("A mask of shape (features,) is used for all rows.")
        if self.scale != right.scale:
            causes.append(self._cause_of_scale(right.scale, inverted, where))
        return " ".join(causes)

    def _cause_of_scale(self, right: str, inverted: bool, where: str) -> str:
        if self.scale in (" * rate", " / rate"):
            return f"Keep and drop probability are swapped{where}: 1 - rate is that to keep."
        if not right:
            form, mode = ("inverted", "training") if inverted else ("standard", "inference")
            return f"Scaled in training and in inference: the {form} form does so in {mode} alone."
        if not self.scale and where:
            return "The scale is forgotten in backward."
        if not self.scale:
            return "There is no rescaling: without it, training and inference differ in the mean."
        if "**2" in self.scale and self.scale[1] == right[1]:
            return f"Scaled twice{where}."
        if "*" in self.scale:
            return f"Multiplied by (1 - rate){where} instead of divided."
        return f"Divided by (1 - rate){where} instead of multiplied."


def find_formula(pairs: list[tuple[Case, np.ndarray]]) -> Formula | None:
    """The first formula that gives all of the outputs; at rate 0 they give the same."""
    pairs = [(case, output) for case, output in pairs if case.rate]
    for symbol, scale, mask in itertools.product((True, False), SCALES, MASKS):
        formula = Formula(mask, scale, symbol)
        if all(np.allclose(formula(case), output, rtol=1e-3, atol=1e-3) for case, output in pairs):
            return formula
    return None


def cause_without_formula(pairs: list[tuple[Case, np.ndarray]], training: bool) -> str:
    """Zeros at other places than the mask's, and one scale elsewhere: another mask."""
    for case, output in pairs:
        if output.size == 1 or not case.rate:
            continue
        with np.errstate(all="ignore"):
            ratio = output / case.values
        kept = ratio[ratio != 0]
        if not training and 0 < kept.size < ratio.size:
            return "Dropout is still active in inference, with a mask of its own."
        same = kept.size and np.allclose(kept, kept.flat[0], rtol=1e-4)
        if training and same and ((ratio != 0) != case.mask).any():
            return "A new mask is drawn, instead of using the one that is given."
    return ""


# The panel.


def agreement(key: str, results: list[Result]) -> Finding:
    expected = references(key.startswith("inverted"))[key.endswith("backward")]
    yours = {str(case): result.output for case, result in zip(CASES, results, strict=True)}
    theirs = dict(zip(yours, expected, strict=True))
    worst = {"float64": 0.0, "float32": 0.0}
    for row in compare({"yours": yours, "scratch": theirs}, label=key).rows:
        dtype = str(row.dtypes[0])
        worst[dtype] = max(worst[dtype], row.relative)
    message = f"agrees with scratch/dropout.py in {len(CASES)} cases, training and inference: "
    return Finding(
        key,
        DONE,
        message
        + ", ".join(
            f"to {error:.1g} in {dtype}" if error else f"exactly in {dtype}"
            for dtype, error in worst.items()
        ),
    )


@functools.cache
def references(inverted: bool) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The panel's outputs in all cases, and its gradients."""
    options = [{"training": case.training, "inverted": inverted} for case in CASES]
    forward, backward = (
        [
            function(case.values, case.rate, case.mask, **each)
            for case, each in zip(CASES, options, strict=True)
        ]
        for function in (dropout, dropout_backward)
    )
    return forward, backward
