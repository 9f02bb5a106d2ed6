"""The tables, from what bench.json holds."""

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table

__all__ = ["duration", "megabytes", "tables", "time_of"]


def tables(report: dict) -> Iterator[RenderableType]:
    for name, section in report["sections"].items():
        if name == "memory":
            yield _memory(section)
            yield f"{section['note']}\n"
        else:
            yield _times(section)
            yield "\n".join([section["note"], *_pairs(section), ""])
    yield _machine(report)


def duration(seconds: float) -> str:
    """Three digits: 1.08 s, 24.1 ms, 730 µs."""
    for unit, factor in (("s", 1), ("ms", 1e3), ("µs", 1e6)):
        if seconds * factor >= 0.9995 or unit == "µs":
            break
    value = seconds * factor
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f} {unit}"


def time_of(section: dict, seconds: float) -> str:
    """What stands in a table: a duration, or how often the work is done in a second."""
    return f"{1 / seconds:,.0f} / s" if section["per_second"] else duration(seconds)


def megabytes(size: float) -> str:
    return f"{size / 2**20:,.0f} MiB"


def _machine(report: dict) -> str:
    machine = report["machine"]
    threads = ", ".join(f"{name} {count}" for name, count in machine["threads"].items())
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}. "
        f"Threads: {threads}.\nPython {machine['python']}, {versions}.\n"
        f"Keras on {machine['keras_backend']}. "
        f"Sittings: {report['sittings']}, of {report['rounds']} rounds each."
    )


def _times(section: dict) -> Table:
    tasks = section["tasks"]
    references = dict.fromkeys(task["reference"] for task in tasks.values())
    table = Table(title=section["work"], title_justify="left", min_width=70)
    if len(tasks) > 1:
        table.add_column()
    table.add_column()
    for column in ("median", "fastest", f"ratio to {' or '.join(references)}"):
        table.add_column(column, justify="right")
    for title, task in tasks.items():
        for row, name in enumerate(task["median"]):
            cells = [name, *(time_of(section, task[key][name]) for key in ("median", "fastest"))]
            if len(tasks) > 1:
                cells.insert(0, title if row == 0 else "")
            table.add_row(*cells, f"{task['ratio'][name]:.2f}")
        table.add_section()
    return table


def _pairs(section: dict) -> Iterator[str]:
    for title, task in section["tasks"].items():
        where = f"{title}: " if len(section["tasks"]) > 1 else ""
        for pair, ratio in task["pairs"].items():
            yield f"  {where}{pair}: {ratio:.2f}"


def _memory(memory: dict) -> Table:
    contestants = memory["contestants"]
    reference = contestants[memory["reference"]]
    table = Table(title=memory["work"], title_justify="left", min_width=70)
    table.add_column()
    for column in ("peak", "ratio", "rise during the steps", "ratio"):
        table.add_column(column, justify="right")
    for name, sizes in contestants.items():
        cells = [name]
        for key in ("peak", "rise"):
            cells += [megabytes(sizes[key]), f"{sizes[key] / reference[key]:.2f}"]
        table.add_row(*cells)
    return table
