"""The figures: what is drawn is the data, the files are sound, and nothing global is touched."""

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import same_color, to_rgba
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from matplotlib.text import Text

from triptych import plots
from triptych.common.datasets import digits, noisy_xor, xor
from triptych.common.history import History
from triptych.diagnostics import Diagnostics, weight_histogram

pytestmark = pytest.mark.once

FRAMEWORKS = ("scratch", "torch", "keras")


def png_size(path: Path) -> tuple[int, int]:
    """Width and height from the header of a PNG file."""
    header = path.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", header[16:24])


def texts(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in dict.fromkeys(figure.findobj(Text)))


def history(framework: str, steps: int = 12, epochs: int = 3, shift: float = 0.0) -> History:
    loss = np.exp(-np.arange(steps) / steps) + shift * (np.arange(steps) >= steps // 2)
    validation = [0.5 / (1 + epoch) + shift for epoch in range(epochs)]
    return History(framework, loss.tolist(), validation, validation, [0.9] * epochs)


def overlaps(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of visible texts whose boxes overlap."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    unseen = {  # labels of ticks beyond the ends of their axis, which are not drawn
        label
        for ax in figure.axes
        for axis in (ax.xaxis, ax.yaxis)
        for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]
        for label in (tick.label1, tick.label2)
        if not min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())
    }
    boxes = [
        (text.get_text(), text.get_window_extent(renderer).padded(-1))
        for text in dict.fromkeys(figure.findobj(Text))
        if text.get_text() and text.get_visible() and text not in unseen
    ]
    return [
        (first, second)
        for number, (first, box) in enumerate(boxes)
        for second, other in boxes[number + 1 :]
        if box.overlaps(other)
    ]


# --- Decision boundaries --------------------------------------------------------------------------


def product(shift: float = 0.0):
    def predict(points: np.ndarray) -> np.ndarray:
        x, y = points.T
        return 1 / (1 + np.exp(8 * (x - 0.5) * (y - 0.25))) + shift

    return predict


def test_boundaries_show_the_surface_and_the_points(tmp_path):
    models = {"scratch": product(), "torch": product(2.0**-20), "keras": product()}
    data = xor("float64")
    figure = plots.decision_boundaries(models, data, tmp_path / "new" / "xor.png", title="XOR")
    width, height = png_size(tmp_path / "new" / "xor.png")
    assert 1000 < width < 1600
    assert 400 < height < 800
    panels = figure.axes[:3]
    for ax, (name, predict) in zip(panels, models.items(), strict=True):
        assert ax.get_title() == name
        (image,) = ax.get_images()
        left, right, bottom, top = image.get_extent()
        plane = np.meshgrid(np.linspace(left, right, 201), np.linspace(bottom, top, 201))
        expected = predict(np.stack([axis.ravel() for axis in plane], axis=-1))
        np.testing.assert_array_equal(image.get_array().ravel(), expected)
        assert image.origin == "lower"
        assert (image.norm.vmin, image.norm.vmax) == (0, 1)
        drawn = [c for c in ax.collections if not isinstance(c, ContourSet)]
        for label, points in enumerate(drawn):
            np.testing.assert_array_equal(points.get_offsets(), data.x_train[data.y_train == label])
        (contour,) = (c for c in ax.collections if isinstance(c, ContourSet))
        assert contour.levels.tolist() == [0.5]
        assert np.abs(predict(contour.get_paths()[0].vertices) - 0.5).max() < 0.01
    text = texts(figure)
    assert text.count("4 of 4 training points right") == 3
    assert "largest difference: 9.5e-07" in text
    assert "largest difference: 0, identical" in text
    assert "P(class 1), black line at 0.5" in text
    assert not overlaps(figure)


def test_boundaries_in_rows_count_the_right_points(tmp_path):
    data = noisy_xor(n_train=40)

    def wrong(points: np.ndarray) -> np.ndarray:
        return np.zeros(len(points))

    rows = {"plain": {"scratch": product(), "torch": wrong}, "regularized": {"scratch": product()}}
    figure = plots.decision_boundaries(rows, data, tmp_path / "xor.png")
    right = (product()(data.x_train) >= 0.5) == data.y_train
    text = texts(figure)
    assert text.count(f"{right.sum()} of 40 training points right") == 2
    assert "20 of 40 training points right" in text
    assert figure.axes[0].get_ylabel() == "plain\n$x_1$"
    assert figure.axes[2].get_ylabel() == "regularized\n$x_1$"
    assert not figure.axes[3].axison
    assert not overlaps(figure)


