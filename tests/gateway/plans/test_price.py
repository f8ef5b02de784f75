from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import pytest
import strawberry
from graphql import parse, validate

from gateway.domain.errors import BadInput
from gateway.plans.estimate import MAX_STEPS, Estimate, estimate
from gateway.plans.fields import OPEN, Fetch, FieldLoaders, Needs, batch_field, root_field
from gateway.plans.price import LIMIT, Calls, Price, at_most, free, per_parent
from gateway.plans.price_list import PriceList


@dataclass
class Context:
    """What the price of `books` was told, and how often one of another list was worked out."""

    asked: list[tuple[Any, ...]] = field(default_factory=list)
    worked_out: int = 0
    loaders: FieldLoaders = field(default_factory=FieldLoaders)

    def refusal(self, needs: Needs, parent: object | None) -> Exception | None:  # noqa: ARG002
        raise AssertionError("an estimate asks for nothing")


async def never(parents: Sequence[Any], fetch: Fetch[Context], first: int | None = None) -> list[Any]:
    raise AssertionError("an estimate fetches nothing")


async def nothing(parents: Sequence[Any], fetch: Fetch[Context]) -> list[Any]:
    raise AssertionError("an estimate fetches nothing")


async def root(fetch: Fetch[Context]) -> Any:
    raise AssertionError("an estimate fetches nothing")


@strawberry.input
class Wanted:
    shelf_marks: list[str] | None = None


async def books(fetch: Fetch[Context], first: int | None = None, wanted: Wanted | None = None) -> Any:
    raise AssertionError("an estimate fetches nothing")


async def by_ids(fetch: Fetch[Context], ids: list[str]) -> Any:
    raise AssertionError("an estimate fetches nothing")


def _books(fetch: Fetch[Context], wanted: Wanted | None = None, first: int | None = 20) -> Calls:
    """One call per shelf mark, else one."""
    size = 20 if first is None else first
    if size > 100:
        raise BadInput("Too many.", argument="first")
    marks = None if wanted is None else wanted.shelf_marks
    fetch.context.asked.append((size, fetch.selection.names, marks))
    return Calls(1 if marks is None else len(marks), objects=size)


def _page(fetch: Fetch[Context], first: int | None = None) -> Calls:
    fetch.context.worked_out += 1
    return Calls(1, objects=first or 20)


def _named(fetch: Fetch[Context]) -> Calls:
    return Calls(1) if "name" in fetch.selection.names else Calls(0)


@strawberry.type
class Person:
    id: str
    name: str
    books: Annotated["BookPage", strawberry.lazy(__name__)] | None = batch_field(
        never, description="", needs=OPEN, calls=Price(_page)
    )


@strawberry.type
class Review:
    text: str
    author: Person | None = batch_field(nothing, description="", needs=OPEN, calls=Price(_named))
    answers: Annotated["ReviewPage", strawberry.lazy(__name__)] | None = batch_field(
        never, description="", needs=OPEN, calls=Price(_page, shared="reviews", same_whole=True)
    )
    book: Annotated["Book", strawberry.lazy(__name__)] | None = batch_field(
        nothing, description="", needs=OPEN, calls=per_parent(1, shared="book", same_whole=True)
    )


@strawberry.type
class ReviewPage:
    total: int
    nodes: list[Review] = strawberry.field(metadata=at_most(100))


@strawberry.interface
class Item:
    id: str
    author: Person | None = batch_field(nothing, description="", needs=OPEN, calls=Price(_named))
    rating: int | None = batch_field(
        nothing, description="", needs=OPEN, calls=per_parent(1, shared="reviews")
    )


@strawberry.type
class Chapter:
    title: str
    translators: list[Person] = strawberry.field(metadata=at_most(3))


@strawberry.type
class Book(Item):
    title: str
    reviews: ReviewPage | None = batch_field(
        never, description="", needs=OPEN, calls=Price(_page, shared="reviews", same_whole=True)
    )
    chapters: list[Chapter] = strawberry.field(metadata=at_most(40))


