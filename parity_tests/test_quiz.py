"""The quiz: its questions, the numbers that settle them, and what the command does with answers."""

import dataclasses
import json
import math
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from triptych import cli
from triptych.catalogue import CARRIERS, TECHNIQUES
from triptych.quiz import numbers
from triptych.quiz.cli import _chosen
from triptych.quiz.questions import CHAPTERS, QUESTIONS
from triptych.quiz.strategy import CASE, MEASURES, next_ones

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parent.parent
BY_NAME = {each.name: each for each in QUESTIONS}
SETTLED = [each for each in QUESTIONS if each.number]


def run(*args: str, answers: str = "", code: int = 0) -> str:
    result = CliRunner().invoke(cli.app, ["quiz", *args], input=answers, env={"COLUMNS": "80"})
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result.output


def right(questions) -> str:
    return "".join(f"{each.right + 1}\n" for each in questions)


def wrong(questions) -> str:
    return "".join(f"{(each.right + 1) % len(each.choices) + 1}\n" for each in questions)


# --- The questions --------------------------------------------------------------------------------


def test_names_and_chapters():
    assert len(QUESTIONS) >= 20
    assert len(BY_NAME) == len(QUESTIONS)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in BY_NAME)
    assert list(dict.fromkeys(each.chapter for each in QUESTIONS)) == list(CHAPTERS)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda each: each.name)
def test_a_question(question):
    assert 3 <= len(question.choices) <= 5
    assert len(set(question.choices)) == len(question.choices)
    assert question.right in range(len(question.choices))
    assert question.question.endswith("?")
    text = question.explanation.replace("et al.", "et al")
    assert 3 <= len(re.findall(r"[.?!](?=\s|$)", text)) <= 6
    assert 250 <= len(text) <= 500
    assert text.endswith(".")
    assert re.search(r"(19|20)\d\d", question.source)
    assert question.technique in (*TECHNIQUES, *CARRIERS)


def test_the_form_of_a_choice_does_not_give_it_away():
    places = [each.right for each in QUESTIONS]
    longest = sum(
        len(each.choices[each.right]) == max(map(len, each.choices)) for each in QUESTIONS
    )
    assert max(map(places.count, places)) < len(QUESTIONS) / 3
    assert longest < len(QUESTIONS) / 3


# --- The numbers ----------------------------------------------------------------------------------

# By question: what its number and its explanation (or the right choice) both say, and the value of
# it by another way. None: it is no one number, or its value is checked further below.
ROOT_TWO = math.sqrt(2)
EXPECTED = {
    "bias-and-variance": {
        "0.25": 0.5**2,
        "0.20": 0.2**2 + 0.4**2,
        "0.53": (0.25 + 2.5**2) / 3.5**2,
    },
    "bias-or-variance": {"0.25": 0.5**2, "0.05": 0.5**2 / 5},
    "inverted-dropout": {"1.00": 1, "0.70": 1 - 0.3},
    "dropout-without-scaling": {"1.43": 1 / (1 - 0.3)},
    "keep-or-drop": {"80 %": 80, "20 %": 20},
    "ensemble": {"1.3e+30": None},
    "monte-carlo": {"0.69": math.log(2), "0.00": 0},
    "depends-on-the-batch": {"0.00": 0, "-1.22": (1 - 5) / math.sqrt((16 + 0 + 16) / 3)},
    "dropout-and-batch-norm": {"2.01": 1 / 0.5, "1.00": 1, "0.71": 1 / ROOT_TWO},
    "l1-or-l2": {"0.05": 0.05, "0.045": 0.05 / 1.1},
    "l1-by-gradient": {"0.005": 0.055 % 0.01},
    "strength-too-large": {"1.98": 2 / 1.01, "0.02": 2 / 101},
    "adam-or-adamw": {"0.010": 1 - (1 - 0.01 * 0.1) ** 10, "0.001": None, "0.115": None},
    "max-norm": {"(3, 4)": None, "(1.8, 2.4)": None},
    "clipping": {"21": math.degrees(math.atan(0.4) - math.atan(0.4 / 30))},
    "patience": {"epoch 6": None, "epoch 3": None, "0.70": None, "0.69": None},
    "best-weights": {"0.73": None, "0.70": None},
    "label-smoothing": {"0.91": 1 - 0.1 + 0.1 / 10, "0.01": 0.1 / 10},
    "temperature": {
        "0.018": 1 / (math.e**4 + 1 + math.e**-4),
        "0.0003": math.e**-8,
        "0.24": 1 / (math.e + 1 + 1 / math.e),
        "0.09": 1 / (1 + math.e + math.e**2),
    },
    "temperature-squared": {"17": None, "1.1": None},
    "mixup-label": {"0.7": 0.7, "0.3": 1 - 0.7},
    "cutmix-lambda": {"0.88": 1 - 11 * 11 / 32**2, "121": math.floor(16 / ROOT_TWO) ** 2},
    "validation-images": {"49.5": None, "52.5 %": None},
}