def test_boundaries_refuse_what_they_cannot_draw(tmp_path):
    with pytest.raises(ValueError, match=r"at least one model and a dataset .* got 0 models"):
        plots.decision_boundaries({}, xor(), tmp_path / "x.png")
    with pytest.raises(ValueError, match=r"two classes in the plane, got 1 models and Dataset"):
        plots.decision_boundaries({"scratch": product()}, digits(), tmp_path / "x.png")
    with pytest.raises(
        ValueError, match=r"model of torch must return shape \(40401,\), got \(40401, 2\)"
    ):
        plots.decision_boundaries({"torch": lambda points: points}, xor(), tmp_path / "x.png")


# --- Curves ---------------------------------------------------------------------------------------


def lines(ax, colour):
    """The (x, y) data of the lines of one colour."""
    return [line.get_data() for line in ax.lines if same_color(line.get_color(), colour)]


def test_curves_hold_every_step_and_epoch(tmp_path):
    histories = {name: history(name) for name in FRAMEWORKS}
    histories["keras"] = history("keras", shift=2.0**-10)
    figure = plots.curves(histories, tmp_path / "c.png", title="Runs", bound=1e-2)
    width, height = png_size(tmp_path / "c.png")
    assert 1000 < width < 1600
    assert 600 < height < 1200
    losses, differences = figure.axes
    for colour, run in zip(plots.FRAMEWORK_COLOURS, histories.values(), strict=True):
        training, validation = lines(losses, colour)
        np.testing.assert_array_equal(training, [range(1, 13), run.step_loss])
        np.testing.assert_array_equal(validation, [[4, 8, 12], run.validation_loss])
    assert losses.get_yscale() == differences.get_yscale() == "log"
    zero = differences.get_yticks()[0]
    assert differences.get_ylim()[0] < zero < 2.0**-10 / 10
    pairs = [("scratch", "torch"), ("scratch", "keras"), ("torch", "keras")]
    for colour, (a, b) in zip(plots.PAIR_COLOURS, pairs, strict=True):
        training, validation = lines(differences, colour)
        expected = np.abs(np.subtract(histories[a].step_loss, histories[b].step_loss))
        np.testing.assert_array_equal(training[0], range(1, 13))
        np.testing.assert_array_equal(training[1], np.where(expected > 0, expected, zero))
        expected = np.abs(np.subtract(histories[a].validation_loss, histories[b].validation_loss))
        np.testing.assert_array_equal(validation[1], np.where(expected > 0, expected, zero))
    labels = [text.get_text() for text in differences.get_legend().get_texts()]
    assert labels[:4] == [
        "scratch / torch: 0, identical",
        "scratch / keras: 9.8e-04",
        "torch / keras: 9.8e-04",
        "allowed: 1.0e-02",
    ]
    ticks = [text.get_text() for text in differences.get_yticklabels()]
    assert ticks[0] == "equal"
    assert ticks[1:] == ["$10^{-4}$", "$10^{-3}$", "$10^{-2}$"]
    assert "Runs" in texts(figure)
    assert not overlaps(figure)


def test_curves_on_top_of_each_other_are_all_visible(tmp_path):
    figure = plots.curves({name: history(name) for name in FRAMEWORKS}, tmp_path / "c.png")
    drawn = [line for line in figure.axes[0].lines[:6] if line.get_linestyle() == "-"]
    widths = [line.get_linewidth() for line in sorted(drawn, key=lambda line: line.get_zorder())]
    assert widths == sorted(widths, reverse=True)
    assert len(set(widths)) == 3
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3].reshape(-1, 3)
    for colour in (*plots.FRAMEWORK_COLOURS, *plots.PAIR_COLOURS):
        rgb = np.round(np.multiply(to_rgba(colour)[:3], 255)).astype(np.uint8)
        assert (pixels == rgb).all(axis=1).sum() > 20


