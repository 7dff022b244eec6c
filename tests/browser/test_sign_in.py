"""Sign-in by OpenID Connect: a real provider, Streamlit's own routes, and sessions of ours."""

import pytest
from browser.oidc_provider import CLIENT, running_provider
from browsing import ROOT, Server, opened

from tl_core.access import Directory
from tl_core.records import Role
from tl_core.settings import Settings
from tl_core.workspace import open_workspace

ANN = {"sub": "7", "name": "Ann B.", "groups": ["heads"]}


@pytest.fixture(scope="module")
def provider():
    with running_provider() as provider:
        yield provider


@pytest.fixture(scope="module")
def server(provider, home):
    secrets = home / "secrets.toml"
    environment = {
        "TRANSFERLAB_ACCESS": "organisation",
        "TRANSFERLAB_ROLES": "heads=admin, lab=member",
        "STREAMLIT_SECRETS_FILES": str(secrets),
    }

    class WithSecrets(Server):
        def start(self):
            secrets.write_text(
                f'[auth]\nredirect_uri = "{self.url}/oauth2callback"\n'
                f'cookie_secret = "{"s" * 40}"\nclient_id = "{CLIENT}"\nclient_secret = "c"\n'
                f'server_metadata_url = "{provider.url}/.well-known/openid-configuration"\n'
            )
            super().start()

    server = WithSecrets(ROOT / "app.py", home, **environment)
    server.provider = provider
    yield server
    server.stop()


@pytest.fixture
def directory(server, home):
    workspace = open_workspace(Settings(home=home))
    yield Directory(workspace)
    workspace.store.close()


def sign_in(page, address="/runs"):
    page.goto(address)
    page.get_by_role("link", name="Sign in").click()


def cookies_of(page):
    return {cookie["name"]: cookie for cookie in page.context.cookies()}


def test_a_person_signs_in_lands_where_they_wanted_and_leaves(browser, server, provider, directory):
    provider.claims = ANN
    with opened(browser, server) as page:
        sign_in(page)
        page.get_by_role("heading", name="Runs", level=1).wait_for()
        assert page.url == f"{server.url}/runs"
        (ann,) = directory.people()
        assert (ann.name, ann.role) == ("Ann B.", Role.ADMIN)
        provider.claims = {**ANN, "name": "Ann C.", "groups": ["lab"]}
        page.goto("/leave")
        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("link", name="Sign in").wait_for()
        assert not {"transferlab_session", "_streamlit_user"} & set(cookies_of(page))
        sign_in(page)
        page.get_by_role("heading", name="Runs", level=1).wait_for()
        (same,) = directory.people()
        assert (same.id, same.name, same.role) == (ann.id, "Ann C.", Role.MEMBER)


@pytest.mark.parametrize(
    ("claims", "sentence"),
    [
        ({"sub": "9", "name": "Eve", "groups": []}, "none of your groups has a role here"),
        ({"sub": "8", "name": "Ben", "groups": ["lab"]}, "You were removed from here"),
    ],
)
def test_whoever_has_no_place_here_is_told_and_stays_out(
    browser, server, directory, claims, sentence
):
    provider = server.provider
    provider.claims = claims
    if claims["name"] == "Ben":
        ben = directory.enter(f"oidc {provider.url} 8", "Ben", Role.MEMBER)
        directory.remove(ben.id)
    with opened(browser, server) as page:
        sign_in(page)
        page.get_by_text(sentence).wait_for()
        assert not {"transferlab_session", "_streamlit_user"} & set(cookies_of(page))
        page.goto("/runs")
        assert "/join" in page.url


def test_streamlits_own_cookie_lets_nobody_in(browser, server, provider, directory):
    provider.claims = ANN
    with opened(browser, server) as page:
        sign_in(page)
        page.get_by_role("heading", name="Runs", level=1).wait_for()
        page.context.clear_cookies(name="transferlab_session")
        assert "_streamlit_user" in cookies_of(page)
        page.goto("/runs")
        assert "/join" in page.url
