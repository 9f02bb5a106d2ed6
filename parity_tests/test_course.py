"""The learner's way and the teacher's: progress, next, reset, watch, notebooks, grading."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import nbformat
import pytest
from nbclient import NotebookClient
from typer.testing import CliRunner

from triptych.exercises import catalogue, journal
from triptych.exercises.course import app
from triptych.exercises.findings import DONE, NOT_DONE, WRONG
from triptych.exercises.grade import Grade, _read, submissions, write_tables
from triptych.exercises.notebooks import source_of, write_notebook
from triptych.exercises.sandbox import check_file

pytestmark = pytest.mark.once

DROPOUT = catalogue.starters("dropout")["scratch"]
SOLVED = catalogue.solutions("dropout")["scratch"]
EVERY = [(name, framework) for name in catalogue.names() for framework in catalogue.starters(name)]


def run(*words):
    result = CliRunner().invoke(app, [str(word) for word in words])
    return result.exit_code, re.sub(r"\s+", " ", result.output)


@pytest.fixture
def file(tmp_path):
    """A learner's, of which the first of five functions is done."""
    text, solved = DROPOUT.read_text(), SOLVED.read_text()
    line = next(line for line in solved.splitlines() if "rng.random(shape)" in line)
    begin = text.index("    # TODO 1")
    end = text.index("raise NotImplementedError", begin) + len("raise NotImplementedError")
    path = tmp_path / "dropout_scratch.py"
    path.write_text(f"{text[:begin]}{line}{text[end:]}")
    return path


def test_progress_is_kept_beside_the_file(file):
    assert run("progress", file.parent) == (
        0,
        f"Nothing in {file.parent}/ was checked yet. What there is: triptych exercise list ",
    )
    code, _ = run("check", file)
    assert code == 1
    code, output = run("progress", file.parent)
    assert code == 0
    assert "dropout_scratch.py Dropout from scratch NumPy 1 of 5 ✔○○○○" in output
    assert "1 of 5 done" in output
    entry = journal.read(file.parent)["dropout_scratch.py"]
    assert list(entry.statuses.values()) == [DONE, *[NOT_DONE] * 4]


def test_one_todo_is_noted_with_the_others(file):
    run("check", file)
    file.write_text(SOLVED.read_text())
    run("check", file, "--todo", 3)
    statuses = journal.read(file.parent)["dropout_scratch.py"].statuses
    assert list(statuses.values()) == [DONE, NOT_DONE, DONE, NOT_DONE, NOT_DONE]


def test_next_goes_on_and_then_begins_something(file):
    code, output = run("next", file.parent)
    assert code == 0
    assert "triptych exercise start dropout" in output
    run("check", file)
    code, output = run("next", file.parent)
    assert "dropout_scratch.py, TODO 2, standard dropout: open." in output
    assert f"triptych exercise check {file} --todo 2" in output.replace(" \n", "")
    file.write_text(SOLVED.read_text())
    run("check", file)
    code, output = run("next", file.parent)
    assert f"triptych exercise start {catalogue.names()[1]}" in output


def test_a_damaged_journal_is_as_none(file):
    (file.parent / journal.NAME).write_text("[{]")
    assert journal.read(file.parent) == {}
    run("check", file)
    assert len(journal.read(file.parent)) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"statuses": None},
        {"framework": "cobol"},
        {"file": 5},
        {"statuses": {"draw_mask": ["x"]}},
        {"more": 1},
    ],
)
def test_a_journal_that_someone_wrote_into(file, change):
    run("check", file)
    path = file.parent / journal.NAME
    (entry,) = json.loads(path.read_text())
    path.write_text(json.dumps([entry | change]))
    for command in ("progress", "next"):
        assert run(command, file.parent)[0] == 0
    assert run("check", file, "--todo", 1)[0] == 0


def test_the_exercises_own_folders_stay_clean():
    run("check", SOLVED)
    assert not (SOLVED.parent / journal.NAME).exists()


