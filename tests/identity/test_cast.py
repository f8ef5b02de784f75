import re

import pytest

from gateway.domain.access import Scope
from tests.identity.accesses import STATIC
from tests.identity.cast import Caller, make_cast

CAST = make_cast(7)
ALIKE = make_cast(7, asks_who=False)
BY_NAME = {each.name: each for each in CAST.callers}
ANN, TOO, AGAIN, CASE = (BY_NAME[name] for name in ("base", "base, too", "base again", "case"))


def sees(caller: Caller, word: str) -> bool:
    return CAST.may_see(caller, word.encode())


def test_one_without_credentials_sends_none_and_may_see_what_is_everybodys() -> None:
    nobody = BY_NAME["nobody"]
    assert nobody.headers == {}
    assert all(sees(nobody, access.word("m")) for access in CAST.static.values())
    assert not any(sees(nobody, each.word("m")) for each in CAST.accesses if each.source not in STATIC)


def test_all_that_is_sent_stands_in_headers_as_it_is() -> None:
    for caller in CAST.callers:
        for name, secret in caller.headers.items():
            assert re.fullmatch(r"x-key-[a-z-]+", name)
            assert re.fullmatch(r"[!-~]([ -~]*[!-~])?", secret)


def test_two_keys_of_one_name_are_one_owner() -> None:
    assert ANN.login.headers != AGAIN.login.headers
    assert ANN.owner("tulo") == AGAIN.owner("tulo") != TOO.owner("tulo")
    assert ANN.owner("shared") == AGAIN.owner("shared") != TOO.owner("shared")


def test_at_a_source_with_the_gateways_credential_the_name_alone_tells_callers_apart() -> None:
    one, other = BY_NAME["mixed"], BY_NAME["mixed, too"]
    assert one.owner("shared") == other.owner("shared") != ANN.owner("shared")
    assert one.owner("tulo") != other.owner("tulo")


def test_a_name_of_a_token_is_no_name_of_a_key() -> None:
    subjects = {BY_NAME[name].login.subject for name in ("base", "a token", "a token of that name")}
    assert subjects == {"key:anna", "jwt:anna", "jwt:key%3Aanna"}


def test_a_text_may_be_seen_with_the_credential_and_a_scope_for_it() -> None:
    word = ANN.accesses["thulium"].word
    assert sees(ANN, word("m"))
    assert sees(TOO, word("m"))
    assert not sees(CASE, word("m"))
    assert not sees(BY_NAME["no messages"], word("m"))
    # A ticket's subject is a message's heading.
    assert sees(BY_NAME["no messages"], word("n"))
    assert not sees(BY_NAME["operator"], word("m"))


def test_a_scope_may_hold_for_some_sources() -> None:
    some = BY_NAME["some sources"]
    assert sees(some, some.accesses["thulium"].word("m"))
    assert sees(some, some.accesses["shared_bank"].word("m"))
    assert not sees(some, some.accesses["shared"].word("m"))


def test_a_key_may_be_seen_by_its_owner_and_by_who_operates_its_source() -> None:
    key = ANN.login.word("shared_bank")
    assert sees(ANN, key)
    assert sees(AGAIN, key)
    assert not sees(TOO, key)
    assert sees(BY_NAME["operator"], key)
    assert sees(BY_NAME["operator of one"], key)
    assert not sees(BY_NAME["operator of one"], ANN.login.word("shared"))


def test_a_word_that_nobody_has_may_be_seen_by_nobody() -> None:
    assert not any(sees(each, "zqaaaaaaaaamqz") for each in CAST.callers)


@pytest.mark.parametrize("name", [each.name for each in CAST.intruders])
def test_what_an_intruder_brings_is_no_callers_credential(name: str) -> None:
    good = [dict(headers) for each in CAST.callers for headers in each.login.headers]
    (intruder,) = (each for each in CAST.intruders if each.name == name)
    assert intruder.headers not in good


def test_what_is_searched_for_is_in_every_key_and_token() -> None:
    for caller in CAST.callers:
        for headers in caller.login.headers:
            for text in headers.values():
                assert any(secret in text.lower().encode() for secret in CAST.secrets)


def test_where_nobody_is_asked_all_have_one_name_and_none_operates() -> None:
    assert {each.login.subject for each in ALIKE.callers} == {"local"}
    assert all(each.login.headers == ({},) for each in ALIKE.callers)
    assert not any(each.login.grants.allow_anywhere(Scope.OPERATE) for each in ALIKE.callers)
    assert (ALIKE.intruders, ALIKE.asks_who, CAST.asks_who) == ((), False, True)


def test_the_same_seed_gives_the_same_callers() -> None:
    assert [each.accesses for each in make_cast(7).callers] == [each.accesses for each in CAST.callers]