def test_a_long_run_is_drawn_in_means_and_its_differences_in_full(tmp_path):
    histories = {name: history(name, steps=1204, epochs=100) for name in ("scratch", "torch")}
    histories["torch"].step_loss[600] += 2.0**-10
    figure = plots.curves(histories, tmp_path / "c.png")
    (steps, means), (ends, _) = lines(figure.axes[0], plots.FRAMEWORK_COLOURS[0])
    losses = np.array(histories["scratch"].step_loss)
    assert steps[:2].tolist() == [2, 5]
    # Means taken in another order of summation.
    np.testing.assert_allclose(means[:-1], losses[:-1].reshape(-1, 3).mean(axis=1), rtol=1e-14)
    np.testing.assert_allclose([steps[-1], means[-1]], [1204, losses[-1]], rtol=1e-14)
    assert ends[-1] == 1204
    (_, differences), _ = lines(figure.axes[1], plots.PAIR_COLOURS[0])
    assert len(differences) == 1204
    assert np.argmax(differences) == 600
    assert "training, mean of 3 steps" in texts(figure)


def test_curves_of_one_run_have_no_differences(tmp_path):
    figure = plots.curves({"scratch": history("scratch")}, tmp_path / "c.png")
    assert len(figure.axes) == 1
    assert figure.axes[0].get_xlabel() == "training step"


def test_curves_of_runs_that_stopped_apart_diverged_or_reached_zero(tmp_path):
    short = history("torch", steps=8, epochs=2)
    figure = plots.curves({"scratch": history("scratch"), "torch": short}, tmp_path / "c.png")
    training, validation = lines(figure.axes[1], plots.PAIR_COLOURS[0])
    assert len(training[0]) == 8
    assert len(validation[0]) == 2

    short.step_loss[3] = float("inf")
    other = history("scratch", steps=8, epochs=2)
    other.step_loss[3] = float("inf")
    figure = plots.curves({"scratch": other, "torch": short}, tmp_path / "c.png")
    assert "scratch / torch: not finite" in texts(figure)

    short.step_loss[:] = [0.0] * 8
    figure = plots.curves({"torch": short}, tmp_path / "c.png")
    assert figure.axes[0].get_yscale() == "linear"

    with pytest.raises(ValueError, match="curves needs at least one history, and in each"):
        plots.curves({}, tmp_path / "c.png")
    with pytest.raises(ValueError, match="curves needs at least one history, and in each"):
        plots.curves({"torch": History("torch")}, tmp_path / "c.png")


def test_gradient_norms_say_how_many_were_clipped(tmp_path):
    clipped = history("torch", steps=8, epochs=2)
    clipped.gradient_norm = [1.0, 2.0, 3.0, 10.0, 1.0, 2.0, 20.0, 5.0]
    clipped.learning_rate = [0.5, 0.25]
    figure = plots.gradient_norms({"torch": clipped}, tmp_path / "g.png", clip_norm=4.0)
    norms, rates = figure.axes
    np.testing.assert_array_equal(norms.get_lines()[0].get_ydata(), clipped.gradient_norm)
    assert norms.get_lines()[1].get_ydata()[0] == 4.0
    labels = [text.get_text() for text in norms.get_legend().get_texts()]
    assert labels == ["torch: 38% of the steps clipped", "clip_norm 4"]
    np.testing.assert_array_equal(rates.get_lines()[0].get_xdata(), [4, 8])
    np.testing.assert_array_equal(rates.get_lines()[0].get_ydata(), [0.5, 0.25])
    assert min(png_size(tmp_path / "g.png")) > 400
    for histories in ({}, {"torch": history("torch")}):
        with pytest.raises(ValueError, match="gradient_norms needs at least one history of a run"):
            plots.gradient_norms(histories, tmp_path / "g.png", clip_norm=4.0)


# --- Sheets ---------------------------------------------------------------------------------------


def test_misclassified_shows_the_images_and_the_answers(tmp_path):
    data = digits()
    images, labels = data.x_test[:20], data.y_test[:20]
    scratch, torch = labels.copy(), labels.copy()
    scratch[[3, 7]] = torch[[3]] = (labels[3] + 1) % 10
    torch[11] = (labels[11] + 2) % 10
    answers = {"scratch": scratch, "torch": torch}
    figure = plots.misclassified(images, labels, answers, tmp_path / "m.png")
    width, height = png_size(tmp_path / "m.png")
    assert 500 < width < 1600
    assert 200 < height < 1600
    shown = [ax for ax in figure.axes if ax.get_images()]
    assert [ax.get_title() for ax in shown] == [f"true {labels[i]}" for i in (3, 7, 11)]
    for ax, index in zip(shown, (3, 7, 11), strict=True):
        np.testing.assert_array_equal(ax.get_images()[0].get_array(), images[index, ..., 0])
    assert shown[0].get_xlabel() == f"all say {scratch[3]}"
    assert shown[1].get_xlabel() == f"scratch {scratch[7]}\ntorch {labels[7]}"
    assert shown[2].get_xlabel() == f"scratch {labels[11]}\ntorch {torch[11]}"
    assert "Misclassified of 20 images: scratch 2, torch 2" in texts(figure)
    assert not overlaps(figure)


