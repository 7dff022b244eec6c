import pytest
from export.making_exports import make_bare_python

from tl_core.export import FORMATS, export_run


@pytest.fixture(scope="session")
def bare_python(tmp_path_factory):
    """A Python without torch and without TransferLab."""
    return make_bare_python(tmp_path_factory.mktemp("bare") / "venv")


@pytest.fixture(scope="session")
def exported(finished, tmp_path_factory):
    """A completed run taken away with everything there is. Read it, and leave it as it is."""
    workspace, run = finished
    return export_run(workspace, run.id, tmp_path_factory.mktemp("away") / "run", tuple(FORMATS))
