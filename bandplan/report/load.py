"""Build the reports of the stacks from the given files; pure apart from the texts that it receives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bandplan.report.errors import BadInput
from bandplan.report.events import PolicyEvent, read_events
from bandplan.report.preview import WHAT, read_preview
from bandplan.report.price import Prices
from bandplan.report.price_file import read_prices
from bandplan.report.reading import Reading, parsed
from bandplan.report.sentence import MOST_OF_A_TITLE
from bandplan.report.stack import StackReport, stack_report
from bandplan.report.threshold import Thresholds
from bandplan.wire.redaction import MOST_SEARCHED, redactor, secrets_of_document, secrets_of_environment
from bandplan.wire.text import one_line, presentable


@dataclass(frozen=True, slots=True)
class Given:
    """A given file: `name` is its path for messages; `stack` is the user's title for it, if any."""

    name: str
    text: str
    stack: str = ""


def load_prices(given: Given) -> Prices:
    """Read the prices of a file. Errors: BadInput."""
    return read_prices(given.text, Reading(given.name, redactor(())))


def load_reports(
    previews: Sequence[Given],
    event_logs: Sequence[Given] = (),
    *,
    environ: Mapping[str, str],
    prices: Prices | None = None,
    thresholds: Thresholds,
) -> tuple[StackReport, ...]:
    """Build one report per preview, in the given order.

    Errors: BadInput with the problems of all files.
    """
    secrets = tuple(secrets_of_environment(environ))
    problems: list[str] = []
    reports: list[StackReport] = []
    logs = {log.stack: log for log in event_logs}
    for given in previews:
        try:
            document = parsed(given.text, given.name, WHAT)
            redact = redactor((*secrets, *secrets_of_document(document)), MOST_SEARCHED)
            preview = read_preview(document, Reading(given.name, redact))
            log = logs.pop(given.stack or preview.stack, None) or (logs.pop("", None) if len(previews) == 1 else None)
            events = () if log is None else _events(log, Reading(log.name, redact))
            title = one_line(presentable(given.stack), MOST_OF_A_TITLE)
            reports.append(stack_report(preview, title, events, prices, thresholds))
        except BadInput as error:
            problems.append(str(error))
    for log in logs.values() if not problems else ():
        problems.append(f"{log.name}: this event log belongs to no stack in the report; name its stack with NAME=FILE")
    twice = {report.title for report in reports if sum(other.key == report.key for other in reports) > 1}
    problems += [f"two previews of {title}: give each its own name with NAME=FILE" for title in sorted(twice)]
    if problems:
        raise BadInput("\n".join(problems))
    return tuple(reports)


def _events(log: Given, reading: Reading) -> tuple[PolicyEvent, ...]:
    events = read_events(log.text, reading)
    reading.finish()
    return events
