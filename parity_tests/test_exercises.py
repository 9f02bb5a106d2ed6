"""The exercises: what their checks say of starters, solutions and other files, and the sandbox."""

import contextlib
import importlib
import importlib.util
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from typer.testing import CliRunner

from parity_tests.exercise_files.specimens import Right, Wrong, specimens
from scratch.batch_norm import batch_norm_backward
from triptych.exercises import catalogue, sandbox
from triptych.exercises.cli import MOST_HINTS, app
from triptych.exercises.findings import DONE, NOT_DONE, WRONG
from triptych.exercises.sandbox import Limits, check_file

pytestmark = pytest.mark.once

EVERY = [(name, framework) for name in catalogue.names() for framework in catalogue.starters(name)]


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def check(path, name, framework, seed=0, only=None):
    """The findings, without a process of its own: much faster where there are many files."""
    if framework == "keras":
        import keras

        keras.utils.clear_session()  # what was built before makes each new graph slower
    its = catalogue.part(name, "check")
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        return list(its.check(load(path), framework, lambda text: None, seed, only))


def statuses(findings):
    """By TODO, the worst that was found of it."""
    worst = {}
    for finding in findings:
        order = (DONE, NOT_DONE, WRONG)
        worst[finding.todo] = max(worst.get(finding.todo, DONE), finding.status, key=order.index)
    return worst


def expected(name, status):
    return {todo.key: status for todo in catalogue.exercise(name).todos}


def those(kind):
    return [
        pytest.param(specimen, name, framework, id=f"{name}-{its}")
        for name, framework in EVERY
        for its, specimen in specimens(name, framework).items()
        if type(specimen) is kind
    ]


# Sections of the workshop in which Keras has no part: it only makes them slow.
WITHOUT_KERAS = ("schedule", "augmentation", "early stopping", "curves", "misclassified")


def is_one_of_many(specimen, name, framework):
    """A wrong file of such a section, in Keras, but for the first, and of XOR but for the first two
    of a TODO; NumPy and PyTorch have all.
    """
    if (name, framework) == ("workshop", "keras") and specimen.todo in WITHOUT_KERAS:
        looked_at = 1
    elif (name, framework) == ("xor", "keras"):
        looked_at = 2
    else:
        return False
    its = [each for each in specimens(name, framework).values() if isinstance(each, Wrong)]
    return specimen not in [each for each in its if each.todo == specimen.todo][:looked_at]


# --- What the checks say ------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "framework"), EVERY)
def test_starter(name, framework):
    """In a process of its own, as ``triptych exercise check`` does it."""
    outcome = check_file(catalogue.starters(name)[framework], name, framework)
    found = statuses(outcome.findings)
    assert found.pop("", DONE) == DONE, outcome
    assert found == expected(name, NOT_DONE), outcome
    assert outcome.refused == []


