"""Shorten sections to a limit: first the folds, then rows of the tables, findings, and all below what must be seen.

Works on the text of a section, so that sections written into a comment by other jobs can be shortened the same way.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from bandplan.report.markdown.escaping import link

LIMIT: Final = 65_000
"""Longest comment, as `length` counts. GitHub accepts 65,536 ("body is too long"); GitLab accepts more."""

_SUMMARY = re.compile(r"<details><summary>(.*)</summary>")
_CUT = re.compile(r"\*… and ([\d,]+) more changed endpoints?.*\*")
_REPORT: Final = "the full report"


def shortened(section: str, limit: int, url: str = "") -> str:
    """Shorten the section to `limit` characters.

    Returns it whole, without its folds, with fewer rows, without rows and with fewer findings, or only its first
    paragraphs: the sentence, and the line of what must not be missed.
    """
    if length(section) <= limit:
        return section
    folded = _without_folds(section, url)
    if length(folded) <= limit:
        return folded
    fewer = _with_fewer_rows(folded, limit, url)
    if length(fewer) <= limit:
        return fewer
    fewer = _with_fewer_findings(fewer, limit, url)
    if length(fewer) <= limit:
        return fewer
    sentence, *rest = section.split("\n\n")
    alerts = [text for text in rest[:1] if "\n" not in text and not text.startswith(("- ", "| ", "<"))]
    place = f"*Truncated: too long to show; see {_place(url)}.*"
    for parts in ([sentence, *alerts, place], [sentence, place], [sentence]):
        if length(text := "\n\n".join(parts)) <= limit:
            return text
    return ""


def length(text: str) -> int:
    """Count characters as JavaScript and Java do: one beyond the basic plane, such as an emoji, counts as two."""
    return len(text.encode("utf-16-le")) // 2


def shares(sizes: Sequence[int], budget: int) -> list[int]:
    """Divide `budget`: small sections get all that they need, the others equal shares."""
    left, waiting = budget, sorted(range(len(sizes)), key=lambda index: sizes[index])
    found = [0] * len(sizes)
    for done, index in enumerate(waiting):
        found[index] = min(sizes[index], max(left, 0) // (len(waiting) - done))
        left -= found[index]
    return found


def _without_folds(section: str, url: str) -> str:
    kept: list[str] = []
    titles: list[str] = []
    inside = False
    for line in section.split("\n"):
        summary = _SUMMARY.fullmatch(line)
        if summary is not None:
            titles.append(summary[1])
            inside = True
        elif line == "</details>":
            inside = False
        elif not inside:
            kept.append(line)
    note = [f"*Omitted here: {', '.join(titles)}; see {_place(url)}.*"] if titles else []
    return "\n\n".join([*_paragraphs(kept), *note])


def _with_fewer_rows(section: str, limit: int, url: str) -> str:
    """Drop whole endpoints from the end of the table, which lists the most important first."""
    paragraphs = section.split("\n\n")
    place = next((i for i, text in enumerate(paragraphs) if text.startswith("| ")), None)
    if place is None:
        return section
    lines = paragraphs[place].split("\n")
    headings, rows = lines[:2], lines[2:]
    after = paragraphs[place + 1 :]
    before = 0
    if after and (cut := _CUT.fullmatch(after[0])) is not None:
        before, after = int(cut[1].replace(",", "")), after[1:]
    fixed = "\n\n".join([*paragraphs[:place], "\n".join(headings), _cut_note(before + len(rows), url), *after])
    room, kept = limit - length(fixed), 0
    for row in rows:
        room -= length(row) + 1
        if room < 0:
            break
        kept += 1
    left_out = before + len(rows) - kept
    table = ["\n".join([*headings, *rows[:kept]])] if kept else []
    return "\n\n".join([*paragraphs[:place], *table, _cut_note(left_out, url), *after])


def _with_fewer_findings(section: str, limit: int, url: str) -> str:
    """Drop findings from the end of the open list, which has the gravest first."""
    paragraphs = section.split("\n\n")
    place = next((i for i, text in enumerate(paragraphs) if text.startswith("- ")), None)
    if place is None:
        return section
    items = paragraphs[place].split("\n")

    def note(number: int) -> str:
        return f"*… and {number:,} more finding{'' if number == 1 else 's'}; see {_place(url)}.*"

    before, after = paragraphs[:place], paragraphs[place + 1 :]
    room, kept = limit - length("\n\n".join([*before, note(len(items)), *after])) - len("\n\n"), 0
    for item in items:
        room -= length(item) + 1
        if room < 0:
            break
        kept += 1
    shown = ["\n".join(items[:kept])] if kept else []
    return "\n\n".join([*before, *shown, note(len(items) - kept), *after])


def _cut_note(number: int, url: str) -> str:
    return f"*… and {number:,} more changed endpoint{'' if number == 1 else 's'}; see {_place(url)}.*"


def _place(url: str) -> str:
    return link(_REPORT, url) if url else _REPORT


def _paragraphs(lines: Iterable[str]) -> list[str]:
    return [text for text in re.split(r"\n{2,}", "\n".join(lines)) if text.strip()]
