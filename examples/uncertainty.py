"""A network that knows when it does not know: Monte Carlo dropout on digits that turn.

    triptych uncertainty                  or  python -m examples.uncertainty
    triptych uncertainty --framework torch --passes 100

A small perceptron with dropout learns MNIST upright. Then the test digits are turned, further and
further, and each is looked at in several passes with dropout on. Theory promises three things. The
predictive entropy grows as the digits leave what was learned, and so does the mutual information,
the part on which the passes disagree. Ranked by either, the network's own mistakes come first
(measured up to 30°). And the mean of the passes is better calibrated than the one pass without
dropout. Each is measured with several seeds, and the last lines say what was seen.
"""

import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from rich.console import Console
from rich.table import Table
from sklearn.metrics import roc_auc_score

from scratch.affine import affine, affine_matrices
from scratch.losses import softmax
from triptych.__main__ import run_command
from triptych.adapters import adapter
from triptych.common.progress import progress_bar
from triptych.common.recipes import Recipe
from triptych.output import Output, print_to
from triptych.panels import chosen, panel
from triptych.plots import BLACK, GREEN, SKY, VERMILION
from triptych.studies import Data, Framework, load, spread

RECIPE = Recipe(
    input_shape=(28, 28, 1),
    hidden=(256, 256),
    outputs=10,
    dropout=0.5,
    batch_size=100,
    epochs=4,
)
TRAINING, TEST = 10_000, 300  # images
ANGLES = tuple(range(0, 181, 15))
RANKED = ANGLES.index(30) + 1  # how far a digit may be turned to be among those that are ranked
BINS = 15


class Found(NamedTuple):
    """What one seed found: by angle, and over the images of all angles."""

    entropy: np.ndarray
    mutual_information: np.ndarray
    mistakes: np.ndarray
    auroc_entropy: float
    auroc_information: float
    first_tenth: float
    share_wrong: float
    error_plain: float
    error_mean: float
    reliability_plain: np.ndarray
    reliability_mean: np.ndarray


def main(
    framework: Annotated[Framework, typer.Option(help="Which panel trains.")] = Framework.all,
    dataset: Annotated[
        Data, typer.Option(help="auto takes MNIST, or the 8x8 digits where it cannot be had.")
    ] = Data.auto,
    passes: Annotated[int, typer.Option(min=2, help="Passes with dropout on.")] = 20,
    epochs: Annotated[int, typer.Option(min=1, help="Of training.")] = RECIPE.epochs,
    seeds: Annotated[int, typer.Option(min=2, help="Networks, each with weights of its own.")] = 3,
    seed: Annotated[int, typer.Option(min=0, max=2**32, help="The first of the seeds.")] = 0,
    out: Annotated[Path, typer.Option(help="Where the figure and the table go.")] = Path("out"),
    progress: Annotated[bool, typer.Option(help="Show progress bars.")] = True,
) -> None:
    """Turn digits until the network does not know them; does it notice?"""
    console = Console()
    frameworks = chosen(framework)
    output = Output(out)
    data = load(dataset, console, training=TRAINING, test=TEST)
    console.print(f"{data!r}")
    recipe = replace(RECIPE, input_shape=data.x_train.shape[1:], epochs=epochs)
    if data.name == "digits":
        recipe = replace(recipe, passes_per_epoch=10)
    turned = [rotated(data.x_test, angle) for angle in ANGLES]

    found: dict[str, list[Found]] = {}
    seconds = {}
    for name in frameworks:
        start = time.perf_counter()
        found[name] = []
        with progress_bar(name, seeds * (1 + len(ANGLES)), enabled=progress) as advance:
            for each in range(seed, seed + seeds):
                model = panel(name, "models").mlp(replace(recipe, seed=each))
                panel(name, "training").fit(model, replace(recipe, seed=each), data, progress=False)
                advance(f"seed {each}: trained")
                found[name].append(look(name, model, recipe, turned, data.y_test, passes, advance))
        seconds[name] = time.perf_counter() - start

    title = f"{data.name}: {len(data.x_test)} digits, turned by 0° to 180°; {seeds} seeds"
    table = results(found, seconds, title)
    output.write("uncertainty.txt", lambda path: print_to(path, table))
    console.print(table)
    for line in promises(found[frameworks[0]]):
        console.print(line, highlight=False)
    output.write(
        "uncertainty.png",
        lambda path: draw(found[frameworks[0]], turned, title, path),
    )
    console.print(f"In {out}/: {', '.join(output.written)}")
    output.finish()


