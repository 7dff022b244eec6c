"""Databases of both kinds, as for the tests of the store."""

# Fixtures are found by their names here.
from store.conftest import postgres, postgres_url, sqlite_url, url  # noqa: F401
