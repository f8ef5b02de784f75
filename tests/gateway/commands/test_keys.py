"""`keys`: made, seen and revoked in a real ledger."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway import config
from gateway.__main__ import main
from gateway.app import open_ledger
from gateway.commands.keys import create_key, list_keys, revoke_key
from gateway.config import Settings
from gateway.domain.access import WriteAs
from gateway.domain.api_keys import ApiKey
from gateway.domain.ledger import LedgerUnavailable
from gateway.observability.logs import configure_logs
from gateway.security.keys import KeyRing, is_key, new_key
from tests.ledgers import new_ledger

DESK = {"kind": "netevia", "base_url": "http://127.0.0.1:9/", "token": "t"}
TODAY = f"{datetime.now(UTC):%Y-%m-%d}"


@pytest.fixture(autouse=True)
def _logs() -> None:
    configure_logs()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return config.check(
        {"ledger": {"url": new_ledger(tmp_path)}, "sources": {"bank": DESK, "support-pl": DESK}}
    )


def kept(settings: Settings, *more: ApiKey) -> list[ApiKey]:
    """Put keys into the ledger; what it holds then."""

    async def run() -> list[ApiKey]:
        async with open_ledger(settings) as ledger:
            for key in more:
                await ledger.add_key(key)
            return await ledger.keys()

    return asyncio.run(run())


def subject(settings: Settings, text: str) -> str | None:
    """Whom a running gateway takes a key for."""

    async def run() -> str | None:
        async with open_ledger(settings) as ledger:
            keys = KeyRing(ledger)
            await keys.refresh()
            found = keys.known(text)
            return None if found is None else found.subject

    return asyncio.run(run())


def aged(name: str, **changed: datetime) -> ApiKey:
    made = new_key()
    created = datetime.now(UTC) - timedelta(days=400)
    return ApiKey(
        id=made.id,
        name=name,
        digest=made.digest,
        scopes=("operate",),
        **{"created_at": created, **changed},  # type: ignore[arg-type]
    )


def test_a_key_is_alone_on_standard_output_and_works(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    scopes = ["messages:write@support-pl", "messages:read", "messages:write@bank"]
    identities = ["support-pl:agent=ola", "bank:author_name=Ola = Nowak", "bank:author_email=ola@example.org"]
    assert create_key(settings, "desk-frontend", scopes=scopes, write_as=identities) == 0
    output, errors = capsys.readouterr()
    text = output.removesuffix("\n")
    assert is_key(text)
    (key,) = kept(settings)
    assert key == ApiKey(
        id=text[4:16],
        name="desk-frontend",
        digest=key.digest,
        scopes=("messages:read", "messages:write@bank", "messages:write@support-pl"),
        writes_as={
            "support-pl": WriteAs(agent="ola"),
            "bank": WriteAs(author_name="Ola = Nowak", author_email="ola@example.org"),
        },
        created_at=key.created_at,
        expires_at=key.created_at + timedelta(days=365),
    )
    assert errors == (
        f"Key {key.id} of desk-frontend expires on {key.expires_at:%Y-%m-%d}. "
        "This is the only time that it is shown:\n"
    )
    assert subject(settings, text) == "key:desk-frontend"


def test_it_expires_when_that_is_said_or_never(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert create_key(settings, "short", scopes=["operate"], expires_days=7) == 0
    assert create_key(settings, "endless", scopes=["operate"], expires_days=None) == 0
    short, endless = kept(settings)
    assert (short.expires_at, endless.expires_at) == (short.created_at + timedelta(days=7), None)
    assert "Key " + endless.id + " of endless never expires." in capsys.readouterr().err


def test_other_keys_of_a_name_are_named_as_they_go_on(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    past = datetime.now(UTC) - timedelta(days=1)
    old, expired, revoked = aged("desk"), aged("desk", expires_at=past), aged("desk", revoked_at=past)
    kept(settings, old, expired, revoked, aged("other"))
    assert create_key(settings, "desk", scopes=["operate"]) == 0
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == f"desk has other keys too, which go on: {old.id}. All of them are one caller."


@pytest.mark.parametrize(
    "name", ["", "Desk", "desk frontend", "-desk", "d" * 64, "desk:1", "desk\n", "ółka", "a/b"]
)
def test_a_bad_name_is_refused(settings: Settings, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert create_key(settings, name, scopes=["operate"]) == 2
    said = (
        f"{name!r} is no name for a key: such a name has up to 63 of a-z, 0-9, dot, hyphen and underscore, "
        "and begins with a letter or digit.\n"
    )
    assert capsys.readouterr() == ("", said)
    assert kept(settings) == []


def test_everything_that_is_wrong_is_told_at_once_with_what_would_be_right(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    done = create_key(
        settings,
        "Desk",
        scopes=["messages:raed", "messages:read@bnak", "messages:read@", "operate"],
        write_as=["bank:agnet=ola", "bank:agent=", "nowhere:agent=ola", "ola", "bank:agent=a\nb"],
    )
    assert done == 2
    output, errors = capsys.readouterr()
    assert output == ""
    lines = errors.splitlines()
    form = (
        "doesn't say who the key is at a source. Write it like support:agent=ola, "
        "support:author_name=Ola Nowak or support:author_email=ola@example.org."
    )
    assert lines[1].startswith("`messages:raed` is no scope. Known: accounts:read, ")
    assert lines[3].startswith("`messages:read@` is no scope. Known: accounts:read, ")
    assert [lines[2], *lines[4:]] == [
        "There is no source 'bnak'. Configured: bank, support-pl.",
        f"'bank:agnet=ola' {form}",
        f"'bank:agent=' {form}",
        "There is no source 'nowhere'. Configured: bank, support-pl.",
        f"'ola' {form}",
        f"'bank:agent=a\\nb' {form}",
    ]
    assert kept(settings) == []


def test_keys_are_listed_in_a_table_without_their_digests(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert list_keys(settings) == 0
    assert capsys.readouterr() == ("No keys.\n", "")
    now = datetime.now(UTC)
    keys = kept(
        settings,
        aged("desk"),
        aged("gone", expires_at=now - timedelta(days=1)),
        aged("lost-laptop", revoked_at=now, expires_at=now + timedelta(days=9)),
    )
    assert list_keys(settings) == 0
    output, errors = capsys.readouterr()
    created = f"{now - timedelta(days=400):%Y-%m-%d}"
    by_name = {key.name: key.id for key in keys}
    rows = {
        "desk": f"{by_name['desk']}  desk         operate  {created}  never       active",
        "gone": f"{by_name['gone']}  gone         operate  {created}  {now - timedelta(days=1):%Y-%m-%d}  expired",
        "lost-laptop": f"{by_name['lost-laptop']}  lost-laptop  operate  {created}  {now + timedelta(days=9):%Y-%m-%d}  revoked",
    }
    assert output.splitlines() == [
        "ID            NAME         SCOPES   CREATED     EXPIRES     STATE",
        *(rows[key.name] for key in keys),
    ]
    assert errors == ""
    assert not any(re.search(key.digest, output) for key in keys)


def test_a_revoked_key_is_worth_nothing(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    create_key(settings, "desk", scopes=["operate"], expires_days=None)
    text = capsys.readouterr().out.strip()
    (key,) = kept(settings)
    for _ in range(2):
        assert revoke_key(settings, key.id) == 0
        assert capsys.readouterr() == (f"{key.id}  desk  operate  {TODAY}  never  revoked\n", "")
    assert subject(settings, text) is None


def test_an_id_that_nobody_has_can_not_be_revoked(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert revoke_key(settings, "0" * 12) == 1
    assert capsys.readouterr() == ("", "There is no key of that id. `keys list` prints them all.\n")


@pytest.fixture
def configured(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """The same ledger for the command line, which reads its configuration from the environment."""
    monkeypatch.setenv("HELPDESK_GATEWAY_LEDGER__URL", settings.ledger.url.get_secret_value())
    monkeypatch.chdir(tmp_path)
    return settings


def test_the_command_line_makes_lists_and_revokes(
    configured: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        main(["keys", "create", "desk", "--scope", "messages:read", "operate", "--expires-days", "30"]) == 0
    )
    assert (
        main(["keys", "create", "backup", "--scope", "operate", "--scope", "cases:read", "--never-expires"])
        == 0
    )
    texts = capsys.readouterr().out.splitlines()
    keys = kept(configured)
    assert [(each.name, each.scopes) for each in keys] == [
        ("desk", ("messages:read", "operate")),
        ("backup", ("cases:read", "operate")),
    ]
    assert [subject(configured, text) for text in texts] == ["key:desk", "key:backup"]
    assert main(["keys", "revoke", keys[0].id]) == 0
    assert main(["keys", "list"]) == 0
    assert [line.rpartition(" ")[2] for line in capsys.readouterr().out.splitlines()[2:]] == [
        "revoked",
        "active",
    ]


def test_a_whole_key_in_place_of_its_id_is_refused_and_not_shown_again(
    configured: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    text = new_key().text
    with pytest.raises(SystemExit) as caught:
        main(["keys", "revoke", text])
    output, errors = capsys.readouterr()
    assert (caught.value.code, output, text in errors) == (2, "", False)


def test_without_a_ledger_no_key_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    away = config.check({"ledger": {"url": f"sqlite:///{tmp_path}/none/ledger.db"}})
    with pytest.raises(LedgerUnavailable):
        create_key(away, "desk", scopes=["operate"])
    assert capsys.readouterr() == ("", "")