def test_reset(file):
    mine = file.read_text()
    code, _ = run("reset", file, "--yes")
    assert code == 0
    assert file.read_text() == DROPOUT.read_text()
    assert file.with_name("dropout_scratch.py.old").read_text() == mine
    result = CliRunner().invoke(app, ["reset", str(file)], input="n\n")
    assert result.exit_code == 1
    run("reset", file, "--yes")
    assert file.with_name("dropout_scratch.py.old").read_text() == mine
    assert file.with_name("dropout_scratch.py.old1").read_text() == DROPOUT.read_text()


def test_what_it_means_is_told_when_it_is_done(tmp_path):
    path = tmp_path / "xor_scratch.py"
    shutil.copyfile(catalogue.solutions("xor")["scratch"], path)
    code, output = run("check", path)
    assert code == 0
    for todo in catalogue.exercise("xor").todos:
        assert todo.meaning[:40] in output
    _, output = run("check", path, "--todo", 1)
    assert catalogue.exercise("xor").todos[1].meaning[:40] not in output


def test_watch(file):
    """Checked again when it is saved, until Ctrl-C."""
    command = [sys.executable, "-m", "triptych", "exercise", "check", str(file), "--watch"]
    environment = dict(os.environ) | {"PYTHONUNBUFFERED": "1", "COLUMNS": "200"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)

    def until(words):
        lines = []
        for line in process.stdout:
            lines.append(line)
            if words in line:
                return "".join(lines)
        raise AssertionError("".join(lines))

    try:
        assert "1 of 5 done" in until("Waiting for the file")
        file.write_text(SOLVED.read_text())
        assert "5 of 5 done" in until("Waiting for the file")
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)
        process.stdout.close()
    assert process.returncode != 0


# --- Notebooks ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "framework"), EVERY)
def test_notebooks_run_and_are_checked(tmp_path, name, framework):
    """The starter's runs from top to bottom, and the check says of it what it says of the file.

    What is told when a bug is found has the numbers that its scripts print. A bug may end in an
    error, whose words are then in the starter's docstring.
    """
    path = tmp_path / f"{name}_{framework}.ipynb"
    write_notebook(catalogue.starters(name)[framework], path)
    notebook = nbformat.read(path, as_version=4)
    assert notebook.cells[0].cell_type == "markdown"
    assert f"triptych exercise check {path.name}" in notebook.cells[0].source
    assert notebook.cells[-1].source == "main()"
    printed = executed(notebook, tmp_path, told=notebook.cells[0].source)
    solved = tmp_path / "solved.ipynb"
    write_notebook(catalogue.solutions(name)[framework], solved)
    if name.startswith("bug"):
        printed += executed(nbformat.read(solved, as_version=4), tmp_path)
        told = catalogue.exercise(name).todos[0].meaning
        for number in re.findall(r"\d+\.\d+", told):
            # What is printed has more digits; half of the last one told, and its rounding.
            half = 0.51 * 10.0 ** -len(number.split(".")[1])
            found = [float(each) for each in re.findall(r"\d+\.\d+", printed)]
            assert min(abs(each - float(number)) for each in found) < half, number
    if framework == "scratch":
        outcome = check_file(solved, name, framework)
        assert {finding.status for finding in outcome.findings} == {DONE}, outcome


def executed(notebook, folder, told=""):
    """What it prints. An error in a cell has to be one that is ``told``."""
    client = NotebookClient(
        notebook, timeout=300, allow_errors=True, resources={"metadata": {"path": folder}}
    )
    client.execute()
    outputs = [each for cell in notebook.cells for each in cell.get("outputs", [])]
    for each in outputs:
        if each.output_type == "error":
            error = f"{each.ename}: {each.evalue}"
            assert " ".join(error.split()) in " ".join(told.split()), error
    return "".join(each.get("text", "") for each in outputs)


def test_every_todo_says_what_it_means():
    """In two or three sentences, so that those of an exercise fit on a screen."""
    for name in catalogue.names():
        for todo in catalogue.exercise(name).todos:
            assert 40 < len(todo.meaning) < 320, (name, todo.key)


