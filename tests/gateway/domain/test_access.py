import pytest

from gateway.domain.access import EVERYTHING, NOTHING, Grants, Scope, UnknownScope


def test_a_scope_without_a_source_holds_for_every_source() -> None:
    grants = Grants.of(["messages:read"])
    assert grants.allow(Scope.MESSAGES_READ, "thulium")
    assert grants.allow_anywhere(Scope.MESSAGES_READ)


def test_a_scope_with_a_source_holds_for_that_one_alone() -> None:
    grants = Grants.of(["messages:write@support-pl", "messages:write@support-se"])
    asked = ("support-pl", "support-se", "support")
    assert [grants.allow(Scope.MESSAGES_WRITE, source) for source in asked] == [True, True, False]
    assert grants.allow_anywhere(Scope.MESSAGES_WRITE)


@pytest.mark.parametrize("order", [1, -1])
def test_the_wider_grant_wins_in_either_order(order: int) -> None:
    grants = Grants.of(["messages:read", "messages:read@thulium"][::order])
    assert grants.allow(Scope.MESSAGES_READ, "tulo")


@pytest.mark.parametrize("scope", list(Scope))
def test_one_scope_grants_no_other(scope: Scope) -> None:
    grants = Grants.of([scope])
    assert [each for each in Scope if grants.allow(each, "thulium")] == [scope]
    assert [each for each in Scope if grants.allow_anywhere(each)] == [scope]


def test_everything_and_nothing_are_what_they_say() -> None:
    assert all(EVERYTHING.allow(scope, "any") for scope in Scope)
    assert not any(NOTHING.allow(scope, "any") or NOTHING.allow_anywhere(scope) for scope in Scope)


def test_grants_are_written_as_they_were_read() -> None:
    texts = ["messages:write@b", "operate", "messages:write@a", "accounts:read"]
    assert list(Grants.of(texts)) == ["accounts:read", "messages:write@a", "messages:write@b", "operate"]


@pytest.mark.parametrize(
    "text", ["", "messages", "messages:READ", "messages:read@", "@thulium", "*", "openid"]
)
def test_a_text_that_is_no_scope_is_refused_with_those_that_are(text: str) -> None:
    with pytest.raises(UnknownScope, match="Known: accounts:read, "):
        Grants.of([text])


def test_another_systems_scopes_grant_nothing() -> None:
    assert list(Grants.known(["openid", "tickets:read", "messages:read@"])) == ["tickets:read"]
