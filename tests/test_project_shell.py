"""Project files agree with the code: Makefile, Dockerfile, requirements, Streamlit's config."""

import os
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from streamlit import config as streamlit_config

from tl_core.settings import Settings

ROOT = Path(__file__).parent.parent
INSTRUCTIONS = [
    line.split(maxsplit=1)
    for line in (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    if line.strip() and not line.startswith("#")
]
THEME = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]


def instructions(name: str) -> list[str]:
    return [arguments for instruction, arguments in INSTRUCTIONS if instruction == name]


def make(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], **changes}
    command = ["make", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False
    )


# Make


@pytest.mark.parametrize(
    "target",
    [
        *("setup", "app", "classroom", "test", "test-all", "fuzz"),
        *("lint", "format", "audit", "clean"),
    ],
)
def test_every_target_is_there(target: str):
    assert make("--dry-run", target).returncode == 0


def test_continuous_integration_is_what_make_test_is():
    assert (ROOT / ".ci" / "run").read_text().splitlines()[-1] == "make test"
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_the_last_step_of_the_tests_is_pytest():
    assert "-m pytest" in make("--dry-run", "test").stdout.splitlines()[-1]


def test_an_unsuitable_python_is_refused_in_a_sentence(tmp_path: Path):
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    for choice in ({"PYTHON": str(old)}, {"PYTHON": ""}):
        refused = make("setup", f"VENV={tmp_path / 'venv'}", **choice)
        assert refused.returncode != 0
        assert "TransferLab needs Python 3.11, 3.12 or 3.13" in refused.stderr
        assert not (tmp_path / "venv").exists()


def test_an_installation_that_failed_does_not_count_as_done(tmp_path: Path):
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / ".made").touch()
    pip = venv / "bin" / "python"
    pip.write_text("#!/bin/sh\nexit 1\n")
    pip.chmod(0o755)
    assert make("setup", f"VENV={venv}").returncode != 0
    assert not (venv / ".requirements").exists()
    pip.write_text('#!/bin/sh\necho "$@" >> ' + str(tmp_path / "calls") + "\n")
    assert make("setup", f"VENV={venv}").returncode == 0
    assert make("setup", f"VENV={venv}").returncode == 0
    calls = ["-m pip install -r requirements.txt", "-m pip install --no-deps -e ."]
    assert (tmp_path / "calls").read_text().splitlines() == calls


def test_the_app_starts_where_the_environment_says():
    asked = make("--dry-run", "app", PORT="9000", ADDRESS="0.0.0.0").stdout
    assert "-m tl_core app --port 9000 --address 0.0.0.0" in asked
    assert make("--dry-run", "app").stdout.split()[-2:] == ["--port", "8501"]
    assert "-m tl_core app --classroom --port 8501" in make("--dry-run", "classroom").stdout


# Docker


def test_whatever_the_image_copies_is_in_the_repository_and_in_the_context():
    sources = [
        source
        for line in instructions("COPY")
        for source in shlex.split(line)[:-1]
        if source[:2] != "--"
    ]
    kept = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert set(sources) == kept


def test_the_image_holds_what_the_package_is_built_from():
    copied = shlex.split(" ".join(instructions("COPY")))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {"pyproject.toml", project["readme"], "requirements.txt", "Makefile", "LICENSE"} <= set(
        copied
    )


def test_the_image_is_built_and_started_by_make():
    steps = [
        line for line in instructions("RUN") if "apt-get" not in line and "useradd" not in line
    ]
    assert steps == ["make requirements", "make setup"]
    assert instructions("CMD") == ['["make", "app"]']
    for step in steps:
        assert make("--dry-run", *step.split()[1:]).returncode == 0


def test_the_image_does_not_run_as_root():
    names = [name for name, _ in INSTRUCTIONS]
    assert instructions("USER") == ["transferlab"]
    assert names.index("USER") < names.index("CMD")


def test_the_image_keeps_its_data_on_the_volume():
    variables = dict(pair.split("=") for line in instructions("ENV") for pair in line.split())
    settings = Settings.from_environment(
        {name: v for name, v in variables.items() if name.startswith("TRANSFERLAB_")}
    )
    assert [str(settings.home)] == instructions("VOLUME")
    assert settings.database_url.startswith(f"sqlite:///{settings.home}/")
    assert instructions("EXPOSE") == [variables["PORT"]]
    assert instructions("HEALTHCHECK")[0].count(f"localhost:{variables['PORT']}/healthz") == 2
    assert variables["ADDRESS"] == "0.0.0.0"


def test_every_variable_of_ours_that_the_shell_names_is_one_the_settings_read():
    text = "".join((ROOT / name).read_text() for name in ("Makefile", "Dockerfile"))
    known = (ROOT / "tl_core" / "settings.py").read_text()
    named = set(re.findall(r"TRANSFERLAB_\w+", text))
    assert named
    assert {name for name in named if name not in known} == set()


# Packages


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_stops_before_a_release_nobody_has_seen(file: str):
    lines = [
        line for line in (ROOT / file).read_text().splitlines() if line and line[0] not in "#-"
    ]
    unbounded = [
        line
        for line in lines
        if not {s.operator for s in Requirement(line).specifier} & {"<", "<=", "=="}
    ]
    assert lines
    assert unbounded == []


def test_the_torch_release_that_torchvision_does_not_import_with_is_refused():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    torch = next(Requirement(line) for line in lines if re.match(r"torch\W", line))
    assert "2.13.0" not in torch.specifier
    assert {"2.11.0", "2.14.1"} <= {
        version for version in ("2.11.0", "2.14.1") if version in torch.specifier
    }


def test_the_version_is_the_newest_of_the_changelog():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    headings = re.findall(
        r"^## \[?v?(\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(), flags=re.M
    )
    assert headings[:1] == [version]


def test_the_license_is_whole():
    text = (ROOT / "LICENSE").read_text()
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


# Streamlit


def options(table: dict, prefix: str = "") -> list[str]:
    """Return the names of all values in nested tables, such as `server.headless`."""
    return [
        name
        for key, value in table.items()
        for name in (
            options(value, f"{prefix}{key}.") if isinstance(value, dict) else [f"{prefix}{key}"]
        )
    ]


def test_streamlit_knows_every_option_that_is_set():
    written = options(tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text()))
    known = set(streamlit_config._config_options_template)
    assert len(written) > 20
    assert [name for name in written if name not in known] == []


def test_nothing_is_sent_and_nothing_fetched_from_elsewhere():
    table = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    assert table["browser"]["gatherUsageStats"] is False
    assert "http" not in str(table["theme"])


def luminance(colour: str) -> float:
    """Return the relative luminance of `#rrggbb` as WCAG 2 defines it."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted([luminance(one), luminance(other)])
    return (lighter + 0.05) / (darker + 0.05)


def mixed(colour: str, background: str, share: float) -> str:
    pairs = [(int(colour[at : at + 2], 16), int(background[at : at + 2], 16)) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(top * share + below * (1 - share)):02x}" for top, below in pairs)


@pytest.mark.parametrize("name", ["light", "dark"])
def test_everything_written_is_readable(name: str):
    theme = THEME[name]
    background = theme["backgroundColor"]
    assert contrast("#ffffff", theme["primaryColor"]) >= 4.5, "text on a primary button"
    assert contrast(theme["primaryColor"], background) >= 4.5, "the open tab's name"
    assert contrast(mixed(theme["textColor"], background, 0.6), background) >= 4.5, "a caption"
    for behind in (background, theme["secondaryBackgroundColor"]):
        assert contrast(theme["textColor"], behind) >= 7
        assert contrast(theme["linkColor"], behind) >= 4.5
