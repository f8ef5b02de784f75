"""How plans run: what is called, together with what, and what is left when a run ends."""

import asyncio
import builtins
import gc
from dataclasses import dataclass, field
from typing import Any

import pytest
import strawberry
from graphql import parse

from gateway.plans import source_code
from gateway.plans.compile import Prepared
from gateway.plans.engine import Engine
from gateway.plans.fields import OPEN, Fetch, FieldLoaders, Needs, batch_field, root_field
from gateway.plans.price import free


@dataclass
class Cow:
    name: str
    farm: str = "north"
    calves: list["Cow"] = field(default_factory=list)


@dataclass
class Context:
    cows: list[Cow]
    loaders: FieldLoaders = field(
        default_factory=lambda: FieldLoaders(lambda cow: getattr(cow, "farm", None))
    )
    calls: list[tuple[str, list[str]]] = field(default_factory=list)
    gates: dict[str, asyncio.Event] = field(default_factory=dict)
    cancelled: list[str] = field(default_factory=list)

    def refusal(self, needs: Needs, parent: object | None) -> Exception | None:  # noqa: ARG002
        """Nobody is refused."""
        return None

    async def wait(self, name: str) -> None:
        """Until the test lets it on."""
        if name in self.gates:
            try:
                await self.gates[name].wait()
            except asyncio.CancelledError:
                self.cancelled.append(name)
                raise


async def cows(fetch: Fetch[Context]) -> list[Cow]:
    await fetch.context.wait("cows")
    return fetch.context.cows


async def milk(parents: list[Cow], fetch: Fetch[Context]) -> list[Any]:
    fetch.context.calls.append(("milk", [each.name for each in parents]))
    await fetch.context.wait(f"milk {parents[0].farm}")
    return [f"milk of {each.name}" for each in parents]


async def calves(parents: list[Cow], fetch: Fetch[Context]) -> list[Any]:
    fetch.context.calls.append(("calves", [each.name for each in parents]))
    await fetch.context.wait(f"calves {parents[0].farm}")
    return [each.calves for each in parents]


@strawberry.type(name="Cow")
class CowType:
    name: str
    milk: str | None = batch_field(milk, description="", calls=free, needs=OPEN)
    calves: "list[CowType] | None" = batch_field(calves, description="", calls=free, needs=OPEN)


@strawberry.type
class Query:
    cows: list[CowType] | None = root_field(cows, description="", calls=free, needs=OPEN)


_SCHEMA = strawberry.Schema(Query)._schema


def _herd() -> list[Cow]:
    return [
        Cow("Ada", calves=[Cow("Bea"), Cow("Cleo")]),
        Cow("Dot", "south", calves=[Cow("Eve", "south")]),
        Cow("Flo", calves=[Cow("Gus")]),
    ]


async def _until(happened: Any) -> None:
    async with asyncio.timeout(5):
        while not happened():  # noqa: ASYNC110 - bounded
            await asyncio.sleep(0)


async def test_a_field_is_asked_once_a_level_for_each_of_those_that_are_loaded_apart() -> None:
    context = Context(_herd())
    result = await Engine(_SCHEMA).run(Prepared(parse("{ cows { milk calves { milk } } }")), context=context)
    assert result.errors is None
    assert sorted(context.calls) == [
        ("calves", ["Ada", "Flo"]), ("calves", ["Dot"]), ("milk", ["Ada", "Flo"]), ("milk", ["Bea", "Cleo", "Gus"]),
        ("milk", ["Dot"]), ("milk", ["Eve"]),
    ]  # fmt: skip


async def test_a_slow_source_holds_up_its_own_objects_alone_down_to_their_last_level() -> None:
    context = Context(_herd(), gates={"calves south": asyncio.Event()})
    running = asyncio.create_task(
        Engine(_SCHEMA).run(Prepared(parse("{ cows { name calves { milk } } }")), context=context)
    )
    await _until(lambda: ("milk", ["Bea", "Cleo", "Gus"]) in context.calls)
    assert not running.done()
    context.gates["calves south"].set()
    result = await running
    assert result.data == {
        "cows": [
            {"name": "Ada", "calves": [{"milk": "milk of Bea"}, {"milk": "milk of Cleo"}]},
            {"name": "Dot", "calves": [{"milk": "milk of Eve"}]},
            {"name": "Flo", "calves": [{"milk": "milk of Gus"}]},
        ]
    }


async def test_parents_that_one_fragment_is_read_of_at_several_places_are_asked_for_together() -> None:
    context = Context(_herd()[:1])
    query = "{ cows { ...M calves { ...M } } } fragment M on Cow { name calves { name } }"
    await Engine(_SCHEMA).run(Prepared(parse(query)), context=context)
    # `calves` of the cows is one field of two nodes; of the calves, it is the fragment's alone.
    assert context.calls == [("calves", ["Ada"]), ("calves", ["Bea", "Cleo"])]