@pytest.mark.parametrize(("name", "framework"), EVERY)
def test_solution(tmp_path, monkeypatch, name, framework):
    """Also where the environment names places outside the temporary folder."""
    for variable in ("TORCHINDUCTOR_CACHE_DIR", "TMPDIR", "XDG_CACHE_HOME", "KERAS_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    limits = Limits(seconds=30)  # half of what a learner has
    outcome = check_file(catalogue.solutions(name)[framework], name, framework, limits=limits)
    found = statuses(outcome.findings)
    assert found.pop("", DONE) == DONE, outcome
    assert found == expected(name, DONE), outcome
    assert outcome.refused == []


SEEDS = [(*each, seed) for each in EVERY for seed in range(1, 20)]


@pytest.mark.parametrize(("name", "framework", "seed"), SEEDS)
def test_solution_with_other_seeds(request, name, framework, seed):
    """A Keras file takes as long as ten of NumPy's."""
    looked_at = 1 if framework == "keras" else 5
    if seed > looked_at and not request.config.getoption("--thorough"):
        pytest.skip("with --thorough")
    found = check(catalogue.solutions(name)[framework], name, framework, seed)
    assert {finding.status for finding in found} == {DONE}, found


@pytest.mark.parametrize(("specimen", "name", "framework"), those(Right))
def test_other_correct_solutions(tmp_path, specimen, name, framework):
    file = tmp_path / f"{specimen.name}.py"
    file.write_text(specimen.text())
    found = check(file, name, framework)
    assert {finding.status for finding in found} == {DONE}, found


@pytest.mark.parametrize(("specimen", "name", "framework"), those(Wrong))
def test_wrong_solutions(request, tmp_path, specimen, name, framework):
    """Its fault is named, and nothing else is called wrong.

    Keras takes ten times as long: there the other TODOs are looked at with ``--thorough``.
    """
    quick = framework == "keras" and not request.config.getoption("--thorough")
    if quick and is_one_of_many(specimen, name, framework):
        pytest.skip("with --thorough")
    file = tmp_path / f"{specimen.name}.py"
    file.write_text(specimen.text())
    todo = specimen.todo
    found = check(file, name, framework, only=todo or None if quick else None)
    assert statuses(found)[todo] == WRONG, found
    said = [f"{f.message} {f.measured} {f.cause}" for f in found if f.todo == todo]
    assert any(specimen.says in text for text in said), said
    # "": what is wrong may keep it from learning XOR
    others = {status for each, status in statuses(found).items() if each not in ("", todo)}
    assert WRONG not in others, found


@pytest.mark.parametrize("name", catalogue.names())
def test_there_are_enough_of_them(name):
    """At least five wrong files for each TODO, and four correct ones for each framework."""
    every = [list(specimens(name, framework).values()) for framework in catalogue.starters(name)]
    todos = [each.todo for its in every for each in its if isinstance(each, Wrong)]
    for todo in catalogue.exercise(name).todos:
        assert todos.count(todo.key) >= 5, todo.key
    for its in every:
        assert any(isinstance(each, Wrong) for each in its)
        assert sum(not isinstance(each, Wrong) for each in its) >= 4


@pytest.mark.parametrize(
    ("change", "found"),
    [(("def trian(", ""), 0), (("def train(", "def train(", 2), 1), (("L2", "L1"), 3)],
)
def test_a_change_that_does_not_apply(change, found):
    base = "exercises/xor/solutions/xor_scratch.py"
    with pytest.raises(ValueError, match=f"name: .* in {base}, it stands {found} times"):
        Right("name", "", base, [change]).text()


OWN_LAYER = """\
class Own(layers.Layer):
    mean = 0.0

    def call(self, x, training=False):
        if training:
            self.mean = {}
        return x - self.mean


def build_model("""


@pytest.mark.parametrize(
    ("mean", "name"),
    [
        ("0.5", "Graphs"),
        ("np.random.rand()", "Keras"),
        ("keras.ops.mean(x)", "Keras"),
        ("keras.ops.convert_to_numpy(x).mean()", "Keras"),
    ],
)
def test_graphs_are_for_networks_that_do_the_same_in_them(tmp_path, mean, name):
    """Not where a layer draws with NumPy, keeps what it computes in an attribute, leaves Keras."""
    if importlib.import_module("keras").backend.backend() != "tensorflow":
        pytest.skip("graphs are TensorFlow's")
    changes = [
        ("def build_model(", OWN_LAYER.format(mean)),
        ("layers.BatchNormalization(momentum=0.9)", "Own()"),
    ]
    file = tmp_path / "own_layer.py"
    file.write_text(Right("", "", "exercises/xor/solutions/xor_keras.py", changes).text())
    assert catalogue.part("xor", "graphs").fastest(load(file), 0).__name__ == name


# --- Files that do harm -------------------------------------------------------------------------

BODY = """
def train(*arguments, **options): return [0.0]
def predict(model, x): return x[:, 0]
"""


def harmful(tmp_path, text, **limits):
    file = tmp_path / "xor_scratch.py"
    file.write_text(text)
    outcome = check_file(file, "xor", "scratch", limits=Limits(**limits))
    assert not any(finding.todo for finding in outcome.findings)
    assert file.read_text() == text
    return outcome


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "def build_model(seed):\n    while True:\n        seed += 1\n" + BODY,
            "after 2 seconds of processor time, while training on XOR.*line [23], in build_model",
        ),
        ("while True:\n    print('epoch')", "prints without end, more than 1 MB"),
        (
            "import numpy as np\nhog = []\nwhile True:\n    hog.append(np.ones(10**7))",
            r"MemoryError at line 4: hog.append\(np.ones\(10\*\*7\)\).*more memory than",
        ),
        ("import sys\nsys.exit(0)", r"calls sys.exit at line 2: sys.exit\(0\)"),
        ("exit()", r"calls sys.exit at line 1: exit\(\)"),
        ("import os\nos._exit(0)", "ended with exit code 0 while running .*before the check"),
        ("import os\nos.abort()", "ended by SIGABRT"),
        ("import os\nos.closerange(3, 40)", "ended with exit code 1 .*os.close of what is not"),
        ("1 / 0", "ZeroDivisionError at line 1: 1 / 0.*division by zero"),
        ("def f(:", r"SyntaxError at line 1: def f\(:"),
        ("import nothing_like_it", "ModuleNotFoundError at line 1.*checked alone"),
        ("", "the file has no function build_model"),
        ("def build_model(seed): return None\n" + BODY, "AttributeError.*leaves the interface"),
    ],
)
def test_harmful_file(tmp_path, text, said):
    outcome = harmful(tmp_path, text, seconds=2, memory=2**28)
    (finding,) = outcome.findings
    assert finding.status == WRONG
    assert re.search(said, f"{finding.message} {finding.measured} {finding.cause}"), finding
    assert outcome.seconds < 20


FAKE = """
import json, os, sys
for todo in ("", "dropout", "batch norm", "l2"):
    finding = {"kind": "finding", "todo": todo, "status": "done", "message": "perfect"}
    for token in (None, "", "0" * 32):
        line = json.dumps(finding | {"token": token}) + chr(10)
        for write in (sys.stdout.write, sys.stderr.write, sys.__stdout__.write):
            write(line)
        for descriptor in (1, 2):
            os.write(descriptor, line.encode())
        for descriptor in range(3, 32):
            try:
                os.write(descriptor, line.encode())
            except OSError:
                pass
print("3 of 3 done")
os._exit(0)
"""


