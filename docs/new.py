"""Lay the files of a new technique, all failing until they are filled: ``make new TECHNIQUE=name``.

    python -m docs.new name [--chapter "Noise on the units"]

CONTRIBUTING.md shows how they are filled.
"""

import keyword
import re
from pathlib import Path
from typing import Annotated

import typer

from triptych.catalogue import CARRIERS, CHAPTERS, TECHNIQUES

ROOT = Path(__file__).resolve().parent.parent

DOCSTRING = '''r"""TODO: what it is called: in one clause, what it does.

    y     = TODO                              the equations, forward and backward,
    dL/dx = TODO                              with their one-half factors

``x`` has any shape. TODO: shapes, units, intervals; a ``ValueError`` says which argument does not
fit.

Paper: TODO.

Framework differences: TODO: what we do, in one sentence. See ``triptych differences``: TODO: the
entries, of which each framework's default is one.

Here: TODO: what this panel has of its own, if there is anything.
"""
'''

SCRATCH = '''
import numpy as np

from triptych.common.checks import check_batch, check_floating, remembered

__all__ = ["NAME", "NAME_backward"]


def NAME(x: np.ndarray) -> np.ndarray:
    """The equation above."""
    _check(x)
    raise NotImplementedError("scratch.NAME")


def NAME_backward(grad: np.ndarray) -> np.ndarray:
    """dL/dx from dL/dy."""
    _check(grad)
    raise NotImplementedError("scratch.NAME")


@remembered
def _check(x: np.ndarray) -> None:
    check_floating("x", x)
    check_batch(x)
'''

TORCH = '''
import torch

from triptych.common.checks import check_batch, check_floating, remembered

__all__ = ["NAME"]


def NAME(x: torch.Tensor) -> torch.Tensor:
    """The equation above."""
    _check(x)
    raise NotImplementedError("torch_impl.NAME")


@remembered
def _check(x: torch.Tensor) -> None:
    check_floating("x", x)
    check_batch(x)
'''

KERAS = '''
from typing import Any

from triptych.common.checks import check_batch, check_floating, remembered

__all__ = ["NAME"]


def NAME(x: Any) -> Any:
    """The equation above."""
    _check(x)
    raise NotImplementedError("keras_impl.NAME")


@remembered
def _check(x: Any) -> None:
    check_floating("x", x)
    check_batch(x)
'''

TEST = """import numpy as np
import pytest

from parity_tests.panels import assert_gradient, everywhere, panel, same_error

SHAPES = [(1, 1), (7, 5), (4, 3, 3, 2)]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", SHAPES)
def test_output_and_gradient_agree(parity, dtype, shape):
    x, upstream = np.random.default_rng(0).normal(size=(2, *shape)).astype(dtype)

    def call(framework, adapter):
        technique = panel(framework, "NAME")
        if framework == "scratch":
            return [technique.NAME(x), technique.NAME_backward(upstream)]
        y, grads = adapter.vjp(technique.NAME, (x,), upstream)
        return [y, *grads]

    parity("NAME", everywhere(call))


def test_backward_is_the_gradient():
    x, upstream = np.random.default_rng(1).normal(size=(2, 6, 5))
    scratch = panel("scratch", "NAME")
    grad = scratch.NAME_backward(upstream)
    assert_gradient(lambda x: (upstream * scratch.NAME(x)).sum(), x, grad)


def test_bad_arrays():
    def call(x):
        return lambda framework, adapter: panel(framework, "NAME").NAME(adapter.tensor(x))

    same_error(call(np.ones((2, 3), int)), "x must be floating point, got int64")
    same_error(call(np.ones((0, 3))), "x must hold at least one row, got shape (0, 3)")


# TODO: against the untouched layer of a framework that has one (parity("NAME, native", ...)).
"""

FILES = {
    "scratch/NAME.py": DOCSTRING + SCRATCH,
    "torch_impl/NAME.py": DOCSTRING + TORCH,
    "keras_impl/NAME.py": DOCSTRING + KERAS,
    "parity_tests/test_NAME.py": TEST,
}


def main(
    name: Annotated[str, typer.Argument(help="Of the files and of the function: snake_case.")],
    chapter: Annotated[str, typer.Option(help="Of triptych/catalogue.py.")] = next(iter(CHAPTERS)),
) -> None:
    """Lay three files, a test and a line of the catalogue for a new technique."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or keyword.iskeyword(name):
        raise typer.BadParameter(f"{name!r} is no snake_case name.", param_hint="NAME")
    if chapter not in CHAPTERS:
        known = ", ".join(map(repr, CHAPTERS))
        raise typer.BadParameter(f"{chapter!r} is none of {known}.", param_hint="--chapter")
    paths = {ROOT / path.replace("NAME", name): text for path, text in FILES.items()}
    there = [str(path.relative_to(ROOT)) for path in paths if path.exists()]
    if name in (*TECHNIQUES, *CARRIERS) or there:
        where = ", ".join(there) or "triptych/catalogue.py"
        raise typer.BadParameter(f"{name} is there already: {where}", param_hint="NAME")
    catalogue = ROOT / "triptych" / "catalogue.py"
    last = f'        "{CHAPTERS[chapter][-1]}",\n'
    before, found, after = catalogue.read_text("utf-8").partition(last)
    if not found:
        raise typer.BadParameter(f"{catalogue.name} has no line {last!r}.", param_hint="--chapter")
    for path, text in paths.items():
        path.write_text(text.replace("NAME", name), "utf-8")
        typer.echo(f"new      {path.relative_to(ROOT)}")
    catalogue.write_text(f'{before}{last}        "{name}",\n{after}', "utf-8")
    typer.echo(f"changed  {catalogue.relative_to(ROOT)}: the last of {chapter!r}")
    typer.echo(f"Until they are filled, this fails: pytest parity_tests/test_{name}.py "
               "parity_tests/test_mirror.py")  # fmt: skip


if __name__ == "__main__":
    typer.run(main)
