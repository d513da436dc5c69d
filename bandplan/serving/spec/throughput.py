"""The capacity that an entity declares, in one of four ways."""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Discriminator, Field, Tag

from bandplan.serving.spec.shape import Flag, IfGiven, Shape, Whole


class BandRange(Shape):
    """A band in whole chunks."""

    min: Annotated[Whole, Field(ge=0)] = Field(
        description="Chunks that are always provisioned; with 0, requests wait for a scale-up.", examples=[1]
    )
    max: Annotated[Whole, Field(ge=1)] = Field(description="Chunks that the endpoint may scale to.", examples=[2])


class TokenRange(Shape):
    """A band in tokens per second, input and output together."""

    min: Annotated[Whole, Field(ge=0)] = Field(
        description="Tokens/s that are always provisioned, a multiple of the model's chunk.", examples=[980]
    )
    max: Annotated[Whole, Field(ge=1)] = Field(
        description="Tokens/s that the endpoint may scale to, a multiple of the model's chunk.", examples=[1960]
    )


class WantedBandRange(Shape):
    """A band in whole chunks whose ceiling may be less than wanted while the platform has no GPU capacity (S18)."""

    min: Annotated[Whole, Field(ge=0)] = Field(
        default=1, description="Chunks that are always provisioned; 1 if omitted.", examples=[1]
    )
    want: Annotated[Whole, Field(ge=1)] = Field(description="Chunks that the endpoint should scale to.", examples=[4])
    accept: Annotated[Whole, Field(ge=1)] = Field(
        description="Acceptable chunks to scale to while there is no GPU capacity for more.", examples=[2]
    )

    @property
    def max(self) -> int:
        """The wanted ceiling."""
        return self.want


class WantedTokenRange(Shape):
    """A band in tokens per second whose ceiling may be less than wanted while there is no GPU capacity (S18)."""

    min: Annotated[Whole, Field(ge=0)] = Field(
        description="Tokens/s that are always provisioned, a multiple of the model's chunk.", examples=[980]
    )
    want: Annotated[Whole, Field(ge=1)] = Field(
        description="Tokens/s that the endpoint should scale to, a multiple of the model's chunk.", examples=[3920]
    )
    accept: Annotated[Whole, Field(ge=1)] = Field(
        description="Acceptable tokens/s to scale to while there is no GPU capacity for more.", examples=[1960]
    )

    @property
    def max(self) -> int:
        """The wanted ceiling."""
        return self.want


class WantedUnits(Shape):
    """Model units that may be less than wanted while the platform has no GPU capacity (S18)."""

    want: Annotated[Whole, Field(ge=1)] = Field(description="Model units to provision.", examples=[100])
    accept: Annotated[Whole, Field(ge=1)] = Field(
        description="Acceptable model units while there is no GPU capacity for more.", examples=[50]
    )


def form_of(value: object) -> str:
    """Return `<wanted>` for an amount with `want` or `accept`, otherwise `<fixed>`; never None, so that errors name
    their key.
    """
    wanted = ("want", "accept")
    if isinstance(value, dict):
        return "<wanted>" if any(key in value for key in wanted) else "<fixed>"
    return "<wanted>" if isinstance(value, (WantedBandRange, WantedTokenRange, WantedUnits)) else "<fixed>"


Bands = Annotated[
    Annotated[BandRange, Tag("<fixed>")] | Annotated[WantedBandRange, Tag("<wanted>")], Discriminator(form_of)
]
Tokens = Annotated[
    Annotated[TokenRange, Tag("<fixed>")] | Annotated[WantedTokenRange, Tag("<wanted>")], Discriminator(form_of)
]
Units = Annotated[
    Annotated[Whole, Field(ge=1), Tag("<fixed>")] | Annotated[WantedUnits, Tag("<wanted>")], Discriminator(form_of)
]


Unit = Literal["bands", "tokens_per_second", "model_units"]
KINDS: tuple[Unit, ...] = get_args(Unit)


class StatedThroughput(Shape):
    """Capacity that an entry states itself, under the key that is its unit."""

    unit: ClassVar[Unit]

    @property
    def amounts(self) -> dict[str, int]:
        """The amounts as written, by key: `min`, `max`, `want`, `accept`; "" for a plain number."""
        written = getattr(self, self.unit)
        if isinstance(written, int):
            return {"": written}
        return {key: getattr(written, key) for key in type(written).model_fields}

    @property
    def wanted(self) -> tuple[int, int]:
        """The wanted floor and ceiling; they are equal in a unit that has no floor."""
        amounts = self.amounts
        high = next(amounts[key] for key in ("", "want", "max") if key in amounts)
        return amounts.get("min", high), high

    @property
    def sold_in(self) -> Literal["bands", "model_units"]:
        """The kind of capacity."""
        return "model_units" if self.unit == "model_units" else "bands"

    def changed(self, low: int, high: int) -> dict[str, int]:
        """Return the amounts to write, by key, for a floor and a ceiling in the same unit."""
        wanted = {"min": low, "max": high, "want": high, "": high}
        return {key: wanted[key] for key in self.amounts if key in wanted}


class BandThroughput(StatedThroughput):
    """A band counted in chunks of the model's throughput increment."""

    unit = "bands"
    bands: Bands = Field(
        description="Band in whole chunks.", examples=[{"min": 1, "max": 2}, {"min": 1, "want": 4, "accept": 2}]
    )


class TokensPerSecondThroughput(StatedThroughput):
    """A band counted in tokens per second."""

    unit = "tokens_per_second"
    tokens_per_second: Tokens = Field(
        description="Band in tokens/s, whole chunks.",
        examples=[{"min": 980, "max": 1960}, {"min": 980, "want": 3920, "accept": 1960}],
    )


class ModelUnitThroughput(StatedThroughput):
    """Capacity of a model that is sold in model units."""

    unit = "model_units"
    model_units: Units = Field(
        description="Model units of this served entity.", examples=[50, {"want": 100, "accept": 50}]
    )
    burst: IfGiven[Flag] = Field(
        default=None,
        description="Whether the endpoint may scale past its model units for a while. If omitted, the platform "
        "decides; by default, it may.",
    )

    @property
    def wanted_units(self) -> int:
        """The wanted model units."""
        return self.model_units.want if isinstance(self.model_units, WantedUnits) else self.model_units

    @property
    def accepted_units(self) -> int | None:
        """The acceptable fallback model units; None if the entry accepts no less than the wanted ones."""
        return self.model_units.accept if isinstance(self.model_units, WantedUnits) else None


class AutoThroughput(StrEnum):
    """A band computed from the entry's demand."""

    AUTO = "auto"


def kind_of(value: object) -> str | None:
    """Return `<bands>`, `<tokens_per_second>`, `<model_units>` or `<auto>`; None if `value` is none or several."""
    if isinstance(value, dict):
        given = [key for key in KINDS if key in value]
        return f"<{given[0]}>" if len(given) == 1 else None
    match value:
        case "auto":
            return "<auto>"
        case StatedThroughput():
            return f"<{value.unit}>"
    return None


Throughput = Annotated[
    Annotated[BandThroughput, Tag("<bands>")]
    | Annotated[TokensPerSecondThroughput, Tag("<tokens_per_second>")]
    | Annotated[ModelUnitThroughput, Tag("<model_units>")]
    | Annotated[AutoThroughput, Tag("<auto>")],
    Discriminator(kind_of),
]