def test_what_was_printed_last_is_shown(tmp_path, monkeypatch):
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    outcome = harmful(tmp_path, "print('epoch 1')\nwhile True:\n    pass", seconds=1)
    (finding,) = outcome.findings
    assert finding.status == WRONG
    assert re.search("stopped after 1 seconds of processor time", finding.message), finding
    assert re.search("line 3, in <module>: pass|line 2", finding.measured), finding
    assert outcome.output == "epoch 1\n"
    assert outcome.seconds < 20


def solution(tmp_path, name, framework, *changes):
    """A copy of it with changes; "" stands for the file's end."""
    file = tmp_path / f"{name}_{framework}.py"
    text = catalogue.solutions(name)[framework].read_text("utf-8")
    for old, new in changes:
        assert old == "" or text.count(old) == 1
        text = text.replace(old, new) if old else text + new
    file.write_text(text, "utf-8")
    return file


def passes(outcome):
    return {finding.status for finding in outcome.findings} == {DONE} and not outcome.refused


def test_a_file_that_waits_for_ever(tmp_path):
    outcome = harmful(tmp_path, "import time\ntime.sleep(60)", waiting=4)
    (finding,) = outcome.findings
    assert "stopped after 4 seconds, while running xor_scratch.py" in finding.message
    assert finding.measured == "it was at line 2, in <module>: time.sleep(60)"
    assert finding.cause.startswith("It waits for something")
    assert outcome.seconds < 15


def test_a_file_that_waits_has_not_spent_its_time(tmp_path):
    """As on a busy machine: the limit is that of the processor, not of the clock."""
    slow = ("def main() ->", "import time\n\ntime.sleep(3)\n\n\ndef main() ->")
    file = solution(tmp_path, "xor", "scratch", slow)
    outcome = check_file(file, "xor", "scratch", limits=Limits(seconds=2))
    assert passes(outcome), outcome
    assert outcome.seconds > 3


OTHERS = ("torch", "keras", "tensorflow", "jax", "matplotlib", "sklearn")


@pytest.mark.parametrize(
    ("name", "framework"),
    [each for each in EVERY if each[1] == "scratch" or not each[0].startswith("bug")],
)
def test_only_what_the_file_needs_is_imported(tmp_path, name, framework):
    """At the last call of any of its functions."""
    spy = f"""
import sys
last = [None]
def telling(its):
    def function(*arguments, **options):
        found = [each for each in {OTHERS} if each in sys.modules]
        if found != last:
            last[:] = found
            print("imported", *found)
        return its(*arguments, **options)
    return function
for name, its in list(vars().items()):
    if type(its) is type(telling) and its.__module__ == __name__:
        vars()[name] = telling(its)
"""
    outcome = check_file(solution(tmp_path, name, framework, ("", spy)), name, framework)
    assert passes(outcome), outcome
    needed = {"scratch": [], "torch": ["torch"], "keras": ["keras", "tensorflow"]}
    own = ["matplotlib"] if name == "workshop" else []  # for its curves
    told = [line.split() for line in outcome.output.splitlines() if line.startswith("imported")]
    assert told == [["imported", *needed[framework], *own]]


def test_the_command_itself_imports_no_framework(tmp_path):
    file = tmp_path / "xor_keras.py"
    file.write_text("")
    code = f"""
import sys
from triptych.exercises.cli import app
app({["check", str(file)]}, standalone_mode=False)  # which returns the exit code
print(sorted({("numpy", *OTHERS)} & sys.modules.keys()))
"""
    command = [sys.executable, "-P", "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "[]"


STRAY = """
import os
for descriptor in range(1, 32):
    try:
        os.write(descriptor, {what})
    except OSError:
        pass
"""


@pytest.mark.parametrize("what", ["b'x'", "b'x' * 5000", "b'\\xff\\n{'", "b'\\n'", "b'\\0'"])
def test_a_stray_byte_loses_no_finding(tmp_path, what):
    """Written wherever it can be, before each finding."""
    stray = STRAY.format(what=what).replace("\n", "\n    ")
    change = ("def predict(", f"def predict(model, x):{stray}\n    return others(model, x)\n\n\n"
              "def others(")  # fmt: skip
    outcome = check_file(solution(tmp_path, "xor", "scratch", change), "xor", "scratch")
    assert passes(outcome), outcome
    assert statuses(outcome.findings) == expected("xor", DONE) | {"": DONE}


def test_a_finding_that_is_lost_is_told(tmp_path, monkeypatch):
    """Nothing that a file writes can lose one: here the reader drops it."""

    def all_but_one(self, pipe):
        for line in pipe:
            if line.startswith(self.token) and b'"l2"' not in line:
                self.lines.put(line[len(self.token) :].decode())
        self.lines.put(None)

    monkeypatch.setattr(sandbox._Run, "_read_lines", all_but_one)
    outcome = check_file(catalogue.solutions("xor")["scratch"], "xor", "scratch")
    assert outcome.findings[-1].status == WRONG
    assert "a part of what the check found is lost" in outcome.findings[-1].message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# caf\xe9\n".encode("latin-1"), r"line 1 has the byte 0xe9: '# caf\\xe9'"),
        ("\n\nx = 'caf\xe9'\n".encode("latin-1"), "line 3 has the byte 0xe9"),
        ("x = 1\n".encode("utf-16"), "line 1 has the byte 0xff"),
        (b"# coding: nonsense\n", "unknown encoding"),
    ],
)
def test_a_file_that_is_no_text(tmp_path, text, said):
    file = tmp_path / "xor_scratch.py"
    file.write_bytes(text + catalogue.solutions("xor")["scratch"].read_bytes())
    (finding,) = check_file(file, "xor", "scratch").findings
    assert finding.status == WRONG
    assert re.search(said, f"{finding.message} {finding.measured}"), finding
    assert "Save it as UTF-8" in finding.cause


