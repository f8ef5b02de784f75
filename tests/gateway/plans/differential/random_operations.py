"""Random operations over any schema, from a seed: valid, but for arguments here and there."""

from collections.abc import Collection, Mapping
from random import Random
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)

Variables = dict[str, Any]


class RandomOperation:
    """One operation: its text, and its variables."""

    def __init__(
        self,
        schema: GraphQLSchema,
        seed: int,
        *,
        depth: int = 4,
        values: Mapping[str, list[str]] | None = None,
        size: int = 40,
        without: Collection[str] = (),
    ) -> None:
        """Write one.

        Args:
            schema: What it fits.
            seed: The same gives the same.
            depth: How deep it goes.
            values: What may be given for arguments and input fields, by their names.
            size: How many selections at most.
            without: Fields that are left out, by their names.
        """
        self._schema = schema
        self._draw = Random(seed)  # noqa: S311 - no secret
        self._values = values or {}
        self._left = size
        self._without = without
        self._fragments: list[str] = []
        self._declared: dict[str, str] = {}
        self.variables: Variables = {}
        # The same name in the answer must be the same field with the same arguments, wherever it stands.
        self._keys: dict[str, str] = {}
        assert schema.query_type is not None
        body = self._selections(schema.query_type, depth)
        declared = ", ".join(f"${name}: {type_}" for name, type_ in self._declared.items())
        head = f"query Q({declared}) " if declared else self._draw.choice(("query Q ", ""))
        self.text = f"{head}{body}\n" + "\n".join(self._fragments)

    def _selections(self, type_: Any, depth: int) -> str:
        draw = self._draw
        parts = []
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            names = [each for each in type_.fields if each not in self._without]
            for name in draw.sample(names, min(len(names), draw.randint(1, 4))):
                if self._left > 0:
                    parts += self._field(name, type_.fields[name], depth)
        if draw.random() < 0.3 or not parts:
            parts.append(draw.choice(("__typename", "kind: __typename")))
        if self._left > 0 and draw.random() < 0.4:
            parts.append(self._fragment(type_, depth))
        draw.shuffle(parts)
        return "{ " + " ".join(parts) + " }"

    def _field(self, name: str, field: GraphQLField, depth: int) -> list[str]:
        draw = self._draw
        named = get_named_type(field.type)
        if not is_leaf_type(named) and depth <= 0:
            return []
        self._left -= 1
        arguments = self._arguments(field)
        below = "" if is_leaf_type(named) else " " + self._selections(named, depth - 1)
        # A name in the answer that tells type, field and arguments apart never clashes.
        what = f"{name}{arguments}{field.type}"
        alias = f"a{len(self._keys)}" if arguments or draw.random() < 0.2 else name
        known = self._keys.setdefault(alias, what)
        if known != what:
            alias = f"a{len(self._keys)}"
            self._keys[alias] = what
        label = "" if alias == name else f"{alias}: "
        made = [f"{label}{name}{arguments}{self._condition()}{below}"]
        if draw.random() < 0.15 and not is_leaf_type(named) and self._left > 0:
            # The same once more: both are merged.
            made.append(f"{label}{name}{arguments} {self._selections(named, depth - 1)}")
        return made

    def _condition(self) -> str:
        draw = self._draw
        if draw.random() > 0.15:
            return ""
        made = f" @{draw.choice(('skip', 'include'))}(if: "
        if draw.random() < 0.5:
            return made + draw.choice(("true", "false")) + ")"
        name = f"c{draw.randrange(3)}"
        if name not in self._declared:
            self._declared[name] = draw.choice(("Boolean!", "Boolean! = true", "Boolean! = false"))
            if self._declared[name] == "Boolean!" or draw.random() < 0.5:
                self.variables[name] = draw.random() < 0.5
        return f"{made}${name})"

    def _fragment(self, type_: Any, depth: int) -> str:
        draw = self._draw
        on = [type_]
        if isinstance(type_, GraphQLInterfaceType | GraphQLUnionType):
            on += self._schema.get_possible_types(type_)
        elif isinstance(type_, GraphQLObjectType):
            on += type_.interfaces
        chosen = draw.choice(on)
        body = self._selections(chosen, depth - 1)
        if draw.random() < 0.5:
            condition = "" if chosen is type_ and draw.random() < 0.5 else f" on {chosen.name}"
            return f"...{condition}{self._condition()} {body}"
        name = f"F{len(self._fragments)}"
        self._fragments.append(f"fragment {name} on {chosen.name} {body}")
        again = f" ...{name}" if draw.random() < 0.2 else ""
        return f"...{name}{self._condition()}{again}"

    def _arguments(self, field: GraphQLField) -> str:
        draw = self._draw
        given = []
        for name, argument in field.args.items():
            if is_required_argument(argument) or draw.random() < 0.4:
                given.append(f"{name}: {self._given(name, argument.type)}")
        return f"({', '.join(given)})" if given else ""

    def _given(self, name: str, type_: Any) -> str:
        draw = self._draw
        if draw.random() < 0.3:
            variable = f"v{len(self._declared)}"
            optional = not isinstance(type_, GraphQLNonNull)
            self._declared[variable] = str(type_)
            if not optional or draw.random() < 0.7:
                self.variables[variable] = self._json(name, type_)
            return f"${variable}"
        return self._literal(name, type_)

    def _json(self, name: str, type_: Any) -> Any:
        draw = self._draw
        if isinstance(type_, GraphQLNonNull):
            return self._json(name, type_.of_type)
        if draw.random() < 0.1:
            return None
        if isinstance(type_, GraphQLList):
            return [self._required(name, type_.of_type) for _ in range(draw.randrange(3))]
        if isinstance(type_, GraphQLInputObjectType):
            return {
                key: self._required(key, each.type)
                for key, each in type_.fields.items()
                if isinstance(each.type, GraphQLNonNull) or draw.random() < 0.4
            }
        if isinstance(type_, GraphQLEnumType):
            return draw.choice(list(type_.values))
        if name in self._values:
            return draw.choice(self._values[name]).strip('"')
        return {"Int": draw.choice((0, 1, 2, 5)), "Boolean": draw.random() < 0.5, "Float": 1.5}.get(
            type_.name, draw.choice(("a", "2026-01-31T09:30:00Z"))
        )

    def _required(self, name: str, type_: Any) -> Any:
        value = self._json(name, type_)
        while value is None and isinstance(type_, GraphQLNonNull):
            value = self._json(name, type_)
        return value

    def _literal(self, name: str, type_: Any) -> str:
        draw = self._draw
        if isinstance(type_, GraphQLNonNull):
            return self._literal(name, type_.of_type)
        if isinstance(type_, GraphQLList):
            return f"[{', '.join(self._literal(name, type_.of_type) for _ in range(draw.randrange(3)))}]"
        if isinstance(type_, GraphQLInputObjectType):
            fields = [
                f"{key}: {self._literal(key, each.type)}"
                for key, each in type_.fields.items()
                if isinstance(each.type, GraphQLNonNull) or draw.random() < 0.4
            ]
            return "{" + ", ".join(fields) + "}"
        if isinstance(type_, GraphQLEnumType):
            return str(draw.choice(list(type_.values)))
        if name in self._values:
            return draw.choice(self._values[name])
        return {"Int": draw.choice(("0", "1", "2", "5")), "Boolean": "true", "Float": "1.5"}.get(
            type_.name, draw.choice(('"a"', '"2026-01-31T09:30:00Z"'))
        )
