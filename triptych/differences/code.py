"""The code of an entry's two sides, to be read beside each other or run as a script."""

import ast
from functools import cache

from triptych.differences.entry import Entry, parsed

__all__ = ["script", "side"]

SCRIPT = '''"""{title}.

PyTorch: {pytorch}.
Keras: {keras}.
"""

{head}


{definitions}


{sides}


for mapped in {modes}:
    for side in (in_pytorch, in_keras):
        with measuring():
            print(f"{{side.__name__}}, {{{label}}}:", side(mapped), sep="\\n", end="\\n\\n")
'''


def side(entry: Entry, name: str) -> str:
    """The code of "in_pytorch" or "in_keras", after the functions of its file that it calls."""
    return "\n\n".join([*_definitions(entry, entry.code[name]), entry.code[name]])


def script(entry: Entry) -> str:
    """A program that runs both sides, by themselves and under the mapping, and prints it."""
    sides = "\n\n\n".join(entry.code.values())
    definitions = "\n\n\n".join(_definitions(entry, sides))
    mapped = entry.mapping is not None
    text = SCRIPT.format(
        title=entry.title,
        pytorch=entry.pytorch,
        keras=entry.keras,
        head=_imports(entry.chapter, f"{definitions}\n{sides}"),
        definitions=definitions,
        sides=sides,
        modes="(False, True)" if mapped else "(False,)",
        label="'mapped' if mapped else 'by itself'" if mapped else "'by itself'",
    )
    return text.replace("\n\n\n\n\n", "\n\n\n")


@cache
def _module(chapter: str) -> tuple[list[str], dict[str, str]]:
    """The import lines of a chapter, and the source of what else stands at its top, by name."""
    source, tree = parsed(chapter)
    imports, definitions = [], {}
    for node in tree.body:
        text = ast.get_source_segment(source, node) or ""
        if isinstance(node, ast.Import | ast.ImportFrom):
            imports.append(text)
        elif isinstance(node, ast.FunctionDef):
            definitions[node.name] = text
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    definitions[target.id] = text
    return imports, definitions


def _names(code: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}


def _definitions(entry: Entry, code: str) -> list[str]:
    """What the code uses of its file, and what that uses, in the order of the file."""
    _, definitions = _module(entry.chapter)
    wanted, new = set(), _names(code) & definitions.keys()
    while new:
        wanted |= new
        new = {used for name in new for used in _names(definitions[name])} & definitions.keys()
        new -= wanted
    return [text for name, text in definitions.items() if name in wanted]


def _imports(chapter: str, code: str) -> str:
    """The import lines of the chapter that the code needs, and those of the script itself."""
    used = _names(code)
    lines = ["import triptych.torch_first  # PyTorch comes before TensorFlow"]
    for text in _module(chapter)[0]:
        (node,) = ast.parse(text).body
        assert isinstance(node, ast.Import | ast.ImportFrom)
        names = [item for item in node.names if (item.asname or item.name).split(".")[0] in used]
        if isinstance(node, ast.ImportFrom) and node.module == "triptych.differences.probe":
            known = {item.name for item in names} | {"measuring"}
            lines.append(f"from {node.module} import {', '.join(sorted(known))}")
        elif names:
            chosen = ", ".join(ast.unparse(item) for item in names)
            start = f"from {node.module} import" if isinstance(node, ast.ImportFrom) else "import"
            lines.append(f"{start} {chosen}")
    return "\n".join(lines)
