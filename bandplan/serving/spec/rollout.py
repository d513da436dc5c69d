"""How another version of an entry's model gets its traffic: in steps, with time between them, and what stops it."""

from typing import Annotated

from pydantic import Field

from bandplan.serving.spec.shape import IfGiven, Number, Shape, Whole

Percent = Annotated[Whole, Field(ge=0, le=100)]

DEFAULT_HOLD_MINUTES = 0


class StopIf(Shape):
    """What stops a rollout at the step that it has reached, as measured on the new version."""

    error_rate: IfGiven[Annotated[Number, Field(ge=0, lt=1)]] = Field(
        default=None, description="Share of requests answered 5xx above which it stops.", examples=[0.02]
    )
    ttft_seconds: IfGiven[Annotated[Number, Field(gt=0)]] = Field(
        default=None,
        description="Time to first token above which it stops; measured use has it, the platform exports none.",
        examples=[2],
    )


class Rollout(Shape):
    """Another version gets its traffic step by step, at most one step in each deploy."""

    steps: Annotated[tuple[Percent, ...], Field(min_length=1, max_length=20)] = Field(
        description="Shares of the traffic of the new version in percent, upwards, the last one 100.",
        examples=[[10, 50, 100]],
    )
    hold_minutes: Annotated[Whole, Field(ge=0, le=100_000)] = Field(
        default=DEFAULT_HOLD_MINUTES, description="Least minutes from one step to the next.", examples=[30]
    )
    stop_if: IfGiven[StopIf] = Field(
        default=None,
        description="What stops it. What is not measured holds it too.",
        examples=[{"error_rate": 0.02, "ttft_seconds": 2}],
    )
