"""Runs whose outcome is known, for the test of ``diagnose``: parity_tests/histories.json.

    python -m benchmarks.diagnose_histories                 a minute, NumPy alone
    python -m benchmarks.diagnose_histories --random 200    recipes drawn at random: how many of the
                                                            verdicts are right? Writes nothing

Ten runs of each kind were there when the rules of ``diagnose`` were made ("known"), ten more of
each, of other recipes, sizes and seeds, were not ("held out"). What a run is called rests on what
its history does not have: the recipe that was meant to bring it about, and the accuracies on the
whole training set and on test images that took part in nothing. A run that did not turn out as it
was meant to is left out, and the next seed tried.
"""

import itertools
import json
import math
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.progress import track

from scratch.models import mlp
from scratch.training import evaluate, fit
from triptych.__main__ import run_command
from triptych.common.datasets import Dataset, digits, mnist, noisy_xor, xor
from triptych.common.history import History
from triptych.common.recipes import Recipe
from triptych.diagnosis import diagnose

KINDS = ("underfitting", "good fit", "overfitting", "divergence", "noisy", "too short")
EACH = 10
PATH = Path(__file__).resolve().parent.parent / "parity_tests" / "histories.json"

IMAGES = Recipe(input_shape=(28, 28, 1), hidden=(64,), outputs=10, batch_size=32, epochs=15)
SMALL = replace(IMAGES, input_shape=(8, 8, 1), hidden=(32,))
CORNERS = Recipe(
    input_shape=(2,),
    hidden=(16,),
    outputs=1,
    loss="binary",
    activation="tanh",
    learning_rate=0.02,
    batch_size=4,
    passes_per_epoch=10,
    epochs=20,
)
CLOUDS = replace(CORNERS, batch_size=32, passes_per_epoch=1, activation="relu")
SLOW = {"optimizer": "sgd", "learning_rate": 1e-4}


@dataclass
class Plan:
    """``points`` of a data set to train on, ``validation`` of it to validate on."""

    data: str
    recipe: Recipe
    points: int
    validation: int = 500
    noise: float = 0.25


def images(points: int, **changes: Any) -> Plan:
    return Plan("mnist", replace(IMAGES, **changes), points)


def small(points: int, **changes: Any) -> Plan:
    return Plan("digits", replace(SMALL, **changes), points, 296)


def corners(**changes: Any) -> Plan:
    return Plan("xor", replace(CORNERS, **changes), 4, 4)


def clouds(points: int, noise: float, **changes: Any) -> Plan:
    return Plan("noisy_xor", replace(CLOUDS, **changes), points, 200, noise)


def tiny(plan: Plan, validation: int) -> Plan:
    """So few points to validate on that each of them counts."""
    return replace(plan, validation=validation)