def test_misclassified_is_limited_and_may_be_empty(tmp_path):
    images, labels = np.zeros((30, 4, 4)), np.zeros(30, np.int64)
    wrong = {name: labels + 1 for name in FRAMEWORKS}
    figure = plots.misclassified(images, labels, wrong, tmp_path / "m.png", limit=12)
    assert sum(bool(ax.get_images()) for ax in figure.axes) == 12
    assert "the first 12 of the 30 that any of them gets wrong" in texts(figure)
    assert not overlaps(figure)
    figure = plots.misclassified(images, labels, {"scratch": labels}, tmp_path / "m.png")
    assert not any(ax.get_images() for ax in figure.axes)
    assert "Misclassified of 30 images: scratch 0" in texts(figure)
    with pytest.raises(
        ValueError, match="predictions of torch must have equal counts, got 30, 30 a"
    ):
        plots.misclassified(images, labels, {"torch": labels[:1]}, tmp_path / "m.png")


@pytest.mark.parametrize("channels", [(), (1,), (3,)])
def test_augmented_puts_the_original_first(tmp_path, channels):
    rng = np.random.default_rng(0)
    images = rng.random((3, 8, 6, *channels))
    batches = list(rng.random((4, *images.shape)))
    figure = plots.augmented(images, batches, tmp_path / "a.png", title="Turned")
    width, height = png_size(tmp_path / "a.png")
    assert 400 < width < 1600
    assert 300 < height < 1600
    drawn = [ax.get_images()[0] for ax in figure.axes]
    for index, version in np.ndindex(3, 5):
        expected = [images, *batches][version][index].squeeze()
        image = drawn[5 * index + version]
        np.testing.assert_array_equal(image.get_array(), expected)
        assert (image.norm.vmin, image.norm.vmax) == (0, 1)
    titles = [ax.get_title() for ax in figure.axes[:5]]
    assert titles == ["original", *(f"augmented {k}" for k in range(1, 5))]
    assert not overlaps(figure)
    with pytest.raises(ValueError, match=r"must have the shape \(3, 8, 6.* of images, got \(2, "):
        plots.augmented(images, [batches[0][:2]], tmp_path / "a.png")


# --- Runs -----------------------------------------------------------------------------------------


def run_of(epochs: int, training: float, validation: float, lowest: int) -> History:
    loss = np.geomspace(1, training, epochs)
    values = validation + 0.05 * np.abs(np.arange(epochs) - lowest)
    return History("scratch", loss.tolist(), loss.tolist(), values.tolist(), [0.9] * epochs)


def styled(ax, colour, linestyle):
    """The one line of that colour and style, without those that only the legend shows."""
    (line,) = (
        line
        for line in ax.lines
        if same_color(line.get_color(), colour) and line.get_linestyle() == linestyle
        if len(line.get_xdata())
    )
    return line


def test_runs_have_a_colour_each_and_a_star_at_the_lowest(tmp_path):
    histories = {"plain": run_of(8, 0.1, 0.5, 3), "L2": run_of(5, 0.2, 0.4, 4)}
    figure = plots.runs(histories, tmp_path / "r.png", title="Two runs")
    (ax,) = figure.axes
    for (name, history), colour in zip(histories.items(), plots.RUN_COLOURS, strict=False):
        training, validation = (styled(ax, colour, style) for style in ("-", "--"))
        np.testing.assert_array_equal(training.get_xdata(), np.arange(1, history.epochs + 1))
        np.testing.assert_array_equal(training.get_ydata(), history.loss)
        np.testing.assert_array_equal(validation.get_ydata(), history.validation_loss)
        star = styled(ax, colour, "None")
        best = int(np.argmin(history.validation_loss))
        assert star.get_marker() == "*"
        assert star.get_xdata()[0] == best + 1
        assert star.get_ydata()[0] == history.validation_loss[best]
        assert training.get_label() == name
    assert ax.get_yscale() == "log"
    assert "Two runs" in texts(figure)
    assert not overlaps(figure)
    histories["L2"].loss[-1] = 0.0
    assert plots.runs(histories, tmp_path / "r.png").axes[0].get_yscale() == "linear"
    histories["L2"].validation_loss[:] = [float("nan")] * 5
    plots.runs(histories, tmp_path / "r.png")
    for wrong in ({}, {"a": History("torch")}, {"a": History("torch", [1.0], [1.0])}):
        with pytest.raises(ValueError, match="runs needs at least one history, and in each at"):
            plots.runs(wrong, tmp_path / "r.png")


