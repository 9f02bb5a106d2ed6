"""The folders of the repository that are no packages of a user's environment.

``examples``, ``exercises`` and ``parity_tests`` are names that others use too. So a wheel carries
them inside ``triptych``, and their files are loaded by path, whatever else has their name.
"""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

__all__ = ["folder", "load", "load_package"]

HERE = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """``name`` in the wheel, or beside this package in a checkout."""
    shipped = HERE / "shipped" / name
    return shipped if shipped.is_dir() else HERE.parent / name


def load(path: Path, name: str) -> ModuleType:
    """The module in the file, run under a name of its own."""
    return _load(name, path, None)


def load_package(path: Path, name: str, module: str) -> ModuleType:
    """``module`` of the package in the folder, whose imports among its files are relative."""
    if name not in sys.modules:
        _load(name, path / "__init__.py", [str(path)])
    return importlib.import_module(f"{name}.{module}")


def _load(name: str, path: Path, parts: list[str] | None) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=parts)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses and pickle look for it
    spec.loader.exec_module(module)
    return module
