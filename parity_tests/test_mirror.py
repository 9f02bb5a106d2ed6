"""The three panels mirror each other: the same files, and in each file the same public names in the
same order, with the same parameters and the same public methods.

Where a framework forces a difference, it stands in this table: which panels have it, what it is
("file", "file.name", "file.name(parameter)" or "file.Class.method"; * stands for anything), why.
A line that is no longer needed fails too.
"""

import ast
import fnmatch
import importlib
import inspect
import re
from difflib import unified_diff
from pathlib import Path

import pytest

from parity_tests.panels import PACKAGES
from triptych.catalogue import CARRIERS, TECHNIQUES

pytestmark = pytest.mark.once

DECLARED = [
    # The backward pass, and the forward pass of a layer.
    ("scratch", "*.*_backward", "PyTorch and Keras differentiate for themselves"),
    ("scratch", "*.backward", "PyTorch and Keras differentiate for themselves"),
    ("scratch", "*.backward_parameters", "PyTorch and Keras skip dL/dx of the input by themselves"),
    ("scratch torch", "*.forward", "the forward pass; training is a mode of a torch module"),
    ("scratch", "half", "the frameworks add half precision up in float32 by themselves"),
    ("keras", "*.call", "Keras's name for the forward pass"),
    (
        "scratch",
        "optimizers.*_step",
        "PyTorch and Keras have optimizers; here stand their equations",
    ),
    ("scratch", "pooling.max_pool2d_with_winners", "what the backward pass is given"),
    # Arguments.
    ("scratch", "pooling.GlobalMaxPool2D(first)", "as PyTorch's own AdaptiveMaxPool2d has it"),
    ("scratch", "batch_norm.*(unbiased_running_variance)", "as PyTorch's own batch norm has it"),
    ("scratch", "resize.*(align_corners)", "as PyTorch's own interpolate has it"),
    ("scratch", "resize.*(half_pixel_centers)", "without, as PyTorch's own 'nearest' has it"),
    ("scratch", "optimizers.SGD(dampening)", "as PyTorch's own SGD has it"),
    ("scratch", "optimizers.SGD(learning_rate_in_velocity)", "as Keras's own SGD has it"),
    ("scratch", "optimizers.*(coupled_weight_decay)", "as PyTorch's own SGD and Adam have it"),
    ("scratch", "optimizers.*(decay_all)", "as the optimizers of PyTorch and Keras have it"),
    ("scratch", "optimizers.*(epsilon_hat)", "as Keras's own Adam has it"),
    ("scratch", "weight_constraints.*(epsilon)", "as PyTorch's and Keras's own have it"),
    ("scratch", "weight_constraints.*(always)", "as Keras's own max-norm has it"),
    ("scratch", "rmsprop.rmsprop_step", "PyTorch and Keras have optimizers; here: its equations"),
    ("scratch", "rmsprop.*(epsilon_in_root)", "as Keras's own RMSprop has it"),
    ("scratch", "rmsprop.*(learning_rate_in_velocity)", "as Keras's own RMSprop has it"),
    ("scratch", "rmsprop.*(coupled_weight_decay)", "as PyTorch's own RMSprop has it"),
    ("scratch", "rmsprop.*(decay_all)", "as the optimizers of PyTorch and Keras have it"),
    ("scratch", "gradient_clipping.*(epsilon)", "as PyTorch's own clip_grad_norm_ has it"),
    ("scratch", "schedules.ReduceOnPlateau(signed_threshold)", "as PyTorch's own has it"),
    ("scratch", "schedules.*(one_epoch_more)", "as PyTorch's own ReduceLROnPlateau counts"),
    ("scratch", "schedules.*(minimal_change)", "as PyTorch's own ReduceLROnPlateau has it"),
    ("scratch", "schedules.ReduceOnPlateau(best)", "PyTorch's own begins with infinity"),
    ("torch", "*(device)", "where a tensor made from nothing is to live"),
    ("torch", "optimizers.*(params)", "a torch optimizer is given its parameters when it is made"),
    ("torch", "rmsprop.*(params)", "a torch optimizer is given its parameters when it is made"),
    ("torch", "*(optimizer)", "a torch schedule is given its optimizer when it is made"),
    ("keras", "*kwargs)", "what every Keras object takes: dtype, trainable, regularizers"),
    # Methods.
    ("scratch", "*.arrays", "behind get_weights and set_weights"),
    ("scratch", "*.get_weights", "PyTorch has state_dict, Keras its own get_weights"),
    ("scratch", "*.set_weights", "PyTorch has load_state_dict, Keras its own set_weights"),
    ("scratch", "*.parameters", "torch.nn.Module has its own, Keras has weights"),
    ("torch", "*.extra_repr", "what print shows of a torch module"),
    ("torch", "*.reset_parameters", "where a torch module draws its initial weights"),
    ("scratch torch", "*.step", "scratch is handed the gradients, torch has them"),
    ("keras", "*.update_step", "what Keras's apply_gradients calls for each weight"),
    ("keras", "optimizers.*.build", "where a Keras optimizer makes its variables"),
    ("keras", "rmsprop.*.build", "where a Keras optimizer makes its variables"),
    ("keras", "*.check", "Keras rewrites the errors raised inside call"),
    ("keras", "early_stopping.*.get_monitor_value", "where Keras reads what is monitored"),
    ("keras", "*.get_config", "how Keras saves an object"),
    ("keras", "*.from_config", "how Keras loads an object"),
    ("keras", "variational_dense.*.build", "where a Keras layer makes its weights"),
    ("keras", "drop_connect.*.build", "where a Keras layer makes its weights"),
    ("keras", "*_own_variables", "how Keras saves a layer's weights"),
    ("keras", "spectral_norm.SpectralNorm.build", "where a Keras layer makes its weights"),
    ("keras", "residual.Residual.build", "where Keras builds the layers inside"),
    ("keras", "*.compute_output_shape", "how Keras infers shapes"),
    ("keras", "embedding.*.compute_output_spec", "Keras's own takes no training"),
    ("scratch torch", "gradient_clipping.GlobalNormClipping", "Keras's optimizers clip themselves"),
    ("keras", "gradient_clipping.GradientNorms", "the norms that Keras's optimizers clip by"),
    ("keras", "averaging.*(inputs)", "what our fit hands over, and model.fit does not"),
    (
        "scratch torch",
        "gradient_accumulation.GradientAccumulation",
        "Keras's optimizers accumulate by an argument",
    ),
    ("scratch torch", "training_noise.WeightNoise.add", "Keras's is a callback and a transform"),
    ("scratch torch", "training_noise.WeightNoise.remove", "Keras's optimizer does it"),
    ("keras", "training_noise.*.build", "where the optimizer makes its variables"),
    ("keras", "adaptive_clipping.*.build", "where the optimizer makes its variables"),
    ("scratch torch", "*.before_step", "what fit calls; Keras's callbacks are called on_..."),
    ("scratch torch", "*.after_*", "what fit calls; Keras's callbacks are called on_..."),
    (
        "scratch torch",
        "*.before_training",
        "what fit calls; PyTorch's schedules belong to one run, Keras's watchers begin anew anyway",
    ),
    ("keras", "*.on_*", "what fit and model.fit call; the other panels' watchers have after_..."),
    ("scratch", "schedules.*.update", "PyTorch's own has step, Keras's is called by model.fit"),
    ("torch", "*.get_lr", "what PyTorch's step calls for the rate of each group"),
    ("torch", "warmup.*state_dict", "of both schedules: how PyTorch saves and loads them"),
    ("torch", "*.rate", "of a step: in the other panels a schedule is called"),
    # Files.
    ("keras", "precision", "only Keras rounds float64 to float32"),
    ("scratch", "windows", "PyTorch slides for itself, Keras pads in convolution.py"),
]