@pytest.mark.parametrize("question", SETTLED, ids=lambda each: each.name)
def test_a_number_is_computed_and_agrees_with_the_explanation(question):
    sentence = getattr(numbers, question.number)()
    assert sentence == getattr(numbers, question.number)()
    assert re.search(r"\d", sentence)
    assert sentence.endswith(".")
    said = f"{question.explanation} {question.choices[question.right]}"
    for text, value in EXPECTED.get(question.name, {}).items():
        for each in (sentence, said):
            assert re.search(rf"(?<![\d.]){re.escape(text)}(?![\d]|\.\d)", each), (text, each)
        if value is not None:
            digits = text.rstrip(" %").partition(".")
            last = 10.0 ** -len(digits[2])  # a unit in the last place: some are drawn at random
            assert float("".join(digits)) == pytest.approx(value, abs=1.001 * last)


def found(name: str, pattern: str) -> list[float]:
    """What the pattern's groups find in the sentence of a question."""
    match = re.search(pattern, getattr(numbers, BY_NAME[name].number)())
    assert match, pattern
    return [float(group.replace(",", "")) for group in match.groups()]


def test_every_number_is_checked_by_value():
    rest = {
        "overfitting",
        "underfitting",
        "dropout-at-inference",
        "which-average",
        "batch-of-one",
        "scale-of-weights",
    }
    assert rest | EXPECTED.keys() == {each.name for each in SETTLED}
    assert "diagnose says: overfitting" in numbers.verdict_overfitting()
    assert "diagnose says: underfitting" in numbers.verdict_underfitting()
    low, high, inference = found("dropout-at-inference", r"from (\d+) to (\d+) .*, (\d+) at inf")
    assert low < inference == 100 < high
    assert low % 2 == high % 2 == 0  # ones behind dropout at 0.5 are twos and zeros
    networks, geometric, arithmetic = found(
        "which-average", r"the (\d+) .* by (\S+) from .* (0\S+) f"
    )
    assert networks == 2**8
    assert geometric < 1e-12 < 0.05 < arithmetic
    assert numbers.batch_of_one().count("(-1, 1)") == 2
    assert "batch norm in training needs at least 2 values" in numbers.batch_of_one()
    assert found("scale-of-weights", r"by (\S+) at most")[0] < 1e-10


def test_whole_numbers_and_lists():
    distinct, power = found("ensemble", r"hold ([\d,]+) different .* = ([\d,]+\d), some")
    assert distinct == 2**10
    assert str(2**100) in numbers.networks().replace(",", "")
    assert power == 2.0**100
    assert "(0, -0.2, 0.9) with L1" in numbers.proximal_steps()  # |w| - 0.1
    assert "(0.045, -0.273, 0.909) with L2" in numbers.proximal_steps()  # w / 1.1
    assert found("l1-by-gradient", r"proximal step it is (\S+)\.$") == [0]
    assert found("clipping", r"by norm, by (\d+)") == [0]


