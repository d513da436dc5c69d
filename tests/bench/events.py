"""Hand-made requests; times in seconds, as a reader of a test thinks."""

from array import array
from collections.abc import Sequence

from bandplan.bench.sample import SECOND, Sample


def request(
    sent: float,
    content: Sequence[float] = (),
    *,
    end: float | None = None,
    tokens: int | None = None,
    scheduled: float | None = None,
    status: int = 200,
    fault: str = "",
    asked: int = 0,
    given: int | None = None,
    in_flight: bool = False,
) -> Sample:
    """A request that ended with its last content unless said otherwise; a token in each chunk."""
    last = end if end is not None else content[-1] if content else sent
    return Sample(
        number=1,
        scheduled=nano(sent if scheduled is None else scheduled),
        asked_output=asked or tokens or len(content),
        sent=nano(sent),
        content=array("q", map(nano, content)),
        ended=None if in_flight else nano(last),
        status=status,
        fault=fault,
        input_tokens=given,
        output_tokens=None if in_flight else len(content) if tokens is None else tokens,
    )


def nano(seconds: float) -> int:
    return round(seconds * SECOND)
