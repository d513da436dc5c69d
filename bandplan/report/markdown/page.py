"""All stacks in one text, with what holds for all of them; the same for a file and for a comment."""

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
"""Between stacks."""

MOST_OF_A_NOTE: Final = 600
MOST_NOTES: Final = 5


@dataclass(frozen=True, slots=True)
class Section:
    """One stack's part. `key` tells it from others; `size` is the length of the text before anything was cut.

    `note` says how to read its figures, `url` where the full report lies ("" for nowhere).
    """

    key: str
    text: str
    size: int
    summary: Summary
    note: str = ""
    url: str = ""


def section_of(report: StackReport, url: str = "", commit: str = "") -> Section:
    """The section with what it is about below it, but for one that is a single line."""
    text = section(report)
    if report.is_offline:
        text = f"{text}\n\n> {OFFLINE}"
    below = [*([link("Full report", url)] if url else []), *([f"commit {commit}"] if commit else [])]
    if below and report.summary.status not in ("unchanged", "quiet"):
        text = f"{text}\n\n<sub>{' · '.join(below)}</sub>"
    return Section(report.key, text, length(text), report.summary, note_of(report), url)


def markdown(reports: Sequence[StackReport], url: str = "", limit: int = LIMIT) -> str:
    """The report as it goes to a file: at most `limit` characters, ending with a line feed."""
    return page([section_of(report, url) for report in reports], limit - 1) + "\n"


def page(sections: Sequence[Section], limit: int) -> str:
    """Head, sections and notes in at most `limit` characters."""
    top, bottom = head(sections), foot(sections)
    texts, rest = fitted(sections, limit, top + bottom)
    note = f"*… and {rest:,} more stacks.*" if rest else ""
    rule = [RULE] if len(sections) > 1 else []
    parted = [part for text in texts for part in (*rule, text)]
    return "\n\n".join(filter(None, [top, *parted, note, *rule, bottom]))


def head(sections: Sequence[Section]) -> str:
    """The sentence over all stacks, where there are several."""
    if len(sections) < 2:
        return ""
    return runs(whole_sentence(len(sections), together(part.summary for part in sections)))


def foot(sections: Sequence[Section]) -> str:
    """How to read the figures, each note once."""
    notes = list(dict.fromkeys(part.note for part in sections if part.note))
    return f"<sub>{' '.join(notes[:MOST_NOTES])}</sub>" if notes else ""


def fitted(sections: Sequence[Section], limit: int, around: str, each: int = 0) -> tuple[list[str], int]:
    """The sections' texts, cut so that they fit beside `around`, and how many sections at the end are left out.

    `each` characters more come with every section; sections are left out when even the sentences do not fit.
    """
    budget = limit - length(around) - 200
    shown = sections[: max(1, budget // (LEAST_OF_A_SECTION + each))]
    limits = shares([part.size for part in shown], budget - len(shown) * (each + len(RULE) + 4))
    texts = [shortened(part.text, most, part.url) for part, most in zip(shown, limits, strict=True)]
    return texts, len(sections) - len(shown)


def note_of(report: StackReport) -> str:
    """How to read the figures of a section; nothing for one without a table."""
    if not report.endpoints:
        return ""
    note = "Tokens/s count input and output together, from floor to ceiling."
    return note if report.prices is None else f"{note} {_money_note(report.prices)}"


def _money_note(prices: Prices) -> str:
    file = escaped(one_line(prices.file.rsplit("/", 1)[-1], 80))
    source = f" ({escaped(one_line(prices.source, 120))})" if prices.source else ""
    return f"Money is the cost of floor and ceiling at the prices in {file}{source}; a month is {HOURS_PER_MONTH} h."
