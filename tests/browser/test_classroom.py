"""A classroom as it is started for a lesson: over TLS, in real browsers, and under attack."""

import os
import socket
import ssl
import subprocess
import sys
import urllib.request
from urllib.error import HTTPError

import pytest
from browsing import ROOT, complaints, until_true
from lessons import Class, join, visiting
from waiting import PATIENCE, wait_until
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect


@pytest.fixture(scope="module")
def lesson(tmp_path_factory):
    lesson = Class(tmp_path_factory.mktemp("lesson"))
    yield lesson
    lesson.stop()


def trust_nobody():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def test_a_student_joins_has_the_camera_and_is_sent_away_when_removed(browser, lesson):
    with visiting(browser, lesson, java_script_enabled=True) as page:
        said = complaints(page)
        join(page, lesson, "Ann <script>alert(1)</script>"[:40])
        assert page.evaluate("isSecureContext")
        camera = "navigator.mediaDevices.getUserMedia({video: true}).then(s => s.active)"
        assert page.evaluate(camera)
        assert said == []
        (cookie,) = [c for c in page.context.cookies() if c["name"] == "transferlab_session"]
        assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "Lax")
        assert page.evaluate("document.cookie").count("transferlab_session") == 0
        with lesson.directory() as directory:
            (student,) = [p for p in directory.people() if p.name.startswith("Ann")]
            directory.remove(student.id)
        page.get_by_text("You are not signed in, or were removed").wait_for()
        page.reload()
        assert "/join" in page.url


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_for_joining_works_without_scripts_and_fits(browser, lesson, width, scheme):
    size = {"width": width, "height": 800}
    options = {"java_script_enabled": False, "viewport": size, "color_scheme": scheme}
    with visiting(browser, lesson, **options) as page:
        page.goto("/join")
        page.get_by_label("Class code").fill("AAAAAA")
        page.get_by_label("Your name").fill("Eve")
        page.get_by_role("button", name="Join").click()
        assert "not the code of this class" in page.get_by_role("alert").inner_text()
        box = page.get_by_role("button", name="Join").bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_the_pages_for_joining(browser, lesson, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    with visiting(browser, lesson, color_scheme=scheme) as page:
        page.goto("/join")
        page.get_by_label("Class code").fill("AAAAAA")
        page.get_by_label("Your name").fill("Eve")
        page.get_by_role("button", name="Join").click()
        page.get_by_role("alert").wait_for()
        assert axe.Axe().run(page).response["violations"] == []


def test_the_teachers_secret_stays_neither_in_the_address_nor_in_the_history(browser, lesson):
    with visiting(browser, lesson) as page:
        page.goto(f"/teacher?secret={lesson.secret}")
        page.locator("h1").first.wait_for()
        assert page.url == f"{lesson.url}/"
        assert page.evaluate("document.referrer") == ""
        page.go_back()
        assert "secret" not in page.url


def test_a_foreign_page_cannot_frame_the_app(browser, lesson):
    with visiting(browser, lesson) as page:
        page.route(
            "https://evil.example/",
            lambda route: route.fulfill(
                body=f"<iframe src='{lesson.url}/join'></iframe>", content_type="text/html"
            ),
        )
        page.goto("https://evil.example/")
        until_true(page, "frames.length === 1")
        frame = page.frames[1]
        wait_until(lambda: frame.url, "the frame", lambda: page.wait_for_timeout(50))
        assert page.frame_locator("iframe").get_by_label("Class code").count() == 0


@pytest.mark.parametrize("host", ["localhost", "evil.example"])
@pytest.mark.parametrize("origin", ["https://evil.example", "null", None])
def test_a_foreign_websocket_is_refused_before_streamlit_sees_it(lesson, host, origin):
    port = int(lesson.host.partition(":")[2])
    address = f"wss://{host}:{port}/_stcore/stream"
    with pytest.raises(InvalidStatus) as refusal:
        line = socket.create_connection(("127.0.0.1", port))
        connect(address, ssl=trust_nobody(), origin=origin, sock=line)
    assert refusal.value.response.status_code == 403
    assert "Rejecting WebSocket" not in lesson.printed, "Streamlit would ask the internet"


@pytest.mark.parametrize("path", ["/", "/api/runs/x/report", "/static/js/x.js", "/_stcore/metrics"])
def test_nobody_is_served_anything_over_a_plain_connection(lesson, path):
    request = urllib.request.Request(
        f"{lesson.url}{path}", headers={"X-TransferLab-Person": "teacher"}
    )
    with pytest.raises(HTTPError) as refusal:
        urllib.request.urlopen(request, context=trust_nobody())
    assert refusal.value.code == 401
    assert "frame-ancestors 'none'" in refusal.value.headers["Content-Security-Policy"]


def test_the_key_and_the_secret_are_the_owners_alone(lesson):
    for file in (lesson.home / "tls" / "tls.key", lesson.home / "teacher.secret"):
        assert file.stat().st_mode & 0o077 == 0
    assert "Browsers warn once" in lesson.printed


@pytest.mark.parametrize(
    "command",
    [
        ["streamlit", "run", str(ROOT / "app.py"), "--server.headless=true", "--server.port={}"],
        ["tl_core", "app", "--port={}"],
    ],
    ids=["streamlit", "transferlab"],
)
def test_an_open_app_refuses_to_listen_where_others_reach_it(tmp_path, closed_port, command):
    is_ours = command[0] == "tl_core"
    option = "--address=0.0.0.0" if is_ours else "--server.address=0.0.0.0"
    filled = [part.format(closed_port) for part in command]
    env = os.environ | {"TRANSFERLAB_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "-m", *filled, option],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode != 0
    said = " ".join((ended.stdout + ended.stderr).split())
    assert "does not listen on 0.0.0.0" in said and "TRANSFERLAB_ALLOW_OPEN=1" in said
    assert "Traceback" not in said
