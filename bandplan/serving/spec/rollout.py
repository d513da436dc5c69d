"""How traffic moves to a new version of an entry's model: in steps, with time between them, and limits that stop it."""

from typing import Annotated

from pydantic import Field

from bandplan.serving.spec.shape import IfGiven, Number, Shape, Whole

Percent = Annotated[Whole, Field(ge=0, le=100)]

DEFAULT_HOLD_MINUTES = 0


class StopIf(Shape):
    """Limits on the new version's measurements that stop a rollout at its current step."""

    error_rate: IfGiven[Annotated[Number, Field(ge=0, lt=1)]] = Field(
        default=None,
        description="Share of requests answered with a 5xx status above which the rollout stops.",
        examples=[0.02],
    )
    ttft_seconds: IfGiven[Annotated[Number, Field(gt=0)]] = Field(
        default=None,
        description="Seconds to the first token above which the rollout stops; needs measured use, as the platform "
        "exports none.",
        examples=[2],
    )


class Rollout(Shape):
    """How the traffic moves to a new version: step by step, at most one step in each deployment."""

    steps: Annotated[tuple[Percent, ...], Field(min_length=1, max_length=20)] = Field(
        description="Percentages of the traffic for the new version, in ascending order, the last one 100.",
        examples=[[10, 50, 100]],
    )
    hold_minutes: Annotated[Whole, Field(ge=0, le=100_000)] = Field(
        default=DEFAULT_HOLD_MINUTES, description="Minimum number of minutes between two steps.", examples=[30]
    )
    stop_if: IfGiven[StopIf] = Field(
        default=None,
        description="Limits that stop the rollout. A limit that is not measured also holds it.",
        examples=[{"error_rate": 0.02, "ttft_seconds": 2}],
    )
