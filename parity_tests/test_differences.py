"""The map of disagreements: every entry shows what it says, and is found by who looks for it."""

import builtins
import dis
import json
import re
from pathlib import Path

import keras
import numpy as np
import pytest
from typer.testing import CliRunner

from triptych import differences as package
from triptych.cli import app
from triptych.differences.code import script
from triptych.differences.entry import CHAPTERS, EXACT, Difference, entries, kebab
from triptych.differences.measure import (
    CHANGED,
    HOLDS,
    NOT_MEASURED,
    distance,
    judge,
    measure,
    probe_of,
)
from triptych.differences.probe import measuring, outcome
from triptych.differences.search import TEN, find, select
from triptych.differences.versions import matrix

ENTRIES = entries()
QUESTIONS = {
    "batch norm after porting": "batch-norm-momentum",
    "Adam differs at step 1": "adam-epsilon",
    "L2 twice as strong": "l2-factor",
    "plateau one epoch late": "plateau-patience",
    "flatten": "flatten-order",
    '"same" with stride 2': "same-padding-stride",
    "bare model(x) augments": "augmentation-bare-call",
    "frozen batch norm moves": "batch-norm-freeze",
    "mask of attention": "attention-mask-inverted",
    "GELU": "gelu-form",
    "clipping at tiny norms": "clip-epsilon",
    "label smoothing with class weights": "label-smoothing-class-weight",
}


@pytest.fixture
def run():
    def invoke(*arguments, code=0):
        result = CliRunner().invoke(app, ["differences", *arguments], env={"COLUMNS": "120"})
        assert result.exit_code == code, result.output
        return result.stdout if not code else result.output

    return invoke


# Every entry.


BACKEND = keras.backend.backend()
HERE = [name for name, each in ENTRIES.items() if BACKEND in each.backends]
# Once in the runs of the three backends.
FIRST = [name for name, each in ENTRIES.items() if each.backends[0] == BACKEND]


def skip_where_nan_stays(name, reason):
    """TensorFlow's fused kernels hide NaN on some processors, and on others in some processes."""
    if name == "fused-relu-nan" and reason.startswith("they differ by 0,"):
        pytest.skip("the kernels that TensorFlow takes here keep NaN")


@pytest.mark.parametrize("name", HERE)
def test_entry_holds(name):
    found = measure(ENTRIES[name])
    skip_where_nan_stays(name, found.reason)
    assert found.verdict == HOLDS, found.reason


@pytest.mark.parametrize("name", [name for name in FIRST if ENTRIES[name].mapping])
def test_entry_without_its_mapping_fails(name):
    right = probe_of(ENTRIES[name])

    class Turned:
        in_pytorch = staticmethod(lambda mapped: right.in_pytorch(False))
        in_keras = staticmethod(lambda mapped: right.in_keras(False))

    found = judge(ENTRIES[name], Turned)
    assert found.verdict == CHANGED
    skip_where_nan_stays(name, found.reason)
    assert "under the mapping" in found.reason


def test_entry_of_another_backend_is_not_measured():
    name = next(name for name in ENTRIES if name not in HERE)
    found = measure(ENTRIES[name])
    assert found.verdict == NOT_MEASURED
    assert found.reason == f"Keras runs on {BACKEND}"


@pytest.mark.parametrize("chapter", dict.fromkeys(ENTRIES[name].chapter for name in FIRST))
def test_entries_as_programs(chapter, capsys):
    """What --code prints is complete; one of each chapter is run to its end."""
    chosen = [ENTRIES[name] for name in FIRST if ENTRIES[name].chapter == chapter]
    for each in chosen:
        definitions, _, _ = script(each).partition("\n\n\nfor mapped in")
        space = {"__name__": "__main__"}
        exec(compile(definitions, each.name, "exec"), space)
        wanted = set()
        for name in ("in_pytorch", "in_keras"):
            for code in codes(space[name].__code__):
                found = dis.get_instructions(code)
                wanted |= {each.argval for each in found if each.opname == "LOAD_GLOBAL"}
        known = space.keys() | set(dir(builtins))
        assert wanted <= known, f"{each.name} lacks {wanted - known}"
    exec(compile(script(chosen[0]), chosen[0].name, "exec"), {"__name__": "__main__"})
    printed = capsys.readouterr().out
    times = 2 if chosen[0].mapping else 1
    assert printed.count("in_pytorch") == printed.count("in_keras") == times


def codes(code):
    """A function's code, and that of the functions in it."""
    yield code
    for item in code.co_consts:
        if isinstance(item, type(code)):
            yield from codes(item)


def test_measuring_leaves_no_trace():
    import torch

    before = torch.get_default_dtype(), keras.config.floatx(), keras.config.dtype_policy().name
    with measuring():
        assert keras.config.floatx() == "float64"
    measure(ENTRIES["late-floatx"])
    measure(ENTRIES["loss-scale-by-itself"])
    after = torch.get_default_dtype(), keras.config.floatx(), keras.config.dtype_policy().name
    assert after == before


# What an entry must be.


