"""Every regularization technique in NumPy, PyTorch and Keras 3, measured to be the same."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from triptych.common.names import reset_names
    from triptych.comparison import Comparison, compare

__all__ = ["Comparison", "compare", "reset_names"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import NumPy only when one of them is asked for, so that the command line starts at once."""
    if name in __all__:
        import importlib

        home = "triptych.common.names" if name == "reset_names" else "triptych.comparison"
        return getattr(importlib.import_module(home), name)
    raise AttributeError(f"module 'triptych' has no attribute {name!r}")
