import orjson
import pytest

from gateway.domain.errors import LimitExceeded
from gateway.security.json_limits import check_json
from gateway.security.limit_settings import LimitSettings

LIMITS = LimitSettings(max_json_depth=5, max_json_values=100)
TOO_DEEP = "The request's JSON nests deeper than the 5 levels that are allowed."
TOO_MANY = "The request's JSON has more than the 100 values that are allowed."


def _lists(depth: int) -> object:
    return orjson.loads("[" * depth + "1" + "]" * depth)


def _objects(depth: int) -> object:
    return orjson.loads('{"a":' * depth + "1" + "}" * depth)


@pytest.mark.parametrize("nested", [_lists, _objects])
def test_json_may_nest_as_deep_as_the_limit_says(nested: object) -> None:
    assert callable(nested)
    check_json(nested(5), LIMITS)
    with pytest.raises(LimitExceeded, match=TOO_DEEP):
        check_json(nested(6), LIMITS)


@pytest.mark.parametrize(
    "sent", [[1] * 100, {"a": [1] * 99}, [[1] * 50, [1] * 50], {str(n): n for n in range(100)}]
)
def test_json_may_hold_as_many_values_as_the_limit_says(sent: object) -> None:
    with pytest.raises(LimitExceeded, match=TOO_MANY):
        check_json(sent, LIMITS)


@pytest.mark.parametrize("sent", [None, 1, "text", [], {}, [1] * 99, {"a": [1] * 98}])
def test_json_within_the_limits_passes(sent: object) -> None:
    check_json(sent, LIMITS)


def test_the_deepest_json_that_can_be_decoded_is_refused() -> None:
    with pytest.raises(LimitExceeded):
        check_json(_lists(1_000), LimitSettings())


def test_deeper_json_is_no_json_to_the_decoder() -> None:
    with pytest.raises(orjson.JSONDecodeError):
        _lists(100_000)
