"""``triptych quiz``: questions one by one, as data, and a plan against overfitting."""

import io
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from random import Random
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from triptych.quiz.questions import CHAPTERS, QUESTIONS, Question
from triptych.quiz.strategy import CASE, MEASURES, Measure, next_ones

__all__ = ["quiz"]

WIDEST = 100  # longer lines are hard to read
GOOD, LATER, BAD = ("✔", "green"), ("○", "yellow"), ("✘", "red")


def quiz(
    chapter: Annotated[
        str | None, typer.Option(help=f"One of {', '.join(CHAPTERS)}.", show_default="all")
    ] = None,
    questions: Annotated[
        int | None, typer.Option(min=1, help="So many, drawn at random.", show_default="all")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Mix questions and choices; the same seed, the same quiz.")
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the questions.")] = False,
    strategy: Annotated[
        bool, typer.Option("--strategy", help="Put a plan against overfitting together.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Questions, explanations and numbers as JSON.")
    ] = False,
    answers: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write your answers there, as JSON.", dir_okay=False),
    ] = None,
) -> None:
    """Questions on what the techniques do and why, with numbers that settle them."""
    chosen = _chosen(chapter, questions, seed)
    if as_json:
        typer.echo(json.dumps(_plain(chosen), indent=1, ensure_ascii=False))
    elif list_:
        _print_list(chosen)
    elif strategy:
        _plan(_console())
    else:
        if answers is not None:
            _write(answers, [], "x")  # what goes wrong is told before any question
        given = _ask_all(_console(), chosen)
        if answers is not None:
            _write(answers, given)


def _chosen(chapter: str | None, count: int | None, seed: int | None) -> list[Question]:
    if chapter is not None and chapter not in CHAPTERS:
        raise typer.BadParameter(
            f"{chapter!r} is none of {', '.join(CHAPTERS)}.", param_hint="--chapter"
        )
    chosen = [each for each in QUESTIONS if chapter in (None, each.chapter)]
    if count is None and seed is None:
        return chosen
    random = Random(seed)
    drawn = random.sample(chosen, min(count or len(chosen), len(chosen)))
    return [_mixed(each, random) for each in drawn]


def _mixed(question: Question, random: Random) -> Question:
    choices = tuple(random.sample(question.choices, len(question.choices)))
    return replace(question, choices=choices, right=choices.index(question.choices[question.right]))


def _number(question: Question) -> str | None:
    if question.number is None:
        return None
    from triptych.quiz import numbers  # NumPy, which --list does without

    compute: Callable[[], str] = getattr(numbers, question.number)
    return compute()


def _plain(chosen: Iterable[Question]) -> dict[str, Any]:
    return {
        "chapters": CHAPTERS,
        "questions": [asdict(each) | {"number": _number(each)} for each in chosen],
        "strategy": {"case": CASE, "measures": [asdict(each) for each in MEASURES]},
    }


def _print_list(chosen: Sequence[Question]) -> None:
    console = _console()
    for chapter, title in CHAPTERS.items():
        group = [each for each in chosen if each.chapter == chapter]
        if group:
            table = Table.grid(padding=(0, 2, 0, 0))
            table.add_column(style="bold", no_wrap=True, width=max(len(q.name) for q in QUESTIONS))
            table.add_column()
            for each in group:
                table.add_row(each.name, Text(each.question))
            console.print(Text.assemble((title, "underline"), (f"  {chapter}", "dim")))
            console.print(table, "")
    console.print(f"{len(chosen)} questions. triptych quiz asks them; --chapter NAME some of them.")


# One question after the other.


def _ask_all(console: Console, chosen: Sequence[Question]) -> list[dict[str, Any]]:
    console.print("Answer with the number of a choice; q ends.\n")
    given: list[dict[str, Any]] = []
    for i, question in enumerate(chosen, start=1):
        console.print(Text(f"{i} of {len(chosen)}, {CHAPTERS[question.chapter]}", "dim"))
        console.print(Text(question.question, "bold"))
        for number, choice in enumerate(question.choices, start=1):
            console.print(_item(number, choice))
        answer = _ask(console, range(1, len(question.choices) + 1))
        if answer is None:
            break
        right = answer - 1 == question.right
        given.append(
            {"question": question.name, "answer": question.choices[answer - 1], "right": right}
        )
        if right:
            _judge(console, GOOD, "Right.")
        else:
            _judge(console, BAD, f"Wrong. Right is: {question.choices[question.right]}.")
        _indented(console, question.explanation)
        if number_text := _number(question):
            _indented(console, f"Computed now: {number_text}", "cyan")
        _indented(console, question.source, "dim")
        console.print()
    _print_score(console, chosen, given)
    return given


