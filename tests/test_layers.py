"""Layers: a part imports only the lower parts that the table names for it."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

BOTTOM = [
    *(
        "text",
        "logs",
        "glossary",
        "spreadsheet",
        "errors",
        "config",
        "presets",
        "facts",
        "records",
        "events",
        "access_values",
        "settings",
        "locks",
        "files",
        "home",
        "checksums",
        "heartbeat",
        "secret_files",
        "certificates",
        "network",
        "listening",
        "invitation",
        "memory",
        "cancellation",
        "openmp",
        "machine",
        "paces",
        "descriptors",
        "sandbox",
        "weights_files",
    ),
    *("cache", "outputs", "room"),
]
LEARNING = [*BOTTOM, "data", "backbones", "features", "evaluation", "training"]
MAY_IMPORT = {
    # Each part of the bottom, only those before it.
    **{part: BOTTOM[:place] for place, part in enumerate(BOTTOM)},
    "store": BOTTOM,
    "data": BOTTOM,
    "backbones": BOTTOM,
    "features": [*BOTTOM, "data", "backbones"],
    "evaluation": [*BOTTOM, "data", "backbones", "features"],
    "training": LEARNING[:-1],
    "charts": [*BOTTOM, "evaluation"],
    "operations": BOTTOM,
    "workspace": [*BOTTOM, "store"],
    "datasets": [*BOTTOM, "store", "workspace", "data"],
    "bin": [*BOTTOM, "store", "workspace"],
    "upkeep": [*BOTTOM, "store", "workspace", "data", "bin"],
    "sinks": [*BOTTOM, "store"],
    "runs": [*LEARNING, "store", "workspace", "sinks"],
    "serving": [*BOTTOM, "data", "store", "workspace", "runs"],
    "report": [*BOTTOM, "data", "store", "evaluation", "charts", "runs"],
    "export": [*LEARNING, "store", "workspace", "runs"],
    # Backbones, because a run is checked against its backbone before it is queued.
    "runners": [*BOTTOM, "store", "workspace", "runs", "backbones", "training"],
    "access": [*BOTTOM, "store", "workspace", "data", "datasets", "bin", "runners"],
}
ANY_ENGINE_PART = ["cli", "__main__", "tl_ui", "pages", "app"]
"""Folders that may import all of tl_core except cli; pages import tl_ui as well."""


def sources() -> list[Path]:
    folders = [
        path for folder in ("tl_core", "tl_ui", "pages") for path in (ROOT / folder).rglob("*.py")
    ]
    return [*folders, *ROOT.glob("app.py")]


def imports(path: Path) -> Iterator[str]:
    """Return all modules that the file imports; `from a import b` counts as a.b too."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def part_of(path: Path) -> str:
    """Return the file's name in the table: a part of tl_core, or a folder beside it."""
    first, *rest = path.relative_to(ROOT).with_suffix("").parts
    return rest[0] if first == "tl_core" else first


def wrong_imports(path: Path) -> list[str]:
    part = part_of(path)
    wrong = []
    for module in imports(path):
        first, *rest = module.split(".")
        is_above = first == "pages" or (first == "tl_ui" and part not in ("tl_ui", "pages", "app"))
        is_beside = first == "tl_core" and rest[:1] != [part] and not _may_import(part, rest[0])
        if is_above or is_beside:
            wrong.append(module)
    return wrong


def _may_import(part: str, other: str) -> bool:
    if part in ANY_ENGINE_PART:
        return other in MAY_IMPORT or (part, other) == ("__main__", "cli")
    return other in MAY_IMPORT[part]


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_imports_only_what_its_layer_allows(path: Path):
    if path == ROOT / "tl_core" / "__init__.py":
        assert list(imports(path)) == []
    else:
        assert part_of(path) in [*MAY_IMPORT, *ANY_ENGINE_PART], "a part the table does not know"
        assert wrong_imports(path) == []


@pytest.mark.parametrize(
    "path", (ROOT / "tl_core").rglob("*.py"), ids=lambda path: str(path.relative_to(ROOT))
)
def test_the_engine_knows_nothing_of_the_web(path: Path):
    command = ROOT / "tl_core" / "cli" / "serve.py"
    speaks_http = path.is_relative_to(ROOT / "tl_core" / "serving") or path == command
    web = {"streamlit"} if speaks_http else {"streamlit", "fastapi", "starlette", "uvicorn"}
    assert not {module.split(".")[0] for module in imports(path)} & web


def test_the_rule_would_notice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    (tmp_path / "tl_core" / "store").mkdir(parents=True)
    path = tmp_path / "tl_core" / "store" / "sneaky.py"
    path.write_text(
        "from tl_core.errors import UnknownRun\nfrom tl_core import data\nfrom ..training.fit "
        "import fit\nfrom .tables import runs\ndef late():\n    import tl_core.runs.execute\n    "
        "from tl_ui import charts\n    import pages.run\n"
    )
    assert wrong_imports(path) == [
        "tl_core.data",
        "tl_core.training.fit.fit",
        "tl_core.runs.execute",
        "tl_ui.charts",
        "pages.run",
    ]


def import_graph() -> dict[str, set[str]]:
    """Map each module to its imports in the project, also in functions and for type checkers."""
    modules = {module_of(path): path for path in sources()}
    return {
        module: {found for name in imports(path) if (found := _nearest(name, modules)) != module}
        - {""}
        for module, path in modules.items()
    }


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _nearest(name: str, modules: dict[str, Path]) -> str:
    """Return the module with this name, or the one that holds it; "" outside the project."""
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the strongly connected components with more than one module."""
    reached = {module: _reachable(module, graph) for module in graph}
    found = {
        tuple(sorted({other for other in reached[module] if module in reached[other]}))
        for module in graph
        if module in reached[module]
    }
    return sorted(map(list, found))


def _reachable(module: str, graph: dict[str, set[str]]) -> set[str]:
    """Return the modules that can be reached by one import or more."""
    found: set[str] = set()
    left = list(graph[module])
    while left:
        if (here := left.pop()) not in found:
            found.add(here)
            left += graph[here]
    return found


def test_no_modules_import_each_other_in_a_circle():
    assert circles(import_graph()) == []


def test_a_circle_would_be_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    folder = tmp_path / "tl_core" / "training"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("from tl_core.training.a import f\n")
    (folder / "a.py").write_text("def f():\n    from tl_core.training import b\n")
    (folder / "b.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .c import g\n"
    )
    (folder / "c.py").write_text("from tl_core.training.a import f\nimport tl_core.training.d\n")
    (folder / "d.py").write_text("import os\n")
    assert circles(import_graph()) == [[f"tl_core.training.{name}" for name in "abc"]]


@pytest.mark.parametrize(
    "arguments",
    [
        ["-c", "import tl_core"],
        ["-c", "import tl_core.store"],
        ["-m", "tl_core", "--help"],
        ["-m", "tl_core", "train", "--help"],
    ],
    ids=" ".join,
)
def test_what_must_be_quick_does_not_load_torch(arguments: list[str]):
    command = [sys.executable, "-X", "importtime", *arguments]
    finished = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    loaded = {line.split("|")[-1].strip() for line in finished.stderr.splitlines()}
    assert "tl_core" in loaded
    heavy = {"torch", "torchvision", "timm", "pandas", "streamlit", "fastapi", "starlette"}
    assert not loaded & heavy
