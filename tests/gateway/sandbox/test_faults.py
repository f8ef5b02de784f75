"""How far each setting of the dial goes."""

from typing import Any

import pytest

from gateway.sandbox import Faults


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        ({"latency_ms": -1}, "latency_ms must lie between 0 and 60000"),
        ({"latency_ms": 60_001}, "latency_ms must lie between 0 and 60000"),
        ({"latency_sigma": 6}, "latency_sigma must lie between 0 and 5"),
        ({"error_rate": 1.5}, "error_rate must lie between 0 and 1"),
        ({"error_rate": float("nan")}, "error_rate must lie between 0 and 1"),
        ({"error_status": 200}, "error_status must lie between 400 and 599"),
        ({"retry_after_s": -1}, "retry_after_s must not be negative"),
        ({"apply_after_s": -1}, "apply_after_s must lie between 0 and 86400"),
        ({"apply_after_s": 86_401}, "apply_after_s must lie between 0 and 86400"),
        ({"apply_after_s": float("nan")}, "apply_after_s must lie between 0 and 86400"),
        ({"errors": {200: 0.5}}, "errors: the status 200 must lie between 400 and 599"),
        ({"errors": {503: 1.5}}, "errors: the share of 503 must lie between 0 and 1"),
        ({"errors": {503: float("nan")}}, "errors: the share of 503 must lie between 0 and 1"),
        (
            {"errors": {503: 0.6}, "error_rate": 0.6},
            "errors: with error_rate the shares add up to 1.2, which must be 1 at most",
        ),
        ({"retry_after_share": 2}, "retry_after_share must lie between 0 and 1"),
        ({"retry_after_form": "soon"}, "retry_after_form must be one of seconds, date"),
        ({"slow_bytes_per_s": 0}, "slow_bytes_per_s must lie between 1 and 1000000000"),
        ({"slow_pieces": 0}, "slow_pieces must lie between 1 and 10000"),
        ({"slow_pause_s": 61}, "slow_pause_s must lie between 0 and 60"),
        ({"page_items": 1001}, "page_items must lie between -1000 and 1000"),
        ({"shapes": ["round"]}, "shapes: no such shape round; there are other_type, list_as_object, "),
        ({"flap_up_s": 5}, "flap_up_s and flap_down_s must both be above 0, or both 0"),
        ({"flap_up_s": -5, "flap_down_s": 5}, "flap_up_s must lie between 0 and 86400"),
        (
            {"flap_up_s": 5, "flap_down_s": 5, "while_down": Faults(flap_up_s=1, flap_down_s=1)},
            "while_down must not flap itself",
        ),
        ({"read_mishaps": {"flood": 1}}, "read_mishaps: no such mishap flood; there are reset_before, "),
        ({"read_mishaps": {"applied_late": 1}}, "read_mishaps: applied_late befalls writes: see mishaps"),
        (
            {"mishaps": {"shifted_page": 1}},
            "mishaps: shifted_page befalls lists, which are reads: see read_mishaps",
        ),
        ({"mishaps": {"flood": 1}}, "mishaps: no such mishap flood; there are reset_before, timeout_before,"),
        ({"mishaps": {"lost_answer": -0.1}}, "mishaps: the share of lost_answer must lie between 0 and 1"),
        ({"mishaps": {"lost_answer": 1.1}}, "mishaps: the share of lost_answer must lie between 0 and 1"),
        (
            {"mishaps": {"lost_answer": float("nan")}},
            "mishaps: the share of lost_answer must lie between 0 and 1",
        ),
        (
            {"mishaps": {"lost_answer": 0.6, "reset_after": 0.6}},
            "mishaps: the shares add up to 1.2, and a request has one mishap at most",
        ),
    ],
)
def test_a_dial_has_ends(wanted: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Faults(**wanted)


def test_equal_dials_are_equal_in_whatever_order_they_were_written() -> None:
    one = Faults(errors={503: 0.1, 404: 0.2}, shapes=["null", "missing_key"])
    other = Faults(errors={404: 0.2, 503: 0.1}, shapes=("missing_key", "null", "null"))
    assert one == other
    assert list(one.errors) == list(other.errors) == [404, 503]


def test_a_page_may_be_wrong_where_mishaps_befall_any_request() -> None:
    assert Faults(mishaps={"shifted_page": 1}, only_writes=False).mishaps == {"shifted_page": 1}
