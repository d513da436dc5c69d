"""What a comment holds, written and read back."""

from bandplan.report.comment.body import MARKER, is_report, merged, parse, posted, render
from bandplan.report.markdown.fitting import LIMIT, length
from bandplan.report.markdown.page import section_of
from tests.report.conftest import part
from tests.report.previews import changed, document, entity, inputs, report_on
from tests.report.test_escaping import NASTY
from tests.report.test_fitting import fleet
from tests.report.test_price import prices


def test_sections_come_back_as_they_were_written() -> None:
    parts = [part("dev"), part("prod", 7)]
    body = render(parts)
    assert body.startswith(MARKER)
    assert is_report(body)
    assert parse(body) == tuple(parts)
    assert parse(body.replace("\n", "\r\n")) == tuple(parts)


def test_a_body_does_not_depend_on_the_order_of_the_jobs() -> None:
    one, two = part("dev"), part("prod")
    assert render([one, two]) == render([two, one])


def test_money_and_sums_over_all_stacks_survive_without_the_previews() -> None:
    steps = changed(before=inputs(), after=inputs("chat", entity(2, 6)))
    priced = [posted(section_of(report_on(document(*steps), title=name, prices=prices())), 1) for name in ("a", "b")]
    assert "**All 2 stacks** change 2 endpoints" in render(priced)
    assert "money **±0 to +24.00 USD per hour**" in render(parse(render(priced)))  # 12.00 each


def test_a_text_of_a_pull_request_can_forge_no_marker() -> None:
    forged = render([part("evil")])
    for text in (*NASTY, forged, "<!-- bandplan:end -->"):
        after = inputs(text, entity(2, 6, servedName=text, model=text))
        report = report_on(document(*changed(before=inputs(text), after=after)), title=text)
        found = parse(render([posted(section_of(report), 1)]))
        assert len(found) == 1
        assert found[0].section.key == report.key


def test_sections_that_cannot_be_read_are_left_out() -> None:
    body = render([part("dev"), part("prod")])
    assert [one.section.key for one in parse(body.replace('"key":"fleet/dev"', '"key":5'))] == ["fleet/prod"]
    assert [one.section.key for one in parse(body.replace('"run":100', '"run":"x"', 1))] == ["fleet/prod"]
    assert [one.section.key for one in parse(body.replace("changed", "odd", 1))] == ["fleet/prod"]
    assert parse(MARKER) == ()
    assert not is_report(f"> {MARKER}")


def test_the_newest_run_of_a_stack_wins_and_later_ones_of_the_same() -> None:
    old, new, again = part("prod", 5, run=1), part("prod", 6, run=2), part("prod", 7, run=2)
    assert merged([[new], [old]]) == (new,)
    assert merged([[old], [new]]) == (new,)
    assert merged([[new], [again]]) == (again,)
    unknown = part("prod", 8, run=0)
    assert merged([[new], [unknown]]) == (unknown,)


def test_large_sections_of_several_jobs_fit_and_settle() -> None:
    """Each job rewrites the comment, and keeps the parts of the others."""
    big = [posted(section_of(report_on(fleet(200), title=name)), 1) for name in ("a", "b", "c")]
    body = render([big[0]])
    for one in big[1:]:
        body = render(merged([parse(body), [one]]))
    assert length(body) <= LIMIT
    for one in big:
        again = render(merged([parse(body), [one]]))
        assert length(again) <= LIMIT
        body = again
    for one in big:
        assert render(merged([parse(body), [one]])) == body
    assert len(parse(body)) == 3
