import orjson
import pytest

from tests.identity.marking import marked, unmarked

WORD = "zqabcdefghijqz"


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
    assert orjson.loads(marked("thulium", WORD, orjson.dumps(sent))) == {
        **sent,
        "subject": f"{WORD} Help",
        "from": f"{WORD}.anna@example.com",
        "phone_numbers": [f"{WORD} 600", ""],
        "messages": [
            {"message_id": 1, "type": "MAIL", "body": f"{WORD} Hello", "comment": "", "system_comment": None}
        ],
    }


def test_a_flag_of_the_same_name_is_no_text() -> None:
    topic = b'{"title":"News","email":true}'
    assert marked("telecomx", WORD, topic) == f'{{"title":"{WORD} News","email":true}}'.encode()


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (f'{{"body":"{WORD} Hello"}}', '{"body":"Hello"}'),
        (f"email={WORD}.anna%40example.com&limit=2", "email=anna%40example.com&limit=2"),
        (f"q={WORD}+help", "q=help"),
        (f"q={WORD}%20help", "q=help"),
        ("q=help", "q=help"),
    ],
)
def test_what_is_sent_loses_the_word(sent: str, expected: str) -> None:
    assert unmarked(WORD, sent.encode()) == expected.encode()
