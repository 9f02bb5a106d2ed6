"""Under which versions the map of disagreements holds: ``make matrix``.

    lowest    the lowest versions that pyproject.toml allows
    locked    those of requirements.lock
    newest    the newest that can be installed

Each is installed in an environment of its own below out/matrix, several GB for a PyTorch with CUDA.
There every entry is measured with Keras on TensorFlow, JAX and PyTorch. What comes out is kept in
triptych/differences/versions.json, which `triptych differences NAME` shows.
"""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from rich.console import Console
from rich.table import Table

from triptych.differences.versions import FILE

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "out" / "matrix"
SHOWN = ("torch", "keras", "tensorflow", "jax", "torchvision", "numpy")
BACKENDS = ("tensorflow", "jax", "torch")
# Metadata alone: the wheel of a CPU build and that with CUDA have one version.
VERSIONS = """
import json, sys
from importlib.metadata import PackageNotFoundError, version
found = {}
for name in sys.argv[1:]:
    for distribution in (name, name + "-cpu"):
        try:
            found[name] = version(distribution).partition("+")[0]
            break
        except PackageNotFoundError:
            pass
print(json.dumps(found))
"""


def main(names: Iterable[str]) -> None:
    requirements = {"lowest": list(lowest()), "locked": locked(), "newest": list(newest())}
    chosen = list(names) or list(requirements)
    kept = json.loads(FILE.read_text("utf-8")) if FILE.is_file() else []
    results = {each["name"]: each for each in kept}
    for name in chosen:
        results[name] = environment(name, requirements[name])
    ordered = [results[name] for name in requirements if name in results]
    FILE.write_text(json.dumps(ordered, indent=1) + "\n", "utf-8")
    Console().print(table(ordered))


def environment(name: str, requirements: list[str]) -> dict[str, Any]:
    """Install, measure, and say under which versions."""
    console, folder = Console(), FOLDER / name
    python = folder / "bin" / "python"
    with console.status(f"{name}: installing {len(requirements)} packages ..."):
        _run(sys.executable, "-m", "venv", str(folder))
        _run(str(python), "-m", "pip", "install", "--quiet", "--upgrade", *requirements)
        _run(str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--editable", str(ROOT))
    versions = json.loads(_run(str(python), "-c", VERSIONS, *SHOWN))
    entries: dict[str, str] = {}
    reasons: dict[str, str] = {}
    for backend in BACKENDS:
        with console.status(f"{name}: measuring, Keras on {backend} ..."):
            for each in measured(python, backend):
                verdict, reason = each["measured"]["verdict"], each["measured"]["reason"]
                before = entries.get(each["name"], "not measured")
                if before == "not measured" or verdict == "changed":
                    entries[each["name"]] = verdict
                if verdict == "changed":
                    reasons[each["name"]] = f"Keras on {backend}: {reason.splitlines()[0]}"
    return {"name": name, "versions": versions, "entries": entries, "reasons": reasons}


def measured(python: Path, backend: str) -> list[dict[str, Any]]:
    command = [str(python), "-m", "triptych", "differences", "--check", "--json"]
    settings = os.environ | {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    run = subprocess.run(command, env=settings, capture_output=True, text=True, check=False)
    if run.returncode not in (0, 1):  # 1: some entries have changed
        raise SystemExit(f"{' '.join(command)}\n{run.stderr[-2000:]}")
    return list(json.loads(run.stdout))


def table(results: list[dict[str, Any]]) -> Table:
    """A column for each environment: versions, how many entries hold, and which do not."""
    shown = Table(title="The map of disagreements under several versions", title_justify="left")
    shown.add_column("")
    for each in results:
        shown.add_column(each["name"])
    for package in SHOWN:
        shown.add_row(package, *(each["versions"].get(package, "-") for each in results))
    shown.add_section()
    for verdict in ("holds", "changed", "not measured"):
        counts = [list(each["entries"].values()).count(verdict) for each in results]
        shown.add_row(verdict, *map(str, counts))
    shown.add_section()
    names = dict.fromkeys(name for each in results for name in each["reasons"])
    for name in names:
        shown.add_row(name, *(each["entries"].get(name, "-") for each in results))
    return shown


def lowest() -> Iterator[str]:
    """Every requirement of the package and of its extra "differences", at its lower bound."""
    for requirement in _requirements():
        bounds = [each.version for each in requirement.specifier if each.operator == ">="]
        yield f"{requirement.name}=={bounds[0]}"


def newest() -> Iterator[str]:
    for requirement in _requirements():
        yield f"{requirement.name}{requirement.specifier}"


def locked() -> list[str]:
    return (ROOT / "requirements.lock").read_text("utf-8").split()


def _requirements() -> Iterator[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    todo, seen = [*project["dependencies"], "triptych[differences]"], set()
    while todo:
        requirement = Requirement(todo.pop(0))
        if requirement.name == "triptych":
            todo += [line for extra in requirement.extras for line in extras[extra]]
        elif requirement.name not in seen and (
            requirement.marker is None or requirement.marker.evaluate()
        ):
            seen.add(requirement.name)
            yield requirement


def _run(*command: str) -> str:
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        raise SystemExit(f"{' '.join(command)}\n{run.stdout[-1000:]}{run.stderr[-3000:]}")
    return run.stdout


if __name__ == "__main__":
    main(sys.argv[1:])
