"""However much changes, the text fits into a comment, and says what it leaves out."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandplan.report.markdown.fitting import LIMIT, length, shares, shortened
from bandplan.report.markdown.page import markdown
from tests.report.previews import changed, component_urn, document, entity, inputs, report_on, warning
from tests.unhurried import UNHURRIED

GITHUB = 65_536
URL = "https://ci.example.com/artifacts/1"


def fleet(count: int, name: str = "endpoint", **kwargs: Any) -> dict[str, Any]:
    steps = []
    for number in range(count):
        named = f"{name}-{number}"
        steps += changed(named, inputs(named), inputs(named, entity(2, 6)), **kwargs)
    return document(*steps)


def test_a_thousand_changed_endpoints_fit_and_those_left_out_are_counted() -> None:
    text = markdown([report_on(fleet(1_000))], URL)
    assert length(text) <= LIMIT < GITHUB
    shown = text.count("<code>endpoint&#45;") + text.count("<code>endpoint-")
    left_out = re.search(r"\*… and ([\d,]+) more changed endpoints; see \[the full report\]\(<(.*?)>\)\.\*", text)
    assert left_out is not None
    assert shown + int(left_out[1].replace(",", "")) == 1_000
    assert shown > 200  # as many as there is room for
    assert left_out[2] == URL
    assert "changes 1,000 endpoints: floor **±0** tokens/s" not in text
    assert text.startswith("**<code>prod</code>** changes 1,000 endpoints: ")


def test_folds_go_before_rows() -> None:
    """150 rows fit alone; with 400 warnings about other endpoints beside them they do not."""
    words = "x" * 150
    said = [warning(f"models.yaml:{n}:1: floor-zero models/other-{n}/throughput: {words}") for n in range(400)]
    preview = fleet(150)
    assert "more changed endpoint" not in markdown([report_on(preview)])
    text = markdown([report_on({**preview, "diagnostics": said})], URL)
    assert length(text) <= LIMIT
    assert "more changed endpoint" not in text
    assert "*Omitted here: 400 warnings about endpoints that do not change; see [the full report]" in text


def test_several_stacks_share_the_room_and_small_ones_are_whole() -> None:
    big, small = report_on(fleet(400), title="big"), report_on(fleet(3), title="small")
    text = markdown([big, small, report_on(fleet(400), title="also big")], URL)
    assert length(text) <= LIMIT
    cut = [int(number.replace(",", "")) for number in re.findall(r"and ([\d,]+) more changed", text)]
    assert len(cut) == 2
    assert abs(cut[0] - cut[1]) < 10  # the two big ones get the same
    assert re.search(r"\*\*<code>small</code>\*\*.*?endpoint-2</code>", text, re.DOTALL)


def test_more_stacks_than_sentences_fit_are_counted() -> None:
    text = markdown([report_on(fleet(2), title=f"stack-{number}") for number in range(400)])
    assert length(text) <= LIMIT
    shown = len(set(re.findall(r"<code>stack-(\d+)</code>", text)))
    left_out = re.search(r"… and ([\d,]+) more stacks", text)
    assert left_out is not None
    assert shown + int(left_out[1]) == 400


@pytest.mark.parametrize("text", ["|" * 200, "🔁" * 200, "\n" * 50 + "x" * 300, "@" * 500])
def test_texts_that_grow_when_they_are_written_do_not_break_the_bound(text: str) -> None:
    waiver = {"policy": text, "reason": text, "owner": text, "expires": text}
    steps = []
    for number in range(100):
        name = f"{number}{text}"
        after = inputs(name, entity(2, 6, model=text, servedName=text), waivers=[waiver] * 3)
        steps += changed(name, inputs(name), after, reasons=("config", text))
    events = [
        {
            "policyName": text,
            "resourceUrn": component_urn(f"{n}{text}"),
            "message": text,
            "enforcementLevel": "mandatory",
        }
        for n in range(100)
    ]
    preview = {**document(*steps, diagnostics=[warning(text)] * 50), "policyEvents": events}
    for limit in (LIMIT, 5_000, 1_200):
        written = markdown([report_on(preview, title=text)], URL, limit)
        assert length(written) <= limit


@UNHURRIED
@given(st.lists(st.integers(0, 5_000), min_size=1, max_size=20), st.integers(0, 50_000))
def test_shares_fit_and_waste_nothing_that_somebody_needs(sizes: list[int], budget: int) -> None:
    found = shares(sizes, budget)
    assert sum(found) <= budget
    assert all(have <= need for have, need in zip(found, sizes, strict=True))
    if sum(sizes) <= budget:
        assert found == sizes
    else:
        short = [have for have, need in zip(found, sizes, strict=True) if have < need]
        assert budget - sum(found) < len(sizes)  # except for what does not divide
        assert max(short) - min(short) <= 1  # nobody who has too little has less than another


@UNHURRIED
@given(st.integers(0, 4_000))
def test_a_section_cut_twice_says_the_same_as_cut_once(limit: int) -> None:
    """A comment is cut again each time that another job writes its section."""
    once = shortened(SECTION, limit, URL)
    assert length(once) <= limit
    assert shortened(once, limit, URL) == once


def test_rows_left_out_add_up_over_several_cuts() -> None:
    twice = shortened(shortened(SECTION, 3_500, URL), 2_000, URL)
    shown = twice.count("endpoint-")
    left_out = re.search(r"and (\d+) more changed", twice)
    assert left_out is not None
    assert shown + int(left_out[1]) == 20


def section() -> str:
    from bandplan.report.markdown.section import section as written

    return written(report_on(fleet(20)))


SECTION = section()
