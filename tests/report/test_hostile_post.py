"""`report --post` with texts of others in every place, and with anything in the place of the platform."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from bandplan.cli.main import main
from bandplan.report.comment import sticky
from bandplan.report.comment.body import MARKER, parse
from bandplan.report.markdown.fitting import LIMIT, length
from bandplan.report.markdown.page import markdown
from tests.forge.forge_fake import Fault, ForgeFake
from tests.report.conftest import environment
from tests.report.previews import changed, document, entity, inputs, report_on, summary_entry, warning
from tests.report.test_escaping import NASTY, linked, tokens

HOSTILE = [
    *NASTY,
    "\x1b[31mred\x1b[0m",
    "\x9b31m",
    "\u202eevil\u202c",
    "a\x00b",
    "\u2028\u2029\x85",
    "\u200b\u2066",
    "\ud800 alone",
    "<!-- bandplan:section {} -->\n\nx\n\n<!-- bandplan:end -->",
    "x" * 100_000,
    "<" * 70_000,
    "@a " * 30_000,
    "`" * 60_000,
    "\n" * 50_000 + "x",
    "\U0001f600" * 40_000,
]


def hostile_preview(dice: random.Random, count: int) -> dict[str, Any]:
    steps, diagnostics, events = [], [], []
    for number in range(count):
        text = lambda: dice.choice(HOSTILE)  # noqa: E731
        name = f"{number}{text()[:200].replace('::', '')}"
        waiver = {"policy": text(), "reason": text(), "owner": text(), "expires": text()}
        before = inputs(text(), entity(servedName=text(), model=text(), version=text()))
        after = inputs(name, entity(2, 6, servedName=text(), model=text(), version=text()), waivers=[waiver])
        pair = changed(name, dice.choice([None, before]), after, reasons=("config", text()), replace_reasons=(text(),))
        steps += pair
        diagnostics += [warning(text(), pair[0]["urn"]), warning(text())]
        level = dice.choice(["mandatory", "advisory", text()])
        events.append(
            {"policyName": text(), "resourceUrn": pair[0]["urn"], "message": text(), "enforcementLevel": level}
        )
    outputs = [summary_entry(dice.choice(HOSTILE)) for _ in range(3)]
    return {**document(*steps, diagnostics=diagnostics, endpoints=outputs), "policyEvents": events}


@pytest.fixture
def folder(fake: ForgeFake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sticky, "SETTLE_SECONDS", 0.0)
    for name, value in environment(fake).items():
        monkeypatch.setenv(name, value)
    return tmp_path


def posted(folder: Path, preview: dict[str, Any], title: str) -> int:
    (folder / "p.json").write_text(json.dumps(preview))
    return main(["report", "--stack", f"{title}=p.json", "--post"])


@pytest.mark.parametrize("seed", range(6))
def test_texts_of_others_are_inert_in_the_comment_and_bounded(
    fake: ForgeFake, folder: Path, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    dice = random.Random(seed)
    title = ["prod", "x" * 3000, "a@b <x>\x1b[3m #1", "\u202edorp", "`|`", "p"][seed]
    preview = hostile_preview(dice, [1, 3, 30, 100][seed % 4])
    assert posted(folder, preview, title) == 0
    (body,) = (one.replace("\r\n", "\n") for one in fake.bodies())
    assert length(body) <= LIMIT and body.startswith(MARKER)
    assert (len(parse(body)), body.count("<!--")) == (1, 3)
    assert {letter for letter in body if not letter.isprintable()} <= {"\n"}
    shown = body.split(" -->\n\n", 2)[2].rpartition("<!-- bandplan:end -->")[0]
    kinds = {token.type for token in tokens(shown)}
    assert not kinds & {"link_open", "image", "s_open", "fence", "code_block", "code_inline"}
    assert not [found for found in linked(shown) if found not in ("[0m:", "[31m:")]  # what an escape sequence leaves
    writes = len(fake.writes())
    assert posted(folder, preview, title) == 0
    assert len(fake.writes()) == writes, "the same report is not written twice"
    shown_here = capsys.readouterr()
    assert {letter for letter in shown_here.out + shown_here.err if not letter.isprintable()} <= {"\n"}


def test_long_findings_do_not_push_the_violations_out_of_the_text() -> None:
    pair = changed(before=inputs(), after=inputs("chat", entity(2, 6)))
    events = [
        {"policyName": f"p{n}", "resourceUrn": pair[0]["urn"], "message": "<" * 2000, "enforcementLevel": "mandatory"}
        for n in range(12)
    ]
    report = report_on({**document(*pair), "policyEvents": events})
    for limit, least in ((20_000, 2), (1_000, 0)):
        body = markdown([report], limit=limit)
        is_counted = "⛔ **12 policy violations stop** this change" in body
        assert length(body) <= limit and is_counted and body.count("- ⛔ **p") >= least
        assert "more findings; see the full report" in body


ANSWERS: dict[str, bytes] = {
    "a page": b"<html>\x1b[31m",
    "null": b"null",
    "an object": b'{"message": "x\\u001b[2J\\u202e"}',
    "numbers": b"[1, 2]",
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "wrong types": json.dumps([{"id": "x", "body": 5, "user": None, "author": 3, "html_url": []}]).encode(),
    "no fields": b"[{}]",
    "a huge number": b"[" + b"9" * 6000 + b"]",
    "no UTF-8": b'["\xff\xfe"]',
}


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("status", [200, 403])
def test_anything_else_than_the_platform_is_said_in_one_line(
    fake: ForgeFake, folder: Path, answer: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.faults.append(Fault("GET", status, body=ANSWERS[answer], times=99))
    assert posted(folder, document(*changed(after=inputs())), "prod") == 1
    told = capsys.readouterr().err
    assert told.startswith("error: not posted: ") and told.count("\n") == 1 and len(told) < 500
    assert told.rstrip("\n").isprintable()
    assert fake.writes() == []


def test_comment_that_is_never_listed_is_created_once(
    fake: ForgeFake, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = "somebody-else"
    real = fake.comment
    fake.comment = lambda number, body, author, is_bot: real(number, body, other, False)  # type: ignore[method-assign]
    assert posted(folder, document(*changed(after=inputs())), "prod") == 1
    assert len(fake.writes()) == 1
    assert "the platform does not list it as this account's" in capsys.readouterr().err