def test_a_file_of_another_declared_encoding(tmp_path):
    file = tmp_path / "xor_scratch.py"
    text = catalogue.solutions("xor")["scratch"].read_text("utf-8")
    file.write_text(f"# coding: latin-1\n# caf\xe9\n{text}", "latin-1")
    assert passes(check_file(file, "xor", "scratch"))


@pytest.mark.parametrize("when", ["at its head", "at its foot"])
def test_keras_on_another_backend(tmp_path, when):
    """PyTorch's tensors have ``detach``, TensorFlow's have none: it is told why."""
    choice = "import os\n\nos.environ['KERAS_BACKEND'] = 'torch'\n"
    head = ("import keras\n", f"{choice}import keras\n")
    tensors = (
        "keras.ops.convert_to_numpy(keras.ops.sigmoid(logits))",
        "keras.ops.sigmoid(logits).detach().numpy()",
    )
    file = solution(
        tmp_path, "xor", "keras", head if when == "at its head" else ("", choice), tensors
    )
    (finding,) = check_file(file, "xor", "keras").findings
    assert finding.status == WRONG
    assert finding.message == (
        "the file asks for Keras on 'torch', and the check runs it on 'tensorflow'"
    )
    assert "KERAS_BACKEND=torch triptych exercise check xor_keras.py" in finding.cause


def test_notes_of_tensorflow_are_not_what_the_file_printed(tmp_path, monkeypatch):
    """A function that is traced again and again: only the file's own line is shown."""
    for variable in ("TF_CPP_MIN_LOG_LEVEL", "TF_ENABLE_ONEDNN_OPTS", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(variable, raising=False)
    again = (
        "    history = model.fit(",
        "    import tensorflow as tf\n\n    for number in range(9):\n"
        "        tf.function(lambda z: z + 1)(tf.constant(number))\n"
        "    print('trained')\n    history = model.fit(",
    )
    labels = ("keras.ops.sigmoid(logits))[:, 0]", "keras.ops.sigmoid(logits))[:, 0].round()")
    outcome = check_file(solution(tmp_path, "xor", "keras", again, labels), "xor", "keras")
    assert outcome.findings[-1].message == "predict returns labels, not probabilities"
    assert set(outcome.output.splitlines()) == {"trained"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_check_that_is_ended_leaves_nothing(tmp_path, number):
    """A closed terminal, say: the process of the file ends, and its folder goes."""
    file, folder = tmp_path / "xor_scratch.py", tmp_path / "temporary"
    folder.mkdir()
    file.write_text(
        "import pathlib, time\npathlib.Path('running').touch()\nwhile True:\n    time.sleep(1)\n"
    )
    command = "from triptych.exercises.cli import app; app()"
    run = subprocess.Popen(
        [sys.executable, "-c", command, "check", str(file)],
        env=os.environ | {"TMPDIR": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # A shell's background job ignores it, and so would all that it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    for _ in range(300):
        if list(folder.glob("*/running")):
            break
        time.sleep(0.1)
    (place,) = folder.iterdir()
    inside = [p for p in psutil.Process(run.pid).children() if p.cwd() == str(place)]
    assert len(inside) == 1
    run.send_signal(number)
    run.wait(20)
    psutil.wait_procs(inside, timeout=10)
    assert not inside[0].is_running()
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("    return losses", "    return None", "train returns NoneType"),
        ("    return losses", "    return losses[:1]", "train returns 1 losses for 3 epochs"),
        ("training=False))[:, 0]", "training=False))[:2, 0]", "it must be 4 numbers"),
        ("def predict", "def other", "no function predict"),
    ],
)
def test_an_interface_that_is_left(tmp_path, old, new, said):
    file = tmp_path / "xor_scratch.py"
    text = catalogue.solutions("xor")["scratch"].read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))
    outcome = check_file(file, "xor", "scratch")
    assert outcome.findings[-1].status == WRONG, outcome
    assert said in outcome.findings[-1].message, outcome