KNOWN = {
    "underfitting": [
        images(500, **SLOW),
        images(1000, hidden=(2,), epochs=8),
        images(500, l2=1.0),
        images(500, l1=0.05, epochs=20),
        images(500, hidden=(16,), dropout=0.9),
        small(600, **SLOW, epochs=30),
        corners(hidden=(1,)),
        clouds(200, 0.2, hidden=(1,), epochs=30),
    ],
    "good fit": [
        images(6000, dropout=0.2, batch_norm=True, batch_size=128, epochs=8),
        images(6000, hidden=(128,), l2=1e-3, batch_size=128, epochs=8),
        images(6000, dropout=0.3, label_smoothing=0.1, batch_size=128, epochs=8),
        small(1205, epochs=25),
        small(1205, l2=1e-2, dropout=0.1, epochs=25),
        corners(),
        corners(hidden=(8,), learning_rate=0.1, epochs=10),
        clouds(1000, 0.2, epochs=20),
        clouds(1000, 0.25, epochs=20),
    ],
    "overfitting": [
        images(100, epochs=40),
        images(200, hidden=(256, 256), epochs=25),
        images(300, epochs=40, learning_rate=0.003),
        small(60, epochs=80, hidden=(128,)),
        small(100, epochs=60, learning_rate=0.01),
        clouds(40, 0.35, hidden=(64, 64), epochs=200, learning_rate=0.02),
        clouds(60, 0.4, hidden=(128, 64), epochs=150, learning_rate=0.02),
    ],
    "divergence": [
        images(500, optimizer="sgd", learning_rate=30.0),
        images(500, optimizer="sgd", learning_rate=3.0, momentum=0.9),
        images(500, optimizer="sgd", learning_rate=1000.0, batch_norm=True),
        small(600, optimizer="sgd", learning_rate=30.0),
        small(600, learning_rate=10.0),
        clouds(200, 0.25, optimizer="sgd", learning_rate=100.0),
        images(500, learning_rate=1.0),
    ],
    "noisy": [
        tiny(clouds(200, 0.25, learning_rate=0.2, batch_size=2), 6),
        tiny(clouds(300, 0.25, optimizer="sgd", learning_rate=1.0, batch_size=2), 8),
        tiny(clouds(200, 0.25, hidden=(32,), learning_rate=0.2, batch_size=8), 6),
        tiny(small(1205, learning_rate=0.05, batch_size=8), 10),
    ],
    "too short": [
        images(500, epochs=1),
        images(2000, epochs=2),
        images(100, epochs=3),
        small(600, epochs=1),
        small(1205, epochs=3, learning_rate=0.01),
        clouds(200, 0.25, epochs=2),
        corners(epochs=1),
    ],
}
HELD_OUT = {
    "underfitting": [
        images(2000, optimizer="sgd", learning_rate=3e-4, batch_size=64, epochs=9),
        images(800, hidden=(32, 2), epochs=10),
        images(1500, l2=0.5, activation="tanh", epochs=7),
        images(700, l1=0.02, optimizer="sgd", learning_rate=0.05, epochs=12),
        small(1000, hidden=(8,), dropout=0.8, epochs=20),
        small(1205, learning_rate=1e-5, epochs=12),
        small(1205, label_smoothing=0.9, l2=0.3, epochs=12),
        corners(hidden=(1,), activation="sigmoid", epochs=40),
        corners(hidden=(16,), learning_rate=1e-5, epochs=12),
        clouds(400, 0.3, hidden=(2,), l2=0.3, epochs=15),
    ],
    "good fit": [
        images(10000, hidden=(100,), dropout=0.4, batch_size=100, epochs=6),
        images(
            8000,
            hidden=(64, 64),
            batch_norm=True,
            dropout=0.2,
            optimizer="sgd",
            learning_rate=0.05,
            momentum=0.9,
            batch_size=128,
            epochs=7,
        ),
        images(10000, label_smoothing=0.2, l2=1e-4, dropout=0.2, batch_size=128, epochs=6),
        small(1205, optimizer="sgd", learning_rate=0.1, epochs=30),
        small(1205, activation="tanh", weight_decay=0.1, epochs=20),
        small(1100, batch_norm=True, dropout=0.2, epochs=12),
        corners(hidden=(32,), optimizer="sgd", learning_rate=0.5, momentum=0.9, epochs=12),
        corners(activation="sigmoid", learning_rate=0.1, epochs=30),
        clouds(2000, 0.15, hidden=(8, 8), epochs=12),
        clouds(1500, 0.3, hidden=(32,), epochs=15),
    ],
    "overfitting": [
        images(150, hidden=(128,), activation="tanh", epochs=30, learning_rate=0.005),
        images(60, epochs=50, batch_size=16),
        images(250, batch_norm=True, epochs=30),
        images(400, hidden=(256,), optimizer="sgd", learning_rate=0.1, momentum=0.9, epochs=40),
        small(80, hidden=(64, 64), epochs=60, learning_rate=0.005),
        small(40, epochs=100, batch_size=8),
        small(120, optimizer="sgd", learning_rate=0.2, epochs=60),
        clouds(30, 0.4, hidden=(128,), epochs=150, learning_rate=0.02),
        clouds(80, 0.35, hidden=(32, 32, 32), epochs=90, learning_rate=0.01),
        clouds(50, 0.3, hidden=(256,), activation="tanh", epochs=150, learning_rate=0.01),
    ],
    "divergence": [
        images(800, optimizer="sgd", learning_rate=100.0, hidden=(64, 64)),
        images(300, optimizer="sgd", learning_rate=1.5, momentum=0.95, hidden=(128,)),
        images(400, learning_rate=3.0, hidden=(32, 32)),
        images(600, optimizer="sgd", learning_rate=20.0, activation="tanh"),
        small(1205, optimizer="sgd", learning_rate=10.0, momentum=0.5),
        small(400, learning_rate=30.0, hidden=(64, 64)),
        small(800, optimizer="sgd", learning_rate=0.5, l2=10.0),
        clouds(300, 0.2, optimizer="sgd", learning_rate=300.0, hidden=(32, 32)),
        clouds(300, 0.2, learning_rate=100.0),
        corners(optimizer="sgd", learning_rate=1000.0, activation="relu"),
    ],
    "noisy": [
        tiny(small(1205, learning_rate=0.03, batch_size=2, activation="tanh", epochs=12), 6),
        tiny(small(1205, learning_rate=0.03, batch_size=4, hidden=(48,), epochs=18), 8),
        tiny(clouds(400, 0.3, learning_rate=0.1, batch_size=2, hidden=(32,), epochs=14), 5),
        tiny(clouds(150, 0.2, optimizer="sgd", learning_rate=0.5, batch_size=1, epochs=25), 5),
        tiny(clouds(300, 0.3, learning_rate=0.3, batch_size=4, hidden=(64,), epochs=30), 10),
    ],
    "too short": [
        images(3000, epochs=1, batch_norm=True),
        images(200, epochs=4),
        images(1000, optimizer="sgd", learning_rate=0.1, epochs=2),
        small(1205, epochs=2, activation="tanh"),
        small(100, epochs=4, learning_rate=0.02),
        small(500, dropout=0.5, epochs=1),
        clouds(500, 0.3, epochs=3),
        clouds(40, 0.4, epochs=4, hidden=(64, 64)),
        corners(epochs=2, hidden=(4,)),
    ],
}


