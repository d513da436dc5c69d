"""What capacity is bought in, how requests are served by an amount of it, and where that is known from."""

from dataclasses import dataclass
from typing import Any, Literal

from bandplan.planner.law import Law
from bandplan.planner.load import Shape
from bandplan.planner.published import (
    BANDS_SHAPE,
    SOLO_SPEEDUP,
    TOKENS_PER_SECOND_PER_UNIT,
    UNITS_SHAPE,
    chunk_service,
    units_service,
)
from bandplan.planner.service import Service

Source = Literal["curve", "published", "guess"]
SoldIn = Literal["bands", "model_units"]
"""Names of the two kinds of capacity in models.yaml and in price lists."""


@dataclass(frozen=True)
class Capacity:
    """`increment`: tokens/s of one chunk, or the model units of one step. `law` is that of a measured curve of
    `measured_steps` chunks or steps; without one, the published figures hold, or a guess of them."""

    sold_in: SoldIn
    increment: int
    source: Source = "published"
    law: Law | None = None
    measured_steps: int = 1
    speedup: float = SOLO_SPEEDUP
    embeds: bool = False

    @property
    def is_range(self) -> bool:
        """Whether a floor and a ceiling are sold, and not one amount."""
        return self.sold_in == "bands"

    @property
    def unit(self) -> Literal["chunks", "model_units"]:
        """What amounts are counted in, as in price lists and in answers as JSON."""
        return "chunks" if self.is_range else "model_units"

    @property
    def noun(self) -> str:
        """What amounts are counted in, in the plural."""
        return "chunks" if self.is_range else "model units"

    @property
    def reference(self) -> Shape:
        """The requests that the published figures are for."""
        return BANDS_SHAPE if self.is_range else UNITS_SHAPE

    def served_by(self, steps: int, shape: Shape) -> tuple[Service, int]:
        """Return (service, how many such chunks share the load) of `steps` chunks or increments."""
        if self.law is not None:
            return self.law.service(self.measured_steps, shape), steps
        if self.is_range:
            return chunk_service(self.increment, speedup=self.speedup, embeds=self.embeds), steps
        return units_service(steps * self.increment, speedup=self.speedup, embeds=self.embeds), 1

    def amount(self, steps: int) -> int:
        """Return what `steps` are: chunks, or model units."""
        return steps if self.is_range else steps * self.increment

    def steps(self, amount: int) -> int | None:
        """Return the steps that an amount is; None if it is not a whole number of them."""
        steps, rest = (amount, 0) if self.is_range else divmod(amount, self.increment)
        return None if rest else steps

    def stated(self, low: int, high: int) -> dict[str, int]:
        """Return a floor and a ceiling in the words of models.yaml: the bounds of a band, or model units."""
        return {"min": low, "max": high} if self.is_range else {self.unit: high}

    def throughput(self, floor: int, ceiling: int) -> dict[str, Any]:
        """Return the `throughput` of models.yaml that has this floor and ceiling, in steps."""
        stated = self.stated(self.amount(floor), self.amount(ceiling))
        return {"bands": stated} if self.is_range else stated

    def priced(self, floor: int, ceiling: int) -> dict[str, tuple[int, int]]:
        """Return (least, most) of every amount that a price may be for; floor and ceiling are in steps."""
        if self.is_range:
            return {
                "chunks": (floor, ceiling),
                "tokens_per_second": (floor * self.increment, ceiling * self.increment),
            }
        return {self.unit: (self.amount(ceiling),) * 2}

    def in_unit(self, unit: str, steps: int) -> int:
        """Return what `steps` are in a unit of models.yaml."""
        return steps if unit == "bands" else steps * self.increment

    def steps_of(self, unit: str, amount: int) -> int:
        """Return the steps that hold an amount in a unit of models.yaml, rounded up."""
        return amount if unit == "bands" else -(-amount // self.increment)

    def tokens_per_second(self, steps: int) -> float:
        """Return the published tokens/s of `steps`, input and output together."""
        return steps * self.increment * (1 if self.is_range else TOKENS_PER_SECOND_PER_UNIT)

    def described(self, steps: int) -> str:
        if self.is_range:
            return f"{steps:,} chunk{'' if steps == 1 else 's'} ({steps * self.increment:,} tokens/s)"
        return f"{self.amount(steps):,} {self.noun}"

    def provenance(self, shape: Shape, has_lengths: bool) -> list[str]:
        """Return sentences that say where the figures are from and what is assumed for requests of this mean shape.

        `has_lengths` says that their lengths differ.
        """
        if self.law is not None:
            law = self.law
            said = [
                f"measured curve, with the law fitted to it (worst miss {law.worst_residual:.0%}): an output token "
                f"takes {law.t0 * 1000:.1f} ms, and {law.s(shape) * 1000:.2f} ms more for each request in flight, of "
                f"which there are at most {law.cap:g}"
            ]
            if not law.knows_shapes:
                said.append(
                    f"one shape was measured, {law.shape}: other shapes are not known, and the shares of prompt and "
                    "output are assumed"
                )
            return said
        reference = self.reference
        if self.is_range:
            figure = f"{self.increment:,} tokens/s per chunk at {reference} with 4 requests in flight"
        else:
            figure = f"50 units = 3,250 tokens/s at {reference} (Llama 4 Maverick), 8 requests in flight per 50 assumed"
        begin = "published figures" if self.source == "published" else "a guess: nothing is known about this model"
        said = [f"{begin}: {figure}"]
        pool = "chunk" if self.is_range else "pool of them"
        said.append(f"assumed: one request alone is {self.speedup:g} times as fast as in a full {pool}")
        if (shape != reference or has_lengths) and not self.embeds:
            said.append(
                f"extrapolated from {reference}: an output token weighs as 3 input tokens and its context more with "
                "its length (assumed); measure a curve of this shape with `bandplan bench` to be sure"
            )
        return said
