"""Credentials that change in their files while the gateway runs."""

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from pydantic import BaseModel, SecretStr

from gateway.domain.callers import Credential
from gateway.domain.deadline import Deadline, current_deadline, within
from gateway.domain.errors import SourceAuthError
from gateway.observability import redaction
from gateway.observability.logs import configure_logs
from gateway.observability.redaction import MASK, Redactor
from gateway.sources.auth import Auth, Session, SessionToken, fixed, in_header
from gateway.sources.authorised import Authorised
from gateway.sources.renewal import PAUSE_S, Renewal, UnreadableCredential
from gateway.transport import Call, Reply

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
READ = Call("read case", "GET", "case", safe=True)
WRITE = Call("reply", "POST", "reply", safe=False, body=b"{}")
either = pytest.mark.parametrize("call", [READ, WRITE], ids=["read", "write"])


@pytest.fixture(autouse=True)
def _logs(monkeypatch: pytest.MonkeyPatch) -> None:
    configure_logs()
    monkeypatch.setattr(redaction._Learnt, "secrets", ())


class Desk(BaseModel):
    token: SecretStr


@dataclass
class World:
    """A source that takes one credential, and a file that holds one."""

    taken: str = "secret-1"
    held: str | None = "secret-1"
    now_s: float = 0.0

    def __post_init__(self) -> None:
        self.reads = 0
        self.log_ins = 0
        self.voided = 0
        self.sent: list[str] = []
        self.deadlines: list[Deadline | None] = []

    async def send(self, call: Call) -> Reply:
        self.sent.append(call.headers["x-token"])
        await asyncio.sleep(0)
        return Reply(
            200 if call.headers["x-token"].removeprefix("session of ") == self.taken else 401, {}, b""
        )

    async def close(self) -> None:
        pass

    def reread(self, settings: Desk) -> Desk:
        self.reads += 1
        if self.held is None:
            raise UnreadableCredential("token_file: /run/x: No such file or directory")
        return settings.model_copy(update={"token": SecretStr(self.held)})

    def log_in_with(self, settings: Desk) -> Auth:
        """A credential that is got by logging in."""

        async def log_in() -> SessionToken:
            self.log_ins += 1
            self.deadlines.append(current_deadline())
            await asyncio.sleep(0)
            if settings.token.get_secret_value() != self.taken:
                raise SourceAuthError("desk", detail="auth/login: 401")
            return SessionToken(f"session of {settings.token.get_secret_value()}", None)

        return Session(log_in, clock=lambda: NOW)

    def layer(self, *, session: bool = False) -> Authorised:
        settings = Desk(token=SecretStr("secret-1"))

        def make(settings: Desk) -> Auth:
            return self.log_in_with(settings) if session else fixed(settings.token)

        def void() -> None:
            self.voided += 1

        renewal = Renewal(
            "desk", settings, reread=self.reread, make=make, renewed=void, now=lambda: self.now_s
        )
        return Authorised(
            self,
            put=in_header("x-token"),
            auth=make(settings),
            is_log_in_refused=lambda _: True,
            renew=renewal,
        )


@either
async def test_a_refused_credential_is_read_anew_and_the_call_sent_once_more(call: Call) -> None:
    world = World(taken="secret-2", held="secret-2")
    layer = world.layer()

    assert (await layer.send(call)).status == 200
    assert (await layer.send(call)).status == 200
    assert world.sent == ["secret-1", "secret-2", "secret-2"]
    assert (world.reads, world.voided) == (1, 1)


@either
async def test_a_file_that_holds_the_refused_one_changes_nothing(call: Call) -> None:
    world = World(taken="secret-2")

    assert (await world.layer().send(call)).status == 401
    assert world.sent == ["secret-1"], "the same credential would be refused again"
    assert (world.reads, world.voided) == (1, 0)


async def test_a_call_is_sent_twice_at_most() -> None:
    world = World(taken="secret-3", held="secret-2")

    assert (await world.layer().send(WRITE)).status == 401
    assert world.sent == ["secret-1", "secret-2"]
    assert world.reads == 1


async def test_without_a_refusal_nothing_is_read() -> None:
    world = World(held="secret-2")
    await world.layer().send(READ)
    assert world.reads == 0


async def test_many_refusals_at_once_read_the_file_once() -> None:
    world = World(taken="secret-2", held="secret-2")
    layer = world.layer()

    replies = await asyncio.gather(*(layer.send(READ) for _ in range(20)))

    assert {each.status for each in replies} == {200}
    assert world.sent.count("secret-1") == world.sent.count("secret-2") == 20
    assert world.reads == 1


