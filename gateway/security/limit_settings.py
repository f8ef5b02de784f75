"""How large a request may be: refused beyond that, before anything expensive is done with it."""

from pydantic import BaseModel, ConfigDict, Field


class LimitSettings(BaseModel):
    """What one request may hold.

    The defaults let pass what people and their tools write, and keep the parser, these checks and
    validation below 50 ms for anything else (tests/contract/test_linear_limits.py grows each of them).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_body_bytes: int = Field(
        256 * 1024,
        ge=1024,
        le=64 * 1024**2,
        description="Bytes of a request's body. Uploads have their own limit.",
    )
    max_json_depth: int = Field(
        32, ge=4, le=200, description="How deep lists and objects of the request's JSON may nest."
    )
    max_json_values: int = Field(
        2_500, ge=100, le=1_000_000, description="Values in the request's JSON: in `variables`, mostly."
    )
    max_document_characters: int = Field(
        16 * 1024,
        ge=1024,
        le=1024**2,
        description="Characters of a document, comments and blanks too. Long texts go into variables.",
    )
    max_tokens: int = Field(1_000, ge=100, le=20_000, description="Tokens of a document, comments too.")
    max_depth: int = Field(
        15, ge=3, le=50, description="How deep fields may nest. The usual introspection query has 15 levels."
    )
    max_aliases: int = Field(50, ge=0, le=10_000, description="Aliases in a document.")
    max_directives: int = Field(50, ge=0, le=10_000, description="Directives in a document.")
    max_directives_per_place: int = Field(10, ge=0, le=1_000, description="Directives in one place of it.")
    max_root_fields: int = Field(20, ge=1, le=1_000, description="Root fields of a query or subscription.")
    max_mutations: int = Field(
        10, ge=1, le=100, description="Root fields of a mutation: they run one by one."
    )
    max_operations: int = Field(10, ge=1, le=1_000, description="Operations in a document.")
    max_fragments: int = Field(30, ge=0, le=1_000, description="Fragment definitions in a document.")
    max_variables: int = Field(50, ge=0, le=1_000, description="Variables of an operation.")
    max_value_depth: int = Field(
        32, ge=1, le=100, description="How deep lists and objects written in the document may nest."
    )
    max_selections: int = Field(
        2_000,
        ge=100,
        le=100_000,
        description="Fields and fragments of a document once fragments stand wherever they are spread.",
    )
    max_repeats: int = Field(
        20,
        ge=1,
        le=1_000,
        description="How often one field may be written in one place, by way of fragments too.",
    )
    max_estimated_calls: int = Field(
        600,
        ge=1,
        le=1_000_000,
        description="REST calls that an operation may be estimated at. The estimate counts what a cache or "
        "another record's call may save, so this is above operations.max_calls.",
    )
    max_objects: int = Field(
        100_000,
        ge=100,
        le=10_000_000,
        description="Objects and their values that an answer may be estimated at: what nests in a list "
        "counts once per item.",
    )


class RateSettings(BaseModel):
    """How much each caller may ask for; who isn't logged in is known by the address."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = Field(True, description="Whether there is any such limit.")
    requests_per_minute: int = Field(
        600, ge=1, le=1_000_000, description="Requests of one caller, in the long run."
    )
    requests_at_once: int = Field(
        100, ge=1, le=100_000, description="Requests that a caller may send at once, after a pause."
    )
    calls_per_minute: int = Field(
        3_000,
        ge=1,
        le=10_000_000,
        description="REST calls that one caller's requests may cause, in the long run. They are counted when "
        "they have been made: who has caused too many waits.",
    )
    calls_at_once: int = Field(
        600, ge=1, le=1_000_000, description="REST calls that they may cause at once, after a pause."
    )
    max_callers: int = Field(
        10_000,
        ge=100,
        le=1_000_000,
        description="Principals, and as many addresses, that are remembered: about 0.4 kB each. While all of "
        "them are busy, new ones share one place.",
    )
