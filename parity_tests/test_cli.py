"""The command line: what it prints, what it refuses, and what it leaves unimported."""

import json
import os
import pydoc
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any

import psutil
import pytest
import typer
from typer.testing import CliRunner

from triptych import __version__, cli, extras
from triptych.catalogue import CARRIERS, CHAPTERS, TECHNIQUES
from triptych.common.history import History, save_histories
from triptych.extras import MissingExtra, require

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parent.parent
FILES = [f"{package}/dropout.py" for package in ("scratch", "torch_impl", "keras_impl")]
FRAMEWORKS = ("torch", "keras", "tensorflow", "jax")


def plain(text: str) -> str:
    """Without colours and boxes, in one line."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m|[^\x00-\x7f]", " ", text).split())


def run(*args: str, columns: int = 80, code: int = 0) -> str:
    result = CliRunner().invoke(cli.app, args, env={"COLUMNS": str(columns)})
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result.output


def in_a_process(script: str, args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A new interpreter with ``args`` on its command line, outside the source tree."""
    return subprocess.run(
        [sys.executable, "-c", script, *args.split()],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=os.environ | {"COLUMNS": "200", "KERAS_BACKEND": "tensorflow"},
        check=False,
    )


# --- Start-up -------------------------------------------------------------------------------------


@pytest.mark.parametrize("args", ["--help", "list", "show dropout"])
def test_nothing_heavy_is_imported(args, tmp_path):
    script = """
import sys
from triptych.cli import app
try:
    app()
finally:
    heavy = ("torch", "keras", "tensorflow", "jax", "numpy", "matplotlib", "sklearn", "pytest")
    assert not [name for name in heavy if name in sys.modules]
"""
    result = in_a_process(script, args, tmp_path)
    assert result.returncode == 0, result.stderr


BARE = f"import sys; sys.modules.update(dict.fromkeys({FRAMEWORKS}))\n"


@pytest.mark.parametrize(
    ("args", "code", "expected"),
    [
        ("--help", 0, "Usage: triptych"),
        ("list", 0, 'torch not installed; get it with: pip install "triptych[torch]"'),
        ("list", 0, 'tensorflow not installed; get it with: pip install "triptych[keras]"'),
        ("show dropout --panel keras", 0, "keras_impl/dropout.py"),
        ("xor --help", 0, "Usage: triptych xor [OPTIONS]"),
        ("xor --framework torch", 2, 'torch is not installed; get it with: pip install "triptych['),
        (
            "xor --framework keras",
            2,
            "keras and tensorflow are not installed; get it with: pip inst",
        ),
        (
            "parity dropout",
            2,
            'torch, keras and tensorflow are not installed; get it with: pip install "tri',
        ),
    ],
)
def test_without_frameworks(args, code, expected, tmp_path):
    script = BARE + "from triptych.cli import app; app(prog_name='triptych')"
    result = in_a_process(script, args, tmp_path)
    assert result.returncode == code, result.stderr
    assert expected in plain(result.stdout + result.stderr)
    assert "Traceback" not in result.stderr


# --- Extras ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("packages", "hint"),
    [
        (["torch"], "torch"),
        (["keras"], "keras"),
        (["keras", "tensorflow"], "keras"),
        (["jax"], "jax"),
        (["torch", "keras"], "all"),
        (["torch", "tensorflow"], "all"),
        (["keras", "jax"], "jax,keras"),
        (["pytest"], "dev"),
        (["pytest", "torch", "jax"], "dev"),
    ],
)
def test_the_hint_names_one_extra_where_one_has_all(packages, hint):
    assert extras.install_hint(*packages) == f'pip install "triptych[{hint}]"'


def test_the_extras_are_those_of_the_distribution():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    declared = project["optional-dependencies"]
    for package, extra in extras.EXTRAS.items():
        assert any(re.match(rf"{package}\b", line) for line in declared[extra])
    assert declared["all"] == ["triptych[torch,keras]"]
    assert "triptych[all,jax]" in declared["differences"]
    assert "triptych[differences,notebook]" in declared["dev"]