@pytest.mark.once
def test_map_is_large_and_exact_where_it_can_be():
    assert len(ENTRIES) >= 130
    assert all(each.bound <= EXACT or each.because for each in ENTRIES.values())
    assert sum(each.exact for each in ENTRIES.values()) >= 100


@pytest.mark.once
@pytest.mark.parametrize("name", ENTRIES)
def test_entry_is_complete(name):
    each = ENTRIES[name]
    assert each.words
    assert all(re.fullmatch(r"[\w.-]+/[\w.-]+#\d+", link) for link in each.links)
    assert set(each.backends) <= {"tensorflow", "jax", "torch"}
    assert each.asked >= 0
    assert each.differs > 0
    if each.mapping:
        assert each.bound < each.differs


@pytest.mark.once
def test_every_chapter_file_is_in_the_list():
    files = Path(package.__file__).parent.joinpath("chapters").glob("[a-z]*.py")
    assert {path.stem for path in files} == set(CHAPTERS)


@pytest.mark.once
def test_names():
    assert kebab("Float32Hyperparameters") == "float32-hyperparameters"
    assert kebab("L2AndClipping") == "l2-and-clipping"
    assert len(TEN) == 10
    assert set(TEN) <= ENTRIES.keys()


# The judge.


EXAMPLE = ENTRIES["batch-norm-momentum"]


def judged(apart, left):
    class Probe:
        in_pytorch = staticmethod(lambda mapped: np.ones(2))
        in_keras = staticmethod(lambda mapped: np.ones(2) * (1 + (left if mapped else apart)))

    return judge(EXAMPLE, Probe)


def test_judge():
    assert judged(0.1, 0.0).verdict == HOLDS
    assert judged(0.1, 1e-11).verdict == CHANGED
    assert judged(1e-4, 0.0).verdict == CHANGED
    assert judged(0.1, np.nan).verdict == CHANGED


def test_outcome_is_an_error_that_was_expected():
    """A name that no longer exists is no outcome: the entry would hold for ever."""

    def fails():
        raise ValueError("Expected more than 1 value")

    assert outcome(lambda: 3) == 3
    assert outcome(fails, "Expected more") == outcome(fails, "ValueError") == "ValueError"
    with pytest.raises(ValueError, match="Expected more"):
        outcome(fails, "something else")
    with pytest.raises(AttributeError):
        outcome(lambda: keras.layers.NoSuchLayer(), "Expected more")


def test_judge_of_a_probe_that_raises():
    class Probe:
        in_pytorch = staticmethod(lambda mapped: 1 / 0)
        in_keras = staticmethod(lambda mapped: 1.0)

    found = judge(EXAMPLE, Probe)
    assert found.verdict == CHANGED
    assert "ZeroDivisionError" in found.reason


@pytest.mark.once
def test_distance():
    one, two = np.array([1.0, 2.0]), np.array([1.0, 2.5])
    assert distance(one, one) == 0
    assert distance(one, two) == 0.2
    assert distance((one, one), (one, two)) == 0.2
    assert distance("ValueError", "ValueError") == 0
    for other in ("ValueError", np.ones(3), np.array([1.0, np.nan]), (one,), None):
        assert distance(one, other) == np.inf
    assert distance(np.array([np.nan]), np.array([np.nan])) == 0
    assert distance(np.array([True]), np.array([False])) == 1


# Looking things up.


@pytest.mark.once
@pytest.mark.parametrize("question", QUESTIONS)
def test_question(question, run):
    assert find(question)[0].name == QUESTIONS[question]
    if question not in ENTRIES:
        lines = run(*question.split()).splitlines()
        assert lines[1].split()[0] == QUESTIONS[question]


@pytest.mark.once
def test_no_words():
    assert find("") == []
    assert find("qxzv") == []
    assert find("hello world") == []


@pytest.mark.once
def test_select():
    assert {each.chapter for each in select(technique="dropout")} == {"dropout"}
    assert ENTRIES["l1-at-zero-on-jax"] in select(framework="jax")
    assert ENTRIES["batch-norm-momentum"] not in select(framework="jax")
    assert len(select(framework="keras")) == len(ENTRIES)


# The command.


@pytest.mark.once
def test_command_shows_the_map(run):
    text = run()
    assert text.index("Ten that bite most") < text.index("Batch normalization")
    for name in ENTRIES:
        assert name in text
    assert f"{len(ENTRIES)} entries" in text


@pytest.mark.once
def test_command_filters(run):
    text = run("--technique", "losses")
    assert "class-weight-mean" in text
    assert "batch-norm-momentum" not in text
    assert "l1-at-zero-on-jax" in run("--framework", "jax")
    assert "batch_norm" in run("--technique", "batchnorm", code=2)
    assert "torchvision" in run("--framework", "mxnet", code=2)
    assert "batch_norm" in run("--technique", "Batch-Norm")
    assert "batch-norm-momentum" in run("--framework", "PyTorch")
    assert "nothing in the map" in run("qxzv", code=2)
    assert "nothing of lightning" in run(
        "--technique", "pooling", "--framework", "lightning", "--check", code=2
    )
    assert "give a name or words" in run(" ", code=2)