def _print_score(
    console: Console, chosen: Sequence[Question], given: Sequence[dict[str, Any]]
) -> None:
    right = sum(each["right"] for each in given)
    console.print(Text(f"{right} of {len(given)} right", "bold"), end="")
    console.print(f", {len(chosen) - len(given)} not asked." if len(given) < len(chosen) else ".")
    wrong = {each["question"] for each in given if not each["right"]}
    to_read = dict.fromkeys(each.technique for each in chosen if each.name in wrong)
    if to_read:
        console.print("To read:")
        for technique in to_read:
            console.print(f"  triptych show {technique}")


def _write(path: Path, given: list[dict[str, Any]], mode: str = "w") -> None:
    try:
        with path.open(mode, encoding="utf-8") as file:
            file.write(json.dumps(given, indent=1, ensure_ascii=False) + "\n")
    except OSError as error:
        raise typer.BadParameter(str(error), param_hint="--answers") from None


# The plan.


def _plan(console: Console) -> None:
    console.print(Text(CASE, "bold"))
    console.print("\nAnswer with the number of a measure; q ends.\n")
    # By title, for their own order is the solution.
    numbered = dict(enumerate(sorted(MEASURES, key=lambda each: each.title), start=1))
    taken: list[Measure] = []
    good: list[Measure] = []
    while best := next_ones(taken):
        left = {number: each for number, each in numbered.items() if each not in taken}
        console.print(Text(f"Step {len(taken) + 1}", "dim"))
        for number, each in left.items():
            console.print(_item(number, each.title))
        answer = _ask(console, left)
        if answer is None:
            break
        measure = left[answer]
        title = measure.title[0].upper() + measure.title[1:]
        if measure in best:
            _judge(console, GOOD, f"{title}: a good next step.")
            good.append(measure)
        elif measure.stage:
            first = " and ".join(each.title for each in best)
            _judge(console, LATER, f"{title}: yes, but first {first}.")
        else:
            _judge(console, BAD, f"{title}: leave it out.")
        taken.append(measure)
        _print_measure(console, measure)
    _print_plan(console, taken, good)


def _print_measure(console: Console, measure: Measure) -> None:
    _indented(console, measure.why)
    table = Table.grid(padding=(0, 2, 0, 0))
    rows = {"begin with": measure.start, "keep it if": measure.keep}
    rows["smaller model?"] = measure.smaller
    if measure.technique:
        rows["read"] = f"triptych show {measure.technique}"
    for name, text in rows.items():
        table.add_row(Text(name, "dim"), Text(text))
    console.print(Padding(table, (0, 0, 1, 2), expand=False))


def _print_plan(console: Console, taken: Sequence[Measure], good: Sequence[Measure]) -> None:
    """The whole plan on one screen of 80 columns and 24 lines."""
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, title="The plan", min_width=78)
    table.add_column("yours", justify="right")
    table.add_column("measure", style="bold", no_wrap=True)
    for name in ("begin with", "keep it if"):
        table.add_column(name, ratio=1)
    for each in sorted(MEASURES, key=lambda each: each.stage or len(MEASURES)):
        place = str(taken.index(each) + 1) if each in taken else "-"
        title = each.title if each.stage else f"no {each.title.removeprefix('a ')}"
        table.add_row(place, title, each.start, each.keep)
    console.print(table)
    console.print(
        f"{len(good)} of {sum(each.stage > 0 for each in MEASURES)} steps in good order. One "
        "measure at a time, and out again what does not gain."
    )


# What both share.


def _console() -> Console:
    for stream in (sys.stdin, sys.stdout):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without these signs, a stray byte
    console = Console(highlight=False)
    console.width = min(console.width, WIDEST)
    return console


def _ask(console: Console, numbers: Iterable[int]) -> int | None:
    """The number that is answered; None at the end of the input or at q."""
    allowed = {str(number): number for number in numbers}
    while True:
        try:
            text = console.input("> ").strip().lower()
        except (EOFError, RuntimeError):  # the latter where there is no input at all
            console.print()
            return None
        if not sys.stdin.isatty():
            console.print(text, markup=False)  # what a terminal shows as it is typed
        if text == "q":
            return None
        if text in allowed:
            return allowed[text]
        console.print(f"One of {', '.join(allowed)}, or q.")


def _item(number: int, text: str) -> Table:
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(justify="right", width=4)
    table.add_row(f"{number}.", Text(text))
    return table


def _judge(console: Console, sign: tuple[str, str], text: str) -> None:
    console.print(Text.assemble((f"{sign[0]} ", sign[1]), (text, "bold")))


def _indented(console: Console, text: str, style: str = "") -> None:
    console.print(Padding(Text(text, style), (0, 0, 0, 2), expand=False))