def test_a_printed_verdict_is_no_verdict(tmp_path):
    outcome = harmful(tmp_path, FAKE)
    assert [finding.status for finding in outcome.findings] == [WRONG]
    assert "3 of 3 done" in outcome.output


def test_nothing_outside_is_touched(tmp_path):
    precious, folder = tmp_path / "precious.txt", tmp_path / "folder"
    precious.write_text("precious")
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "file.txt").write_text("precious too")
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    text = f"""
import ctypes, os, pathlib, shutil, signal, subprocess
precious, folder = {str(precious)!r}, {str(folder)!r}
refused = []
for deed in (
    lambda: os.remove(precious),
    lambda: os.unlink(os.fsencode(precious)),
    lambda: pathlib.Path(precious).unlink(),
    lambda: shutil.rmtree(folder),
    lambda: os.remove("inner/file.txt", dir_fd=os.open(folder, os.O_RDONLY)),
    lambda: os.rmdir(folder),
    lambda: open(precious, "w"),
    lambda: open(precious, "r+"),
    lambda: os.open(precious, os.O_WRONLY | os.O_TRUNC),
    lambda: pathlib.Path(folder, "new.txt").write_text("new"),
    lambda: os.truncate(precious, 0),
    lambda: os.rename(precious, "here.txt"),
    lambda: shutil.move(folder, "here"),
    lambda: os.replace("xor_scratch.py", precious),
    lambda: os.mkdir(folder + "/new"),
    lambda: os.chmod(precious, 0),
    lambda: os.symlink("/", folder + "/link"),
    lambda: os.system("rm -r " + folder),
    lambda: subprocess.run(["rm", precious]),
    lambda: os.fork(),
    lambda: os.execv("/bin/rm", ["rm", precious]),
    lambda: os.posix_spawn("/bin/rm", ["rm", precious], {{}}),
    lambda: os.kill(os.getppid(), signal.SIGTERM),
):
    try:
        deed()
        print("NOT REFUSED", len(refused))
    except PermissionError as error:
        refused.append(error)
pathlib.Path("here.txt").write_text("in its own folder a file may do what it likes")
os.rename("here.txt", "there.txt")
os.remove("there.txt")
os.mkdir("sub")
shutil.rmtree("sub")
import tempfile
with tempfile.TemporaryDirectory() as name:
    pathlib.Path(name, "file").write_text("also here")
print("REFUSED", len(refused))
"""
    outcome = harmful(tmp_path, text)
    assert "REFUSED 23" in outcome.output, outcome.output
    assert "NOT REFUSED" not in outcome.output
    assert f"delete {precious}" in outcome.refused
    assert "start a process" in outcome.refused
    assert "send a signal" in outcome.refused
    after = sorted(str(path) for path in tmp_path.rglob("*"))
    assert after == sorted([*before, str(tmp_path / "xor_scratch.py")])
    assert precious.read_text() == "precious"
    assert (folder / "inner" / "file.txt").read_text() == "precious too"


def test_what_is_refused_fails_the_check_even_if_swallowed(tmp_path):
    solution = catalogue.solutions("dropout")["scratch"].read_text()
    file = tmp_path / "dropout_scratch.py"
    keep = tmp_path / "keep.txt"
    keep.write_text("")
    file.write_text(
        f"{solution}\nimport os\ntry:\n    os.remove({str(keep)!r})\nexcept OSError:\n    pass\n"
    )
    result = CliRunner().invoke(app, ["check", str(file)])
    assert result.exit_code == 1
    assert "the file tried to delete" in result.output
    assert keep.exists()


# --- The commands -------------------------------------------------------------------------------


def invoke(*arguments, **options):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], **options)
    return result.exit_code, " ".join(result.output.replace("│", " ").split())


def test_list():
    code, output = invoke("list")
    assert code == 0
    for name in catalogue.names():
        exercise = catalogue.exercise(name)
        assert name in output
        assert exercise.title.removesuffix(" from scratch") in output
        code, whole = invoke("list", name)
        assert code == 0
        assert flat(exercise.summary) in flat(whole)
        for i, todo in enumerate(exercise.todos, start=1):
            assert f"{i}. {todo.title}" in whole


def test_start_never_overwrites(tmp_path):
    folder = tmp_path / "new" / "folder"
    code, output = invoke("start", "xor", "--to", folder)
    assert code == 0
    assert sorted(path.name for path in folder.iterdir()) == [
        "xor_keras.py",
        "xor_scratch.py",
        "xor_torch.py",
    ]
    mine = folder / "xor_torch.py"
    assert mine.read_bytes() == catalogue.starters("xor")["torch"].read_bytes()
    mine.write_text("mine")
    (folder / "xor_scratch.py").unlink()
    code, output = invoke("start", "xor", "--to", folder)
    assert code == 2
    assert "xor_torch.py, xor_keras.py" in output
    assert "--overwrite" in output
    assert mine.read_text() == "mine"
    assert not (folder / "xor_scratch.py").exists()
    code, _ = invoke("start", "xor", "--framework", "scratch", "--to", folder)
    assert code == 0
    assert mine.read_text() == "mine"
    code, _ = invoke("start", "xor", "--to", folder, "--overwrite")
    assert code == 0
    assert mine.read_bytes() == catalogue.starters("xor")["torch"].read_bytes()