def describe(package):
    """Everything public in a panel, file by file, in order: {item: what is compared of it}."""
    files = {}
    root = Path(importlib.import_module(package).__file__).parent
    for path in sorted(root.glob("*.py")):
        if path.stem != "__init__":
            module = importlib.import_module(f"{package}.{path.stem}")
            files[path.stem] = dict(describe_module(module, path.stem))
    return files


def describe_module(module, file):
    yield file, "file"
    for name in module.__all__:
        member = getattr(module, name)
        if not inspect.isclass(member):
            yield f"{file}.{name}", "function"
            yield from describe_parameters(member, f"{file}.{name}")
            continue
        yield f"{file}.{name}", "class"
        # A named tuple has no __init__, and some metaclasses hide it.
        constructor = member if member.__init__ is object.__init__ else member.__init__
        yield from describe_parameters(constructor, f"{file}.{name}")
        package = module.__name__.split(".")[0]
        own = [base for base in member.__mro__ if base.__module__.split(".")[0] == package]
        methods = {
            key for base in own for key, value in vars(base).items() if is_method(key, value)
        }
        for key in sorted(methods):
            yield f"{file}.{name}.{key}", "method"
            attribute = inspect.getattr_static(member, key)
            if not isinstance(attribute, property):
                yield from describe_parameters(getattr(member, key), f"{file}.{name}.{key}")


