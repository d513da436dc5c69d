"""The common base of every part of models.yaml: frozen, no unknown keys, no silent conversion of values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "EMAIL_PATTERN",
    "RESERVED_ENDPOINT_NAMES",
    "RESERVED_ENDPOINT_PREFIX",
    "UUID_PATTERN",
    "CatalogName",
    "Email",
    "EndpointName",
    "Flag",
    "IfGiven",
    "ModelName",
    "Number",
    "Prose",
    "Shape",
    "TagText",
    "Text",
    "Uuid",
    "VersionNumber",
    "Whole",
]

if TYPE_CHECKING:
    from typing import Optional as IfGiven
else:

    class IfGiven:
        """`IfGiven[T]`: a key that may be omitted (then None) but must not be null. T | None to a type checker."""

        def __class_getitem__(cls, item: object) -> object:
            return item


# A text without a bound could make a plan, a report or a comment of any size. Names of Unity Catalog have at most 255
# characters (docs.databricks.com, "Names", read 2026-11); the two other bounds are choices, far above sensible texts.
CatalogName = Annotated[str, Field(strict=True, pattern=r"^[^./\x00-\x20\x7f]{1,255}$")]
Text = Annotated[str, Field(strict=True, min_length=1, max_length=1000)]
TagText = Annotated[str, Field(strict=True, max_length=1000)]
Prose = Annotated[str, Field(strict=True, min_length=1, max_length=5000)]
Whole = Annotated[int, Field(strict=True)]
Number = Annotated[float, Field(strict=True)]
Flag = Annotated[bool, Field(strict=True)]
EMAIL_PATTERN = r"^[^@\x00-\x20<>(),:;\"]{1,64}@[^@\x00-\x20<>(),:;\"]{1,255}$"
UUID_PATTERN = r"^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$"
Email = Annotated[str, Field(strict=True, pattern=EMAIL_PATTERN)]
Uuid = Annotated[str, Field(strict=True, pattern=UUID_PATTERN)]
EndpointName = Annotated[str, Field(strict=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$")]
# Three parts without dots, slashes, spaces or control characters, as in Unity Catalog.
ModelName = Annotated[
    str,
    Field(strict=True, pattern=r"^[^./\x00-\x20\x7f]{1,255}\.[^./\x00-\x20\x7f]{1,255}\.[^./\x00-\x20\x7f]{1,255}$"),
]
VersionNumber = Annotated[str, Field(strict=True, pattern=r"^[1-9][0-9]{0,17}$")]

RESERVED_ENDPOINT_NAMES = ("pt", "get-model-optimization-info")  # both are routes of the Serving endpoints API
RESERVED_ENDPOINT_PREFIX = "databricks-"
"""Prefix of the platform's own endpoints (docs.databricks.com, "Create custom model serving endpoints", read 2026-11).
"""


class Shape(BaseModel):
    """A mapping of models.yaml.

    `exactly_one` holds groups of keys of which exactly one is given; `together` holds pairs (key, key it needs).
    `checks` enforces both instead of pydantic, so that breaches are reported beside everything else; the JSON Schema
    states both.
    """

    # Deferred: only the outermost types are ever validated, and each built schema costs import time.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    exactly_one: ClassVar[tuple[tuple[str, ...], ...]] = ()
    together: ClassVar[tuple[tuple[str, str], ...]] = ()
