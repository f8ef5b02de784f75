"""What clients send to the graph, and what they make of the answers. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.domain.ids import parse_global_id
from gateway.domain.ledger import WriteState
from tests.chaos import pieces
from tests.chaos.plan import Planned
from tests.chaos.witness import Word

_PROBLEM = "problem { code message retryable }"
_WRITE = f"id state replayed {_PROBLEM} parts {{ target {{ id }} state {_PROBLEM} }}"
# How the gateway begins to say that a write was rejected for want of being shown: it may be shown later.
_NOT_SHOWN = "The write did not arrive"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client can know by now.

    Attributes:
        write: The write's id; None where nothing is recorded.
        words: What was said, by piece.
        replayed: Whether it was only told again.
        refusals: Codes of `userErrors`, where there is no write.
        again: Whether the same may be sent again under its key.
        failure: What is wrong, where it may not and there is no outcome either.
    """

    write: str | None = None
    words: Mapping[str, Word] | None = None
    replayed: bool = False
    refusals: tuple[str, ...] = ()
    again: bool = False
    failure: str = ""

    @property
    def pending(self) -> bool:
        """Whether it is being sent."""
        return any(word.state is WriteState.PENDING for word in (self.words or {}).values())

    @property
    def open(self) -> bool:
        """Whether the gateway itself doesn't know the outcome yet: then a client asks, and sends nothing."""
        unknown = {WriteState.PENDING, WriteState.IN_DOUBT}
        return any(word.state in unknown for word in (self.words or {}).values())


AGAIN = Answer(again=True)


def mutation(planned: Planned) -> dict[str, Any]:
    """The request that asks for a write."""
    name = planned.kind.operation
    given = f"{name[0].upper()}{name[1:]}Input"
    document = (
        f"mutation($input: {given}!) {{ {name}(input: $input) "
        f"{{ write {{ {_WRITE} }} userErrors {{ code message }} }} }}"
    )
    return {"query": document, "variables": {"input": planned.input}}


def question(write: str) -> dict[str, Any]:
    """The request that asks what became of one."""
    return {"query": f"query($id: ID!) {{ write(id: $id) {{ {_WRITE} }} }}", "variables": {"id": write}}


def look(write: str) -> dict[str, Any]:
    """The request to look now what became of one."""
    document = "mutation($id: ID!) { reconcileWrite(input: {id: $id}) { write { state } } }"
    return {"query": document, "variables": {"id": write}}


def understood(answer: Mapping[str, Any], planned: Planned, *, field: str) -> Answer:
    """Read an answer's field: a mutation's payload, or `write` itself.

    Raises:
        KeyError: It isn't of the graph's form.
    """
    errors = answer.get("errors") or []
    data = (answer.get("data") or {}).get(field)
    write = data.get("write") if data is not None and "userErrors" in data else data
    if write is not None:
        words = _words(write, planned)
        return Answer(
            write["id"], words, write["replayed"], again=any(word.repeatable for word in words.values())
        )
    if data is not None:
        return Answer(refusals=tuple(error["code"] for error in data["userErrors"]))
    if errors and all(error["extensions"]["retryable"] for error in errors):
        return AGAIN
    codes = ", ".join(error["extensions"]["code"] for error in errors)
    return Answer(failure=codes or f"no {field}")


def _words(write: Mapping[str, Any], planned: Planned) -> dict[str, Word]:
    if not write["parts"]:
        return dict.fromkeys(planned.pieces, _word(write))
    return {
        pieces.message(parse_global_id(part["target"]["id"]).parts[1]): _word(part) for part in write["parts"]
    }


def _word(said: Mapping[str, Any]) -> Word:
    problem = said["problem"] or {}
    return Word(
        WriteState(said["state"]),
        repeatable=bool(problem.get("retryable")),
        by_absence=str(problem.get("message", "")).startswith(_NOT_SHOWN),
        code=str(problem.get("code", "")),
    )
