"""The comment's body: a marker that identifies it, and each stack's section between its own markers.

Markers are HTML comments, which are not shown. A section's marker holds what is needed to rewrite the comment without
that stack's preview: its summary, for the sentence over all stacks, and its full size, to shorten all sections fairly.
No text of a pull request can contain a marker: sections write `<` as an entity.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final, get_args

from bandplan.forge.errors import ForgeError
from bandplan.report.document import summary_document
from bandplan.report.errors import BadInput
from bandplan.report.markdown.fitting import LIMIT, length
from bandplan.report.markdown.page import MOST_OF_A_NOTE, RULE, Section, fitted, foot, head
from bandplan.report.price import Money
from bandplan.report.reading import Reading
from bandplan.report.totals import Status, Summary
from bandplan.wire.capacity import FIGURES, Totals

MARKER: Final = "<!-- bandplan:report -->"
_BEGIN: Final = "<!-- bandplan:section "
_END: Final = "<!-- bandplan:end -->"
_AFTER_INFO: Final = " -->\n\n"


@dataclass(frozen=True, slots=True)
class Posted:
    """A section as it is in a comment. `run` is the increasing number of the CI run that wrote it (0: unknown).

    `digest` covers the section's text before it was shortened.
    """

    section: Section
    run: int
    digest: str


def posted(section: Section, run: int) -> Posted:
    return Posted(section, run, hashlib.sha256(section.text.encode()).hexdigest()[:16])


def render(parts: Sequence[Posted]) -> str:
    """Build the comment's body, at most LIMIT characters, with sections in the order of their keys.

    Errors: ForgeError if there are so many stacks that not even their sentences fit.
    """
    parts = sorted(parts, key=lambda part: part.section.key)
    sections = [part.section for part in parts]
    markers = [_marker(part) for part in parts]
    top, bottom = head(sections), foot(sections)
    around = "\n\n".join([MARKER, top, bottom])
    each = max((length(marker) for marker in markers), default=0) + len(_END) + 12
    texts, left_out = fitted(sections, LIMIT, around, each)
    if left_out:
        raise ForgeError(f"{len(parts)} stacks do not fit into one comment; report on fewer, or write them to a file")
    rule = f"{RULE}\n\n" if len(parts) > 1 else ""
    whole = [f"{rule}{marker}\n\n{text}\n\n{_END}" for marker, text in zip(markers, texts, strict=True)]
    return "\n\n".join(filter(None, [MARKER, top, *whole, bottom]))


def parse(body: str) -> tuple[Posted, ...]:
    """Return the sections of a body, without those whose marker cannot be read."""
    found = (_read(info, text) for info, text in _sections(normal(body)))
    return tuple(part for part in found if part is not None)


def is_report(body: str) -> bool:
    """Return whether a comment's body begins with the marker."""
    return normal(body).startswith(MARKER)


def merged(groups: Iterable[Iterable[Posted]]) -> tuple[Posted, ...]:
    """Keep one section per key: that of the newest run, or the last of several."""
    found: dict[str, Posted] = {}
    for part in (part for group in groups for part in group):
        known = found.get(part.section.key)
        if known is None or part.run >= known.run or part.run == 0:
            found[part.section.key] = part
    return tuple(found.values())


def normal(body: str) -> str:
    """Normalise line ends and surrounding white space, which platforms may change."""
    return body.replace("\r\n", "\n").strip()


def _sections(body: str) -> Iterator[tuple[str, str]]:
    """Yield the contents of each section's marker, and the section's text."""
    for part in body.split(_BEGIN)[1:]:
        info, after_info, rest = part.partition(_AFTER_INFO)
        text, end, _ = rest.partition(f"\n\n{_END}")
        if after_info and end:
            yield info, text


def _marker(part: Posted) -> str:
    section = part.section
    info = {
        "key": section.key,
        "run": part.run,
        "digest": part.digest,
        "size": section.size,
        "url": section.url,
        "note": section.note,
        "summary": summary_document(section.summary),
    }
    text = json.dumps(info, separators=(",", ":"))
    # It must contain neither the end nor the beginning of an HTML comment.
    escaped = text.replace("-", "\\u002d").replace("<", "\\u003c").replace(">", "\\u003e")
    return f"{_BEGIN}{escaped} -->"


def _read(info_text: str, text: str) -> Posted | None:
    reading = Reading("comment", lambda words: words)
    try:
        info = reading.record(json.loads(info_text), "")
        key, digest, url, note = (reading.text(info.get(name), name) or "" for name in ("key", "digest", "url", "note"))
        run, size = (reading.whole(info.get(name), name) or 0 for name in ("run", "size"))
        summary = _summary(info.get("summary"), reading)
        reading.finish()
    except (ValueError, RecursionError, BadInput):
        return None
    if not key or len(note) > MOST_OF_A_NOTE:
        return None
    return Posted(Section(key, text, size, summary, note, url), run, digest)


def _summary(value: Any, reading: Reading) -> Summary:
    """Read a summary; the inverse of `summary_document`."""
    item = reading.record(value, "summary")
    statuses: tuple[Status, ...] = get_args(Status)
    status = next((known for known in statuses if known == item.get("status")), None)
    if status is None:
        reading.note("summary.status", "unknown")
        status = "failed"
    whole = {
        name: reading.whole(item.get(name), name)
        for name in ("changedEndpoints", "endpoints", "unpricedEndpoints", "unsizedEndpoints", "unmovedEndpoints")
    }
    before, after = _totals(item.get("before"), reading), _totals(item.get("after"), reading)
    change = item.get("change")
    names = [figure.property_name for figure in FIGURES]
    moved = [change.get(name) if isinstance(change, dict) else None for name in names]
    if not all(isinstance(number, int) and abs(number) <= 10**15 for number in moved):
        reading.note("summary.change", "no figures")
        moved = [0, 0, 0]
    return Summary(
        status=status,
        changed=whole["changedEndpoints"] or 0,
        endpoints=whole["endpoints"],
        before=before if after is not None else None,
        change=Totals(*(int(number) for number in moved if number is not None)),
        money=_money(item.get("moneyChange"), reading),
        currency=(reading.text(item.get("currency"), "currency") or "")[:8],
        unpriced=whole["unpricedEndpoints"] or 0,
        unsized=whole["unsizedEndpoints"] or 0,
        unmoved=whole["unmovedEndpoints"] or 0,
        is_outdated=reading.flag(item.get("totalsUnknown"), "totalsUnknown"),
    )


def _totals(value: Any, reading: Reading) -> Totals | None:
    if value is None:
        return None
    item = reading.record(value, "totals")
    return Totals(*(reading.whole(item.get(one.property_name), one.property_name) or 0 for one in FIGURES))


def _money(value: Any, reading: Reading) -> Money | None:
    if value is None:
        return None
    item = reading.record(value, "money")
    try:
        bounds = [Decimal(str(item.get(name))) for name in ("floor", "ceiling")]
        if all(bound.is_finite() and abs(bound) < 10**30 for bound in bounds):
            return Money(*bounds)
    except InvalidOperation:
        pass
    reading.note("summary.moneyChange", "no money")
    return None
