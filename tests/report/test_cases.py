"""Recorded previews of both engines (data/CASE/STACK.json) and the Markdown that is made of them (expected.md).

A new case is a new folder: previews, an event log and a price file where they belong to it, and what is expected.
`python -m tests.report.test_cases` writes what is made now, to be read before it is committed.
"""

from pathlib import Path

import pytest

from bandplan.report.load import Given, load_prices, load_reports
from bandplan.report.markdown.page import markdown
from bandplan.report.stack import StackReport
from bandplan.report.threshold import Thresholds

DATA = Path(__file__).parent / "data"
CASES = sorted(folder.name for folder in DATA.iterdir())


def reports_of(case: str) -> tuple[StackReport, ...]:
    folder = DATA / case
    previews = sorted(path for path in folder.glob("*.json"))
    logs = sorted(folder.glob("*.events.jsonl"))
    prices = folder / "prices.yaml"
    return load_reports(
        [Given(path.name, path.read_text(), path.stem) for path in previews],
        [Given(path.name, path.read_text(), path.name.split(".")[0]) for path in logs],
        environ={},
        prices=load_prices(Given(prices.name, prices.read_text())) if prices.is_file() else None,
        thresholds=Thresholds(),
    )


@pytest.mark.parametrize("case", CASES)
def test_recorded_preview_gives_the_expected_markdown(case: str) -> None:
    assert markdown(reports_of(case)) == (DATA / case / "expected.md").read_text()


def test_both_engines_give_the_same_report() -> None:
    """Recorded from the same edits of the same stack."""
    theirs, ours = (markdown(reports_of(case)) for case in ("many-changes", "many-changes-embedded"))
    assert ours == theirs


if __name__ == "__main__":
    for name in CASES:
        (DATA / name / "expected.md").write_text(markdown(reports_of(name)))
