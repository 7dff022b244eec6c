"""Command line: `python -m benchmarks` lists the benchmarks; with names it runs them.

Each run saves a table and JSON.
"""

import argparse
import ast
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measuring import DATA, CannotMeasure, Options, as_markdown, write

HERE = Path(__file__).parent
RESULTS = HERE / "results"
ROUNDS = 5


def main(arguments: Sequence[str] | None = None) -> None:
    known = benchmarks()
    asked = _parser(list(known)).parse_args(arguments)
    if not asked.names:
        sys.stdout.write("".join(f"{name:<10}{line}\n" for name, line in known.items()))
    for name in asked.names:
        benchmark = importlib.import_module(f"benchmarks.{name}")
        rounds = asked.rounds or (1 if asked.tiny else getattr(benchmark, "ROUNDS", ROUNDS))
        options = Options(asked.tiny, rounds, asked.out, asked.data, asked.peers)
        try:
            report = benchmark.run(options)
        except CannotMeasure as error:
            sys.exit(f"{name}: {error}")
        write(report, options.out)
        sys.stdout.write(as_markdown(report))


def benchmarks() -> dict[str, str]:
    """Return the modules with a function `run` and their first paragraph; nothing is imported."""
    found = {}
    for path in sorted(HERE.glob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        if any(isinstance(node, ast.FunctionDef) and node.name == "run" for node in tree.body):
            found[path.stem] = " ".join(
                (ast.get_docstring(tree) or "").partition("\n\n")[0].split()
            )
    return found


def _parser(known: list[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", choices=[*known, []], metavar="NAME", help="benchmarks to run"
    )
    parser.add_argument(
        "--tiny",
        action="store_true",
        help="check in seconds that it works; the figures mean nothing",
    )
    parser.add_argument("--rounds", type=int, help=f"turns of each way ({ROUNDS}; tiny: 1)")
    parser.add_argument(
        "--out", type=Path, default=RESULTS, help="folder of the table and the JSON"
    )
    parser.add_argument(
        "--data", type=Path, default=DATA, help="folder of datasets (synthetic images without it)"
    )
    parser.add_argument(
        "--peers",
        type=Path,
        default=Path(sys.executable),
        help="Python that has benchmarks/requirements.txt",
    )
    return parser


if __name__ == "__main__":
    main()
