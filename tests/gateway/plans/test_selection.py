import pytest
from graphql import FieldNode, FragmentDefinitionNode, OperationDefinitionNode, parse

from gateway.plans.selection import Selection


def _selection(document: str, **variables: object) -> Selection:
    """The selection below the first root field of a document."""
    definitions = parse(document).definitions
    [operation] = [each for each in definitions if isinstance(each, OperationDefinitionNode)]
    root = operation.selection_set.selections[0]
    assert isinstance(root, FieldNode)
    fragments = {each.name.value: each for each in definitions if isinstance(each, FragmentDefinitionNode)}
    return Selection([root], fragments, variables)


def test_a_field_is_known_by_its_name_and_not_by_its_alias() -> None:
    assert _selection("{ case { a: id subject b: id } }").names == {"id", "subject"}


def test_a_leaf_asks_for_nothing() -> None:
    assert _selection("{ version }").names == frozenset()


def test_names_are_also_told_as_python_writes_them() -> None:
    selection = _selection("{ case { id createdAt lastActivityAt __typename } }")

    assert selection.attributes == {"id", "created_at", "last_activity_at", "__typename"}


def test_fragments_are_flattened_whatever_type_they_are_on() -> None:
    selection = _selection(
        """
        { case { ...A ... on Ticket { queue } ... { tags } } }
        fragment A on Case { guid ...B }
        fragment B on Node { id ... on Case { number } }
        """
    )

    assert selection.names == {"queue", "tags", "guid", "id", "number"}


def test_a_fragment_may_come_several_times() -> None:
    selection = _selection(
        """
        { case { ...A ...A messages { ...B } ... on Case { ...A } } }
        fragment A on Case { id messages { total } }
        fragment B on MessageConnection { nodes { id } }
        """
    )

    assert selection.names == {"id", "messages"}
    assert selection.at("messages").names == {"nodes", "total"}


@pytest.mark.parametrize(
    ("directives", "selected"),
    [
        ("", True),
        ("@skip(if: true)", False),
        ("@skip(if: false)", True),
        ("@include(if: true)", True),
        ("@include(if: false)", False),
        ("@skip(if: $yes)", False),
        ("@skip(if: $no)", True),
        ("@include(if: $yes)", True),
        ("@include(if: $no)", False),
        ("@skip(if: $no) @include(if: $yes)", True),
        ("@skip(if: $no) @include(if: $no)", False),
        ("@skip(if: $yes) @include(if: $yes)", False),
        ("@other(if: false)", True),
        ("@other(skip: true)", True),
    ],
)
@pytest.mark.parametrize("form", ["id {}", "...F {}", "... on Case {} {{ id }}", "... {} {{ id }}"])
def test_skip_and_include_are_obeyed_on_every_form(form: str, directives: str, selected: bool) -> None:
    document = f"{{ case {{ other {form.format(directives)} }} }} fragment F on Case {{ id }}"

    names = _selection(document, yes=True, no=False).names

    assert names == ({"other", "id"} if selected else {"other"})


def test_a_field_skipped_at_one_place_may_be_selected_at_another() -> None:
    assert _selection("{ case { id @skip(if: true) ...F } } fragment F on Case { id }").names == {"id"}


def test_a_fragment_skipped_at_one_place_may_be_selected_at_another() -> None:
    document = "{ case { ...F @skip(if: true) ...F } } fragment F on Case { id }"

    assert _selection(document).names == {"id"}


_PAGE = """
    {
        cases {
            edges { node { guid ...F } cursor }
            nodes { id }
            again: nodes { status { value } }
            pageInfo { endCursor }
        }
    }
    fragment F on Case { status { raw } }
"""


def test_a_path_leads_to_the_selection_below_a_field() -> None:
    page = _selection(_PAGE)

    assert page.at("edges").names == {"node", "cursor"}
    assert page.at("edges", "node").names == {"guid", "status"}
    assert page.at("edges", "node", "status").names == {"raw"}
    assert page.at() is page


def test_fields_of_one_name_are_merged_on_the_way() -> None:
    page = _selection(_PAGE)

    assert page.at("nodes").names == {"id", "status"}
    assert page.at("nodes", "status").names == {"value"}


def test_a_path_that_is_not_selected_leads_to_nothing() -> None:
    page = _selection(_PAGE)

    assert page.at("sources").names == frozenset()
    assert page.at("sources", "error", "code").names == frozenset()


def test_nodes_are_asked_for_by_either_way() -> None:
    page = _selection(_PAGE)

    assert page.of_nodes.names == {"guid", "status", "id"}
    assert page.of_nodes.at("status").names == {"raw", "value"}
    assert _selection("{ cases { totalCount } }").of_nodes.names == frozenset()


def test_two_selections_can_be_taken_together() -> None:
    page = _selection(_PAGE)

    assert (page.at("pageInfo") | page.at("nodes")).names == {"endCursor", "id", "status"}


def test_fragments_that_lead_back_to_themselves_end() -> None:
    """Validation refuses them, but nothing here may depend on that."""
    document = "{ case { ...A } } fragment A on Case { id ...B } fragment B on Case { guid ...A }"

    assert _selection(document).names == {"id", "guid"}


def test_fragments_that_spread_others_twice_do_not_double_the_work_at_each_level() -> None:
    levels = " ".join(
        f"fragment {name}{level} on Node {{ child {{ ...A{level + 1} ...B{level + 1} }} }}"
        for level in range(12)
        for name in "AB"
    )
    ends = "fragment A12 on Node { a } fragment B12 on Node { b }"

    deepest = _selection(f"{{ case {{ ...A0 ...B0 }} }} {levels} {ends}").at(*["child"] * 12)

    assert deepest.names == {"a", "b"}
    assert len(deepest._nodes) == 2
