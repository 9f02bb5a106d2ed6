"""An exercise as a Jupyter notebook, made of its file, and a notebook as a file to be checked."""

import ast
import re
from pathlib import Path
from typing import Any

from triptych.extras import require

__all__ = ["in_cells", "source_of", "write_notebook"]

CELL = "# cell"  # stands above the code of each


def write_notebook(file: Path, to: Path) -> None:
    """The docstring as text, then a cell for the imports and one for each function."""
    nbformat = _nbformat()
    text = file.read_text("utf-8")
    docstring = ast.get_docstring(ast.parse(text)) or ""
    title, _, rest = docstring.partition("\n")
    commands = rest.replace(f"{file.stem}.py", to.name)
    cells = [
        nbformat.v4.new_markdown_cell(f"# {title}\n\n```text\n{commands.strip()}\n```"),
        *(nbformat.v4.new_code_cell(part) for part in _parts(text)),
    ]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"  # the same each time it is written
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.validate(notebook)
    nbformat.write(notebook, to)


def _parts(text: str) -> list[str]:
    """The source but for its docstring: what stands between functions together, ``main()`` last."""
    lines = text.splitlines()
    body = ast.parse(text).body
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    parts: list[list[ast.stmt]] = []
    for node in body:
        alone = isinstance(node, ast.FunctionDef | ast.ClassDef)
        if alone or not parts or isinstance(parts[-1][0], ast.FunctionDef | ast.ClassDef):
            parts.append([node])
        else:
            parts[-1].append(node)
    return [_text(lines, part) for part in parts]


def _text(lines: list[str], part: list[ast.stmt]) -> str:
    first, last = part[0], part[-1]
    if isinstance(first, ast.If) and "__name__" in ast.unparse(first.test):
        return "\n".join(ast.unparse(each) for each in first.body)
    decorators = [each.lineno for each in getattr(first, "decorator_list", ())]
    begin, end = min([first.lineno, *decorators]) - 1, last.end_lineno
    while begin > 0 and lines[begin - 1].startswith("#"):  # what is said of it
        begin -= 1
    return "\n".join(lines[begin:end])


def source_of(notebook: Path) -> str:
    """Its code as a file, each cell under its number. Cells that only run ``main()`` do not."""
    nbformat = _nbformat()
    try:
        cells: list[Any] = nbformat.read(notebook, as_version=4).cells
    except Exception as error:  # nbformat lets through what json and jsonschema raise
        raise ValueError(f"{notebook.name} is no notebook that can be read: {error}") from None
    parts = []
    for number, cell in enumerate(cells, start=1):
        if cell.cell_type != "code" or cell.source.strip().rstrip(";") in ("", "main()"):
            continue
        parts.append(f"{CELL} {number}\n{_python(cell.source)}")
    return "\n\n\n".join(parts) + "\n"


def _python(cell: str) -> str:
    """Without what IPython alone understands; a cell that is Python is left as it is."""
    try:
        ast.parse(cell)
        return cell
    except SyntaxError:
        pass
    lines, continued = cell.splitlines(), False
    others = lines[0].startswith("%%") and not re.match(r"%%(time|timeit|capture)\b", lines[0])
    for i, line in enumerate(lines):
        indent, text = re.match(r"(\s*)(.*)", line).groups()  # type: ignore[union-attr]
        assigned = re.match(r"([\w.]+ *= *)[%!]", text)
        if others or continued:
            lines[i] = f"# {text}"
            continued = text.endswith("\\")
        elif text.startswith(("%", "!", "?")) or text.endswith("?"):
            lines[i] = f"{indent}pass  # {text}"
            continued = text.endswith("\\")
        elif assigned:
            lines[i] = f"{indent}{assigned[1]}None  # {text}"
    return "\n".join(lines)


def in_cells(text: str, source: str) -> str:
    """``text`` with "line 90" of the source as the line of a cell."""

    def place(match: re.Match[str]) -> str:
        lines = source.splitlines()[: int(match[1])]
        begins = [i for i, line in enumerate(lines) if line.startswith(CELL)]
        if not begins:
            return match[0]
        return f"line {len(lines) - begins[-1] - 1} of cell {lines[begins[-1]].split()[-1]}"

    return re.sub(r"\bline (\d+)", place, text)


def _nbformat() -> Any:
    require("nbformat")
    import nbformat

    return nbformat