def test_command_shows_an_entry(run):
    text = run("adam-epsilon")
    assert "torch.optim.Adam(" in text
    assert "keras.optimizers.Adam(" in text
    assert "under the mapping" in text
    assert "as the map says" in text


@pytest.mark.once
def test_command_prints_code(run):
    assert "def in_keras(mapped):" in run("adam-epsilon", "--code")
    assert "one entry, adam-" in run("adam", "--code", code=2)
    assert "def in_keras(mapped):" in run("Adam_Epsilon", "--code")


def test_command_checks(run, monkeypatch):
    text = run("--technique", "gradient_clipping", "--check")
    assert "0 changed" in text
    module = __import__("triptych.differences.chapters.gradient_clipping", fromlist=["_"])
    monkeypatch.setattr(module.ClipEpsilon, "in_keras", lambda mapped: [np.ones(4)])
    text = run("clip-epsilon", "--check", code=1)
    assert "1 changed" in text
    assert "under the mapping" in text


def test_command_speaks_json(run):
    facts = json.loads(run("--technique", "gradient_clipping", "--check", "--json"))
    by_name = {each["name"]: each for each in facts}
    assert by_name["clip-epsilon"]["measured"]["verdict"] == "holds"
    assert by_name["clip-nonfinite"]["measured"]["by_themselves"] == "inf"
    assert by_name["clip-epsilon"]["mapping"]
    assert "measured" not in json.loads(run("clip-epsilon", "--json"))[0]


# Which versions.


@pytest.mark.once
def test_matrix_knows_every_entry():
    for environment in matrix():
        assert environment["entries"].keys() == ENTRIES.keys()


# One source.


REFERENCE = re.compile(r"triptych differences ([a-z][a-z0-9]*(?:-[a-z0-9]+)+)")
ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.once
def test_references_lead_to_entries():
    """Names of entries in documents, docstrings and refusals."""
    if not (ROOT / "docs").is_dir():
        pytest.skip("a wheel has no documents")
    files = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
    for folder in ("scratch", "torch_impl", "keras_impl", "triptych", "parity_tests"):
        files += (ROOT / folder).rglob("*.py")
    for path in files:
        text = path.read_text("utf-8")
        for name in REFERENCE.findall(text):
            assert name in ENTRIES, f"{path.name} refers to {name}, which is no entry"
        for name in re.findall(r'NoCounterpart\(\s*"([a-z0-9-]+)"', text):
            assert name in ENTRIES, f"{path.name} refuses by {name}, which is no entry"


LISTED = re.compile(
    r"Framework differences:.*?See\s+``triptych\s+differences``:\s+([^.]*)\.", re.DOTALL
)


@pytest.mark.once
@pytest.mark.parametrize("panel", ["scratch", "torch_impl", "keras_impl"])
def test_docstrings_name_entries(panel):
    """A docstring says what we do, and names the entries that say what the frameworks do."""
    folder = Path(__import__(panel).__file__).parent
    named = 0
    for path in folder.glob("*.py"):
        text = path.read_text("utf-8")
        for names in LISTED.findall(text):
            wanted = set(names.replace(",", " ").split())
            assert wanted <= ENTRIES.keys(), f"{path.name}: {wanted - ENTRIES.keys()}"
            named += 1
        without = path.stem in (
            *("residual", "training_noise", "adaptive_clipping", "drop_block", "position"),
        )
        # Neither framework has such a thing.
        assert "Framework differences:" not in text or LISTED.search(text) or without, path.stem
    assert named >= 20


@pytest.mark.once
def test_native_parity_tests_name_entries():
    named = 0
    for path in Path(__file__).parent.glob("test_*.py"):
        for names in re.findall(
            r"Entries of the map: ([a-z0-9, \n-]+)\.\s*\"", path.read_text("utf-8")
        ):
            wanted = set(names.replace(",", " ").split())
            assert wanted <= ENTRIES.keys(), f"{path.name}: {wanted - ENTRIES.keys()}"
            named += 1
    assert named >= 25


@pytest.mark.once
@pytest.mark.parametrize(("page", "column"), [("findings.md", 1), ("porting.md", 2)])
def test_tables_name_entries(page, column):
    path = ROOT / "docs" / page
    if not path.is_file():
        pytest.skip("a wheel has no documents")
    text = path.read_text("utf-8")
    table = text[text.index("| entry |" if column == 1 else "| what | entries |") :]
    rows = table.partition("\n\n")[0].splitlines()[2:]
    named = [name.strip() for row in rows for name in row.split("|")[column].split(",")]
    assert len(named) > 15
    assert set(named) <= ENTRIES.keys(), set(named) - ENTRIES.keys()


@pytest.mark.once
def test_page_shows_the_map_as_it_is():
    path = ROOT / "docs" / "differences.md"
    if not path.is_file():
        pytest.skip("a wheel has no documents")
    from docs.refresh import filled

    text = path.read_text("utf-8")
    assert filled(text, "docs/differences.md") == text, "python -m docs.refresh docs/differences.md"


def test_difference_is_the_base_of_every_probe():
    assert all(issubclass(probe_of(each), Difference) for each in ENTRIES.values())
