"""A progress bar for training, the same in the three panels."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["progress_bar"]


@contextmanager
def progress_bar(label: str, total: int, *, enabled: bool) -> Iterator[Callable[[str], None]]:
    """Yield a function that moves the bar one step on and shows a text behind it.

    Written to standard error, gone when done; ``enabled=False`` shows nothing and needs no rich.
    """
    if not enabled:
        yield lambda text: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description:<8}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} steps"),
        TimeElapsedColumn(),
        TextColumn("<"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[text]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(label, total=total, text="")
        yield lambda text: progress.update(task, advance=1, text=text)