def notebook(path, *cells):
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbformat.write(made, path)
    return path


def test_a_cell_that_is_python_stays_as_it_is(tmp_path):
    """A cell that is Python is left as it is, whatever its lines begin with."""
    python = 'other = (\n    5\n    % 3\n)\ntext = """\n!not a command\n%nor this\n"""'
    magic = "for _ in range(2):\n    %time x = 1\nx = !ls\nprint?\n!ls \\\n  -l\ny = 2"
    path = notebook(
        tmp_path / "a.ipynb", python, magic, "%%bash\nls -l", "%%time\nz = 3", "main();"
    )
    found = {}
    exec(source_of(path), found)
    assert found["other"] == 2
    assert found["text"] == "\n!not a command\n%nor this\n"
    assert (found["x"], found["y"], found["z"]) == (None, 2, 3)


def test_a_line_of_a_notebook_is_told_by_its_cell(tmp_path):
    path = notebook(tmp_path / "dropout_scratch.ipynb", "import numpy as np", "a = 1\nb = a / 0")
    (finding,) = check_file(path, "dropout", "scratch").findings
    assert "at line 2 of cell 2: b = a / 0" in finding.message


def test_a_notebook_keeps_every_line_of_its_file(tmp_path):
    for name, framework in EVERY:
        starter = catalogue.starters(name)[framework]
        path = tmp_path / "notebook.ipynb"
        write_notebook(starter, path)
        source = source_of(path)
        for line in starter.read_text().splitlines():
            if "TODO" in line and line.startswith("    #"):
                assert line in source


def test_start_as_a_notebook_and_check_it(tmp_path):
    code, output = run("start", "dropout", "--notebook", "--to", tmp_path)
    assert code == 0
    assert "jupyter lab" in output
    code, output = run("check", tmp_path / "dropout_scratch.ipynb")
    assert code == 1
    assert "0 of 5 done" in output
    code, output = run("progress", tmp_path)
    assert "dropout_scratch.ipynb" in output


def test_what_ipython_alone_understands(tmp_path):
    write_notebook(SOLVED, path := tmp_path / "dropout_scratch.ipynb")
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(1, nbformat.v4.new_code_cell("%matplotlib inline\n!ls"))
    nbformat.write(notebook, path)
    code, _ = run("check", path)
    assert code == 0
    path.write_text("{}")
    code, output = run("check", path)
    assert code == 1
    assert "is no notebook that can be read" in output


# --- Grading ------------------------------------------------------------------------------------

HANGS = "while True: pass\n"
HARMS = "import os, shutil\nshutil.rmtree(os.path.expanduser('~'))\nos._exit(0)\n"


@pytest.fixture
def classroom(tmp_path):
    """Sixty submissions, two of them hostile."""
    folder = tmp_path / "class"
    texts = [DROPOUT.read_text(), SOLVED.read_text(), SOLVED.read_text().replace(">=", "<")]
    for number in range(60):
        text = {20: HANGS, 40: HARMS}.get(number, texts[number % 3])
        (folder / f"student_{number:02}").mkdir(parents=True)
        (folder / f"student_{number:02}" / "dropout_scratch.py").write_text(text)
    (folder / "notes.py").write_text("x = 1\n")
    return folder


