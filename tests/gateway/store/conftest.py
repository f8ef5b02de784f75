from pathlib import Path

import pytest

from tests.databases import Database, postgres_database, postgres_url, sqlite_database


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without any table."""
    return f"sqlite:///{tmp_path / 'ledger.db'}" if request.param == "sqlite" else postgres_url()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    return sqlite_database(tmp_path) if request.param == "sqlite" else postgres_database()