def recorder_of(names: list[str], steps: int = 4) -> Diagnostics:
    recorder = Diagnostics(every=5)
    rng = np.random.default_rng(0)
    for _ in range(steps):
        before, grads = ({f"{n}.weight": rng.normal(size=3) for n in names} for _ in range(2))
        recorder.record(before, {k: 1.001 * v for k, v in before.items()}, grads)
    return recorder


def test_effects_are_four_views_of_the_same_runs(tmp_path):
    histories = {"plain": run_of(8, 0.1, 0.5, 3), "L2": run_of(8, 0.3, 0.4, 7)}
    weights = {"plain": {"a.weight": np.linspace(-2, 2, 50)}, "L2": {"a.weight": np.ones(8) / 4}}
    recorders = {name: recorder_of(["a", "b"]) for name in histories}
    figure = plots.regularization_effects(histories, weights, recorders, tmp_path / "e.png")
    losses, values, norms, score = figure.axes
    for number, (name, history) in enumerate(histories.items()):
        colour = plots.RUN_COLOURS[number]
        assert styled(losses, colour, "-").get_ydata().tolist() == history.loss
        counts, ends = weight_histogram(weights[name], limit=2.0)
        area, outline = values.patches[2 * number : 2 * number + 2]
        assert same_color(area.get_facecolor()[:3], colour)
        assert same_color(outline.get_edgecolor()[:3], colour)
        for patch in (area, outline):
            np.testing.assert_allclose(patch.get_data().values, counts / counts.sum())
            np.testing.assert_allclose(patch.get_data().edges, ends)
        line = styled(norms, colour, "-")
        np.testing.assert_array_equal(line.get_xdata(), [5, 10, 15, 20])
        np.testing.assert_array_equal(line.get_ydata(), recorders[name].l2)
        scores = np.divide(history.validation_loss, history.loss)
        np.testing.assert_array_equal(styled(score, colour, "-").get_ydata(), scores)
    assert styled(score, "grey", "--").get_ydata()[0] == 1
    assert "L2 norm 0.707, L1 / L2 2.83" in texts(figure)
    assert min(png_size(tmp_path / "e.png")) > 800
    assert not overlaps(figure)
    message = r"must have the same names, got \['plain', 'L2'\], \['plain'\] and"
    with pytest.raises(ValueError, match=message):
        plots.regularization_effects(
            histories, {"plain": weights["plain"]}, recorders, tmp_path / "e.png"
        )


@pytest.mark.parametrize("count", [3, 20])
def test_layers_over_time(tmp_path, count):
    recorder = recorder_of([f"dense_{k}" for k in range(count)])
    figure = plots.layers(recorder, tmp_path / "l.png")
    gradients, updates = figure.axes
    colours = []
    for number, layer in enumerate(recorder.gradient_norms):
        above, below = gradients.lines[number], updates.lines[number]
        for line, values in (
            (above, recorder.gradient_norms[layer]),
            (below, recorder.update_ratios[layer]),
        ):
            np.testing.assert_array_equal(line.get_xdata(), [5, 10, 15, 20])
            np.testing.assert_array_equal(line.get_ydata(), values)
        assert same_color(above.get_color(), below.get_color())
        colours.append(to_rgba(above.get_color()))
    assert len(set(colours)) == count
    np.testing.assert_allclose(updates.lines[0].get_ydata(), 0.001)
    assert updates.lines[-1].get_ydata()[0] == 0.001
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == list(recorder.gradient_norms)
    assert not overlaps(figure)
    with pytest.raises(ValueError, match="layers needs a recorder that has recorded a step"):
        plots.layers(Diagnostics(), tmp_path / "l.png")


# --- Answers --------------------------------------------------------------------------------------