def test_unknown_names(tmp_path):
    for command in ("start", "solution"):
        code, output = invoke(command, "xnor")
        assert code == 2
        assert "'xnor' is none of the exercises: dropout, " in output
    code, output = invoke("start", "dropout", "--framework", "torch", "--to", tmp_path)
    assert code == 2
    assert "'dropout' is in scratch" in output
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["check", "hint"])
def test_a_file_of_another_name(tmp_path, command):
    file = tmp_path / "network.py"
    file.write_text("")
    code, output = invoke(command, file)
    assert code == 2
    assert "'network.py' does not tell the exercise" in output
    assert "--exercise and --framework" in output
    code, output = invoke(command, file, "--exercise", "xor", "--framework", "scratch")
    assert code == (1 if command == "check" else 0)
    code, output = invoke(command, tmp_path / "nowhere.py")
    assert code == 2


def test_names_that_tell():
    for stem in ("xor_torch", "my_xor_torch_2", "xor_torch-copy"):
        assert catalogue.exercise_of(Path(f"{stem}.py"), None, None) == ("xor", "torch")
    assert catalogue.exercise_of(Path("a.py"), "dropout", None) == ("dropout", "scratch")
    assert catalogue.exercise_of(Path("a.py"), "xor", "keras") == ("xor", "keras")
    assert catalogue.exercise_of(Path("XOR_Torch.py"), None, None) == ("xor", "torch")
    assert catalogue.exercise_of(Path("xor_torch.py"), None, "keras") == ("xor", "keras")
    assert catalogue.exercise_of(Path("xor_scratch.py"), "dropout", None) == ("dropout", "scratch")
    for name, framework, missing in (
        (None, None, "--exercise and --framework"),
        (None, "scratch", "--exercise"),
        ("xor", None, "--framework"),
    ):
        with pytest.raises(ValueError, match=f"does not tell the exercise. Add {missing},"):
            catalogue.exercise_of(Path("a.py"), name, framework)
    with pytest.raises(ValueError, match="there is no 'dropout' in 'keras'"):
        catalogue.exercise_of(Path("a.py"), "dropout", "keras")


def test_hints_of_what_is_not_begun():
    """Those for all that was not found otherwise, in the framework's own words."""
    for name, framework in EVERY:
        file = catalogue.starters(name)[framework]
        todos = catalogue.exercise(name).todos
        for level in (1, 2, 3) if (name, framework) == ("xor", "scratch") else (3,):
            code, output = invoke("hint", file, "--level", level)
            assert code == 0
            for number, todo in enumerate(todos[MOST_HINTS:], start=MOST_HINTS + 1):
                assert f"{number} ({todo.title})" in output
            for todo in todos[:MOST_HINTS]:
                its = todo.hints[-1]
                said = [flat(its.text(each, framework)) in output for each in (1, 2, 3)]
                assert said == [each == level for each in (1, 2, 3)]
    file = catalogue.starters("dropout")["scratch"]
    code, output = invoke("hint", file, "--todo", 2)
    todos = catalogue.exercise("dropout").todos
    assert flat(todos[1].hints[-1].text(1, "scratch")) in output
    assert flat(todos[0].hints[-1].text(1, "scratch")) not in output
    assert invoke("hint", file, "--todo", 9)[0] == 2


def flat(text):
    return " ".join(text.split())


@pytest.mark.parametrize(("name", "framework"), EVERY)
def test_no_hint_for_what_is_done(name, framework):
    code, output = invoke("hint", catalogue.solutions(name)[framework])
    assert (code, output) == (0, "All is done.")


OTHER_FRAMEWORKS = {
    "scratch": r"[Tt]orch|[Kk]eras|nn\.|model\.eval|layers\.[A-Z]",
    "torch": r"[Kk]eras|layers\.[A-Z]|training=True|model\.grads|forward\(",
    "keras": r"[Tt]orch|nn\.|model\.eval|model\.grads|forward\(",
}


def test_hints_speak_of_one_framework():
    """And for each that an exercise has, there are three for everything."""
    for name, framework in EVERY:
        for todo in catalogue.exercise(name).todos:
            assert todo.hints[-1].about == ""
            for hint in todo.hints:
                texts = [hint.text(level, framework) for level in (1, 2, 3)]
                assert len(set(texts)) == 3
                assert not re.search(OTHER_FRAMEWORKS[framework], " ".join(texts))


