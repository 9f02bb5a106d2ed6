"""Under which versions an entry was seen to hold: what ``make matrix`` left in versions.json."""

import functools
import json
from pathlib import Path
from typing import Any

__all__ = ["FILE", "matrix", "seen"]

FILE = Path(__file__).resolve().parent / "versions.json"


@functools.cache
def matrix() -> list[dict[str, Any]]:
    """The environments, oldest first: versions of the packages, and a verdict for each entry."""
    return list(json.loads(FILE.read_text("utf-8"))) if FILE.is_file() else []


def seen(name: str) -> str:
    """The versions with which the entry held, and those with which it did not."""
    held = [_versions(each) for each in matrix() if each["entries"].get(name) == "holds"]
    changed = [_versions(each) for each in matrix() if each["entries"].get(name) == "changed"]
    text = "; ".join(held)
    return f"{text}; not in {'; '.join(changed)}" if changed else text


def _versions(environment: dict[str, Any]) -> str:
    packages = environment["versions"]
    return f"PyTorch {packages['torch']} with Keras {packages['keras']}"
