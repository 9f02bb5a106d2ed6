"""A wheel in an environment of its own, used in a folder whose packages are called like ours.

The environment takes the dependencies from the one that runs the tests, and of this project what
the wheel brings, nothing else.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parent.parent
TOP_LEVEL = {"triptych", "scratch", "torch_impl", "keras_impl"}
USERS_OWN = ("common", "examples", "exercises", "benchmarks", "parity_tests", "tests")
SOURCES = (*TOP_LEVEL, "examples", "exercises", "parity_tests")
FILES = ("setup.py", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE")


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    environment = kept | {"COLUMNS": "120", "NO_COLOR": "1"} | variables
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    source = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, source / name)
    built = tmp_path_factory.mktemp("wheel")
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet")
    run(sys.executable, "-m", "pip", "wheel", ".", *options, "--wheel-dir", built, cwd=source)
    (found,) = built.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The ``bin`` of a fresh environment with the wheel."""
    home = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", home, cwd=home)
    python = home / "bin" / "python"
    options = ("--no-deps", "--no-index", "--quiet", "--no-warn-script-location")
    run(sys.executable, "-m", "pip", "--python", python, "install", *options, wheel, cwd=home)
    (own,) = home.glob("lib/python*/site-packages")
    # As a line of a .pth, not as a folder of the site: so its own .pth files, and with them the
    # editable installation of this project, stay out.
    (own / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return home / "bin"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A user's folder, whose packages say so when they are imported."""
    folder = tmp_path_factory.mktemp("project")
    for name in USERS_OWN:
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(f'raise ImportError("the user\'s own {name}")\n')
    return folder


def test_top_level_names(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == TOP_LEVEL
    assert not [name for name in names if "__pycache__" in name or "exercise_files" in name]


def test_imports(installed, project):
    script = "import os, triptych, scratch.dropout; print(triptych.__file__, os.getcwd())"
    found, cwd = run(installed / "python", "-c", script, cwd=project).split()
    assert Path(found).is_relative_to(installed.parent)
    assert cwd == str(project)


def test_list_and_show(installed, project):
    assert "batch_norm" in run(installed / "triptych", "list", cwd=project)
    shown = run(installed / "triptych", "show", "batch_norm", "--panel", "scratch", cwd=project)
    assert "x_hat = (x - mean) / np.sqrt(variance + epsilon)" in shown


def test_differences(installed, project):
    program = installed / "triptych"
    assert "Ten that bite most" in run(program, "differences", cwd=project)
    shown = run(program, "differences", "l2-factor", cwd=project)
    assert "as the map says" in shown
    assert "seen in" in shown  # from the file of versions


def test_xor(installed, project):
    # With the working folder on the path of imports, as in a user's own scripts.
    options = ("--framework", "scratch", "--no-progress", "--out", "figures")
    output = run(installed / "triptych", "xor", *options, cwd=project, PYTHONPATH=str(project))
    assert "4 of 4" in output
    assert (project / "figures" / "xor-boundaries.png").exists()


def test_mnist(installed, project):
    assert "--framework" in run(installed / "triptych", "mnist", "--help", cwd=project)


def test_exercise(installed, project):
    program = installed / "triptych"
    run(program, "exercise", "start", "xor", "--framework", "scratch", cwd=project)
    answer = run(program, "exercise", "solution", "xor", "--framework", "scratch", "--yes",
                 cwd=project)  # fmt: skip
    assert "def build_model" in answer
    shutil.copy(ROOT / "exercises" / "xor" / "solutions" / "xor_scratch.py", project)
    options = {"cwd": project, "PYTHONPATH": str(project)}
    output = run(program, "exercise", "check", "xor_scratch.py", **options)
    assert "3 of 3 done" in output


def test_parity(installed, project):
    output = run(installed / "triptych", "parity", "dropout", cwd=project)
    assert "passed" in output
    assert "DIFFERENT" not in output
    assert (project / "out" / "parity-part.json").exists()
