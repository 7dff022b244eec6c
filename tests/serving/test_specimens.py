"""Images that decoders disagree about get one answer in the app, an export and over HTTP."""

import json
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from export.making_exports import run_script
from making import encode, picture
from making_profiles import cmyk_profile, grey_profile, rgb_profile
from making_specimens import SPECIMENS
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tl_core.export import export_run
from tl_core.records import Run
from tl_core.runs.predictor import Predictor
from tl_core.workspace import Workspace
from tl_ui.routes import make_routes
from tl_ui.tokens import Tokens

Finished = tuple[Workspace, Run]
Answers = dict[str, dict[str, float]]
SIZE = (32, 24)


def turned(kind: int, content: bytes) -> bytes:
    """Write a JPEG with an EXIF orientation of any type: 2 is text, 3 a number of 16 bits."""
    entry = struct.pack("<HHHI", 1, 0x0112, kind, len(content) if kind == 2 else 1)
    exif = b"Exif\0\0II*\0\x08\0\0\0" + entry + content.ljust(4, b"\0") + bytes(4)
    return encode(picture(3, SIZE), "JPEG", quality=95, exif=exif)


PROFILES = {
    "Display P3 JPEG": ("RGB", "JPEG", rgb_profile()),
    "Display P3 PNG": ("RGB", "PNG", rgb_profile()),
    "grey PNG with profile": ("L", "PNG", grey_profile()),
    "CMYK JPEG with profile": ("CMYK", "JPEG", cmyk_profile()),
}
FILES = {
    **SPECIMENS,
    **{
        name: encode(picture(2, SIZE).convert(mode), kind, icc_profile=profile)
        for name, (mode, kind, profile) in PROFILES.items()
    },
    **{f"EXIF orientation {number}": turned(3, bytes([number])) for number in range(1, 9)},
    "EXIF orientation as text": turned(2, b"6\0"),
}


@pytest.fixture(scope="module")
def specimens(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("specimens")
    for name, content in FILES.items():
        # Without a suffix, since content decides.
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def on_page(finished: Finished, specimens: Path) -> Answers:
    """Confidence by class for each file, from the predictor of the pages."""
    files = [(name, specimens / name) for name in FILES]
    answers = Predictor.of_run(*_pair(finished)).predict(files)
    return {answer.name: dict(answer.top) for answer in answers}


def _pair(finished: Finished) -> tuple[Workspace, str]:
    workspace, run = finished
    return workspace, run.id


@pytest.fixture
def of_app(finished: Finished) -> Iterator[TestClient]:
    """Client of the app's own routes, with a key of the run's page."""
    workspace, run_id = _pair(finished)
    key = Tokens(workspace.settings.home).sign("predict", run_id)
    app = Starlette(routes=make_routes(lambda: workspace))
    with TestClient(app, headers={"Authorization": f"Bearer {key}"}) as client:
        yield client


@pytest.mark.parametrize("face", ["client", "of_app"])
def test_http_answers_as_the_page_does(on_page: Answers, address: str, face: str, request):
    client = request.getfixturevalue(face)
    alone = [client.post(address, content=content) for content in FILES.values()]
    form = [("image", (name, content)) for name, content in FILES.items()]
    batches = [form[start : start + 10] for start in range(0, len(form), 10)]
    replies = [client.post(address, files=batch) for batch in batches]
    together = [answer for reply in replies for answer in reply.json()["answers"]]
    for name, reply, in_form in zip(FILES, alone, together, strict=True):
        assert reply.status_code == 200, (name, reply.text)
        # Batches of other sizes round differently.
        for answer in (reply.json()["answers"][0], in_form):
            told = {top["class"]: top["confidence"] for top in answer["top"]}
            assert told == pytest.approx(on_page[name], abs=1e-5), name


def test_an_export_answers_as_the_page_does(
    on_page: Answers, finished: Finished, specimens: Path, tmp_path: Path
):
    exported = export_run(*_pair(finished), tmp_path / "away", ("onnx",))
    done = run_script(sys.executable, exported.path / "predict.py", specimens, "--json")
    assert done.returncode == 0, done.stderr
    told = {}
    for line in map(json.loads, done.stdout.splitlines()):
        told[Path(line["image"]).name] = {top["label"]: top["p"] for top in line["top"]}
    assert told.keys() == FILES.keys()
    for name, answers in told.items():
        # ONNX Runtime and PyTorch round differently.
        assert answers == pytest.approx(on_page[name], abs=1e-4), name
