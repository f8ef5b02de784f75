import orjson
import pytest

from tests.identity.marking import marked, marks, unmarked

STEM = "zqabcdefghi"
TICKETS, MESSAGES, ACCOUNTS = (f"{STEM}{mark}qz" for mark in "tma")


def test_every_text_is_marked_and_nothing_else() -> None:
    sent = {
        "ticket_id": 12,
        "subject": "Help",
        "full_status_name": "Nowe",
        "created_at": "2026-11-20 09:00",
        "from": "anna@example.com",
        "user_login": "agent11",
        "phone_numbers": ["600", ""],
        "messages": [
            {"message_id": 1, "type": "MAIL", "body": "Hello", "comment": "", "system_comment": None}
        ],
    }
    assert orjson.loads(marked("thulium", "/api/tickets/12", STEM, orjson.dumps(sent))) == {
        **sent,
        "subject": f"{TICKETS} Help",
        "from": f"{MESSAGES}.anna@example.com",
        "phone_numbers": [f"{ACCOUNTS} 600", ""],
        "messages": [
            {
                "message_id": 1,
                "type": "MAIL",
                "body": f"{MESSAGES} Hello",
                "comment": "",
                "system_comment": None,
            }
        ],
    }


def test_a_flag_of_the_same_name_is_no_text() -> None:
    topic = b'{"title":"News","email":true}'
    assert marked("telecomx", "/topic", STEM, topic) == f'{{"title":"{STEM}sqz News","email":true}}'.encode()


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (f'{{"body":"{MESSAGES} Hello"}}', '{"body":"Hello"}'),
        (f"email={ACCOUNTS}.anna%40example.com&limit=2", "email=anna%40example.com&limit=2"),
        (f"q={TICKETS}+help", "q=help"),
        (f"q={TICKETS}%20help", "q=help"),
        ("q=help", "q=help"),
    ],
)
def test_what_is_sent_loses_the_word(sent: str, expected: str) -> None:
    assert unmarked(STEM, sent.encode()) == expected.encode()


def test_anothers_word_stays_in_what_is_sent() -> None:
    assert unmarked("zqzzzzzzzzz", f"q={MESSAGES} help".encode()) == f"q={MESSAGES} help".encode()


@pytest.mark.parametrize(
    ("kind", "path", "name", "mark"),
    [
        ("tulo", "/external/api/v1/helpdesk_messages/get_pending_messages", "heading", "n"),
        ("tulo", "/external/api/v1/helpdesk_message_templates/all", "heading", "p"),
        ("tulo", "/external/api/v1/accounts/5", "email", "a"),
        ("service_order_hub", "/api/v3/partner", "name", "a"),
        ("service_order_hub", "/api/v3/case", "name", "d"),
    ],
)
def test_the_same_name_may_be_of_something_else_elsewhere(kind: str, path: str, name: str, mark: str) -> None:
    assert marks(kind, path)[name] == mark