def test_require(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    require("torch", "keras", "pytest")
    require("keras", backend="jax")
    monkeypatch.setitem(sys.modules, "jax", None)
    require("keras")
    message = 'jax is not installed; get it with: pip install "triptych[jax]"'
    with pytest.raises(ImportError, match=re.escape(message)):
        require("keras", backend="jax")
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    with pytest.raises(MissingExtra) as caught:
        require("keras", "torch")
    assert str(caught.value) == caught.value.format_message() == message
    assert caught.value.exit_code == 2


def test_versions(tmp_path, monkeypatch):
    assert extras.version("numpy") == version("numpy")
    assert extras.version("scratch") == "of unknown version"
    assert extras.version("no_such_package") is None
    (tmp_path / "only_a_folder").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert extras.version("only_a_folder") is None


def test_the_backend_is_read_from_where_keras_reads_it(tmp_path, monkeypatch):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert extras.keras_backend() == "tensorflow"
    (tmp_path / "keras.json").write_text('{"backend": "jax"}')
    assert extras.keras_backend() == "jax"
    (tmp_path / "keras.json").write_text("damaged")
    assert extras.keras_backend() == "tensorflow"
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    assert extras.keras_backend() == "torch"


# --- list and show --------------------------------------------------------------------------------


def test_list():
    output = run("list", columns=120)
    counts = [len((ROOT / file).read_text("utf-8").splitlines()) for file in FILES]
    (row,) = (line.split() for line in output.splitlines() if line.split()[:1] == ["dropout"])
    assert row[1:4] == ["Dropout:", "in", "training"]
    assert row[-3:] == [str(count) for count in counts]
    places = [output.index(f"\n{name} ") for name in (*TECHNIQUES, *CARRIERS)]
    assert places == sorted(places)
    for chapter, (first, *_) in CHAPTERS.items():
        assert output.index(chapter) < output.index(f"\n{first} ")
    assert not re.search("precision|__init__", output)  # not in every panel; no technique
    for package in ("numpy", "keras"):
        assert re.search(rf"^{package} +{re.escape(version(package))}", output, re.MULTILINE)
    assert run("--version") == f"triptych {__version__}\n"


def code_lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def test_blocks_lose_nothing():
    for technique, files in cli._files().items():
        for path in files.values():
            source = path.read_text("utf-8")
            blocks = cli._blocks(source)
            assert code_lines("\n".join(text for text, _ in blocks.values())) == code_lines(source)
            for name, (text, first_line) in blocks.items():
                assert source.splitlines()[first_line - 1] == text.splitlines()[0]
                assert re.search(rf"^(def|class) {name}\b", text, re.MULTILINE) or not name
            assert len(blocks) > 1, technique


def test_a_block_takes_its_decorators_and_comments_along():
    source = (
        "X = 1\n\n\n# Why.\n# So.\n@a\n@b\ndef f():\n    pass\n\n\nY = 2\n\n\nclass G:\n    pass\n"
    )
    assert cli._blocks(source) == {
        "": ("X = 1", 1),
        "f": ("# Why.\n# So.\n@a\n@b\ndef f():\n    pass\n\n\nY = 2", 4),
        "G": ("class G:\n    pass", 15),
    }
    assert cli._blocks("def f(): ...\n# end\n") == {"": ("", 1), "f": ("def f(): ...\n# end", 1)}


@pytest.mark.parametrize(
    ("sequences", "merged"),
    [
        (["abc", "abc"], "abc"),
        (["abxc", "abc"], "abxc"),
        (["abc", "abxc", "abyc"], "abyxc"),
        (["", "ab"], "ab"),
        (["ab", "xab"], "xab"),
        (["ab", "cd"], "cdab"),
    ],
)
def test_merged(sequences, merged):
    assert "".join(cli._merged(sequences)) == merged


def line_number(file: str, start: str) -> int:
    lines = (ROOT / file).read_text("utf-8").splitlines()
    return next(number for number, line in enumerate(lines, start=1) if line.startswith(start))


def test_show_side_by_side():
    output = run("show", "dropout", columns=200)
    assert max(map(len, output.splitlines())) <= 200
    for text in ("def draw_mask(", "def dropout("):
        places = (f"{line_number(file, text)} {text}" for file in FILES)
        assert re.search(".*".join(map(re.escape, places)), output)
    assert re.search(".*".join(map(re.escape, FILES)), output)
    (backward,) = (line for line in output.splitlines() if "def dropout_backward(" in line)
    assert len(backward.split()) == 7  # the code with its number, and the rules around empty cells


@pytest.mark.parametrize("columns", [80, 120, 149])
def test_show_one_below_the_other(columns):
    output = run("show", "dropout", columns=columns)
    assert max(map(len, output.splitlines())) <= columns
    places = [output.index(file) for file in FILES]
    assert places == sorted(places)
    for file in FILES:
        assert re.search(rf"^ +{line_number(file, 'def dropout(')} def dropout\($", output, re.M)


def test_show_one_panel():
    output = run("show", "dropout", "--panel", "torch", columns=200)
    assert "torch_impl/dropout.py" in output
    assert "scratch/dropout.py" not in output
    # Wide enough for every line: the text is the file.
    shown = [re.sub(r"^ +\d+ ?", "", line).rstrip() for line in output.splitlines()[1:]]
    assert "\n".join(shown).rstrip() == (ROOT / FILES[1]).read_text("utf-8").rstrip()


def test_pager(monkeypatch):
    monkeypatch.setenv("LESS", "-R")
    scrolled: list[str] = []
    monkeypatch.setattr(pydoc, "pager", scrolled.append)
    assert "draw_mask" in run("show", "dropout")  # no terminal, no pager
    assert not scrolled
    assert "draw_mask" not in run("show", "dropout", "--pager")
    (text,) = scrolled
    assert "draw_mask" in text
    monkeypatch.setenv("FORCE_COLOR", "1")  # as good as a terminal
    assert "draw_mask" in run("show", "dropout", "--no-pager")
    run("show", "dropout")
    assert len(scrolled) == 2
    assert "\x1b[" in scrolled[1]


# --- parity ---------------------------------------------------------------------------------------


@pytest.fixture
def suite(tmp_path, monkeypatch):
    """A parity suite of two files that write down how they were run."""
    folder = tmp_path / "parity_tests"
    folder.mkdir()
    monkeypatch.setattr(cli, "folder", {"parity_tests": folder}.__getitem__)
    text = """
import json, os, pathlib
def test_it(request):
    here = pathlib.Path(__file__)
    seen = {"backend": os.environ["KERAS_BACKEND"], "root": str(request.config.rootpath)}
    here.with_suffix(".json").write_text(json.dumps(seen))
"""
    (folder / "test_dropout.py").write_text(text)
    (folder / "test_streams.py").write_text(text + "    assert False")
    return folder


def test_parity_of_one_technique(suite, monkeypatch):
    monkeypatch.chdir("/")
    output = run("parity", "dropout", "--backend", "jax")
    assert output == "Measuring dropout, Keras on jax: loading ...\n"
    seen = json.loads((suite / "test_dropout.json").read_text())
    assert seen == {"backend": "jax", "root": str(suite.parent)}
    assert not (suite / "test_streams.json").exists()
    assert not list(suite.parent.rglob(".pytest_cache"))


def test_parity_of_everything_fails_if_a_technique_does(suite, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    (suite.parent / "pyproject.toml").write_text(
        '[tool.pytest.ini_options]\naddopts = "-p no:xdist"'
    )
    output = run("parity", code=1)
    assert output == "Measuring every technique, Keras on torch: loading ...\n"
    for name in ("dropout", "streams"):
        assert json.loads((suite / f"test_{name}.json").read_text())["backend"] == "torch"


# --- What stops it from outside -----------------------------------------------------------------


def shell(command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """``triptych`` in the command is the installed one, which ``python -m`` runs as well."""
    command = command.replace("triptych", f"'{sys.executable}' -m triptych")
    return subprocess.run(
        ["bash", "-c", command],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        check=False,
    )


def test_the_installed_command_and_the_module_are_one(tmp_path):
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["scripts"] == {"triptych": "triptych.__main__:main"}
    result = shell("triptych --version", tmp_path)
    assert (result.stdout, result.stderr) == (f"triptych {__version__}\n", "")
    assert result.returncode == 0
    result = shell("triptych show dropot", tmp_path)
    assert result.returncode == 2
    assert "'dropot' is none of" in plain(result.stderr)


@pytest.mark.parametrize("args", ["list", "--version", "xor --help", "exercise list"])
def test_a_full_disk_is_a_line_and_a_status(args, tmp_path):
    if not os.path.exists("/dev/full"):
        pytest.skip("only Linux has a device that is full")
    result = shell(f"triptych {args} > /dev/full", tmp_path)
    assert result.stderr == "triptych: [Errno 28] No space left on device\n"
    assert result.returncode == 1


@pytest.mark.parametrize("args", ["list", "--version", "show dropout"])
def test_a_closed_pipe_is_quiet(args, tmp_path):
    """The reader ends at once, and what reads nothing is gone before anything is written."""
    result = shell(f"(sleep 0.5; triptych {args}; echo $? >&2) | true", tmp_path)
    assert result.stderr == "1\n"


def test_a_closed_output_is_nothing_to_fail_on(tmp_path):
    result = shell("triptych list >&-", tmp_path)
    assert (result.returncode, result.stderr) == (0, "")


def interrupt(
    command: list[str], started: Callable[[Any], bool], **options: Any
) -> tuple[int, str, str]:
    """Ctrl-C, to every process as a terminal sends it, once ``started`` of the process is true."""
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,
    ) as process:
        try:
            while not started(process):
                assert process.poll() is None
                time.sleep(0.05)
            time.sleep(0.2)
            os.killpg(process.pid, signal.SIGINT)
            output, errors = process.communicate(timeout=60)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return process.returncode, output, errors


def test_ctrl_c_in_an_example(tmp_path):
    command = [sys.executable, "-m", "triptych", "mnist", "--framework", "scratch"]
    command += ["--dataset", "digits", "--epochs", "1000"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}

    def started(process: Any) -> bool:
        return process.stdout.readline().startswith("Dataset(")

    code, output, errors = interrupt(command, started, cwd=tmp_path, env=environment)
    assert code == 130
    assert "Traceback" not in output
    assert errors.strip() == "triptych: interrupted"


def test_ctrl_c_in_parity(tmp_path):
    """While the tests load in a process of their own, where pytest would show a traceback."""
    suite = tmp_path / "parity_tests"
    suite.mkdir()
    (suite / "test_dropout.py").touch()
    (suite / "conftest.py").write_text(
        "import os, pathlib, time\n"
        "pathlib.Path(__file__).with_name('started').write_text(str(os.getpid()))\n"
        "time.sleep(60)\n"
    )
    program = f"""
import pathlib
from triptych import cli
from triptych.__main__ import main
cli.folder = {{"parity_tests": pathlib.Path({str(suite)!r})}}.__getitem__
main()
"""
    command = [sys.executable, "-c", program, "parity", "dropout"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    written = suite / "started"
    code, output, errors = interrupt(
        command,
        lambda _: written.exists() and written.read_text() != "",
        cwd=tmp_path,
        env=environment,
    )
    assert code == 130
    assert output.startswith("Measuring dropout, Keras on ")
    assert len(output.splitlines()) == 1
    # Killed, and at most not collected yet by the system.
    tests = int(written.read_text())
    assert not psutil.pid_exists(tests) or psutil.Process(tests).status() == psutil.STATUS_ZOMBIE
    assert errors == "triptych: interrupted\n"


def test_an_error_of_the_system_is_a_line_and_one_of_ours_is_not(tmp_path):
    for error, code, end in (
        ("OSError(13, 'Permission denied', 'x')", 1, "triptych: [Errno 13] Permission denied: 'x'"),
        ("ValueError('ours')", 1, "ValueError: ours"),
        ("SystemExit(3)", 3, ""),
    ):
        program = f"""
from triptych.__main__ import run_command
def command():
    raise {error}
run_command(command)
"""
        result = in_a_process(program, "", ROOT)
        assert result.returncode == code
        assert result.stderr.strip().splitlines()[-1:] == ([end] if end else [])
        assert ("Traceback" in result.stderr) == ("ours" in error)


# --- Errors, and the examples ---------------------------------------------------------------------


def test_unknown_names():
    techniques = ", ".join(cli._files())
    message = f"Invalid value for TECHNIQUE: 'dropot' is none of {techniques}."
    assert message in plain(run("show", "dropot", code=2, columns=400))
    output = plain(run("parity", "layers.py", code=2, columns=400))
    assert re.search(r"TECHNIQUE: 'layers.py' is none of .*\bdropout\b.*\.", output)
    assert "'scratch'" in run("show", "dropout", "--panel", "numpy", code=2)
    assert "'jax'" in run("parity", "--backend", "theano", code=2)
    assert "TECHNIQUE" in run("show", code=2)
    assert "No such command" in run("train", code=2)


EXAMPLES = {
    "xor": "xor",
    "mnist": "mnist",
    "distill": "distillation",
    "recipes": "recipes",
    "text": "text",
    "uncertainty": "uncertainty",
    "variational-dropout": "variational_dropout",
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_get_every_argument(name, monkeypatch):
    asked, calls = EXAMPLES[name], []

    def main(
        framework: Annotated[str, typer.Option(help="Which one.")] = "all", epochs: int = 3
    ) -> None:
        """A stand-in."""
        if framework == "torch":
            raise MissingExtra("torch is not there.")
        calls.append((framework, epochs))

    def load(path: Path, name: str) -> SimpleNamespace:
        assert path == ROOT / "examples" / f"{asked}.py"
        return SimpleNamespace(main=main)

    monkeypatch.setattr(cli, "load", load)
    run(name)
    run(name, "--framework", "keras", "--epochs=7")
    assert calls == [("all", 3), ("keras", 7)]
    output = plain(run(name, "--help"))
    assert "A stand-in." in output
    assert "Which one." in output
    assert "--epochs" in run(name, "--epoch", "7", code=2)
    assert "torch is not there." in run(name, "--framework", "torch", code=2)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_real_examples_show_their_options(name):
    output = plain(run(name, "--help"))
    assert "--framework" in output
    assert "--seed" in output


# --- diagnose -------------------------------------------------------------------------------------


def test_diagnose_says_what_a_learner_understands(tmp_path):
    fall = [0.5, 0.3, 0.2, 0.12, 0.1, 0.1, 0.1]
    rise = [0.5, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    histories = {
        "scratch": History("scratch", [0.7], fall, rise, [0.8] * 7),
        "torch": History("torch", [0.7], fall, rise, [0.8] * 7),
        "keras [new]": History("keras", [0.7], fall, fall, [0.95] * 7),
    }
    path = tmp_path / "histories.json"
    save_histories(histories, path)
    output = " ".join(plain(run("diagnose", str(path), columns=100)).split())
    assert "scratch, torch: overfitting It knows the training examples by heart" in output
    assert "It ends at 0.1 in training, at 0.8 in validation; 80.0% of the" in output
    assert "lowest after epoch 2, at 0.4, and has risen since" in output
    assert "Try first: early_stopping keep the weights of the best epoch" in output
    assert "keras [new]: good fit It has learned" in output
    assert output.count("Try first") == 1
    assert "triptych show TECHNIQUE" in output

    histories["torch"].save(path)
    assert "torch: overfitting" in plain(run("diagnose", str(path)))
    none = tmp_path / "none.json"
    assert "No such file" in plain(run("diagnose", str(none), code=2, columns=300))
    none.write_text("{", "utf-8")
    assert "is none or is damaged" in plain(run("diagnose", str(none), code=2, columns=300))