def adam(gradient: float, l2: float) -> float:
    """A weight of 1 after ten steps of Adam, of gradients of changing sign, by the formula."""
    w, m, v = 1.0, 0.0, 0.0
    for t in range(1, 11):
        g = gradient * (-1) ** t + l2 * w
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        w -= 0.01 * m / (1 - 0.9**t) / (math.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return w


def test_adam_by_the_formula():
    large, small, *adamw = found(
        "adam-or-adamw", r"by (\S+) and (\S+) as L2 in Adam, by (\S+) and (\S+) in"
    )
    assert large == pytest.approx(adam(10, 0) - adam(10, 0.1), abs=6e-4)
    assert small == pytest.approx(adam(0.001, 0) - adam(0.001, 0.1), abs=6e-4)
    assert adamw[0] == adamw[1]


def softened(logits: list[float], temperature: float) -> list[float]:
    powers = [math.exp(each / temperature) for each in logits]
    return [each / sum(powers) for each in powers]


def test_temperature_squared_by_finite_differences():
    student, teacher = [1.0, 2.0, 0.5], [3.0, 1.0, 0.0]

    def divergence(logits: list[float], T: float) -> float:
        pairs = zip(softened(teacher, T), softened(logits, T), strict=True)
        return sum(q * math.log(q / p) for q, p in pairs)

    def largest(T: float) -> float:
        slopes = []
        for i in range(3):
            up, down = list(student), list(student)
            up[i], down[i] = student[i] + 1e-4, student[i] - 1e-4
            slopes.append(abs(divergence(up, T) - divergence(down, T)) / 2e-4)
        return max(slopes)

    without, with_factor = found("temperature-squared", r"becomes (\S+) times .*, (\S+) times w")
    ratio = largest(4.0) / largest(16.0)
    assert without == pytest.approx(ratio, abs=0.51)
    assert with_factor == pytest.approx(ratio / 16, abs=0.051)


def test_the_curve_of_early_stopping():
    curve = re.findall(r"\d\.\d\d", BY_NAME["patience"].question)
    assert [float(each) for each in curve] == list(numbers.CURVE)
    stopped, best, value = found("patience", r"after epoch (\d); .* epoch (\d), at (\S+)\. ")
    assert stopped == best + 3
    assert value == min(numbers.CURVE[: int(stopped)]) == numbers.CURVE[int(best) - 1]
    assert found("patience", r"The (\S+) of epoch 7") == [min(numbers.CURVE)]
    last, restored = found("best-weights", r"worth (\S+), those of epoch 3 are worth (\S+)\.$")
    assert (last, restored) == (numbers.CURVE[5], value)


def test_validation_with_flips_is_a_coin_for_each_image():
    low, high = found("validation-images", r"from (\S+) to (\S+) %")
    deviation = 100 * math.sqrt(0.25 / 1000)
    assert 50 - 4 * deviation < low < high < 50 + 4 * deviation


# --- The command ----------------------------------------------------------------------------------


def test_right_answers_get_full_score():
    output = run(answers=right(QUESTIONS))
    assert f"{len(QUESTIONS)} of {len(QUESTIONS)} right." in output
    assert output.count("✔ Right.") == len(QUESTIONS)
    assert output.count("Computed now:") == len(SETTLED)
    assert "✘" not in output
    assert "To read" not in output
    assert max(map(len, output.splitlines())) <= 80


def test_wrong_answers_get_none_and_what_to_read():
    output = run(answers=wrong(QUESTIONS))
    assert f"0 of {len(QUESTIONS)} right." in output
    assert output.count("✘ Wrong. Right is:") == len(QUESTIONS)
    read = re.findall(r"^  triptych show (\w+)$", output, re.MULTILINE)
    assert read == list(dict.fromkeys(each.technique for each in QUESTIONS))


@pytest.mark.parametrize("end", ["", "q\n1\n", " Q \n1\n"])
def test_an_end_before_the_end(end):
    output = run(answers=right(QUESTIONS[:2]) + end)
    assert f"2 of 2 right, {len(QUESTIONS) - 2} not asked." in output


def test_what_is_no_answer_is_asked_again():
    output = run(answers="x\n0\n9\n-1\n1.0\n\n" + "1" * 5000 + "\n²\n[/b]\n" + right(QUESTIONS[:1]))
    assert output.count("One of 1, 2, 3, 4, or q.") == 9
    assert "1 of 1 right" in output


def test_bytes_that_are_no_text():
    result = CliRunner().invoke(cli.app, ["quiz"], input=b"\xff\xfe\n1\n")
    assert result.exit_code == 0, result.output
    assert "1 of 1 right" in result.output


def test_some_of_the_questions():
    group = [each for each in QUESTIONS if each.chapter == "dropout"]
    output = run("--chapter", "dropout", answers=right(group))
    assert f"{len(group)} of {len(group)} right." in output
    assert "5 of 5 right." in run(
        "--questions", "5", "--seed", "3", answers=right(_chosen(None, 5, 3))
    )
    assert "3 not asked." in run("--questions", "3")
    assert len(_chosen("descent", 100, None)) == 3
    message = " ".join(run("--chapter", "droput", code=2).replace("│", " ").split())
    assert f"'droput' is none of {', '.join(CHAPTERS)}." in message
    run("--questions", "0", code=2)


def test_a_seed_mixes_and_repeats():
    mixed = _chosen(None, None, 7)
    assert mixed == _chosen(None, None, 7) != _chosen(None, None, 8)
    assert [each.name for each in mixed] != list(BY_NAME)
    assert {each.name for each in mixed} == BY_NAME.keys()
    for each in mixed:
        plain = BY_NAME[each.name]
        assert sorted(each.choices) == sorted(plain.choices)
        assert each.choices[each.right] == plain.choices[plain.right]
    assert any(each.choices != BY_NAME[each.name].choices for each in mixed)


def test_list():
    output = run("--list")
    assert all(re.search(rf"^{name} ", output, re.MULTILINE) for name in BY_NAME)
    assert f"{len(QUESTIONS)} questions." in output
    assert "Dropout  dropout" in run("--list", "--chapter", "dropout")
    assert "l1-or-l2" not in run("--list", "--chapter", "dropout")
    script = "import sys; from triptych.cli import app; app(standalone_mode=False); "
    script += "assert 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", script, "quiz", "--list"], cwd=ROOT, check=True)


