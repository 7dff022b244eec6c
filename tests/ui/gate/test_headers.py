"""Headers of every answer: no framing, no foreign scripts, no guessing of types."""

import pytest
from ui.gate.standing import PAGE

from tl_ui.gate.headers import ALWAYS, app_policy


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/", {}),
        ("/", PAGE),
        ("/join", {}),
        ("/join?next=/run", {}),
        ("/api/health", {}),
        ("/api/nothing", {}),
        ("/", {"Host": "evil.example"}),
    ],
)
def test_every_answer_is_protected(house, path, headers):
    answer = house.client().get(path, headers=headers)
    assert {name: answer.headers[name] for name in ALWAYS} == ALWAYS
    policy = answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "'unsafe-eval'" not in policy
    scripts = next(part for part in policy.split("; ") if part.startswith(("script", "default")))
    assert "'unsafe-inline'" not in scripts


def test_the_inline_script_of_streamlits_page_is_allowed_by_its_hash():
    assert app_policy().count("'sha256-") == 1


def test_a_page_of_the_gate_runs_no_script_at_all(house):
    policy = house.client().get("/join").headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "script-src" not in policy
