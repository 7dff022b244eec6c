"""OpenMP's waiting threads: they sleep soon, unless the operator decides otherwise."""

import os
import subprocess
import sys

import pytest

from tl_core.openmp import wait_without_spinning


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "1000"),
        ({"GOMP_SPINCOUNT": "7"}, "7"),
        ({"OMP_WAIT_POLICY": "active"}, None),
    ],
)
def test_the_operator_has_the_last_word(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], expected: str | None
):
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        # Set first, so that the test's end also takes away what the function adds.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    wait_without_spinning()
    assert os.environ.get("GOMP_SPINCOUNT") == expected


def test_the_command_line_sets_it_before_torch_is_imported():
    code = (
        "import os, sys\n"
        "from tl_core.cli import main\n"
        "sys.argv = ['transferlab', '--help']\n"
        "try:\n    main()\n"
        "except SystemExit:\n    pass\n"
        "print(os.environ['GOMP_SPINCOUNT'], 'torch' in sys.modules)"
    )
    cleaned = {
        name: value
        for name, value in os.environ.items()
        if name not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
    }
    ended = subprocess.run(
        [sys.executable, "-c", code], env=cleaned, capture_output=True, text=True, check=True
    )
    assert ended.stdout.splitlines()[-1] == "1000 False"
