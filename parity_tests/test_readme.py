"""Every code block of README.md and of docs/ runs, and prints what stands below it."""

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from examples.mnist import RECIPES
from parity_tests.panels import ADAPTERS, PACKAGES, panel
from triptych.catalogue import CARRIERS, TECHNIQUES
from triptych.weights import canonical, save

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
MARKED = re.findall(r"<!-- begin (\S+) -->(.*?)<!-- end \1 -->", TEXT, re.DOTALL)
MADE = "".join(text for _, text in MARKED)
PYTHON = [code for kind, code in BLOCKS if kind == "python" and code not in MADE]
LINES = [
    line.partition("#")[0].strip()
    for kind, code in BLOCKS
    if kind == "sh"
    for line in code.splitlines()
]
# What takes minutes is done with less data; what asks is answered; a starter is not done yet.
SHORTER = {"triptych xor": "--framework scratch --no-progress",
           "triptych mnist": "--framework scratch --dataset digits --epochs 1 --no-progress",
           "triptych mnist --technique mixup --technique ema":
               "--framework scratch --dataset digits --epochs 1 --no-progress",
           "triptych distill":
               "--framework scratch --dataset digits --epochs 1 --seeds 2 --no-progress",
           "triptych uncertainty":
               "--framework scratch --dataset digits --epochs 1 --seeds 2 --passes 2 --no-progress",
           "triptych variational-dropout":
               "--framework scratch --dataset digits --epochs 1 --seeds 2 --no-progress",
           "triptych text":
               "--framework scratch --dataset brackets --epochs 1 --seeds 2 --no-progress",
           "triptych recipes mlp": "--framework scratch --epochs 1 --no-progress",
           "triptych differences --check": "--technique pooling",
           "triptych differences --check --json": "--technique pooling",
           "triptych exercise solution xor --framework torch": "--yes"}  # fmt: skip
FAILS = (
    "triptych exercise check xor_torch.py",
    "triptych exercise check xor_torch.py --todo 1",
)


def test_every_kind_of_block_is_covered():
    """Code is sh or python; a plain block is output, made by `make figures`."""
    for kind, code in BLOCKS:
        assert kind in ("sh", "python", "text", ""), kind
        if kind == "":
            assert code in MADE, f"a block without a language is written by hand:\n{code}"
    assert len(PYTHON) == 2
    assert {line.split()[0] for line in LINES} == {"make", "triptych", "python3", ".", "pip"}


def test_commands(tmp_path):
    """In their order and in one folder: many need what an earlier one made."""
    for line in LINES:
        command_runs(line, tmp_path)


def command_runs(line, folder):
    print(f"$ {line}")
    program, *arguments = shlex.split(line)
    if program == "make":  # the target is there, and what it needs; it runs where it is run
        command = ["make", "--dry-run", "--always-make", *arguments]
        assert run(command, ROOT) == 0
    elif line.startswith("python3 -m venv"):
        assert run([sys.executable, *arguments, "--without-pip"], folder) == 0
    elif program == ".":
        assert run(["sh", "-c", line], folder) == 0
    elif program == "pip":  # without what it would fetch, and without a change of what is installed
        options = ["--dry-run", "--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
        assert run([sys.executable, "-m", "pip", *arguments, *options], ROOT) == 0
    else:
        arguments += shlex.split(SHORTER.get(line, ""))
        # As the installed command does, whatever is installed where the tests run.
        start = "import sys; from triptych.cli import app; app(prog_name='triptych')"
        code = run([sys.executable, "-c", start, *arguments], folder)
        assert code == (1 if line in FAILS else 0)


def run(command, cwd):
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    print(done.stdout, done.stderr)
    return done.returncode


def test_compare_prints_what_stands_below_it():
    (code,) = (code for code in PYTHON if "compare(" in code)
    expected = BLOCKS[BLOCKS.index(("python", code)) + 1][1]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, {})
    assert printed.getvalue() == expected


PAGES = [page for page in (ROOT / "docs").glob("*.md") if "```python" in page.read_text("utf-8")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_pages_run_from_top_to_bottom(page, tmp_path, monkeypatch):
    """One block after the other, with the names of those before; a text block is what it prints.

    A block without a language is made by `make figures`.
    """
    monkeypatch.chdir(tmp_path)
    text = page.read_text("utf-8")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    names: dict[str, object] = {}
    printed = ""
    for kind, code in blocks:
        if kind == "text":
            assert printed == code
            printed = ""
        elif kind == "sh":
            for line in code.splitlines():
                command_runs(line.partition("#")[0].strip(), tmp_path)
        elif kind == "":
            assert f"\n```\n{code}```\n<!-- end " in text, "a block without a language is made"
        else:
            assert kind == "python", f"a block of kind {kind!r} that no test runs"
            assert printed == "", "what a block prints stands below it"
            output = io.StringIO()
            with contextlib.redirect_stdout(output):
                exec(compile(code, page.name, "exec"), names)
            printed = output.getvalue()
    assert printed == ""


def test_weights_travel(tmp_path, monkeypatch):
    (code,) = (code for code in PYTHON if "load(" in code)
    trained = panel("torch", "models").cnn(replace(RECIPES["cnn"], seed=1))
    save(trained, tmp_path / "out" / "cnn" / "mnist-torch.safetensors")
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(code, names)
    loaded, expected = canonical(names["model"]), canonical(trained)
    assert loaded.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(loaded[name], array)


def test_the_bodies_of_dropout():
    """Those of the panels' files; each, made a function again, drops what it should."""
    (text,) = (text for name, text in MARKED if name == "dropout")
    bodies = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    x, mask = np.arange(6.0).reshape(2, 3), np.array([[True, False, True], [False, True, True]])
    for (framework, package), body in zip(PACKAGES.items(), bodies, strict=True):
        module = panel(framework, "dropout")
        source = (ROOT / package / "dropout.py").read_text("utf-8")
        assert textwrap.indent(body, "    ") in source
        head = "def dropout(x, rate, mask, training=True, inverted=True):\n"
        names = vars(module).copy()
        exec(head + textwrap.indent(body, "    "), names)
        tensor = ADAPTERS[framework].tensor
        y = ADAPTERS[framework].numpy(names["dropout"](tensor(x), 0.5, tensor(mask)))
        np.testing.assert_array_equal(y, 2 * x * mask)


def test_the_table_follows_the_catalogue():
    """Its order; a technique that is new comes in with `make figures`."""
    (text,) = (text for name, text in MARKED if name == "techniques")
    files = re.findall(r"\[([\w/]+)\.py\]\(\1\.py\)", text)
    for file in files:
        assert (ROOT / f"{file}.py").exists(), file
    listed = [file.removeprefix("scratch/") for file in files if file.startswith("scratch/")]
    assert listed == [name for name in (*TECHNIQUES, *CARRIERS) if name in listed]
    assert len(files) == 3 * len(listed) >= 3 * 20


def test_links_lead_somewhere():
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
            assert (page.parent / link).exists(), (page, link)
