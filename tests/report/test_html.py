"""The HTML report loads nothing, runs nothing, and shows what others wrote as text."""

from html.parser import HTMLParser

import pytest

from bandplan.report.html.page import html
from tests.report.previews import changed, document, entity, inputs, report_on, summary_entry, warning
from tests.report.test_cases import CASES, reports_of
from tests.report.test_escaping import NASTY
from tests.report.test_fitting import fleet

VOID = {"meta", "br"}
KNOWN = {
    *("html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "div", "span", "b", "i", "code", "ul", "li"),
    *("table", "thead", "tbody", "tr", "th", "td", "details", "summary"),
}


class Elements(HTMLParser):
    """Elements with their attributes; fails on one that is not closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.mark.parametrize("case", CASES)
def test_recorded_previews_give_a_page_that_loads_nothing(case: str) -> None:
    elements = Elements(html(reports_of(case)))
    assert {tag for tag, _ in elements.found} <= KNOWN
    attributes = {name for _, given in elements.found for name in given}
    assert not attributes & {"src", "href", "srcset", "onclick", "action", "data"}
    assert "url(" not in html(reports_of(case))
    policy = next(given["content"] for _, given in elements.found if given.get("http-equiv"))
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


@pytest.mark.parametrize("text", NASTY)
def test_texts_of_a_preview_are_shown_as_text(text: str) -> None:
    waiver = {"policy": text, "reason": text, "owner": text, "expires": text}
    after = inputs(text, entity(2, 6, servedName=text, model=text, version=text), waivers=[waiver])
    steps = changed(before=inputs(), after=after, reasons=("config", text))
    report = report_on(document(*steps, diagnostics=[warning(text)], endpoints=[summary_entry(text)]), title=text)
    elements = Elements(html([report]))
    assert {tag for tag, _ in elements.found} <= KNOWN
    shown = " ".join("".join(elements.text).split())
    assert shown.count(" ".join(text.split())) >= 4  # as title, name, owner and reason at least


def test_bars_lie_within_their_scale() -> None:
    report = report_on(document(*changed(before=inputs(), after=inputs("chat", entity(2, 6)))))
    styles = [given["style"] for tag, given in Elements(html([report])).found if tag == "i"]
    assert styles == ["left:33.3%;width:33.3%", "left:33.3%;width:66.7%"]  # 1,960, 3,920 and 5,880 of 5,880


def test_nothing_is_cut() -> None:
    page = html([report_on(fleet(400))])
    assert all(f">endpoint-{number}<" in page for number in range(400))