def is_method(key, value):
    wrapped = isinstance(value, classmethod | staticmethod | property)
    return not key.startswith("_") and (wrapped or inspect.isfunction(value))


def describe_parameters(function, owner):
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name != "self":
            stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}
            default = "" if parameter.default is parameter.empty else f" = {parameter.default!r}"
            item = f"{owner}({stars.get(parameter.kind, '')}{parameter.name})"
            yield item, f"{parameter.kind.description}{default}"


def is_declared(item, framework, declared):
    """The item or what it belongs to stands in the table: a name takes its parameters with it."""
    owners = [item[: match.start()] for match in re.finditer(r"[.(]", item)]
    return any(
        framework in panels.split() and fnmatch.fnmatchcase(owner, pattern)
        for panels, pattern, _ in declared
        for owner in (*owners, item)
    )


def undeclared(file, panels, declared):
    """The differences between the panels in one file, as lines of a diff."""
    lines = {}
    for framework, files in panels.items():
        lines[framework] = [
            f"{item}: {detail}"
            for item, detail in files.get(file, {}).items()
            if not is_declared(item, framework, declared)
        ]
    first, *others = lines
    return [
        line
        for other in others
        for line in unified_diff(lines[first], lines[other], first, other, n=0, lineterm="")
    ]


@pytest.fixture(scope="module")
def panels():
    return {framework: describe(package) for framework, package in PACKAGES.items()}


ROOT = Path(__file__).resolve().parent.parent
FILES = sorted({path.stem for name in PACKAGES.values() for path in (ROOT / name).glob("[!_]*.py")})


@pytest.mark.parametrize("file", FILES)
def test_the_panels_mirror_each_other(panels, file):
    differences = undeclared(file, panels, DECLARED)
    assert not differences, "\n".join(["", *differences])


@pytest.mark.parametrize("entry", DECLARED, ids=lambda entry: f"{entry[0]}: {entry[1]}")
def test_every_declared_difference_is_needed(panels, entry):
    others = [other for other in DECLARED if other != entry]
    assert any(undeclared(f, panels, others) != undeclared(f, panels, DECLARED) for f in FILES)


def test_the_catalogue_has_every_file():
    """Each once, but for those that a single panel has; and each has a test of its name."""
    listed = [*TECHNIQUES, *CARRIERS]
    assert len(set(listed)) == len(listed)
    shared = {
        file for file in FILES if all((ROOT / p / f"{file}.py").exists() for p in PACKAGES.values())
    }
    assert set(listed) == shared
    for technique in TECHNIQUES:
        assert (ROOT / "parity_tests" / f"test_{technique}.py").exists(), technique


@pytest.mark.parametrize("file", [*TECHNIQUES, *CARRIERS])
def test_docstrings_are_the_same_text(file):
    """Title, equations, shapes, papers, differences; "Here:" begins what a panel has of its own."""
    texts = {}
    for package in PACKAGES.values():
        docstring = ast.get_docstring(ast.parse((ROOT / package / f"{file}.py").read_text("utf-8")))
        shared, _, own = docstring.partition("\n\nHere: ")
        assert "\n\n" not in own, f"{package}: the paragraph that begins with Here: is the last"
        assert "Here:" not in shared + own, package
        assert "TODO" not in docstring, package
        texts[package] = shared.splitlines()
    first, *others = texts
    for other in others:
        lines = unified_diff(texts[first], texts[other], first, other, n=0, lineterm="")
        assert texts[first] == texts[other], "\n".join(["", *lines])


def is_check(node):
    """A call of ``_check...`` or ``check_...``."""
    called = getattr(getattr(node, "func", None), "id", "")
    return isinstance(node, ast.Call) and called.startswith(CHECKS)


CHECKS = ("_check", "check_")