def test_grade_goes_on_where_it_was_killed(classroom, tmp_path):
    out = tmp_path / "grades"
    words = ["exercise", "grade", str(classroom), "--out", str(out), "--seconds", "2"]
    command = [sys.executable, "-m", "triptych", *words]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    kept = out / "grades.jsonl"
    while not kept.exists() or kept.read_text().count("\n") < 15:
        assert process.poll() is None
        time.sleep(0.1)
    process.kill()
    process.wait()
    before = list(_read(kept))
    assert 15 <= len(before) < 60
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "60/60" in done.stdout
    after = list(_read(kept))
    assert [each.file for each in after[: len(before)]] == [each.file for each in before]
    assert len(after) == 60  # none was checked twice
    with (out / "grades.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 60
    for number, row in enumerate(rows):
        assert row["file"] == f"student_{number:02}/dropout_scratch.py"
        if number == 20:
            assert "never ends" in row["the file"]
        elif number == 40:
            assert row["done"] == "0"
            assert row["the file"]
        else:
            assert row["done"] == ["0", "5", "4"][number % 3]
            assert row["the file"] == ""
    assert rows[2]["TODO 1"] == WRONG
    assert "swapped" in rows[2]["cause 1"]
    assert len(json.loads((out / "grades.json").read_text())) == 60
    assert "left out, as its name tells no exercise" in done.stdout
    assert "60 files, 20 of them with nothing begun" in done.stdout
    assert re.search(r"never ends", done.stdout)


def test_a_file_that_changed_is_graded_anew(classroom, tmp_path):
    folder, out = classroom / "student_00", tmp_path / "grades"
    run("grade", folder, "--out", out)
    assert [each.done for each in _read(out / "grades.jsonl")] == [0]
    (folder / "dropout_scratch.py").write_text(SOLVED.read_text())
    code, _ = run("grade", folder, "--out", out)
    assert code == 0
    assert [each.done for each in _read(out / "grades.jsonl")] == [0, 5]
    with (out / "grades.csv").open() as file:
        assert [row["done"] for row in csv.DictReader(file)] == ["5"]


def test_odd_entries_are_left_out(tmp_path):
    folder = tmp_path / "in"
    (folder / ".ipynb_checkpoints").mkdir(parents=True)
    (folder / "a_dropout_scratch.py").mkdir()
    (folder / "b_dropout_scratch.py").symlink_to(folder / "nothing.py")
    (folder / "c_dropout_scratch.py").symlink_to(SOLVED)
    os.mkfifo(folder / "d_dropout_scratch.py")
    shutil.copyfile(SOLVED, folder / ".ipynb_checkpoints" / "dropout_scratch-checkpoint.py")
    shutil.copyfile(SOLVED, folder / "e_dropout_scratch.py")
    found, others = submissions(folder)
    assert [each.file.name for each in found] == ["e_dropout_scratch.py"]
    assert {file.name[0]: reason for file, reason in others.items()} == {
        "b": "as it is no regular file",
        "c": "as it is a link to what was not handed in",
        "d": "as it is no regular file",
    }


def test_another_limit_is_another_check(tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    slow = SOLVED.read_text() + "\nimport time\nend = time.process_time() + 3\n"
    slow += "while time.process_time() < end:\n    pass\n"
    (folder / "dropout_scratch.py").write_text(slow)
    for seconds, done in ((1, 0), (30, 5)):
        assert run("grade", folder, "--out", out, "--seconds", seconds)[0] == 0
        assert list(_read(out / "grades.jsonl"))[-1].done == done


def test_a_folder_without_submissions(tmp_path):
    (tmp_path / "notes.py").write_text("")
    code, output = run("grade", tmp_path)
    assert code == 2
    assert "no file in" in output


def test_submissions_of_one_exercise_under_any_name(tmp_path):
    (tmp_path / "anna.py").write_text("")
    found, others = submissions(tmp_path, "xor", "torch")
    assert [(each.exercise, each.framework) for each in found] == [("xor", "torch")]
    assert not others


def test_a_table_of_several_exercises(tmp_path):
    one = Grade("a.py", "xor", "torch", "", {"dropout": DONE, "l2": None}, {}, [], 1.0, 60.0, 0)
    two = Grade(
        "b.py",
        "max_norm",
        "scratch",
        "",
        {"max_norm": WRONG},
        {"max_norm": "why"},
        [],
        1.0,
        60.0,
        0,
    )
    write_tables([one, two], tmp_path)
    with (tmp_path / "grades.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["TODO 2"] == "not looked at"
    assert rows[1]["cause 1"] == "why"
    assert rows[1]["done"] == "0"