async def test_who_is_refused_right_behind_a_look_gets_what_it_has_found() -> None:
    """The look is over, and nobody has put what it found to use yet."""
    world = World(held="secret-2")
    looks = Renewal(
        "desk",
        Desk(token=SecretStr("secret-1")),
        reread=world.reread,
        make=lambda settings: fixed(settings.token),
        now=lambda: world.now_s,
    )

    found = await looks()

    assert found is not None
    assert await looks() is found
    assert world.reads == 1


async def test_a_file_is_not_read_at_every_refusal() -> None:
    world = World(taken="secret-2")
    layer = world.layer()
    for _ in range(5):
        await layer.send(READ)
    assert world.reads == 1

    world.held = "secret-2"
    world.now_s = PAUSE_S - 0.001
    assert (await layer.send(READ)).status == 401
    world.now_s = PAUSE_S
    assert (await layer.send(READ)).status == 200
    assert world.reads == 2


async def test_a_file_that_cannot_be_read_leaves_things_as_they_were(
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = World(taken="secret-2", held=None)
    configure_logs()

    assert (await world.layer().send(READ)).status == 401
    (line,) = capsys.readouterr().err.splitlines()
    assert '"event": "secret_file_unusable"' in line
    assert "No such file" in line


async def test_a_callers_own_credential_is_not_read_anew() -> None:
    world = World(taken="secret-2", held="secret-2")
    forwarded = replace(READ, credential=Credential("id", "anns-own"))

    assert (await world.layer().send(forwarded)).status == 401
    assert (world.sent, world.reads) == (["anns-own"], 0)


class TestLogIns:
    @either
    async def test_a_refused_password_is_read_anew(self, call: Call) -> None:
        world = World(taken="secret-2", held="secret-2")

        assert (await world.layer(session=True).send(call)).status == 200
        assert (world.sent, world.log_ins, world.reads) == (["session of secret-2"], 2, 1)

    async def test_a_session_that_ended_is_renewed_without_a_look_at_the_file(self) -> None:
        world = World()
        layer = world.layer(session=True)
        await layer.send(READ)
        world.sent.clear()
        layer._auth.refused("session of secret-1")

        assert (await layer.send(READ)).status == 200
        assert (world.log_ins, world.reads) == (2, 0)

    async def test_a_session_that_ended_and_a_password_that_changed(self) -> None:
        world = World(held="secret-2")
        layer = world.layer(session=True)
        await layer.send(READ)
        world.taken = "secret-2"

        assert (await layer.send(WRITE)).status == 200
        assert world.sent == ["session of secret-1"] * 2 + ["session of secret-2"]

    async def test_a_password_that_is_refused_still_fails_as_before_and_nothing_was_sent(self) -> None:
        world = World(taken="secret-2")

        with pytest.raises(SourceAuthError) as refused:
            await world.layer(session=True).send(WRITE)

        assert (refused.value.detail, refused.value.sent, world.sent) == ("auth/login: 401", False, [])
        assert (world.log_ins, world.reads) == (1, 1)

    async def test_a_new_one_that_is_refused_too_is_not_tried_again(self) -> None:
        world = World(taken="secret-3", held="secret-2")

        with pytest.raises(SourceAuthError) as refused:
            await world.layer(session=True).send(WRITE)

        assert (refused.value.sent, world.sent, world.log_ins) == (False, [], 2)

    async def test_it_has_no_deadline_of_a_call(self) -> None:
        world = World(taken="secret-2", held="secret-2")
        with within(Deadline.after(60.0)):
            await world.layer(session=True).send(READ)
        assert world.deadlines == [None, None]


async def test_the_reading_outlives_the_call_that_started_it() -> None:
    world = World(taken="secret-2", held="secret-2")
    layer = world.layer()
    first = asyncio.ensure_future(layer.send(READ))
    async with asyncio.timeout(10):
        while not world.reads:  # noqa: ASYNC110 - it is counted in a thread
            await asyncio.sleep(0)
    second = asyncio.ensure_future(layer.send(READ))
    first.cancel()

    assert (await second).status == 200
    assert world.reads == 1


async def test_the_old_and_the_new_one_are_hidden_from_then_on() -> None:
    before = Redactor(["secret-1"])
    assert before.text("secret-1 secret-2") == f"{MASK} secret-2"
    world = World(taken="secret-2", held="secret-2")

    await world.layer().send(READ)

    assert before.text("secret-1 secret-2") == f"{MASK} {MASK}"
    assert Redactor().text("secret-2") == MASK