def body_of(function):
    """The statements of a function behind its docstring and, if it has one, its opening check."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return body[1:] if is_check(getattr(body[0], "value", None)) else body


def test_a_public_function_checks_once_and_then_computes():
    """In its first statement. Elsewhere a check may stand later, never inside an expression."""
    wrong = []
    for package in PACKAGES.values():
        for path in (ROOT / package).glob("*.py"):
            tree = ast.parse(path.read_text("utf-8"))
            public = importlib.import_module(f"{package}.{path.stem}")
            public = getattr(public, "__all__", [])
            for node in tree.body:
                if isinstance(node, ast.FunctionDef) and node.name in public:
                    late = [n for statement in body_of(node) for n in ast.walk(statement)]
                    wrong += [(path, n, node) for n in late if is_check(n)]
                # A check at the foot may hand on what another one returns; a constructor settles
                # its arguments, each under a name of its own.
                methods = node.body if isinstance(node, ast.ClassDef) else [node]
                for function in methods:
                    name = getattr(function, "name", "__init__")
                    if name == "__init__" or name.startswith(CHECKS):
                        continue
                    alone = {
                        id(statement.value)
                        for statement in ast.walk(function)
                        if isinstance(statement, ast.Expr | ast.Assign)
                    }
                    inside = [n for n in ast.walk(function) if is_check(n) and id(n) not in alone]
                    wrong += [(path, n, function) for n in inside]
    lines = [f"{path.relative_to(ROOT)}:{n.lineno} in {node.name}" for path, n, node in wrong]
    assert not lines, "\n".join(["", *lines])


NEAR = 25  # lines


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_the_equation_comes_first(technique):
    """Code begins to compute soon below ``__all__``, and the checks stand at the foot."""
    for package in PACKAGES.values():
        tree = ast.parse((ROOT / package / f"{technique}.py").read_text("utf-8"))
        (names,) = (
            node
            for node in tree.body
            if isinstance(node, ast.Assign) and node.targets[0].id == "__all__"
        )
        defined = [n for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)]
        first = defined[0]
        line = first.lineno
        if isinstance(first, ast.FunctionDef):
            line = body_of(first)[0].lineno
        assert line - names.end_lineno <= NEAR, package
        kinds = ["check" if node.name.startswith(CHECKS) else "code" for node in defined]
        assert kinds == sorted(kinds, key=["code", "check"].index), package


@pytest.mark.parametrize("file", FILES)
def test_public_names_are_the_files_own(file):
    """In the order in which they are defined: the three files read alike from top to bottom.

    What is written once, on the ground floor, is imported from there and stands among them.
    """
    for package in PACKAGES.values():
        path = ROOT / package / f"{file}.py"
        if path.exists():
            defined, shared = [], set()
            for node in ast.parse(path.read_text("utf-8")).body:
                if isinstance(node, ast.FunctionDef | ast.ClassDef):
                    defined.append(node.name)
                elif isinstance(node, ast.Assign):
                    defined += [target.id for target in node.targets if hasattr(target, "id")]
                elif isinstance(node, ast.ImportFrom) and node.module.startswith("triptych.common"):
                    shared |= {alias.asname or alias.name for alias in node.names}
            public = importlib.import_module(f"{package}.{file}").__all__
            own = [name for name in public if name not in shared]
            assert [name for name in defined if name in public] == own, package


# The comparison itself, on panels that are made up.


def test_a_difference_is_found():
    plain = {"drop": {"drop": "file", "drop.f": "function", "drop.f(x)": "positional or keyword"}}
    extra = {"drop": plain["drop"] | {"drop.f(y)": "keyword-only = 1"}}
    default = {"drop": plain["drop"] | {"drop.f(x)": "positional or keyword = 1"}}
    reordered = {"drop": dict(reversed(plain["drop"].items()))}
    assert undeclared("drop", {"scratch": plain, "torch": plain, "keras": plain}, []) == []
    for other in (extra, default, reordered, {}):
        assert undeclared("drop", {"scratch": plain, "torch": plain, "keras": other}, [])
        assert undeclared("drop", {"scratch": other, "torch": plain, "keras": plain}, [])
    declared = [("keras", "drop.f(y)", "why not")]
    assert undeclared("drop", {"scratch": plain, "torch": plain, "keras": extra}, declared) == []
    assert undeclared("drop", {"scratch": plain, "torch": extra, "keras": plain}, declared)
    whole = [("keras", "drop", "why not")]
    assert undeclared("drop", {"scratch": {}, "torch": {}, "keras": plain}, whole) == []


def test_what_is_described():
    """All that this file compares is seen in a real panel."""
    seen = describe("scratch")["dropout"]
    assert seen["dropout.draw_mask(rate)"] == "positional or keyword"
    assert seen["dropout.dropout(inverted)"] == "keyword-only = True"
    assert seen["dropout.Dropout(name)"] == "keyword-only = None"
    assert seen["dropout.Dropout.forward(training)"] == "keyword-only = False"
    assert seen["dropout.Dropout.get_weights"] == "method"
    assert describe("keras_impl")["dropout"]["dropout.Dropout(**kwargs)"] == "variadic keyword"
