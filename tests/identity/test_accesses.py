import re

from gateway.sandbox import KINDS
from tests.identity.accesses import STATIC, WORD, make_cast

CAST = make_cast(7)


def test_every_access_has_a_word_of_its_own() -> None:
    words = [each.word for each in CAST.accesses]
    assert len(set(words)) == len(words) == 1 + 9 * len(KINDS)
    assert all(WORD.fullmatch(word.encode()) for word in words)
    assert all(CAST.owner(each.word.upper().encode()) == each for each in CAST.accesses)


def test_credentials_are_as_alike_as_can_be() -> None:
    for source in KINDS:
        secrets = {each.name: each.accesses[source].secret or "" for each in CAST.callers}
        base = secrets["base"]
        assert secrets["base, too"] == base
        assert secrets["one character"][:-1] == base[:-1]
        assert secrets["case"] == base.swapcase() != base
        assert secrets["longer"].startswith(base)
        assert base.startswith(secrets["prefix"])
    same = {
        each.accesses[source].secret for each in CAST.callers for source in KINDS if each.name == "everywhere"
    }
    assert len(same) == 1


def test_what_is_searched_for_is_in_every_credential() -> None:
    for access in CAST.accesses:
        if access.secret is not None:
            assert any(secret in access.secret.lower().encode() for secret in CAST.secrets), access


def test_one_without_credentials_sends_none_and_may_see_what_is_everybodys() -> None:
    (nobody,) = (each for each in CAST.callers if each.name == "nobody")
    assert nobody.headers == {}
    assert nobody.words == {CAST.static.word.encode()}
    assert nobody.accesses[STATIC] == CAST.static


def test_all_that_is_sent_stands_in_headers_as_it_is() -> None:
    for caller in CAST.callers:
        for name, secret in caller.headers.items():
            assert re.fullmatch(r"x-key-[a-z-]+", name)
            assert re.fullmatch(r"[!-~]([ -~]*[!-~])?", secret)


def test_the_same_seed_gives_the_same_callers() -> None:
    assert make_cast(7) == CAST
    assert make_cast(8).secrets != CAST.secrets
