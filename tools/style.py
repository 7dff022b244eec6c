"""Print figures about the source: sizes, packed assignments, comments, long functions.

    python tools/style.py [FOLDER ...]

Without folders it reads `tl_core`, `tl_ui` and `pages`.
"""

import ast
import io
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("tl_core", "tl_ui", "pages")
LONGEST_FUNCTION = 60
LONGEST_LINE = 100
WEAK_OPENINGS = ("The", "What", "Of")
"""Words that open a docstring which names neither its subject nor a verb."""
WORDS_SHOWN = (
    *WEAK_OPENINGS,
    "How",
    "Whether",
    "Where",
    "Which",
    "Who",
    "As",
    "By",
    "That",
    "Those",
)


@dataclass
class Module:
    """Counts of one source file."""

    path: Path
    lines: int = 0
    written: int = 0
    """Lines that are not blank."""
    comments: int = 0
    long_lines: int = 0
    packed: list[int] = field(default_factory=list)
    """Line numbers of assignments that give several unrelated values to several names at once."""
    conditionals: int = 0
    nested_conditionals: list[int] = field(default_factory=list)
    """Line numbers of conditional expressions inside another one."""
    functions: list[tuple[str, int]] = field(default_factory=list)
    """Name and number of lines of each function."""
    openings: list[tuple[int, str]] = field(default_factory=list)
    """Line number and first word of each docstring."""


def read_module(path: Path) -> Module:
    """Count what `path` holds."""
    text = path.read_text("utf-8")
    lines = text.splitlines()
    module = Module(path, lines=len(lines), written=sum(bool(line.strip()) for line in lines))
    module.long_lines = sum(len(line) > LONGEST_LINE for line in lines)
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    # Directives for tools explain nothing to a reader.
    directives = ("# type:", "# noqa", "# fmt:", "#!")
    module.comments = sum(
        token.type == tokenize.COMMENT and not token.string.startswith(directives)
        for token in tokens
    )
    for node in ast.walk(ast.parse(text)):
        _count_node(module, node)
    return module


def _count_node(module: Module, node: ast.AST) -> None:
    if isinstance(node, ast.Assign) and _is_packed(node):
        module.packed.append(node.lineno)
    if isinstance(node, ast.IfExp):
        module.conditionals += 1
        inner = (child for child in ast.walk(node) if child is not node)
        if any(isinstance(child, ast.IfExp) for child in inner):
            module.nested_conditionals.append(node.lineno)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        module.functions.append((node.name, _length(node)))
    for line, text in _docstrings(node):
        module.openings.append((line, text.split(maxsplit=1)[0]))


def _is_packed(node: ast.Assign) -> bool:
    """Whether names and values are both listed, other than to exchange or rotate values."""
    target, value = node.targets[0], node.value
    if not (isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)):
        return False
    targets = sorted(ast.unparse(element) for element in target.elts)
    values = sorted(ast.unparse(element) for element in value.elts)
    return targets != values


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _docstrings(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and text of the docstrings of a module, class or function, and of its names."""
    if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return
    for statement in node.body:
        is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        text = statement.value.value if is_text else None
        if isinstance(text, str) and text.strip():
            yield statement.lineno, text


def figures(modules: list[Module]) -> dict[str, str]:
    """Summarise `modules` as label and value, in the order in which they are shown."""
    lines = sum(module.lines for module in modules)
    written = sum(module.written for module in modules)
    sizes = [module.lines for module in modules]
    largest = max(modules, key=lambda module: module.lines)
    packed = sum(len(module.packed) for module in modules)
    conditionals = sum(module.conditionals for module in modules)
    nested = sum(len(module.nested_conditionals) for module in modules)
    comments = sum(module.comments for module in modules)
    functions = [length for module in modules for _, length in module.functions]
    openings = Counter(word for module in modules for _, word in module.openings)
    result = {
        "modules": str(len(modules)),
        "lines": str(lines),
        "median module, lines": f"{median(sizes):.0f}",
        "largest module, lines": f"{largest.lines} ({largest.path.relative_to(ROOT)})",
        "packed assignments per 1,000 lines": f"{1000 * packed / lines:.2f}",
        "conditional expressions per 1,000 lines": f"{1000 * conditionals / lines:.2f}",
        "nested conditional expressions": str(nested),
        "comments per 100 lines that are not blank": f"{100 * comments / written:.2f}",
        f"functions above {LONGEST_FUNCTION} lines": str(
            sum(length > LONGEST_FUNCTION for length in functions)
        ),
        f"lines above {LONGEST_LINE} characters": str(sum(m.long_lines for m in modules)),
    }
    for word in WORDS_SHOWN:
        result[f'docstrings that begin with "{word}"'] = str(openings[word])
    return result


def findings(modules: list[Module]) -> Iterator[str]:
    """Yield each place that breaks a rule, as `path:line: what`."""
    for module in modules:
        path = module.path.relative_to(ROOT)
        for line in module.packed:
            yield f"{path}:{line}: packed assignment"
        for line in module.nested_conditionals:
            yield f"{path}:{line}: nested conditional expression"
        for name, length in module.functions:
            if length > LONGEST_FUNCTION:
                yield f"{path}: {name} has {length} lines"
        for line, word in module.openings:
            if word in WORDS_SHOWN:
                yield f'{path}:{line}: docstring begins with "{word}"'


def main(arguments: list[str]) -> None:
    """Print the figures, and with `--places` each place that breaks a rule."""
    folders = [argument for argument in arguments if not argument.startswith("-")] or FOLDERS
    paths = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    modules = [read_module(path) for path in paths]
    if "--places" in arguments:
        print(*findings(modules), sep="\n")
    for label, value in figures(modules).items():
        print(f"{label:<45} {value}")


if __name__ == "__main__":
    main(sys.argv[1:])
