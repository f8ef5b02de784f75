import random

from gateway.sandbox import KINDS
from tests.identity.accesses import STATIC, make_credentials
from tests.identity.words import WORD, parts

CREDENTIALS = make_credentials(random.Random(7))  # noqa: S311 - repeatable


def test_every_access_has_words_of_its_own() -> None:
    stems = [each.stem for each in CREDENTIALS.all]
    assert len(set(stems)) == len(stems) == len(STATIC) + 9 * len(KINDS)
    for each in CREDENTIALS.all:
        word = each.word("m").encode()
        assert WORD.fullmatch(word)
        assert parts(word) == parts(word.upper()) == (each.stem, "m")


def test_credentials_are_as_alike_as_can_be() -> None:
    for by_name in CREDENTIALS.by_source.values():
        secrets = {name: each.secret or "" for name, each in by_name.items()}
        base = secrets["base"]
        assert secrets["one character"][:-1] == base[:-1]
        assert secrets["case"] == base.swapcase() != base
        assert secrets["longer"].startswith(base)
        assert base.startswith(secrets["prefix"])
    assert len({by_name["everywhere"].secret for by_name in CREDENTIALS.by_source.values()}) == 1


def test_what_is_searched_for_is_in_every_credential() -> None:
    for access in CREDENTIALS.all:
        if access.secret is not None:
            assert any(
                core in access.secret or core in access.secret.swapcase() for core in CREDENTIALS.cores
            )


def test_the_same_seed_gives_the_same_credentials() -> None:
    assert make_credentials(random.Random(7)) == CREDENTIALS  # noqa: S311 - as above
    assert make_credentials(random.Random(8)).cores != CREDENTIALS.cores  # noqa: S311 - as above