def test_confusion_counts_every_pair_and_colours_mistakes(tmp_path):
    labels = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2])
    predicted = np.array([0, 0, 1, 1, 1, 0, 0, 2, 2])
    figure = plots.confusion_matrix(labels, predicted, tmp_path / "c.png")
    ax = figure.axes[0]
    counts = np.array([[2, 1, 0], [0, 2, 0], [2, 0, 2]])
    written = {text.get_position(): text.get_text() for text in ax.texts}
    for (row, column), count in np.ndenumerate(counts):
        assert written[column, row] == (str(count) if count else "·")
    mistakes = counts * (1 - np.eye(3))
    np.testing.assert_array_equal(ax.get_images()[0].get_array(), mistakes)
    assert [patch.get_xy() for patch in ax.patches] == [(k - 0.5, k - 0.5) for k in range(3)]
    text = texts(figure)
    assert "66.67% of 9 right, 3 wrong" in text
    for share in ("66.7%", "100.0%", "50.0%"):
        assert share in text
    assert not overlaps(figure)
    absent = plots.confusion_matrix(np.array([0, 2]), np.array([0, 2]), tmp_path / "c.png")
    assert "100.00% of 2 right, 0 wrong" in texts(absent)
    with pytest.raises(ValueError, match=r"the same shape \(N,\), got \(2,\) and \(3,\)"):
        plots.confusion_matrix(labels[:2], predicted[:3], tmp_path / "c.png")


def test_calibration_has_a_point_where_there_are_examples(tmp_path):
    sure = np.array([0.55, 0.6, 0.85, 0.95, 0.95, 0.7])
    right = np.array([True, False, True, True, False, True])
    labels = np.array([0, 1, 1, 0, 1, 0])
    first = np.where(right == (labels == 0), sure, 1 - sure)  # the probability of class 0
    given = {"torch": np.stack([first, 1 - first], axis=1), "of class 1": 1 - first}
    figure = plots.calibration(given, labels, tmp_path / "c.png")
    ax, below = figure.axes
    for line in ax.lines[1:]:
        np.testing.assert_allclose(line.get_xdata(), [0.575, 0.7, 0.85, 0.95])
        np.testing.assert_allclose(line.get_ydata(), [0.5, 1, 1, 0.5])
    shares = below.patches[0].get_data().values
    np.testing.assert_allclose(shares, np.array([0, 0, 0, 0, 0, 2, 1, 0, 1, 2]) / 6)
    expected = (2 * 0.075 + 0.3 + 0.15 + 2 * 0.45) / 6
    assert texts(figure).count(f"66.7% right, 76.7% sure\nECE {expected:.3f}") == 2
    assert not overlaps(figure)
    for wrong, message in [
        ({}, "calibration needs the probabilities of one model at least"),
        ({"a": first[:2]}, r"a must have shape \(6, classes\), got \(2, 2\)"),
        ({"a": 3 * given["torch"]}, r"a must be probabilities in \[0, 1\]: take the softmax"),
    ]:
        with pytest.raises(ValueError, match=message):
            plots.calibration(wrong, labels, tmp_path / "c.png")


def test_dropout_masks_are_shown_as_they_are(tmp_path):
    rng = np.random.default_rng(0)
    masks = {f"step {k}": rng.random((6, 9)) > 0.3 for k in range(3)}
    masks["images"] = rng.random((6, 2, 2, 3)) > 0.3
    masks["more"] = np.ones((2, 3))
    figure = plots.dropout_masks(masks, tmp_path / "d.png")
    shown = [ax for ax in figure.axes if ax.get_images()]
    for ax, (name, mask) in zip(shown, masks.items(), strict=True):
        np.testing.assert_array_equal(ax.get_images()[0].get_array(), mask.reshape(len(mask), -1))
        assert ax.get_title() == f"{name}: {1 - mask.mean():.0%} dropped"
    assert not overlaps(figure)
    for wrong, message in [
        ({}, "dropout_masks needs at least one mask"),
        ({"a": np.full((2, 2), 0.5)}, "a must be a mask of shape"),
        ({"a": np.ones(3)}, "a must be a mask of shape"),
    ]:
        with pytest.raises(ValueError, match=message):
            plots.dropout_masks(wrong, tmp_path / "d.png")


def test_no_pyplot_and_no_global_state(tmp_path):
    code = f"""
import sys, numpy as np, matplotlib
before = matplotlib.rcParams.copy()
from triptych.common.datasets import xor
from triptych import plots
plots.decision_boundaries({{"scratch": lambda p: p[:, 0]}}, xor(), r"{tmp_path / "x.svg"}")
plots.augmented(np.zeros((1, 4, 4)), [np.ones((1, 4, 4))], r"{tmp_path / "a.pdf"}")
assert "matplotlib.pyplot" not in sys.modules
assert matplotlib.rcParams.copy() == before
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
    assert (tmp_path / "x.svg").read_text("utf-8").startswith("<?xml")
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