@pytest.mark.parametrize("gate", ["cows", "calves north", "milk north"])
async def test_a_run_that_is_cancelled_leaves_no_call_behind(gate: str) -> None:
    context = Context(_herd(), gates={gate: asyncio.Event()})
    before = asyncio.all_tasks()
    running = asyncio.create_task(
        Engine(_SCHEMA).run(Prepared(parse("{ cows { milk calves { milk } } }")), context=context)
    )
    for _ in range(20):
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert context.cancelled
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("plans", [True, False])
async def test_a_kept_document_gives_each_caller_their_own(*, plans: bool) -> None:
    """Loaders know fields by the document's nodes, which callers share once documents are kept."""
    engine, kept = Engine(_SCHEMA, enabled=plans), Prepared(parse("{ cows { name milk } }"))
    contexts = [Context([Cow(f"{number}")], gates={"milk north": asyncio.Event()}) for number in range(10)]
    running = [asyncio.create_task(engine.run(kept, context=each)) for each in contexts]
    await _until(lambda: all(each.calls for each in contexts))
    for each in reversed(contexts):
        each.gates["milk north"].set()
    results = await asyncio.gather(*running)
    assert [each.data for each in results] == [
        {"cows": [{"name": f"{number}", "milk": f"milk of {number}"}]} for number in range(10)
    ]
    assert [each.calls for each in contexts] == [[("milk", [f"{number}"])] for number in range(10)]


async def test_a_kept_document_holds_nothing_of_its_callers() -> None:
    engine, kept = (
        Engine(_SCHEMA),
        Prepared(parse("query($a: Boolean!) { cows { name milk @skip(if: $a) } }")),
    )

    class Secret(Context):
        pass

    await engine.run(kept, context=Secret(_herd()), variables={"a": True})
    await engine.run(kept, context=Secret(_herd()), variables={"a": False})
    gc.collect()
    assert [each for each in gc.get_objects() if type(each) in {Secret, Cow}] == []


async def test_what_plans_do_not_do_is_left_to_graphql_core_and_counted() -> None:
    engine = Engine(_SCHEMA)
    for query in (
        "{ __schema { queryType { name } } }",
        '{ ...F } fragment F on Query { __type(name: "Cow") { name } }',
    ):
        result = await engine.run(Prepared(parse(query)), context=Context([]))
        assert result.errors is None
        assert result.data
    result = await engine.run(
        Prepared(parse("query($c: Boolean = true) { cows { name @include(if: $c) } }")),
        context=Context(_herd()),
        variables={"c": None},
    )
    assert result.data == {"cows": None}
    await engine.run(Prepared(parse("{ cows { name } }")), context=Context([]))
    assert (engine.planned, engine.fallbacks) == (1, {"introspection": 2, "condition is null": 1})


async def test_plans_can_be_off() -> None:
    engine = Engine(_SCHEMA, enabled=False)
    result = await engine.run(Prepared(parse("{ cows { name } }")), context=Context(_herd()[:1]))
    assert (result.data, engine.planned) == ({"cows": [{"name": "Ada"}]}, 0)


async def test_names_of_the_answer_never_become_source_code(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    real = builtins.compile

    def watched(source: Any, *arguments: Any, **named: Any) -> Any:
        if isinstance(source, str):
            seen.append(source)
        return real(source, *arguments, **named)

    source_code.attribute_of.cache_clear()
    source_code._building.cache_clear()
    monkeypatch.setattr(builtins, "compile", watched)
    query = "query evilName($evilVariable: Boolean!) { evilAlias: cows { evilField: name ...evilFragment @skip(if: $evilVariable) } } fragment evilFragment on Cow { evil: __typename milk }"
    result = await Engine(_SCHEMA).run(
        Prepared(parse(query)), context=Context(_herd()[:1]), variables={"evilVariable": False}
    )
    assert result.data == {"evilAlias": [{"evilField": "Ada", "evil": "Cow", "milk": "milk of Ada"}]}
    assert len(seen) >= 3
    assert "evil" not in "".join(seen)


async def test_a_plan_has_a_variant_for_each_answer_to_its_conditions_up_to_a_number() -> None:
    names = [f"c{number}" for number in range(6)]
    query = f"query({' '.join(f'${each}: Boolean!' for each in names)}) {{ cows {{ {' '.join(f'{each}: name @skip(if: ${each})' for each in names)} name }} }}"
    engine, kept = Engine(_SCHEMA), Prepared(parse(query))
    sizes = set()
    for mask in range(64):
        given = {each: bool(mask >> index & 1) for index, each in enumerate(names)}
        result = await engine.run(kept, context=Context(_herd()[:1]), variables=given)
        expected = {each: "Ada" for each in names if not given[each]} | {"name": "Ada"}
        assert result.data == {"cows": [expected]}
        sizes.add(kept.bytes)
    assert engine.planned == 64
    assert max(sizes) < 16 * 10 * 2_500 + len(query) * 350