@pytest.mark.parametrize(
    ("specimen", "said"),
    [
        ("xor-scratch-scratch_mask_not_in_backward", "needs the very mask of the last forward"),
        ("xor-scratch-scratch_no_rescaling", "The probability to stay times the factor must be 1"),
        ("dropout-scratch-no_rescaling", "Both forms give the same mean in both modes"),
        ("dropout-scratch-mask_changed_in_place", "the caller holds the same array"),
        ("xor-torch-torch_dropout_eval_missing", "model.train() and model.eval() set a mode"),
        ("xor-keras-keras_predict_in_training_mode", "Layers act by the argument `training`"),
        ("xor-keras-keras_dropout_mask_drawn_once", "the mask has the shape of the hidden values"),
        ("xor-keras-keras_layer_normalization", "There are 16 means and 16 variances"),
        ("xor-keras-keras_batch_norm_without_gamma", "A scale and a shift for each of the 16"),
        ("xor-keras-keras_batch_norm_momentum", "besides move the running ones a little"),
        ("xor-keras-keras_l2_losses_forgotten", "The penalty has to be in what is differentiated"),
        ("xor-keras-keras_l2_in_adam", "takes the strength out of it"),
        ("xor-keras-keras_weight_decay_of_biases_too", "biases, gamma and beta have none"),
    ],
)
def test_a_hint_is_about_what_was_found(tmp_path, specimen, said):
    """Whatever the check says of the file."""
    name, framework, its = specimen.split("-")
    wrong = specimens(name, framework)[its]
    file = tmp_path / f"{its}.py"
    file.write_text(wrong.text())
    (todo,) = (todo for todo in catalogue.exercise(name).todos if todo.key == wrong.todo)
    every = check(file, name, framework, only=todo.key)
    found = [f for f in every if (f.todo, f.status) == (todo.key, WRONG)]
    texts = [todo.hint(finding).text(2, framework) for finding in found]
    assert any(said in text for text in texts), (found, texts)


def test_a_hint_comes_with_what_was_found(tmp_path):
    """Of the TODO that is wrong, and of no other."""
    file = solution(tmp_path, "xor", "torch", ('"weight_decay": 0.01', '"weight_decay": 0.02'))
    code, output = invoke("hint", file, "--level", 3)
    assert code == 0
    assert "0.02 * w for the weights of the first layer" in output
    assert "weight_decay=0.01 adds 0.01 * w, which is just it" in output
    assert output.count("TODO") == 1
    code, output = invoke("hint", file, "--todo", 1)
    assert (code, output) == (0, "TODO 1 is done.")


def test_the_formula_of_batch_norm_comes_before_the_solution():
    """Checked: it is the gradient of the NumPy panel."""
    (todo,) = (t for t in catalogue.exercise("xor").todos if t.key == "batch norm")
    for hint in (todo.hints[0], todo.hints[-1]):
        lines = dict(re.findall(r"    dL/d(\w+) *= (.*)", hint.text(3, "scratch")))
        x, upstream = np.random.default_rng(0).normal(size=(2, 12, 5))
        gamma, epsilon = np.linspace(0.5, 2, 5), 1e-3
        mean, variance = x.mean(axis=0), x.var(axis=0)
        deviation = np.sqrt(variance + epsilon)
        values = {
            "g": upstream * gamma,
            "upstream": upstream,
            "x_hat": (x - mean) / deviation,
            "deviation": deviation,
            "sum": lambda array: array.sum(axis=0),
            "mean": lambda array: array.mean(axis=0),
        }
        found = {
            name: eval(line.replace("dL/dy", "upstream"), values) for name, line in lines.items()
        }
        theirs = batch_norm_backward(upstream, x, gamma, mean, variance, epsilon=epsilon)
        for name, value in zip(("x", "gamma", "beta"), theirs, strict=True):
            # The printed formula adds up in another order: some roundings of float64.
            np.testing.assert_allclose(found[name], value, atol=1e-12)


@pytest.mark.parametrize("options", [(), ("--todo", "2")])
def test_commands_work_as_they_are_printed(tmp_path, options):
    """In a narrow terminal too, with a name that tells nothing and has to be quoted."""
    folder = tmp_path / ("a folder with a long name " * 4)
    folder.mkdir()
    file = folder / "it's mine.py"
    shutil.copyfile(catalogue.starters("xor")["scratch"], file)
    result = CliRunner().invoke(
        app, ["check", str(file), "--exercise", "xor", "--framework", "scratch", *options]
    )
    assert result.exit_code == 1
    for level in (1, 2, 3):
        (line,) = (line for line in result.output.splitlines() if "triptych exercise" in line)
        program, group, *arguments = shlex.split(line)
        assert (program, group, arguments[0]) == ("triptych", "exercise", "hint")
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output
        todo = catalogue.exercise("xor").todos[1]
        assert flat(todo.hints[-1].text(level, "scratch")) in flat(result.output)
    shutil.copyfile(catalogue.solutions("xor")["scratch"], file)
    result = CliRunner().invoke(
        app, ["check", str(file), "--exercise", "xor", "--framework=scratch"]
    )
    (line,) = (line for line in result.output.splitlines() if "triptych exercise" in line)
    result = CliRunner().invoke(app, [*shlex.split(line)[2:], "--yes"])
    assert result.output == catalogue.solutions("xor")["scratch"].read_text()