@strawberry.type
class Film(Item):
    subtitles: str | None = batch_field(nothing, description="", needs=OPEN, calls=per_parent(5))


@strawberry.type
class Poster(Item):
    @strawberry.field
    def size(self) -> int:
        return 1


@strawberry.type
class BookPage:
    total: int
    nodes: list[Book] = strawberry.field(metadata=at_most(100))


@strawberry.type
class Query:
    version: str
    books: BookPage | None = root_field(books, description="", needs=OPEN, calls=Price(_books))
    book: Book | None = root_field(root, description="", needs=OPEN, calls=per_parent(1))
    read: Book | None = root_field(
        root, description="", needs=OPEN, calls=Price(Calls(2, paid=frozenset({"reviews"})))
    )
    shelf: BookPage | None = root_field(
        root, description="", needs=OPEN, calls=Price(Calls(0, objects=7, paid=frozenset({"reviews"})))
    )
    stock: BookPage | None = root_field(root, description="", needs=OPEN, calls=free)
    item: Item | None = root_field(root, description="", needs=OPEN, calls=free)
    items: list[Item] = root_field(
        by_ids, description="", needs=OPEN, calls=Price(lambda _, ids: Calls(len(ids), objects=len(ids)))
    )


@strawberry.type
class Mutation:
    lend: Book | None = root_field(root, description="", needs=OPEN, calls=per_parent(3))


SCHEMA = strawberry.Schema(Query, Mutation, types=[Book, Film, Poster])._schema
PRICES = PriceList(SCHEMA)


def _estimate(document: str, context: Context | None = None, **variables: Any) -> Estimate:
    parsed = parse(document)
    assert validate(SCHEMA, parsed) == []
    return estimate(PRICES, parsed, None, variables, context or Context())


def _calls(document: str, **variables: Any) -> int:
    return _estimate(document, **variables).calls


# -- one field, and what is below it


@pytest.mark.parametrize(
    ("document", "calls"),
    [
        ("{ version }", 0),
        ("{ __schema { types { name } } }", 0),
        ("{ book { title __typename } }", 1),
        ("{ book { author { id } } }", 1),
        ("{ book { author { id name } } }", 1 + 1),
        ("{ book { author { name books { total } } } }", 1 + 1 + 1),
        ("{ books { nodes { author { name } } } }", 1 + 20),
        ("{ books(first: 5) { nodes { author { name books(first: 3) { nodes { author { name } } } } } } }", 1 + 5 * (1 + 1 + 3)),
        ("{ items(ids: []) { author { name } } }", 0),
        ('{ items(ids: ["a", "b"]) { author { name } } }', 2 + 2),
        ("mutation { lend { author { name } } }", 3 + 1),
    ],
)  # fmt: skip
def test_each_object_pays_for_what_is_below_it(document: str, calls: int) -> None:
    assert _calls(document) == calls


def test_plain_lists_hold_what_they_declare() -> None:
    document = "{ book { chapters { translators { name books { total } } } } }"

    assert _calls(document) == 1 + 40 * 3 * 1


def test_a_page_without_a_known_size_holds_what_it_may() -> None:
    assert _calls("{ stock { nodes { author { name } } } }") == 100


def test_a_page_never_holds_more_than_it_may() -> None:
    assert _calls("{ book { author { books(first: 1000) { nodes { author { name } } } } } }") == 1 + 1 + 100


def test_a_price_is_told_arguments_as_the_field_is_and_what_is_selected() -> None:
    context = Context()
    document = (
        "query($m: [String!], $n: Int) { books(first: $n, wanted: {shelfMarks: $m}) { total nodes { id } } }"
    )

    assert _estimate(document, context, m=["A", "B", "C"], n=7).calls == 3
    assert context.asked == [(7, {"total", "nodes"}, ["A", "B", "C"])]


def test_defaults_count() -> None:
    context = Context()

    _estimate("query($n: Int = 4) { a: books { total } b: books(first: $n) { total } }", context)

    assert [size for size, _, _ in context.asked] == [20, 4]


