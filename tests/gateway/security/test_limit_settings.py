import pytest
from pydantic import BaseModel, ValidationError

from gateway.security.limit_settings import LimitSettings, RateSettings


@pytest.mark.parametrize("model", [LimitSettings, RateSettings])
def test_every_limit_has_bounds_and_says_what_it_limits(model: type[BaseModel]) -> None:
    for name, field in model.model_fields.items():
        assert field.description, name
        if field.annotation is not bool:
            bounds = {type(each).__name__ for each in field.metadata}
            assert bounds == {"Ge", "Le"}, name


@pytest.mark.parametrize("name", sorted(LimitSettings.model_fields))
def test_no_limit_can_be_below_or_beyond_what_is_sane(name: str) -> None:
    for value in (-1, 10**12, "many", None):
        with pytest.raises(ValidationError):
            LimitSettings.model_validate({name: value})


@pytest.mark.parametrize("name", sorted({*RateSettings.model_fields} - {"enabled"}))
def test_no_rate_can_be_below_or_beyond_what_is_sane(name: str) -> None:
    for value in (0, -1, 10**12, "many", None):
        with pytest.raises(ValidationError):
            RateSettings.model_validate({name: value})


def test_unknown_limits_are_refused() -> None:
    with pytest.raises(ValidationError):
        LimitSettings.model_validate({"max_dept": 3})
    with pytest.raises(ValidationError):
        RateSettings.model_validate({"enable": False})


def test_rates_can_be_switched_off() -> None:
    assert RateSettings(enabled=False) == RateSettings.model_validate({"enabled": False})
