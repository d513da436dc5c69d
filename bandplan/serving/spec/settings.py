"""The smaller settings of an endpoint: rate limits, notifications, timeouts, waivers."""

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from bandplan.serving.spec.shape import Email, IfGiven, Prose, Shape, Text, Whole

Duration = Annotated[
    str, Field(strict=True, pattern=r"^([1-9][0-9]{0,5}h)?([1-9][0-9]{0,5}m)?([1-9][0-9]{0,5}s)?$", min_length=2)
]


def _day(value: object) -> date:
    """The day of an ISO date; pydantic alone would also take times and numbers."""
    if isinstance(value, date):
        return value
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise PydanticCustomError("not_a_day", "not a date")


Day = Annotated[
    date,
    BeforeValidator(_day),
    WithJsonSchema({"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}),
]


class RateLimit(Shape):
    """A limit on the calls of a minute, in the API's older form; the AI gateway has the newer one."""

    calls: Annotated[Whole, Field(ge=0)] = Field(description="Calls per minute.", examples=[100])
    key: Literal["user", "endpoint"] = Field(default="endpoint", description="Whom the limit is counted for.")
    renewal_period: Literal["minute"] = Field(default="minute", description="The period; the platform has minute only.")


class Notifications(Shape):
    """Who gets mail about updates of an endpoint."""

    on_update_success: IfGiven[tuple[Email, ...]] = Field(
        default=None, description="Addresses told of a finished update.", examples=[["team@example.com"]]
    )
    on_update_failure: IfGiven[tuple[Email, ...]] = Field(
        default=None, description="Addresses told of a failed update.", examples=[["team@example.com"]]
    )


class Timeouts(Shape):
    """How long to wait for the platform, such as 45m, 2h or 1h30m; what is left out is hours."""

    create: IfGiven[Duration] = Field(default=None, description="Wait for a new endpoint to be ready.", examples=["4h"])
    update: IfGiven[Duration] = Field(default=None, description="Wait for a change to be in place.", examples=["4h"])
    delete: IfGiven[Duration] = Field(default=None, description="Wait for an endpoint to be gone.", examples=["1h"])

    @property
    def create_seconds(self) -> int | None:
        """Seconds to wait for a new endpoint; None when left out."""
        return None if self.create is None else seconds(self.create)

    @property
    def update_seconds(self) -> int | None:
        """Seconds to wait for a change; None when left out."""
        return None if self.update is None else seconds(self.update)

    @property
    def delete_seconds(self) -> int | None:
        """Seconds to wait for an endpoint to be gone; None when left out."""
        return None if self.delete is None else seconds(self.delete)


class Waiver(Shape):
    """A warning or policy that does not hold for this entry, why, who says so, and until when."""

    policy: Text = Field(description="Id of the warning or policy.", examples=["floor-zero"])
    reason: Prose = Field(description="Why it does not hold here.", examples=["a demo that may start slowly"])
    owner: Text = Field(description="Who answers for it.", examples=["ana@example.com"])
    expires: Day = Field(description="Last day on which it holds.", examples=["2027-01-31"])


def seconds(duration: str) -> int:
    """Seconds of a duration such as 2h, 45m or 1h30m."""
    units = {"h": 3600, "m": 60, "s": 1}
    return sum(int(amount) * units[unit] for amount, unit in re.findall(r"(?<![0-9])([0-9]+)([hms])", duration))