def test_each_root_field_has_its_part() -> None:
    found = _estimate("{ a: books(first: 3) { nodes { author { name } } } book { id } version }")

    assert found == Estimate(5, {"a": 4, "book": 1})


# -- the document


@pytest.mark.parametrize(
    ("document", "calls"),
    [
        ("{ book { author { name } author { name } } }", 2),
        ("{ book { author { id } ...F } } fragment F on Book { author { name } }", 2),
        ("{ book { author { id } } ...F } fragment F on Query { book { author { name } } }", 2),
        ("{ book { author { name } } book { author { books { total } } } }", 3),
        ("{ book { ...F ... { ...F } ... on Item { ...F } } } fragment F on Item { author { name } }", 2),
        ("{ book { a: author { name } b: author { name } } }", 3),
        ("{ a: book { author { name } } b: book { author { name } } }", 4),
        ("{ a: book { ...F } b: book { ...F } } fragment F on Book { author { name } }", 4),
    ],
)
def test_what_is_written_twice_counts_once_and_each_alias_counts(document: str, calls: int) -> None:
    assert _calls(document) == calls


@pytest.mark.parametrize(
    ("directives", "calls"),
    [
        ("@skip(if: true)", 1),
        ("@skip(if: $no)", 2),
        ("@include(if: $no)", 1),
        ("@include(if: true)", 2),
        ("@include(if: true) @skip(if: true)", 1),
    ],
)
@pytest.mark.parametrize("form", ["author {} {{ name }}", "...F {}", "... {} {{ author {{ name }} }}"])
def test_what_directives_leave_out_costs_nothing(form: str, directives: str, calls: int) -> None:
    document = f"query($no: Boolean = false) {{ book {{ {form.format(directives)} id @skip(if: $no) }} }}"
    if "..." in form and "F" in form:
        document += " fragment F on Book { author { name } }"

    assert _calls(document) == calls


def test_a_selection_that_depends_on_a_variable_is_told_so() -> None:
    document = "query($yes: Boolean!) { book { author { id name @include(if: $yes) } } }"

    assert (_calls(document, yes=True), _calls(document, yes=False)) == (2, 1)


@pytest.mark.parametrize(
    ("selection", "calls"),
    [
        ("author { name }", 1),
        ("... on Book { chapters { title } }", 0),
        ("... on Film { subtitles }", 5),
        ("... on Film { subtitles } ... on Book { author { name books { total } } }", 5),
        ("author { name } ... on Film { subtitles } ... on Book { author { books { total } } }", 6),
        ("... on Item { ... on Film { subtitles } } ... on Poster { author { name } }", 5),
        ("... on Film { x: author { name } } ... on Book { x: author { name books { total } } }", 2),
    ],
)
def test_of_an_abstract_type_the_dearest_type_counts(selection: str, calls: int) -> None:
    assert _calls(f"{{ item {{ id {selection} }} }}") == calls


def test_the_named_operation_counts() -> None:
    document = parse("query A { book { id } } mutation B { lend { id } }")

    found = [estimate(PRICES, document, name, {}, Context()).calls for name in ("A", "B", "C", None)]

    assert found == [1, 3, 0, 0]


# -- what is shared


@pytest.mark.parametrize(
    ("document", "calls"),
    [
        ("{ book { rating reviews { total } } }", 1 + 1),
        ("{ book { a: reviews(first: 3) { total } b: reviews(first: 4) { nodes { text } } } }", 1 + 1),
        ("{ book { reviews { nodes { answers { nodes { answers { total } } } } rating: total } } }", 1 + 1),
        ("{ book { reviews(first: 3) { nodes { book { title rating } } } } }", 1 + 1 + 1),
        ("{ books(first: 4) { nodes { rating reviews { nodes { answers { total } book { id } } } } } }", 1 + 4 * 2),
        ("{ book { reviews(first: 3) { nodes { author { name } answers(first: 2) { nodes { author { name } } } } } } }", 1 + 1 + 3 + 6),
        ("{ book { author { books(first: 2) { nodes { rating } } } rating } }", 1 + (1 + 2) + 1),
        ("{ a: book { rating } b: book { rating } }", 4),
        ('{ items(ids: ["a", "b", "c"]) { rating ... on Book { reviews { total } } } }', 3 + 3),
        ("{ item { rating ... on Book { reviews { total } } ... on Film { subtitles } } }", 6),
    ],
)  # fmt: skip
def test_what_is_served_from_one_read_costs_it_once_per_whole(document: str, calls: int) -> None:
    assert _calls(document) == calls


