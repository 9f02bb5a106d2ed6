"""The workshop at any stage of completion: the script runs, and the check names what is open."""

import random
import subprocess
import sys

import pytest

from parity_tests.exercise_files import workshop_common
from parity_tests.exercise_files.specimens import Right
from parity_tests.test_exercises import check, statuses
from triptych.exercises import catalogue
from triptych.exercises.findings import DONE, NOT_DONE

pytestmark = pytest.mark.once

FRAMEWORKS = ("scratch", "torch", "keras")
TODOS = [todo.key for todo in catalogue.exercise("workshop").todos]
DRAWN = 60  # of the 1,024 stages of each framework
TRIED = {"scratch": DRAWN, "torch": 12, "keras": 8}  # here; --thorough tries all that are drawn


def stages(framework):
    rng = random.Random(framework)
    return [[todo for todo in TODOS if rng.random() < 0.5] for _ in range(DRAWN)]


def stage(framework, opened):
    """The solution, with some sections as they were at first."""
    changes = [change for todo in opened for change in workshop_common.OPEN[framework][todo]]
    return Right("stage", "", workshop_common.solution(framework), changes).text()


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_check_names_exactly_what_is_open(tmp_path, framework, request):
    tried = DRAWN if request.config.getoption("--thorough") else TRIED[framework]
    file = tmp_path / "stage.py"
    for opened in stages(framework)[:tried]:
        file.write_text(stage(framework, opened))
        found = check(file, "workshop", framework)
        expected = {todo: NOT_DONE if todo in opened else DONE for todo in TODOS}
        assert statuses(found) == expected, (opened, found)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_script_runs_and_says_what_is_open(tmp_path, framework):
    """As it is, with MNIST or the digits: two trainings of 40 epochs."""
    file = catalogue.starters("workshop")[framework]
    command = [sys.executable, str(file)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.count("open: TODO") == 10
    assert done.stdout.count("100.0% right") == 2  # it overfits


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_solution_runs(tmp_path, framework):
    file = catalogue.solutions("workshop")[framework]
    command = [sys.executable, str(file)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "open:" not in done.stdout
    assert "taken for a" in done.stdout
    assert (tmp_path / "workshop" / "curves.png").stat().st_size > 10_000
    assert (tmp_path / "workshop" / "curves.csv").read_text().startswith("run,epoch,loss")


def test_the_three_starters_say_the_same():
    """But for what the framework brings: the first part of the file, and one function."""

    def common(framework, files):
        text = files("workshop")[framework].read_text("utf-8")
        return text[text.index("def learning_rate(") :]

    for files in (catalogue.starters, catalogue.solutions):
        texts = [common(framework, files) for framework in FRAMEWORKS]
        restored = workshop_common.RESTORED
        kept = workshop_common.KEPT
        for i, framework in enumerate(FRAMEWORKS):
            texts[i] = texts[i].replace(restored[framework], "").replace(kept[framework], "")
        assert texts[0] == texts[1] == texts[2]
