from pathlib import Path

import pytest

from gateway.store.address import Address, PostgresDatabase, SqliteFile, parse


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("sqlite:///ledger.db", SqliteFile(Path("ledger.db"))),
        ("sqlite:////var/lib/gateway/a ledger.db", SqliteFile(Path("/var/lib/gateway/a ledger.db"))),
        ("postgresql://u:p@h/d?sslmode=require", PostgresDatabase("postgresql://u:p@h/d?sslmode=require")),
        ("postgresql+asyncpg://u:p@h1,h2/d", PostgresDatabase("postgresql://u:p@h1,h2/d")),
        ("postgres:///d?host=/run", PostgresDatabase("postgresql:///d?host=/run")),
    ],
)
def test_a_url_says_where_a_ledger_is(url: str, address: Address) -> None:
    assert parse(url) == address


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ledger.db",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite://s3cret/ledger.db",
        "sqlite:///ledger.db?mode=memory",
        "sqlite+aiosqlite:///ledger.db",
        "mysql://u:s3cret@h/d",
        "postgresql+psycopg://u:s3cret@h/d",
        "postgresql:u:s3cret@h/d",
        "postgresql://",
    ],
)
def test_any_other_url_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(
        ValueError, match=r"^must be sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE$"
    ):
        parse(url)


def test_a_password_is_not_shown() -> None:
    assert "s3cret" not in repr(parse("postgresql://u:s3cret@h/d"))
