"""What is seen of a stack's endpoints after a deployment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bandplan.cli.query import QueryResult


@dataclass(frozen=True)
class SeenEndpoints:
    """States by endpoint, engines of the local workspace, and one answer each if they were asked.

    `failure` names those that gave none; "" if all that were asked did.
    """

    states: Mapping[str, str]
    engines: Mapping[str, str]
    answers: "Sequence[QueryResult]" = ()
    failure: str = ""


NOTHING_SEEN: Final = SeenEndpoints({}, {})
