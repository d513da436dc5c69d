"""The capacity that an entity asks for, in one of four ways."""

from enum import StrEnum
from typing import Annotated

from pydantic import Discriminator, Field, Tag

from serving.spec.shape import Flag, Shape, Whole


class BandRange(Shape):
    """A band in whole chunks."""

    min: Annotated[Whole, Field(ge=0)] = Field(
        description="Chunks that are always there; 0 lets requests wait for a scale-up.", examples=[1]
    )
    max: Annotated[Whole, Field(ge=1)] = Field(description="Chunks that the endpoint may scale to.", examples=[2])


class TokenRange(Shape):
    """A band in tokens per second, input and output together."""

    min: Annotated[Whole, Field(ge=0)] = Field(
        description="Tokens/s that are always there, a multiple of the model's chunk.", examples=[980]
    )
    max: Annotated[Whole, Field(ge=1)] = Field(
        description="Tokens/s that the endpoint may scale to, a multiple of the model's chunk.", examples=[1960]
    )


class BandThroughput(Shape):
    """A band counted in chunks of the model's throughput increment."""

    bands: BandRange = Field(description="Band in whole chunks.", examples=[{"min": 1, "max": 2}])


class TokensPerSecondThroughput(Shape):
    """A band counted in tokens per second."""

    tokens_per_second: TokenRange = Field(
        description="Band in tokens/s, whole chunks.", examples=[{"min": 980, "max": 1960}]
    )


class ModelUnitThroughput(Shape):
    """Capacity of a model that is sold in model units."""

    model_units: Annotated[Whole, Field(ge=1)] = Field(description="Model units of this served entity.", examples=[50])
    burst: Flag = Field(default=False, description="Whether the endpoint may scale past its model units for a while.")


class AutoThroughput(StrEnum):
    """A band worked out from the entry's demand."""

    AUTO = "auto"


KINDS = ("bands", "tokens_per_second", "model_units")


def kind_of(value: object) -> str | None:
    """`<bands>`, `<tokens_per_second>`, `<model_units>` or `<auto>`; None when `value` is none of them, or several."""
    if isinstance(value, dict):
        given = [key for key in KINDS if key in value]
        return f"<{given[0]}>" if len(given) == 1 else None
    match value:
        case "auto":
            return "<auto>"
        case BandThroughput():
            return "<bands>"
        case TokensPerSecondThroughput():
            return "<tokens_per_second>"
        case ModelUnitThroughput():
            return "<model_units>"
    return None


Throughput = Annotated[
    Annotated[BandThroughput, Tag("<bands>")]
    | Annotated[TokensPerSecondThroughput, Tag("<tokens_per_second>")]
    | Annotated[ModelUnitThroughput, Tag("<model_units>")]
    | Annotated[AutoThroughput, Tag("<auto>")],
    Discriminator(kind_of),
]
