"""A lesson: a teacher, three students with their own images, a wall, a hand-in, a new class."""

import re
import zipfile

import pytest
from browsing import ROOT, Server, complaints, opened
from making_runs import make_colours, open_home
from playwright.sync_api import expect

from tl_core.access import Directory
from tl_core.invitation import teacher_address, teacher_secret
from tl_core.records import RunState

STUDENTS = ("Ada", "Ben", "Cleo")


@pytest.fixture(scope="module")
def classroom(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    server = Server(ROOT / "app.py", home, TRANSFERLAB_ACCESS="classroom")
    yield server
    server.stop()


@pytest.fixture
def workspace(classroom):
    workspace = open_home(classroom.home)
    yield workspace
    workspace.store.close()


def join(page, code, name):
    page.goto("/")
    # Whoever is not known is sent to the class's door.
    page.get_by_label("Class code").fill(code)
    page.get_by_label("Your name").fill(name)
    page.get_by_role("button", name="Join").click()
    page.get_by_role("link", name="Continue").click()


def train(page, folder):
    page.locator("input[webkitdirectory]").set_input_files(folder)
    page.get_by_role("link", name="Train a model on these images").click()
    page.get_by_role("button", name="Train", exact=True).click()
    page.wait_for_url(re.compile(r"/run\?run="))


def publish(ada, cleo):
    ada.get_by_role("button", name="Publish…").click()
    ada.get_by_text("Show some of its test images").click()
    ada.get_by_role("button", name="Publish", exact=True).click()
    expect(ada.get_by_role("button", name="Published")).to_be_visible()
    cleo.goto("/wall")
    expect(cleo.get_by_text("of 0").first).to_be_visible()
    expect(cleo.locator("img[alt]").first).to_be_visible()
    cleo.get_by_role("link", name="Curves, confusion matrix and more").click()
    expect(cleo.get_by_text("published by Ada")).to_be_visible()


def hand_in(teacher):
    teacher.get_by_role("button", name="Pack 2 reports").click()
    link = teacher.get_by_role("link", name=re.compile("Download 2 reports"))
    link.wait_for()
    with teacher.expect_download() as download:
        link.click()
    with zipfile.ZipFile(download.value.path()) as archive:
        folders = {name.split("/")[0] for name in archive.namelist() if "/" in name}
    assert folders == {"Ada", "Cleo"}


def reset(teacher):
    teacher.get_by_role("button", name="Reset for the next class…").click()
    teacher.get_by_label("Type “next class” to confirm").fill("next class")
    teacher.get_by_label("Type “next class” to confirm").press("Enter")
    teacher.get_by_role("button", name="Reset", exact=True).click()


@pytest.mark.slow
def test_a_lesson(browser, classroom, workspace, tmp_path):
    code = Directory(workspace).classroom().code
    with (
        opened(browser, classroom) as teacher,
        opened(browser, classroom) as ada,
        opened(browser, classroom) as ben,
        opened(browser, classroom, 390, 844) as cleo,
    ):
        said = complaints(teacher)
        teacher.goto(teacher_address(classroom.url, teacher_secret(classroom.home)))
        expect(teacher.get_by_role("link", name="Class", exact=True)).to_be_visible()
        # The secret stays neither in the address nor in the history.
        assert "secret" not in teacher.url
        teacher.get_by_role("link", name="Class", exact=True).click()
        expect(teacher.get_by_text(code)).to_be_visible()
        expect(teacher.get_by_text("No student has joined yet.")).to_be_visible()

        students = dict(zip(STUDENTS, (ada, ben, cleo), strict=True))
        for name, page in students.items():
            join(page, code, name)
        for name in STUDENTS:
            expect(teacher.get_by_text(name, exact=True).first).to_be_visible()

        teacher.get_by_role("button", name="Close joining").click()
        teacher.get_by_role("button", name="Open joining").wait_for()

        # What is held does not start, so that it can be paused as it waits.
        workspace.store.hold_queue(True)
        for place, page in enumerate(students.values()):
            train(page, make_colours(tmp_path / f"of {place}", 12, first=100 * place))
        expect(teacher.get_by_role("button", name="Let the queue go on")).to_be_visible()
        bens = next(each.id for each in Directory(workspace).people() if each.name == "Ben")
        row = teacher.locator(f".st-key-row-{bens}")
        expect(row.get_by_text("1 waiting")).to_be_visible()
        row.get_by_role("button", name="Pause", exact=True).click()
        expect(ben.get_by_role("button", name="Resume")).to_be_visible()
        teacher.get_by_role("button", name="Let the queue go on").click()
        for page in (ada, cleo):
            page.get_by_text(re.compile(r"Right on \d+ of \d+ test images")).first.wait_for()

        publish(ada, cleo)
        hand_in(teacher)
        reset(teacher)
        expect(teacher.get_by_text("3 students removed.")).to_be_visible()
        expect(teacher.get_by_text(code)).not_to_be_visible()
        # Whoever was here finds the door again.
        ada.reload()
        expect(ada.get_by_text("your teacher has closed it")).to_be_visible()
        assert said == []
    assert not [run for run in workspace.store.list_runs() if run.state is not RunState.CANCELLED]
    assert Directory(workspace).people()[0].administers
