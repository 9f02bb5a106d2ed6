"""``triptych differences``: the map, an entry measured now, and whether all of it still holds."""

import json
import math
import sys
from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any

import typer
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.progress import track
from rich.rule import Rule
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from triptych.differences.code import script, side
from triptych.differences.entry import CHAPTERS, Entry, entries, title
from triptych.differences.measure import CHANGED, HOLDS, NOT_MEASURED, Measurement, load, measure
from triptych.differences.search import TEN, find, frameworks, select
from triptych.differences.versions import seen
from triptych.extras import keras_backend, version

__all__ = ["differences"]

BESIDE = 110  # columns from which two sides fit beside each other
SHOWN = 8  # entries found by words
SIGNS = {HOLDS: "[green]✔[/green]", CHANGED: "[red]✘[/red]", NOT_MEASURED: "[dim]○[/dim]"}


def differences(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME | WORDS]", help="An entry's name, or words to look for."),
    ] = None,
    technique: Annotated[
        str | None, typer.Option(help="This chapter alone, batch_norm for example.")
    ] = None,
    framework: Annotated[
        str | None, typer.Option(help="What has to do with it: jax, tensorflow, torchvision, ...")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Measure what is chosen with what is installed.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    code: Annotated[
        bool, typer.Option("--code", help="An entry as a program: save it, run it, change it.")
    ] = False,
) -> None:
    """Where PyTorch and Keras disagree, with code that shows it: what, why, and how to map it."""
    chosen = _chosen(technique, framework)
    text = " ".join(words or ()).strip()
    if words and not text:
        raise typer.BadParameter("give a name or words; without any, the whole map is shown.")
    if not chosen:
        raise typer.BadParameter(f"nothing of {framework} is in the chapter {technique}.")
    named = entries().get(_as_name(text))
    if named is not None:
        chosen = [named]
    elif text:
        chosen = find(text, chosen)[:SHOWN]
        if not chosen:
            raise typer.BadParameter(f"nothing in the map has to do with {text[:60]!r}.")
    if code:
        if named is None:
            likely = f", {chosen[0].name} perhaps" if text else ""
            raise typer.BadParameter(f"--code wants the name of one entry{likely}.")
        typer.echo(script(named), nl=False)
        return
    measured = _measure(chosen) if check else None
    if as_json:
        print(json.dumps([_plain(entry, measured) for entry in chosen], indent=1))
    elif check:
        _print_check(chosen, measured or {})
    elif named is not None:
        measured = _show(named)
    elif text:
        _print_found(chosen)
    else:
        _print_map(chosen, whole=technique is None and framework is None)
    if any(each.verdict == CHANGED for each in (measured or {}).values()):
        raise typer.Exit(1)


def _as_name(text: str) -> str:
    """ "Adam_Epsilon" and "adam epsilon" are adam-epsilon."""
    return "-".join(text.strip("'\"").lower().replace("_", " ").split())


def _chosen(technique: str | None, framework: str | None) -> list[Entry]:
    technique = technique and technique.lower().replace("-", "_")
    framework = framework and {"pytorch": "torch"}.get(framework.lower(), framework.lower())
    if technique is not None and technique not in CHAPTERS:
        raise typer.BadParameter(
            f"{technique!r} is none of {', '.join(CHAPTERS)}.", param_hint="--technique"
        )
    chosen = select(technique=technique, framework=framework)
    if framework is not None and not select(framework=framework):
        known = sorted({name for entry in entries().values() for name in frameworks(entry)})
        raise typer.BadParameter(
            f"{framework!r} is none of {', '.join(known)}.", param_hint="--framework"
        )
    return chosen


# The map, and what words find in it.


def _print_map(chosen: list[Entry], *, whole: bool) -> None:
    console = Console()
    if whole:
        console.print(_table("Ten that bite most", [entries()[name] for name in TEN]), "")
    for chapter in CHAPTERS:
        group = [entry for entry in chosen if entry.chapter == chapter]
        if group:
            console.print(_table(f"{title(chapter)}  [dim]{chapter}[/dim]", group), "")
    exact = sum(entry.exact for entry in chosen)
    console.print(
        f"{len(chosen)} entries. On the right how far a mapping makes the two agree: {exact} of "
        "them exactly, others to the relative error given, - where nothing does.\n"
        "triptych differences NAME shows one, measured now; triptych differences WORDS looks for "
        "words; --check measures all.",
        highlight=False,
    )


def _print_found(found: list[Entry]) -> None:
    console = Console()
    console.print(_table("The likeliest first", found), "")
    console.print(f"triptych differences {found[0].name}", highlight=False)


def _table(heading: str, group: Iterable[Entry]) -> Table:
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(style="bold", width=max(map(len, entries())), no_wrap=True)
    table.add_column(ratio=1)
    table.add_column(justify="right", min_width=5)
    table.add_row("", f"[underline]{heading}", "")
    for entry in group:
        table.add_row(entry.name, escape(entry.title), entry.fit)
    return table


# One entry.


def _show(entry: Entry) -> dict[str, Measurement]:
    console = Console()
    console.print(Rule(f"[bold]{entry.name}[/bold]  [dim]{title(entry.chapter)}", align="left"))
    console.print(Text(entry.title, style="bold"))
    if entry.why:
        console.print(Text(entry.why))
    console.print()
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="bold", no_wrap=True)
    facts.add_column()
    for name, text in _facts(entry):
        facts.add_row(name, Text(text))
    console.print(facts, "")
    console.print(_code(entry, console.width), "")
    with console.status("Measuring: loading PyTorch and Keras ..."):
        found = measure(entry)
    console.print(_numbers(entry, found))
    return {entry.name: found}


