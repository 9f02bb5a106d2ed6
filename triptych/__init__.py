"""Triptych: every regularization technique in NumPy, PyTorch and Keras 3, measured to be the same."""

from typing import Any

__all__ = ["Comparison", "compare"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """``triptych.compare`` is the function; NumPy is imported when it is first asked for."""
    if name in __all__:
        import importlib

        value = getattr(importlib.import_module("triptych.compare"), name)
        globals()[name] = value  # over the submodule of the same name
        return value
    raise AttributeError(f"module 'triptych' has no attribute {name!r}")
