"""The three panels by name, imported when they are asked for."""

import importlib
import os
import sys
from types import ModuleType

from triptych.extras import require

__all__ = ["FRAMEWORKS", "chosen", "panel"]

FRAMEWORKS = ("scratch", "torch", "keras")
PACKAGES = {"scratch": "scratch", "torch": "torch_impl", "keras": "keras_impl"}


def panel(framework: str, module: str) -> ModuleType:
    """For example ``panel("torch", "dropout")``, which is ``torch_impl.dropout``."""
    if framework not in PACKAGES:
        names = ", ".join(map(repr, PACKAGES))
        raise ValueError(f"framework must be one of {names}, got {framework!r}")
    if framework != "scratch":
        require(framework)
    if framework == "keras":
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's notes on its own build
        os.environ.setdefault("JAX_ENABLE_X64", "1")  # the streams count in int64
        if "torch" in sys.modules:
            import triptych.torch_first  # noqa: F401
    return importlib.import_module(f"{PACKAGES[framework]}.{module}")


def chosen(framework: str) -> tuple[str, ...]:
    """The frameworks that a ``--framework`` option names; "all" is every one of them.

    PyTorch comes before Keras: imported after TensorFlow, it can crash the process. Raises
    ``MissingExtra`` if one of them is not installed.
    """
    frameworks = FRAMEWORKS if framework == "all" else (framework,)
    require(*(name for name in frameworks if name != "scratch"))
    return frameworks
