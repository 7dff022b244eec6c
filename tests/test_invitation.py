"""Secret and addresses of an invitation."""

from urllib.parse import parse_qs, urlsplit

from tl_core.invitation import join_address, teacher_address, teacher_secret


def test_the_secret_is_long_and_stays_the_same(tmp_path):
    secret = teacher_secret(tmp_path)
    assert len(secret) >= 43
    assert teacher_secret(tmp_path) == secret
    assert teacher_secret(tmp_path / "other") != secret


def test_a_secret_cut_short_by_a_crash_is_made_anew(tmp_path):
    (tmp_path / "teacher.secret").write_text("short")
    assert len(teacher_secret(tmp_path)) >= 43


def test_addresses_carry_what_they_need():
    base = "https://192.168.1.5:8501"
    assert join_address(base) == f"{base}/join"
    address = urlsplit(teacher_address(base, "a+b/c="))
    assert (address.path, parse_qs(address.query)) == ("/teacher", {"secret": ["a+b/c="]})