@pytest.mark.parametrize(
    ("document", "calls"),
    [
        ("{ read { rating reviews { nodes { answers { total } } } } }", 2),
        ("{ read { reviews(first: 3) { nodes { book { rating } author { name } } } } }", 2 + 1 + 3),
        ("{ shelf { nodes { rating } } }", 0),
        ("{ shelf { nodes { rating reviews { nodes { book { id } } } } } }", 7),
        ("{ shelf { nodes { author { books(first: 2) { nodes { rating } } } } } }", 7 * (1 + 2)),
    ],
)
def test_what_has_been_read_already_costs_nothing_more(document: str, calls: int) -> None:
    assert _calls(document) == calls


# -- what will be refused


@pytest.mark.parametrize(
    ("document", "variables", "calls"),
    [
        ("query($n: Int) { books(first: $n) { nodes { author { name } } } book { id } }", {"n": 101}, 1),
        ("query($n: Int) { books(first: $n) { nodes { author { name } } } book { id } }", {"n": "x"}, 0),
        ("query($n: Int!) { books(first: $n) { nodes { author { name } } } book { id } }", {}, 0),
        ("query($n: [String!] = []) { items(ids: $n) { id } book { id } }", {"n": None}, 1),
    ],
)
def test_what_will_be_refused_costs_nothing(document: str, variables: dict[str, Any], calls: int) -> None:
    assert _calls(document, **variables) == calls


# -- how much work it is


def _nested(levels: int, width: int = 2) -> str:
    """Each fragment spreads the next level under `width` aliases."""
    fields = " ".join(
        f"a{n}: author {{ name books(first: 1) {{ nodes {{ ...F%d }} }} }}" for n in range(width)
    )
    fragments = " ".join(
        f"fragment F{n} on Book {{ {fields.replace('%d', str(n + 1))} }}" for n in range(levels)
    )
    return f"{{ book {{ ...F0 }} }} {fragments} fragment F{levels} on Book {{ id }}"


def _crossed(levels: int) -> str:
    """Two fragments a level, each of which spreads both of the next."""
    below = "author { name books(first: 1) { nodes { ...A%d ...B%d } } }"
    fragments = " ".join(
        f"fragment {name}{n} on Book {{ {below.replace('%d', str(n + 1))} }}"
        for n in range(levels)
        for name in "AB"
    )
    last = " ".join(f"fragment {name}{levels} on Book {{ id }}" for name in "AB")
    return f"{{ book {{ ...A0 ...B0 }} }} {fragments} {last}"


def _flat(fragments: int) -> str:
    """Two fragments a level again, without a field in between."""
    spreads = " ".join(
        f"fragment {name}{n} on Book {{ ...A{n + 1} ...B{n + 1} }}" for n in range(fragments) for name in "AB"
    )
    last = " ".join(f"fragment {name}{fragments} on Book {{ author {{ name }} }}" for name in "AB")
    return f"{{ book {{ ...A0 ...B0 }} }} {spreads} {last}"


def _aliases(count: int) -> str:
    used = " ".join(f"a{n}: book {{ ...F }}" for n in range(count))
    fields = " ".join(f"x{n}: author {{ name }}" for n in range(count))
    return f"{{ {used} }} fragment F on Book {{ {fields} }}"