def main(
    path: Annotated[Path, typer.Option(help="The file to write.")] = PATH,
    random: Annotated[int, typer.Option(help="Judge so many recipes drawn at random.")] = 0,
    seed: Annotated[int, typer.Option(help="Of those.")] = 2,
) -> None:
    """Train the runs, and write their histories."""
    images = mnist()
    if random:
        judge_random(random, seed, images)
        return
    found = {}
    for name, plans, first in (("known", KNOWN, 0), ("held out", HELD_OUT, 5000)):
        found[name] = [
            {"kind": kind, "history": rounded(history)}
            for kind in track(KINDS, description=name)
            for history in itertools.islice(runs(kind, plans[kind], images, first), EACH)
        ]
    parts = {name: ",\n".join(map(json.dumps, histories)) for name, histories in found.items()}
    text = ",\n".join(f'"{name}": [\n{lines}\n]' for name, lines in parts.items())
    path.write_text(f"{{{text}}}\n", "utf-8")
    Console().print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def judge_random(count: int, seed: int, images: Dataset) -> None:
    """How often the verdict is what the accuracies say, where they say one thing."""
    rng, outcomes = np.random.default_rng(seed), Counter[tuple[str, str]]()
    for number in track(range(count)):
        history, *measured = train(random_plan(rng), 9000 + 1000 * seed + number, images)
        kinds = [kind for kind in KINDS[:5] if TRUTH[kind](history, *measured)]
        if "divergence" in kinds:
            kinds = ["divergence"]
        if len(kinds) == 1:
            expected = "not enough evidence" if kinds == ["noisy"] else kinds[0]
            outcomes[expected, diagnose(history).verdict] += 1
    for (expected, verdict), times in sorted(outcomes.items()):
        Console().print(f"{times:4d}  {expected}, called {verdict}")
    right = sum(times for (a, b), times in outcomes.items() if a == b)
    Console().print(f"right: {right} of {outcomes.total()}")


def random_plan(rng: np.random.Generator) -> Plan:
    def pick(*choices: Any) -> Any:
        return choices[rng.integers(len(choices))]

    data = pick("mnist", "digits", "noisy_xor")
    changes = {
        "hidden": pick((4,), (16,), (64,), (128,), (32, 32), (128, 64)),
        "activation": pick("relu", "tanh"),
        "dropout": pick(0.0, 0.0, 0.2, 0.5),
        "batch_norm": pick(False, False, True),
        "l2": pick(0.0, 0.0, 1e-4, 1e-2, 0.1),
        "optimizer": pick("sgd", "adam"),
        "batch_size": pick(8, 32, 128),
        "epochs": pick(6, 10, 20, 40),
    }
    adam = changes["optimizer"] == "adam"
    exponent = rng.uniform(-4, 0) if adam else rng.uniform(-3, 2)
    changes["learning_rate"] = 10.0**exponent
    if data == "mnist":
        return images(pick(60, 200, 1000, 4000), **changes)
    if data == "digits":
        return small(pick(60, 200, 1205), **changes)
    return clouds(pick(40, 200, 1000), pick(0.15, 0.25, 0.35), **changes)