def rotated(images: np.ndarray, angle: float) -> np.ndarray:
    """About their middle."""
    still = np.zeros(len(images), np.float32)
    matrices = affine_matrices(
        images.shape[1],
        images.shape[2],
        rotation=still + np.float32(angle),
        zoom=still,
        translation_x=still,
        translation_y=still,
        shear=still,
    )
    return affine(images, matrices)


def look(
    framework: str,
    model: Any,
    recipe: Recipe,
    turned: list[np.ndarray],
    labels: np.ndarray,
    passes: int,
    advance: Any,
) -> Found:
    """The turned digits, with dropout on and without."""
    own, measures = adapter(framework), panel(framework, "uncertainty")
    doubts, means, plain = [], [], []
    for angle, images in zip(ANGLES, turned, strict=True):
        drawn = measures.monte_carlo(model, own.tensor(images), passes=passes)
        found = measures.uncertainty(drawn)
        doubts.append([own.numpy(found.entropy), own.numpy(found.mutual_information)])
        means.append(own.numpy(found.mean))
        plain.append(softmax(panel(framework, "training").predict(model, recipe, images)))
        advance(f"turned by {angle}°")
    wrong = np.array([mean.argmax(axis=1) != labels for mean in means])
    entropy, information = np.moveaxis(np.array(doubts), 1, 0)
    mistakes = wrong[:RANKED].ravel()
    doubt, disagreement = entropy[:RANKED].ravel(), information[:RANKED].ravel()
    first = np.argsort(-doubt, kind="stable")[: mistakes.size // 10]
    plain_error, plain_table = _calibration(measures, own, plain, labels)
    mean_error, mean_table = _calibration(measures, own, means, labels)
    return Found(
        entropy.mean(axis=1),
        information.mean(axis=1),
        wrong.mean(axis=1),
        float(roc_auc_score(mistakes, doubt)),
        float(roc_auc_score(mistakes, disagreement)),
        float(mistakes[first].mean()),
        float(mistakes.mean()),
        plain_error,
        mean_error,
        plain_table,
        mean_table,
    )


def _calibration(
    measures: Any, own: Any, probabilities: list[np.ndarray], labels: np.ndarray
) -> tuple[float, np.ndarray]:
    """The error, and the rows of the reliability diagram, over the images of all angles."""
    both = own.tensor(np.concatenate(probabilities)), own.tensor(np.tile(labels, len(ANGLES)))
    error = measures.calibration_error(*both, bins=BINS)
    table = measures.reliability(*both, bins=BINS)
    return float(own.numpy(error)), np.array([own.numpy(row) for row in table], np.float64)


def results(found: dict[str, list[Found]], seconds: dict[str, float], title: str) -> Table:
    table = Table(title=f"{title} (± standard error)")
    for column in ("framework", "measure", "value", "time"):
        table.add_column(column, justify="left" if column in ("framework", "measure") else "right")
    rows = {
        "wrong, upright": lambda f: 100 * f.mistakes[0],
        "wrong, at 90°": lambda f: 100 * f.mistakes[ANGLES.index(90)],
        "0° to 30°: mistakes told by entropy (AUROC)": lambda f: f.auroc_entropy,
        "mistakes told by mutual information (AUROC)": lambda f: f.auroc_information,
        "wrong among the tenth with the most entropy": lambda f: 100 * f.first_tenth,
        "wrong among all of them": lambda f: 100 * f.share_wrong,
        "calibration error, one pass without dropout": lambda f: f.error_plain,
        "calibration error, mean of the passes": lambda f: f.error_mean,
    }
    for framework, seeds in found.items():
        for number, (name, of) in enumerate(rows.items()):
            mean, error = spread([of(each) for each in seeds])
            percent = name.startswith("wrong")
            value = f"{mean:.1f} % ± {error:.1f}" if percent else f"{mean:.3f} ± {error:.3f}"
            table.add_row(
                framework if number == 0 else "",
                name,
                value,
                f"{seconds[framework]:.1f} s" if number == 0 else "",
            )
        table.add_section()
    return table


def promises(seeds: list[Found]) -> list[str]:
    """What theory promises, and whether it was seen with every seed."""
    quarter = ANGLES.index(90)
    seen = {
        "The entropy grows from upright to 90°": [
            each.entropy[quarter] > 2 * each.entropy[0] for each in seeds
        ],
        "The mutual information grows from upright to 90°": [
            each.mutual_information[quarter] > 2 * each.mutual_information[0] for each in seeds
        ],
        "Of 0° to 30° the most doubtful tenth is wrong twice as often as all": [
            each.first_tenth > 2 * each.share_wrong for each in seeds
        ],
        "The mean of the passes is better calibrated": [
            each.error_mean < each.error_plain for each in seeds
        ],
    }
    return [
        f"{name}: {'seen' if all(each) else 'not seen'} ({sum(each)} of {len(each)} seeds)."
        for name, each in seen.items()
    ]


def draw(seeds: list[Found], turned: list[np.ndarray], title: str, path: Path) -> None:
    figure = Figure(figsize=(11, 8), layout="constrained")
    parts: Any = figure.subfigures(2, 1, height_ratios=[1, 4])
    strip, below = parts
    frames = strip.subplots(1, len(ANGLES))
    for ax, angle, images in zip(frames, ANGLES, turned, strict=True):
        ax.imshow(images[0].squeeze(), cmap="gray_r", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
        ax.set_title(f"{angle}°", fontsize=9)
    strip.suptitle(title, fontsize=13)
    by_angle, sure = below.subplots(1, 2)
    curves = {
        "predictive entropy": ([each.entropy for each in seeds], BLACK),
        "mutual information": ([each.mutual_information for each in seeds], VERMILION),
    }
    for name, (values, colour) in curves.items():
        _band(by_angle, name, values, colour)
    shares = by_angle.twinx()
    _band(shares, "wrong answers", [each.mistakes for each in seeds], SKY)
    shares.set_ylim(0, 1)
    shares.yaxis.set_major_formatter(PercentFormatter(1))
    shares.set_ylabel("wrong answers (blue)")
    by_angle.set_ylim(0, 1.3 * by_angle.get_ylim()[1])
    by_angle.set_xticks(range(0, 181, 45), [f"{angle}°" for angle in range(0, 181, 45)])
    by_angle.set_xlabel("turned by")
    by_angle.set_ylabel("doubt, in nats")
    by_angle.set_title("What is turned is doubted, and mistaken", fontsize=11)
    by_angle.legend(loc="upper left", frameon=False)
    by_angle.grid(alpha=0.3)

    sure.plot([0, 1], [0, 1], "--", color="grey", label="as sure as right")
    for name, tables, errors, colour in (
        (
            "one pass, no dropout",
            [each.reliability_plain for each in seeds],
            [each.error_plain for each in seeds],
            VERMILION,
        ),
        (
            "mean of the passes",
            [each.reliability_mean for each in seeds],
            [each.error_mean for each in seeds],
            GREEN,
        ),
    ):
        examples, confidence, accuracy = np.moveaxis(np.array(tables), 1, 0)
        total = examples.sum(axis=0)
        filled = total >= 10
        x, y = (
            (column * examples).sum(axis=0)[filled] / total[filled]
            for column in (confidence, accuracy)
        )
        mean, error = spread(errors)
        label = f"{name}: ECE {mean:.3f} ± {error:.3f}"
        sure.plot(x, y, "o-", color=colour, label=label)
    sure.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="accuracy")
    sure.xaxis.set_major_formatter(PercentFormatter(1))
    sure.yaxis.set_major_formatter(PercentFormatter(1))
    sure.set_title("Below the line: too sure", fontsize=11)
    sure.legend(loc="upper left", frameon=False)
    sure.grid(alpha=0.3)
    figure.savefig(path, dpi=120)


def _band(ax: Axes, name: str, values: list[np.ndarray], colour: str) -> None:
    """The mean over the seeds, and its standard error."""
    mean, error = spread(values)
    ax.plot(ANGLES, mean, "o-", color=colour, label=name, markersize=4)
    ax.fill_between(ANGLES, mean - error, mean + error, color=colour, alpha=0.25)


if __name__ == "__main__":
    run_command(lambda: typer.run(main))
