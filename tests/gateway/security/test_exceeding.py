from gateway.domain.errors import ErrorCode
from gateway.security.exceeding import TooManyEstimatedCalls


def test_too_many_calls_are_told_with_their_own_code_and_both_numbers() -> None:
    error = TooManyEstimatedCalls(700, 600)
    assert (error.code, error.retryable, error.message) == (
        ErrorCode.TOO_MANY_SOURCE_CALLS,
        False,
        "This operation may need 700 calls to sources, and 600 are allowed. Ask for less at once.",
    )
