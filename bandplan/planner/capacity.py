"""What capacity is bought in, how requests are served by an amount of it, and where that is known from."""

from dataclasses import dataclass
from typing import Literal

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


@dataclass(frozen=True)
class Capacity:
    """`increment`: tokens/s of one chunk, or the model units of one step. `law` is that of a measured curve of
    `measured_steps` chunks or steps; without one, the published figures hold, or a guess of them."""

    kind: Literal["chunks", "model_units"]
    increment: int
    source: Source = "published"
    law: Law | None = None
    measured_steps: int = 1
    speedup: float = SOLO_SPEEDUP
    embeds: bool = False

    def served_by(self, steps: int, shape: Shape) -> tuple[Service, int]:
        """Return (service, how many such chunks share the load) of `steps` chunks or increments."""
        if self.law is not None:
            return self.law.service(self.measured_steps, shape), steps
        if self.kind == "chunks":
            return chunk_service(self.increment, speedup=self.speedup, embeds=self.embeds), steps
        return units_service(steps * self.increment, speedup=self.speedup, embeds=self.embeds), 1

    def amount(self, steps: int) -> int:
        """Return what `steps` are: chunks, or model units."""
        return steps if self.kind == "chunks" else steps * self.increment

    def stated(self, low: int, high: int) -> dict[str, int]:
        """Return a floor and a ceiling in the words of models.yaml: the bounds of a band, or model units."""
        return {"min": low, "max": high} if self.kind == "chunks" else {self.kind: high}

    def tokens_per_second(self, steps: int) -> float:
        """Return the published tokens/s of `steps`, input and output together."""
        return steps * self.increment * (1 if self.kind == "chunks" else TOKENS_PER_SECOND_PER_UNIT)

    def described(self, steps: int) -> str:
        if self.kind == "chunks":
            return f"{steps:,} chunk{'' if steps == 1 else 's'} ({steps * self.increment:,} tokens/s)"
        return f"{self.amount(steps):,} model units"

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
        reference = BANDS_SHAPE if self.kind == "chunks" else UNITS_SHAPE
        if self.kind == "chunks":
            figure = f"{self.increment:,} tokens/s per chunk at {reference} with 4 requests in flight"
        else:
            figure = f"50 units = 3,250 tokens/s at {reference} (Llama 4 Maverick), 8 requests in flight per 50 assumed"
        begin = "published figures" if self.source == "published" else "a guess: nothing is known about this model"
        said = [f"{begin}: {figure}"]
        said.append(f"assumed: one request alone is {self.speedup:g} times as fast as in a full chunk")
        if (shape != reference or has_lengths) and not self.embeds:
            said.append(
                f"extrapolated from {reference}: an output token weighs as 3 input tokens and its context more with "
                "its length (assumed); measure a curve of this shape with `bandplan bench` to be sure"
            )
        return said
