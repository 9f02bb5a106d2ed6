"""Before the first test: float64 in Keras on every backend. After the last: the parity table."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Small arrays, and a test process on each core: threads would only wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import gc
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import triptych.torch_first  # noqa: F401 # isort: skip

import pytest
import torch
from hypothesis import settings
from rich.console import Console

from keras_impl.precision import enable_float64
from triptych.common.names import reset_names
from triptych.comparison import Comparison, compare
from triptych.report import Report

enable_float64()
gc.freeze()  # the frameworks' own objects: to go through them takes half a second each time
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")

REPORT = pytest.StashKey[Report]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--thorough",
        action="store_true",
        help="of the exercises: every stage, every TODO, 20 seeds in Keras too (an hour)",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[REPORT] = Report()
    # Here too, for a run without the project's settings: from a wheel.
    config.addinivalue_line("markers", "once: nothing in it depends on the Keras backend")


@pytest.fixture(autouse=True)
def names_start_anew() -> None:
    """A layer without a name has the same one in a test alone and among all others."""
    reset_names()


@pytest.fixture(autouse=True)
def frameworks_draw_the_same_in_every_run() -> None:
    """The frameworks' own layers draw from these; ours have their streams."""
    random.seed(0)  # from here Keras takes the seed of a layer
    torch.manual_seed(0)


@pytest.fixture
def float64_in_both() -> Iterator[None]:
    """Whatever PyTorch and Keras make by themselves is float64."""
    from triptych.differences.probe import measuring

    with measuring():
        yield


@pytest.fixture(params=["to_keras", "to_torch"])
def direction(request: pytest.FixtureRequest) -> str:
    """Of a translation."""
    return str(request.param)


@pytest.fixture
def parity(request: pytest.FixtureRequest) -> Callable[..., Comparison]:
    """``parity("dropout", {"scratch": ..., "torch": ...})``: compare, record, check."""

    def measure(label: str, candidates: dict[str, Any], **options: Any) -> Comparison:
        result = compare(candidates, label=label, **options)
        technique = request.path.stem.removeprefix("test_")
        request.config.stash[REPORT].add(result, technique)
        result.check()
        return result

    return measure


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A pytest-xdist worker hands its cases to the process that prints the table."""
    if hasattr(session.config, "workeroutput"):
        cases = session.config.stash[REPORT].cases
        session.config.workeroutput["parity"] = json.dumps(cases)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    output = getattr(node, "workeroutput", {})  # none if the worker crashed
    node.config.stash[REPORT].extend(json.loads(output.get("parity", "[]")))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    report = config.stash[REPORT]
    if not report.cases or hasattr(config, "workerinput"):
        return
    out = config.invocation_params.dir / "out"
    out.mkdir(exist_ok=True)
    backend = __import__("keras").backend.backend()
    part = config.option.keyword or any(".py" in argument for argument in config.args)
    name = "parity-part" if part else "parity"
    path = out / (f"{name}.json" if backend == "tensorflow" else f"{name}-{backend}.json")
    report.to_json(path)
    console = Console(width=116, highlight=False)
    with console.capture() as capture:
        console.print(report.table())
    terminalreporter.write_line("")
    terminalreporter.write_line(f"Keras backend: {backend}")
    terminalreporter.write(capture.get())
    terminalreporter.write_line(f"written to {path}")
