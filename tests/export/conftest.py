import json
import runpy
import sys

import pytest
from export.making_exports import make_bare_python

from tl_core.export import FORMATS, export_run


@pytest.fixture(scope="session")
def bare_python(tmp_path_factory):
    """Path of a Python without torch and without TransferLab."""
    return make_bare_python(tmp_path_factory.mktemp("bare") / "venv")


@pytest.fixture(scope="session")
def exported(finished, tmp_path_factory):
    """Export of a completed run in all formats, shared by tests, which must not change it."""
    workspace, run = finished
    return export_run(workspace, run.id, tmp_path_factory.mktemp("away") / "run", tuple(FORMATS))


@pytest.fixture
def train(monkeypatch, capsys):
    """Function that runs a train.py in this process and returns the result that it prints.

    Meanwhile tl_core cannot be imported, and timm only with `may_import_timm`. A process of its own
    would load torch anew for each test.
    """

    def run(script, folder, may_import_timm=False):
        hidden = ["tl_core"] if may_import_timm else ["tl_core", "timm"]
        with monkeypatch.context() as patch:
            patch.syspath_prepend(script.parent)
            patch.setattr(sys, "argv", [str(script), str(folder), "--workers", "0"])
            for name in hidden:
                patch.setitem(sys.modules, name, None)
            patch.delitem(sys.modules, "predict", raising=False)
            runpy.run_path(str(script), run_name="__main__")
            sys.modules.pop("predict", None)
        return json.loads(capsys.readouterr().out.splitlines()[-1])

    return run