@pytest.mark.parametrize("document", [_nested, _crossed, _flat, _aliases])
def test_ten_times_the_document_is_at_most_ten_times_the_work(document: Any) -> None:
    small, large = (estimate(PRICES, parse(document(size)), None, {}, Context()) for size in (5, 50))

    assert large.steps <= 10 * small.steps
    assert large.calls >= small.calls


def test_a_price_is_worked_out_once_for_each_place_of_the_document() -> None:
    used = " ".join(f"b{n}: book {{ ...F rating{n}: rating }}" for n in range(10))
    fields = " ".join(f"r{n}: reviews {{ total }}" for n in range(10))
    context = Context()

    found = _estimate(f"{{ {used} }} fragment F on Book {{ {fields} }}", context)

    assert (found.calls, context.worked_out) == (10 * (1 + 1), 10)


def test_a_fragment_costs_the_same_wherever_it_is_used() -> None:
    inline = (
        "{ book { a: author { name books(first: 1) { nodes { b: author { name } c: author { name } } } } } }"
    )
    spread = """{ book { ...F } } fragment F on Book { a: author { name books(first: 1) { nodes { ...G } } } }
      fragment G on Book { b: author { name } c: author { name } }"""

    assert _calls(spread) == _calls(inline) == 1 + 1 + 1 + 2


def test_numbers_end_somewhere() -> None:
    assert estimate(PRICES, parse(_nested(60)), None, {}, Context()) == Estimate(LIMIT, {"book": LIMIT})
    levels = "author { books(first: 100) { nodes { " * 30 + "rating" + " } } }" * 30
    assert _calls(f"{{ book {{ {levels} }} }}") == LIMIT


def _combined(count: int) -> str:
    """Fragments of which each level can select another subset: 2 to the power of their number in all."""
    body = "{ books(first: 1) { nodes { %s } } }"
    fragments = " ".join(
        f"fragment F{level}x{n} on Book {{ a: author {body % f'...F{level + 1}x{n}'} "
        f"b: author {body % (f'...F{level + 1}x{n} ...F{level + 1}x{(n + level) % count}')} }}"
        for level in range(count)
        for n in range(count)
    )
    last = " ".join(f"fragment F{count}x{n} on Book {{ id }}" for n in range(count))
    return f"{{ book {{ ...F0x0 }} }} {fragments} {last}"


def test_a_document_too_intricate_to_price_costs_the_most_there_is() -> None:
    found = estimate(PRICES, parse(_combined(14)), None, {}, Context())

    assert found == Estimate(LIMIT, {})
    assert MAX_STEPS < found.steps < MAX_STEPS + 100


def test_a_document_too_deep_to_price_costs_the_most_there_is() -> None:
    found = estimate(PRICES, parse(_nested(1_000, width=1)), None, {}, Context())

    assert found == Estimate(LIMIT, {})


def test_fragments_that_lead_back_to_themselves_end() -> None:
    """Validation refuses them, but nothing here may depend on that."""
    document = parse(
        "{ book { ...A } } fragment A on Book { ...B author { name } } fragment B on Book { ...A rating }"
    )

    assert estimate(PRICES, document, None, {}, Context()).calls == 1 + 1 + 1


# -- the schema


def test_a_list_that_leads_to_prices_needs_a_size() -> None:
    @strawberry.type
    class Shelf:
        people: list[Person]

    @strawberry.type(name="Query")
    class Unsized:
        @strawberry.field
        def shelf(self) -> Shelf:
            return Shelf(people=[])

    with pytest.raises(TypeError, match=r"Shelf\.people leads to fetching fields"):
        PriceList(strawberry.Schema(Unsized)._schema)


def test_a_price_can_depend_only_on_arguments_that_its_field_has() -> None:
    @strawberry.type(name="Query")
    class Strange:
        books: str | None = root_field(
            books,
            description="",
            needs=OPEN,
            calls=Price(lambda _, last: Calls(last)),
        )

    with pytest.raises(TypeError, match=r"Query\.books has no last"):
        PriceList(strawberry.Schema(Strange)._schema)