def runs(kind: str, plans: list[Plan], images: Dataset, seed: int) -> Iterator[History]:
    """The plans in turn, each with a seed of its own, where they did as they were meant to."""
    for number, plan in enumerate(itertools.islice(itertools.cycle(plans), 6 * EACH)):
        history, *measured = train(plan, seed + number, images)
        if TRUTH[kind](history, *measured):
            yield history
    raise RuntimeError(f"too few of the runs that were meant to show {kind} do")


def train(plan: Plan, seed: int, images: Dataset) -> tuple[History, float, float, float, float]:
    """The history; then loss and accuracy of the whole training set, and of the test set, in
    inference mode, after the last epoch.
    """
    recipe, data = replace(plan.recipe, seed=seed), draw(plan, images, seed)
    model = mlp(recipe)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it has diverged, or overflows on the way
        history = fit(model, recipe, data, progress=False)
        seen = evaluate(model, recipe, data.x_train, data.y_train)
        unseen = evaluate(model, recipe, data.x_test, data.y_test)
    return history, *seen, *unseen


def draw(plan: Plan, images: Dataset, seed: int) -> Dataset:
    if plan.data == "xor":
        return xor()
    if plan.data == "noisy_xor":
        return noisy_xor(plan.points, max(plan.validation, 4), noise=plan.noise, seed=seed)
    data = digits(seed=seed) if plan.data == "digits" else images
    order = np.random.default_rng(seed).permutation(len(data.x_train))[: plan.points]
    start = seed % (len(data.x_validation) - plan.validation + 1)
    chosen = slice(start, start + plan.validation)
    step = math.ceil(len(data.x_test) / 2000)
    return Dataset(
        plan.data,
        *(data.x_train[order], data.y_train[order]),
        *(data.x_validation[chosen], data.y_validation[chosen]),
        *(data.x_test[::step], data.y_test[::step]),
        classes=10,
    )


# Each is asked with what ``train`` returns.


def underfitting(history: History, loss: float, right: float, *test: float) -> bool:
    return math.isfinite(loss) and right <= 0.8


def good(history: History, loss: float, right: float, test: float, test_right: float) -> bool:
    reached = test_right >= 0.9 or (test_right >= 0.85 and right - test_right < 0.01)
    return reached and right - test_right <= 0.05 and test <= 1.3 * min(history.validation_loss)


def overfitting(
    history: History, loss: float, right: float, test: float, test_right: float
) -> bool:
    return right >= 0.95 and right - test_right >= 0.08


def divergence(history: History, loss: float, right: float, *test: float) -> bool:
    if not all(map(math.isfinite, history.step_loss)) or history.diverged:
        return True
    chance = history.step_loss[0]
    lost = max(history.step_loss) >= 5 * chance and right <= 0.6
    return lost or float(np.mean(history.step_loss[-10:])) >= 2 * chance


def noisy(history: History, loss: float, right: float, test: float, test_right: float) -> bool:
    """It has learned and does not overfit, but in the second half of the run the validation loss
    goes up and down, by a fifth of the first loss, and by 30 % from one epoch to the next.
    """
    values = np.array(history.validation_loss[history.epochs // 2 :])
    if right < 0.8 or right - test_right > 0.06:
        return False
    steps = np.diff(values)
    turns = np.mean(steps[1:] * steps[:-1] < 0)
    swing = np.ptp(values) / history.step_loss[0]
    return bool(swing >= 0.2 and np.median(np.abs(steps) / values[1:]) >= 0.3 and turns >= 0.4)


def short(history: History, *_: float) -> bool:
    return history.epochs < 5


TRUTH: dict[str, Callable[..., bool]] = dict(
    zip(KINDS, (underfitting, good, overfitting, divergence, noisy, short), strict=True)
)


def rounded(history: History) -> dict[str, Any]:
    """To six digits; of a long run not every step; and without what its clock says."""
    every = math.ceil(len(history.step_loss) / 300)
    short = replace(history, step_loss=history.step_loss[::every], seconds=0.0)
    return {
        name: [float(f"{number:.6g}") for number in value] if isinstance(value, list) else value
        for name, value in asdict(short).items()
    }


if __name__ == "__main__":
    run_command(lambda: typer.run(main))
