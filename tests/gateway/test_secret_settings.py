"""No secret of any setting shows in what is printed of settings, or said of mistakes in them."""

from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel, SecretStr, ValidationError

from gateway.commands.config import lines
from gateway.config import Settings, check
from gateway.domain.errors import ConfigError
from gateway.observability.redaction import secrets_of
from gateway.sources.registry import SPECS

PLANTED = "planted-secret-4711-with-thirty-two-characters"


def _types(annotation: Any) -> Iterator[Any]:
    yield annotation
    for each in get_args(annotation):
        yield from _types(each)


def secret_fields(model: type[BaseModel]) -> Iterator[tuple[type[BaseModel], str, Any]]:
    """Every setting below a model that holds a secret: whose, its name, and a value for it."""
    for name, field in model.model_fields.items():
        for each in _types(field.annotation):
            if each is SecretStr:
                in_table = get_origin(field.annotation) is Mapping
                yield model, name, {"x": PLANTED} if in_table else PLANTED
            elif isinstance(each, type) and issubclass(each, BaseModel) and each is not model:
                yield from secret_fields(each)


MODELS: list[type[BaseModel]] = [Settings, *(spec.settings for spec in SPECS.values())]
FIELDS = [each for model in MODELS for each in secret_fields(model)]


def test_every_secret_setting_is_known() -> None:
    assert {(model.__name__, name) for model, name, _ in FIELDS} >= {
        ("LedgerSettings", "url"),
        ("ForwardingSettings", "id_key"),
        ("TracingSettings", "headers"),
        ("TuloSettings", "client_secret"),
        ("ServiceOrderHubSettings", "token"),
        ("NeteviaSettings", "token"),
        ("TelecomxSettings", "password"),
        ("TelecomxSettings", "token"),
        ("ThuliumSettings", "api_password"),
    }


@pytest.mark.parametrize(("model", "name", "value"), FIELDS)
class TestEach:
    def test_it_shows_in_nothing_that_is_made_of_the_settings(
        self, model: type[BaseModel], name: str, value: Any
    ) -> None:
        secret: Any = (
            {key: SecretStr(each) for key, each in value.items()}
            if isinstance(value, dict)
            else SecretStr(value)
        )
        settings = model.model_construct(**{name: secret})

        shown = [repr(settings), str(settings), f"{settings!r:>1}", settings.model_dump_json(warnings=False)]
        shown += [str(settings.model_dump()), "\n".join(lines(settings, {}))]
        assert [each for each in shown if PLANTED in each] == []
        assert PLANTED in secrets_of(settings), "the redactor knows it"

    def test_it_shows_in_no_complaint(self, model: type[BaseModel], name: str, value: Any) -> None:
        """Neither in one about itself nor in one about its neighbours."""
        for given in ({name: value, "nonsense": 1}, {name: [value]}, {name: {"x": {"y": value}}}):
            with pytest.raises(ValidationError) as refused:
                model.model_validate(given)
            assert PLANTED not in str(refused.value)
            assert PLANTED not in repr(refused.value)


@pytest.mark.parametrize("kind", SPECS)
def test_a_refused_configuration_quotes_no_secret(kind: str) -> None:
    secrets = [name for model, name, _ in secret_fields(SPECS[kind].settings)]
    source = {"kind": kind, "base_url": PLANTED, "nonsense": PLANTED, **{name: [PLANTED] for name in secrets}}
    with pytest.raises(ConfigError) as refused:
        check({"ledger": {"url": PLANTED}, "forwarding": {"id_key": [PLANTED]}, "sources": {"desk": source}})
    assert PLANTED not in f"{refused.value} {refused.value!r}"
