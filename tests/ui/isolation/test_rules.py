"""Rules by which no part of the app can forget for whom it works, read from the source."""

import ast

import pytest
from test_layers import ROOT, imports

HOUSE = {
    "app.py",
    # Everyone waits in one queue; of others it is told how many wait and how long they take.
    "tl_ui/forecast.py",
    "tl_ui/queue.py",
    "tl_ui/people.py",
    "tl_ui/resources.py",
}
"""Files that may use the whole house's workspace: what tells who somebody is, and what binds."""
SETTINGS_ALONE = {"tl_ui/main.py", "tl_ui/classroom/words.py"}
"""Files that may read the settings, in which nothing of anybody is."""
COMMON_CACHES = {
    "tl_ui/background.py:get_jobs",
    "tl_ui/data/uploads.py:_uploads_in",
    "tl_ui/forecast.py:_estimate_waiting",
    "tl_ui/gate/headers.py:app_policy",
    "tl_ui/gate/pages.py:_icon",
    "tl_ui/gate/pages.py:_read",
    "tl_ui/gate/pages.py:_style",
    "tl_ui/gate/pages.py:_templates",
    "tl_ui/queue.py:_queue",
    "tl_ui/routes/packed.py:_plotly_js",
    "tl_ui/run/phases.py:_stage_names",
    "tl_ui/setting_labels.py:_schema",
    "tl_ui/setting_labels.py:kind",
    "tl_ui/tokens.py:_secret_of_process",
    "tl_ui/try_it/one_image.py:_heats",
}
"""Caches that hold nothing of anybody, or whose keys hold the person, as that of `Wanted` does."""
BY_PERSON = ("cached_by_person", "_by_person")


def sources():
    return [*ROOT.glob("app.py"), *ROOT.glob("pages/*.py"), *ROOT.glob("tl_ui/**/*.py")]


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def decorated(path):
    """Yield name and decorators, as source, of each function."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, [ast.unparse(each) for each in node.decorator_list]


def common_caches(path):
    """Yield the functions whose results are kept for everyone."""
    for function, decorators in decorated(path):
        kept = [each for each in decorators if "cache" in each.split("(")[0].lower()]
        # Those of an object live no longer than it does.
        kept = [each for each in kept if not each.startswith(("cached_property", "cachedmethod"))]
        if any(not any(word in each for word in BY_PERSON) for each in kept):
            yield f"{name_of(path)}:{function}"


def test_the_whole_house_is_open_to_few_files():
    users = {name_of(p) for p in sources() if any(m.startswith("tl_ui.house") for m in imports(p))}
    assert users == HOUSE | SETTINGS_ALONE


@pytest.mark.parametrize("name", sorted(SETTINGS_ALONE))
def test_the_others_read_the_settings_alone(name):
    taken = {m for m in imports(ROOT / name) if m.startswith("tl_ui.house.")}
    assert taken == {"tl_ui.house.get_settings"}


def test_results_are_kept_by_person_unless_they_are_nobodys():
    found = {
        each for path in sources() if "house.py" not in path.name for each in common_caches(path)
    }
    assert found == COMMON_CACHES


def test_streamlits_own_caches_which_know_no_person_are_not_used():
    for path in sources():
        assert "st.cache" not in path.read_text("utf-8").replace("`st.cache_resource`", ""), path
