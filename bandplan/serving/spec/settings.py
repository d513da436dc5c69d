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
    """Parse the day of an ISO date; pydantic alone would also accept times and numbers."""
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
    """A limit on the calls per minute, in the API's older form; the AI gateway has the newer one."""

    calls: Annotated[Whole, Field(ge=0)] = Field(description="Calls per minute.", examples=[100])
    key: Literal["user", "endpoint"] = Field(
        default="endpoint", description="Scope of the limit: the endpoint, each user, or one principal."
    )
    renewal_period: Literal["minute"] = Field(
        default="minute", description="Renewal period; the platform supports only minute."
    )


class Notifications(Shape):
    """Recipients of email about updates of an endpoint."""

    on_update_success: IfGiven[tuple[Email, ...]] = Field(
        default=None, description="Addresses notified when an update finishes.", examples=[["team@example.com"]]
    )
    on_update_failure: IfGiven[tuple[Email, ...]] = Field(
        default=None, description="Addresses notified when an update fails.", examples=[["team@example.com"]]
    )


class Timeouts(Shape):
    """Longest waits for the platform, such as 45m, 2h or 1h30m; hours if omitted."""

    create: IfGiven[Duration] = Field(
        default=None, description="Longest wait for a new endpoint to be ready.", examples=["4h"]
    )
    update: IfGiven[Duration] = Field(
        default=None, description="Longest wait for a change to take effect.", examples=["4h"]
    )
    delete: IfGiven[Duration] = Field(
        default=None, description="Longest wait for an endpoint to be deleted.", examples=["1h"]
    )

    @property
    def create_seconds(self) -> int | None:
        """Seconds to wait for a new endpoint; None if omitted."""
        return None if self.create is None else seconds(self.create)

    @property
    def update_seconds(self) -> int | None:
        """Seconds to wait for a change; None if omitted."""
        return None if self.update is None else seconds(self.update)

    @property
    def delete_seconds(self) -> int | None:
        """Seconds to wait for an endpoint to be deleted; None if omitted."""
        return None if self.delete is None else seconds(self.delete)


class Waiver(Shape):
    """A warning or policy waived for this entry, with the reason, the owner and the expiry date."""

    policy: Text = Field(description="Id of the warning or policy.", examples=["floor-zero"])
    reason: Prose = Field(description="Why it is waived.", examples=["a demo that may start slowly"])
    owner: Text = Field(description="Who is responsible for the waiver.", examples=["ana@example.com"])
    expires: Day = Field(description="Last day on which the waiver holds.", examples=["2027-01-31"])


def seconds(duration: str) -> int:
    """Return the seconds of a duration such as 2h, 45m or 1h30m."""
    units = {"h": 3600, "m": 60, "s": 1}
    return sum(int(amount) * units[unit] for amount, unit in re.findall(r"(?<![0-9])([0-9]+)([hms])", duration))
