"""All stacks in one text, with what applies to all of them; the same for a file and a comment."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bandplan.report.markdown.escaping import escaped, link
from bandplan.report.markdown.fitting import LIMIT, length, shares, shortened
from bandplan.report.markdown.section import runs, section
from bandplan.report.offline import OFFLINE
from bandplan.report.price import Prices
from bandplan.report.sentence import whole_sentence
from bandplan.report.stack import StackReport
from bandplan.report.totals import Summary, together
from bandplan.wire.prices import HOURS_PER_MONTH
from bandplan.wire.text import one_line

LEAST_OF_A_SECTION: Final = 700
"""Characters that hold the sentence of almost any section, and the note that the rest was cut."""

RULE: Final = "---"
"""The line between stacks."""

MOST_OF_A_NOTE: Final = 600
MOST_NOTES: Final = 5


@dataclass(frozen=True, slots=True)
class Section:
    """One stack's part. `key` distinguishes it from others; `size` is the length of the text before shortening.

    `note` says how to read its figures; `url` is the address of the full report ("" for none).
    """

    key: str
    text: str
    size: int
    summary: Summary
    note: str = ""
    url: str = ""


def section_of(report: StackReport, url: str = "", commit: str = "") -> Section:
    """Build the section with its links below it, unless it is a single line."""
    text = section(report)
    if report.is_offline:
        text = f"{text}\n\n> {OFFLINE}"
    below = [*([link("Full report", url)] if url else []), *([f"commit {commit}"] if commit else [])]
    if below and report.summary.status not in ("unchanged", "quiet"):
        text = f"{text}\n\n<sub>{' · '.join(below)}</sub>"
    return Section(report.key, text, length(text), report.summary, note_of(report), url)


def markdown(reports: Sequence[StackReport], url: str = "", limit: int = LIMIT) -> str:
    """Build the report for a file: at most `limit` characters, ending with a line feed."""
    return page([section_of(report, url) for report in reports], limit - 1) + "\n"


def page(sections: Sequence[Section], limit: int) -> str:
    """Join head, sections and notes in at most `limit` characters."""
    top, bottom = head(sections), foot(sections)
    texts, rest = fitted(sections, limit, top + bottom)
    note = f"*… and {rest:,} more stacks.*" if rest else ""
    rule = [RULE] if len(sections) > 1 else []
    parted = [part for text in texts for part in (*rule, text)]
    return "\n\n".join(filter(None, [top, *parted, note, *rule, bottom]))


def head(sections: Sequence[Section]) -> str:
    """Return the sentence over all stacks; "" for one stack."""
    if len(sections) < 2:
        return ""
    return runs(whole_sentence(len(sections), together(part.summary for part in sections)))


def foot(sections: Sequence[Section]) -> str:
    """Return the notes on how to read the figures, each once."""
    notes = list(dict.fromkeys(part.note for part in sections if part.note))
    return f"<sub>{' '.join(notes[:MOST_NOTES])}</sub>" if notes else ""


def fitted(sections: Sequence[Section], limit: int, around: str, each: int = 0) -> tuple[list[str], int]:
    """Shorten the sections' texts to fit beside `around`; return them and the number of sections dropped at the end.

    Every section needs `each` characters more; sections are dropped if not even the sentences fit.
    """
    budget = limit - length(around) - 200
    shown = sections[: max(1, budget // (LEAST_OF_A_SECTION + each))]
    limits = shares([part.size for part in shown], budget - len(shown) * (each + len(RULE) + 4))
    texts = [shortened(part.text, most, part.url) for part, most in zip(shown, limits, strict=True)]
    return texts, len(sections) - len(shown)


def note_of(report: StackReport) -> str:
    """Return how to read the figures of a section; "" for one without a table."""
    if not report.endpoints:
        return ""
    note = "Tokens/s count input and output together, from floor to ceiling."
    return note if report.prices is None else f"{note} {_money_note(report.prices)}"


def _money_note(prices: Prices) -> str:
    file = escaped(one_line(prices.file.rsplit("/", 1)[-1], 80))
    source = f" ({escaped(one_line(prices.source, 120))})" if prices.source else ""
    return f"Money is the cost of floor and ceiling at the prices in {file}{source}; a month is {HOURS_PER_MONTH} h."
