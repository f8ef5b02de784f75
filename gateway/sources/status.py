"""The configured table between a source's own statuses and the graph's."""

from collections.abc import Mapping

from gateway.domain.records import Coded, ConversationState


class StatusTable:
    """Native word or id <-> ConversationState. Natives are compared without case."""

    def __init__(
        self, defaults: Mapping[str, ConversationState], configured: Mapping[str, ConversationState]
    ) -> None:
        self._states = {native.casefold(): state for native, state in {**defaults, **configured}.items()}
        self._natives = {native.casefold(): native for native in (*defaults, *configured)}

    def coded(self, native: str | None, *, raw: str | None = None) -> Coded[ConversationState] | None:
        """The graph's word beside the source's (`raw`, where it shows another word than it filters by)."""
        if native is None:
            return None
        return Coded(self._states.get(native.casefold(), ConversationState.UNKNOWN), raw or native)

    def natives(self, states: tuple[ConversationState, ...]) -> tuple[str, ...]:
        """Every native status that the table maps to one of these states."""
        return tuple(self._natives[folded] for folded, state in self._states.items() if state in states)
