"""CONTRIBUTING.md, followed word for word in a copy of the repository: a technique is added."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parent.parent
CODE = ("triptych", "scratch", "torch_impl", "keras_impl", "examples", "parity_tests", "docs")
NAME = "gaussian_noise"
FILES = [f"{folder}/{NAME}.py" for folder in ("scratch", "torch_impl", "keras_impl")]
TEST = f"parity_tests/test_{NAME}.py"


def block(name: str) -> str:
    """The code below the mark that has this name."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    found = re.search(rf"<!-- {re.escape(name)} -->\n```\w+\n(.*?)```\n", text, re.DOTALL)
    assert found, name
    return found[1]


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("copy")
    for name in CODE:
        leave_out = shutil.ignore_patterns("__pycache__", "exercise_files", "figures")
        shutil.copytree(ROOT / name, folder / name, ignore=leave_out)
    shutil.copy(ROOT / "pyproject.toml", folder)
    shutil.copy(ROOT / "Makefile", folder)
    return folder


def run(folder: Path, *command: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=os.environ | {"COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def failures_of(folder: Path) -> tuple[int, str]:
    mirror = "parity_tests/test_mirror.py"
    return run(folder, "pytest", "-q", "-p", "no:cacheprovider", TEST, mirror)


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.py")}


def test_a_technique_is_added_as_contributing_says(copy):
    before = contents(copy)

    # What `make new TECHNIQUE=gaussian_noise` runs.
    assert re.search(r"^new: .*\n\t\$\(BIN\)/python -m docs\.new \$\(TECHNIQUE\)$",
                     (copy / "Makefile").read_text(), re.MULTILINE)  # fmt: skip
    code, output = run(copy, "docs.new", NAME)
    assert code == 0, output
    laid = contents(copy)
    touched = {name for name in laid if laid[name] != before.get(name)}
    assert touched == {*FILES, TEST, "triptych/catalogue.py"}
    added = set(laid["triptych/catalogue.py"].splitlines()) - set(
        before["triptych/catalogue.py"].splitlines()
    )
    assert added == {f'        "{NAME}",'}

    code, output = failures_of(copy)
    assert code == 1, output
    assert f"NotImplementedError: scratch.{NAME}" in output
    failed = re.findall(r"^FAILED (\S+)", output, re.MULTILINE)
    assert [name for name in failed if name.startswith(TEST)], output
    assert f"parity_tests/test_mirror.py::test_docstrings_are_the_same_text[{NAME}]" in failed

    for name in FILES:
        (copy / name).write_text(f'r"""{block("docstring")}\n{block(name)}', "utf-8")
    (copy / TEST).write_text(block(TEST), "utf-8")
    code, output = failures_of(copy)
    assert code == 0, output
    assert re.search(rf"{NAME} .*same", output)
    assert re.search(r"gaussian_noise, +.*same", output)
    code, output = run(copy, "ruff", "check", *FILES, TEST)
    assert code == 0, output
    code, output = run(copy, "ruff", "format", "--check", *FILES, TEST)
    assert code == 0, output


def test_names_that_do_not_fit(copy):
    for arguments, message in (
        (["Noise"], "no snake_case name"),
        (["lambda"], "no snake_case name"),
        (["dropout"], "is there already"),
        (["gaussian_dropout", "--chapter", "Nowhere"], "is none of"),
    ):
        code, output = run(copy, "docs.new", *arguments)
        assert code == 2
        assert message in " ".join(output.replace("│", " ").split())