def test_json():
    found = json.loads(run("--json"))
    assert found["chapters"] == CHAPTERS
    for plain, question in zip(found["questions"], QUESTIONS, strict=True):
        expected = dataclasses.asdict(question) | {"choices": list(question.choices)}
        expected["number"] = question.number and getattr(numbers, question.number)()
        assert plain == expected
    assert found["strategy"]["case"] == CASE
    assert [each["title"] for each in found["strategy"]["measures"]] == [m.title for m in MEASURES]
    assert len(json.loads(run("--json", "--chapter", "descent"))["questions"]) == 3


def test_answers_are_written(tmp_path):
    path = tmp_path / "answers.json"
    answers = right(QUESTIONS[:1]) + wrong(QUESTIONS[1:2])
    run("--answers", str(path), answers=answers)
    first, second = json.loads(path.read_text("utf-8"))
    question = QUESTIONS[0]
    assert first == {
        "question": question.name,
        "answer": question.choices[question.right],
        "right": True,
    }
    assert second["right"] is False
    assert "File exists" in run("--answers", str(path), answers=answers, code=2)
    assert len(json.loads(path.read_text("utf-8"))) == 2
    assert "1 of" not in run("--answers", str(tmp_path / "no" / "answers.json"), code=2)


# --- The plan -------------------------------------------------------------------------------------

NUMBERED = {title: i for i, title in enumerate(sorted(m.title for m in MEASURES), start=1)}
IN_ORDER = [each for each in MEASURES if each.stage]


def plan(measures) -> str:
    return run("--strategy", answers="".join(f"{NUMBERED[each.title]}\n" for each in measures))


def test_measures():
    assert [each.stage for each in IN_ORDER] == sorted(each.stage for each in IN_ORDER)
    assert len(MEASURES) - len(IN_ORDER) == 1
    assert [each.title for each in next_ones(())] == ["a score to trust"]
    assert next_ones(IN_ORDER) == []
    for each in MEASURES:
        assert all((each.title, each.why, each.start, each.keep, each.smaller))
        assert each.technique is None or each.technique in TECHNIQUES
    error = 100 * math.sqrt(0.71 * 0.29 / 1000)  # of an accuracy of 71 % on 1,000 images
    assert f"{error:.1f} points" in MEASURES[0].why
    assert f"below {round(2 * error)} points" in MEASURES[0].why


def test_the_plan_in_good_order_and_in_reverse():
    output = plan(IN_ORDER)
    assert output.count("a good next step") == len(IN_ORDER)
    assert "9 of 9 steps in good order" in output
    assert "leave it out" not in output
    output = plan(reversed(MEASURES))
    assert "✘ A deeper model: leave it out." in output
    assert "○ Mixup or CutMix: yes, but first a score to trust." in output
    assert "1 of 9 steps in good order" in output  # what comes last is all that is left
    for each in MEASURES:
        assert each.why.partition(".")[0][:40] in output


def test_each_step_says_what_to_begin_with_and_how_to_validate():
    output = " ".join(plan(IN_ORDER).split())
    for each in IN_ORDER:
        facts = f"begin with {each.start} keep it if {each.keep} smaller model? {each.smaller}"
        assert facts in output


def test_the_whole_plan_is_on_one_screen():
    for answers in ("", f"{NUMBERED['dropout']}\n{NUMBERED['dropout']}\nq\n"):
        output = run("--strategy", answers=answers)
        screen = output[output.index("The plan") :].splitlines()
        assert len(screen) < 24
        assert max(map(len, screen)) <= 80
        assert all(each.title.removeprefix("a ") in "\n".join(screen) for each in MEASURES)
    assert re.search(r"^ +1 dropout", output, re.MULTILINE)