SEVERAL = {
    ("xor", "scratch"): [("L2 = 0.01", "L2 = 0.02"), (">= DROPOUT", "< DROPOUT")],
    ("xor", "torch"): [('"weight_decay": 0.01', '"weight_decay": 0.02'), ("t(0.2),", "t(0.8),")],
    ("xor", "keras"): [
        ("L2(0.01 / 2)", "L2(0.01)"),
        ("layers.Dropout(0.2)", "layers.Dropout(0.8)"),
    ],
}


def several(name, framework):
    """Of an exercise of functions, the faults of its first and its last TODO."""
    if name == "xor":
        return SEVERAL[name, framework]
    wrongs = [each for each in specimens(name, framework).values() if isinstance(each, Wrong)]
    todos = catalogue.exercise(name).todos
    ends = (next(w for w in wrongs if w.todo == todo.key) for todo in (todos[0], todos[-1]))
    return [change for wrong in ends for change in wrong.changes]


def words(findings):
    """Without numbers: what is drawn is another mask in another order of the probes."""
    return [(f.status, re.sub(r"\d[\d.e-]*", "#", f"{f.message} {f.cause}")) for f in findings]


@pytest.mark.parametrize(
    ("name", "framework"), [each for each in EVERY if len(catalogue.exercise(each[0]).todos) > 1]
)
def test_one_todo_alone_is_judged_as_among_the_others(tmp_path, name, framework):
    """A file with several faults."""
    file = solution(tmp_path, name, framework, *several(name, framework))
    every = check(file, name, framework)
    wrong = {finding.todo for finding in every if finding.status == WRONG}
    assert len(wrong - {""}) >= 2, every
    for todo in catalogue.exercise(name).todos:
        its = check(file, name, framework, only=todo.key)
        assert words(f for f in its if f.todo) == words(f for f in every if f.todo == todo.key)


def test_check_one_todo(tmp_path):
    file = solution(tmp_path, "xor", "keras", ("L2(0.01 / 2)", "L2(0.01)"))
    code, output = invoke("check", file, "--todo", 1)
    assert code == 0
    assert "TODO 1, dropout: done" in output
    assert "TODO 3" not in output
    assert "1 of 1 done" in output
    code, output = invoke("check", file, "--todo", 3)
    assert code == 1
    assert "TODO 3, L2: wrong" in output
    assert "TODO 1" not in output
    code, output = invoke("check", file, "--todo", 4)
    assert code == 2
    assert "there are 3" in output


def test_solution_asks_first():
    code, output = invoke("solution", "xor", "--framework", "torch", input="n\n")
    assert code == 1
    assert "BatchNorm1d" not in output
    code, output = invoke("solution", "xor", "--framework", "torch", input="y\n")
    assert code == 0
    assert "BatchNorm1d" in output
    assert "kernel_regularizer" not in output
    code, output = invoke("solution", "xor", "--yes")
    assert code == 2
    assert "choose one of scratch, torch, keras" in output


@pytest.mark.parametrize(("name", "framework"), EVERY)
def test_a_solution_is_shown_whole(name, framework):
    """Lines that are longer than the terminal is wide, too."""
    text = catalogue.solutions(name)[framework].read_text("utf-8")
    assert max(map(len, text.splitlines())) > 80
    command = ["solution", name, "--framework", framework, "--yes"]
    assert CliRunner().invoke(app, command, env={"COLUMNS": "80"}).output == text
    if len(catalogue.solutions(name)) == 1:
        assert CliRunner().invoke(app, ["solution", name, "--yes"]).output == text


def test_a_solution_is_written_to_a_file_that_is_not_there(tmp_path):
    file = tmp_path / "answer.py"
    command = ["solution", "xor", "--framework", "torch", "--yes", "--to", file]
    assert invoke(*command)[0] == 0
    text = catalogue.solutions("xor")["torch"].read_bytes()
    assert file.read_bytes() == text
    file.write_text("mine")
    code, output = invoke(*command)
    assert code == 2
    assert "--force" in output
    assert file.read_text() == "mine"
    assert invoke(*command, "--force")[0] == 0
    assert file.read_bytes() == text
    code, output = invoke(*command[:-1], tmp_path / "nowhere" / "answer.py")
    assert code == 2
    assert "No such file" in output


def test_a_keras_file_is_quiet(tmp_path):
    """Run by itself, without a word from TensorFlow."""
    names = ("TF_CPP_MIN_LOG_LEVEL", "TF_ENABLE_ONEDNN_OPTS")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    command = [sys.executable, catalogue.starters("xor")["keras"]]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert run.stderr == ""


def test_the_report_of_a_wrong_file(tmp_path):
    file = tmp_path / "no_rescaling.py"
    file.write_text(specimens("dropout", "scratch")["no_rescaling"].text())
    code, output = invoke("check", file, "--exercise", "dropout")
    assert code == 1
    assert "TODO 4, inverted dropout: wrong" in output
    assert "expected" in output
    assert "measured" in output
    assert "likely cause" in output
    assert "4 of 5 done" in output
