import pytest

from tests.chaos import pieces
from tests.chaos.pieces import HUB, NETEVIA, TELECOMX, THULIUM

MARK = pieces.mark(3, 12)


@pytest.mark.parametrize(
    ("source", "method", "path", "body", "expected"),
    [
        (HUB, "POST", "/api/v3/case-messages/create", f'{{"content":"{MARK}"}}', {MARK}),
        (HUB, "POST", "/api/v3/case-messages/confirm", "[11,12]", {"message 11", "message 12"}),
        (NETEVIA, "POST", "/api/tickets/message", f'{{"text":"{MARK}"}}', {MARK}),
        (THULIUM, "PUT", "/api/tickets/88001", '{"category_id":"7"}', {"ticket 88001"}),
        (THULIUM, "PUT", "/api/tickets/88001", f'{{"tags":["{MARK}"]}}', {MARK}),
        (TELECOMX, "POST", "/employeeSubscription", f'{{"title":"Topic {MARK}"}}', {MARK}),
        (TELECOMX, "POST", "/employeeSubscription/53A0", f'{{"description":"{MARK}"}}', {MARK}),
        (TELECOMX, "DELETE", "/employeeSubscription/53A0", "", {"topic 53a0"}),
        (TELECOMX, "POST", "/helpcenter/case/AAQ+1/07=", '{"state":"CLOSED"}', {"case AAQ+1/07="}),
        (NETEVIA, "POST", "/api/tickets/message", '{"text":"Hello"}', set()),
    ],
)
def test_a_request_is_known_by_its_text_or_else_by_its_target(
    source: str, method: str, path: str, body: str, expected: set[str]
) -> None:
    assert pieces.of_request(source, method, path, body.encode()) == expected


def test_no_mark_is_a_part_of_another() -> None:
    marks = [pieces.mark(1, number) for number in (1, 10, 11, 100, 110)]
    assert [one for one in marks for other in marks if one != other and one in other] == []
