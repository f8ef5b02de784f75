"""How deep and how large a request's JSON may be, beyond its bytes."""

from gateway.domain.errors import LimitExceeded
from gateway.security.limit_settings import LimitSettings


def check_json(sent: object, limits: LimitSettings) -> None:
    """Look whether decoded JSON keeps within the limits; it is looked at no further than that.

    Raises:
        LimitExceeded: It nests too deeply, or holds too many values.
    """
    level, depth, values = [sent], 0, 1
    while level:
        below: list[object] = []
        for each in level:
            if isinstance(each, dict):
                below += each.values()
            elif isinstance(each, list):
                below += each
        values += len(below)
        if values > limits.max_json_values:
            raise LimitExceeded(
                f"The request's JSON has more than the {limits.max_json_values} values that are allowed."
            )
        depth += bool(below)
        if depth > limits.max_json_depth:
            raise LimitExceeded(
                f"The request's JSON nests deeper than the {limits.max_json_depth} levels that are allowed."
            )
        level = below