def _facts(entry: Entry) -> Iterable[tuple[str, str]]:
    yield "PyTorch", entry.pytorch
    yield "Keras", entry.keras
    yield "mapping", entry.mapping or "none: nothing makes them agree"
    if entry.exact:
        yield "", "exact, to 1e-12 in float64"
    elif entry.mapping:
        yield "", f"to a relative error of {entry.bound:g}: {entry.because}"
    if len(entry.backends) < 3:
        yield "backends", f"of Keras: {', '.join(entry.backends)}"
    if entry.since:
        yield "since", entry.since
    if entry.links:
        yield "upstream", ", ".join(entry.links)
    if entry.asked:
        threads = "thread" if entry.asked == 1 else "threads"
        yield "asked", f"in {entry.asked} public {threads} that we found"
    if text := seen(entry.name):
        yield "seen in", text


def _code(entry: Entry, width: int) -> RenderableType:
    sides = {"PyTorch": side(entry, "in_pytorch"), "Keras": side(entry, "in_keras")}
    if width < BESIDE:
        parts: list[RenderableType] = []
        for name, source in sides.items():
            parts += [Rule(name, style="dim", align="left"), _syntax(source)]
        return Group(*parts)
    table = Table(expand=True)
    for name in sides:
        table.add_column(name, ratio=1)
    table.add_row(*map(_syntax, sides.values()))
    return table


def _syntax(source: str) -> Syntax:
    return Syntax(source, "python", theme="ansi_dark", word_wrap=True)


def _numbers(entry: Entry, found: Measurement) -> RenderableType:
    if found.verdict == NOT_MEASURED:
        return f"{SIGNS[NOT_MEASURED]} not measured: {escape(found.reason)}"
    installed = f"PyTorch {version('torch')}, Keras {version('keras')} on {keras_backend()}"
    table = Table(title=f"measured now, {installed}", title_justify="left", title_style="")
    for column in ("", "PyTorch", "Keras", "relative error"):
        table.add_column(column)
    rows = (("by themselves", found.apart, 0), ("under the mapping", found.left, 2))
    for name, error, start in rows:
        if error is not None:
            values = map(_values, found.results[start : start + 2])
            table.add_row(name, *values, "they differ" if math.isinf(error) else f"{error:.2g}")
    parts: list[RenderableType] = [table] if table.row_count else []
    if found.verdict == CHANGED:
        parts.append(f"{SIGNS[CHANGED]} not as the map says: {escape(found.reason)}")
    else:
        parts.append(f"{SIGNS[HOLDS]} as the map says")
    return Group(*parts)


def _values(result: Any) -> str:
    """The first numbers of a result, in few digits."""
    if isinstance(result, tuple):
        return "\n".join(_values(each) for each in result[:3])
    if isinstance(result, str) or result is None:
        return escape(str(result))
    numbers = result.ravel()[:4]
    text = "  ".join(f"{number:.6g}" for number in numbers.tolist())
    if result.size > 4:
        text += f"  ... {result.shape}".replace(",)", ")")
    return text or f"empty {result.shape}"


# All of them.


def _measure(chosen: list[Entry]) -> dict[str, Measurement]:
    console = Console(file=sys.stderr)
    with console.status("Loading PyTorch and Keras ..."):
        load()
    return {
        entry.name: measure(entry)
        for entry in track(chosen, "Measuring", console=console, transient=True)
    }


def _print_check(chosen: list[Entry], measured: dict[str, Measurement]) -> None:
    console = Console()
    table = Table.grid(padding=(0, 2))
    for justify in ("left", "left", "right", "right", "left"):
        table.add_column(justify=justify)
    table.add_row("", "", "by themselves", "mapped", "")
    for entry in chosen:
        found = measured[entry.name]
        numbers = ["-" if each is None else f"{each:.2g}" for each in (found.apart, found.left)]
        table.add_row(SIGNS[found.verdict], entry.name, *numbers, escape(found.reason))
    console.print(table, "")
    counts = Counter(found.verdict for found in measured.values())
    installed = f"PyTorch {version('torch')}, Keras {version('keras')} on {keras_backend()}"
    text = f"{installed}: {counts[HOLDS]} hold, {counts[CHANGED]} changed"
    if counts[NOT_MEASURED]:
        text += f", {counts[NOT_MEASURED]} not measured"
    console.print(text, highlight=False)
    for entry in chosen:
        if measured[entry.name].verdict == CHANGED:
            line = f"{SIGNS[CHANGED]} {entry.name}: {escape(measured[entry.name].reason)}"
            console.print(line, highlight=False)


def _plain(entry: Entry, measured: dict[str, Measurement] | None) -> dict[str, Any]:
    """What ``--json`` says of an entry; an infinite error is the text "inf"."""
    facts = {
        name: getattr(entry, name)
        for name in (
            *("name", "title", "why", "chapter", "pytorch", "keras", "mapping", "exact", "bound"),
            *("because", "differs", "since", "links", "asked", "needs", "backends", "code"),
        )
    }
    facts["seen"] = seen(entry.name)
    if measured is not None:
        found = measured[entry.name]
        facts["measured"] = {
            "verdict": found.verdict,
            "reason": found.reason,
            "by_themselves": _finite(found.apart),
            "mapped": _finite(found.left),
        }
    return facts


def _finite(number: float | None) -> float | str | None:
    return "inf" if number is not None and math.isinf(number) else number
