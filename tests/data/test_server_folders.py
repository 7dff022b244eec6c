"""Imports from the server are limited to folders that its operator allows."""

import zipfile

import pytest

from tl_core.data.server_folders import server_source
from tl_core.errors import DatasetRefused


@pytest.fixture
def allowed(tmp_path):
    folder = tmp_path / "allowed"
    (folder / "flowers").mkdir(parents=True)
    return folder


def test_a_folder_below_an_allowed_one_may_be_imported(allowed):
    assert server_source(f" {allowed / 'flowers'} ", [allowed]).kind == "folder"


def test_a_zip_below_an_allowed_folder_may_be_imported(allowed):
    zipfile.ZipFile(allowed / "some.zip", "w").close()
    assert server_source(str(allowed / "some.zip"), [allowed]).kind == "zip"


@pytest.mark.parametrize(
    "path",
    ["{0}/..", "{0}/../secret", "{0}-beside", "/", "/etc", "", "missing", "{0}/\0", "{0}/link"],
)
def test_other_paths_are_refused(allowed, tmp_path, path):
    (tmp_path / "secret").mkdir()
    (tmp_path / "allowed-beside").mkdir()
    (allowed / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(DatasetRefused, match="may be imported from"):
        server_source(path.format(allowed), [allowed])


def test_without_allowed_folders_there_is_none(allowed):
    with pytest.raises(DatasetRefused):
        server_source(str(allowed), [])
