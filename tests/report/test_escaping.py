"""Texts that others wrote must show as they are and do nothing: rendered by a CommonMark parser and looked at."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from bandplan.report.markdown.escaping import code, escaped
from bandplan.report.markdown.page import markdown
from tests.report.previews import changed, document, entity, inputs, report_on, warning
from tests.unhurried import UNHURRIED

JOINER = "\u2060"

NASTY = [
    "a|b",
    "a\nb",
    "a\n\n| x | y |",
    "@octocat please",
    "ping @org/team now",
    "fixes #12 and org/repo#3 and !4 and %5",
    "[click](https://evil.example)",
    "![x](https://evil.example/x.png)",
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "<!-- bandplan:report -->",
    "--> <b>out</b>",
    "`code` and ``more``",
    "</code></td></tr></table>",
    "**bold** _it_ ~~gone~~ $x^2$",
    "https://evil.example/path",
    "www.evil.example",
    "mail@evil.example",
    "&lt;script&gt; &amp; &#64;octocat",
    "\\| \\` \\[",
    "# heading",
    "- [ ] task",
    "</details>",
    "{{7*7}} ${x}",
    "trailing\\",
    "GH-1 gh-22 GL-3 (GH-4) OPS-12",
    "0123456789abcdef0123456789abcdef01234567 abcdef1 ABCDEF12 9ba12248...b19a04f5",
    "octocat@0123456789abcdef and octocat/repo@abcdef1",
    '!1 &1 $1 ~1 %1 ^1 group/project!12 group&3 project$4 ~bug ~"a label" %v1.0 %"next release"',
    '*iteration:1 *iteration:"x" [vulnerability:1] [issue:1] [work_item:1] [feature_flag:1] [contact:a@b.example]',
    "[[wiki page]] ^alert#1 [cadence:1]",
    "ftp://evil.example ssh://git@evil.example irc://evil.example/x mailto:a@evil.example",
]

LINKED = [
    r"[@#!~%$&^*][\w\"'{]",
    r"(?i:\b(?:gh|gl)-\d)",
    r"\b[A-Z][A-Z0-9_]*-\d",
    r"\b[0-9a-fA-F]{7,64}\b",
    r"[A-Za-z][A-Za-z0-9+.-]*://",
    r"(?i:www\.\w)",
    r"[\w.+-]@[\w-]",
    r"\[(\w+:|\[)",
]
"""What GitHub or GitLab take for a reference, a mention or an address, in text that is rendered."""


def linked(written: str) -> list[str]:
    """What would become a link, in what a reader sees outside of code."""
    is_code, seen = False, []
    for token in tokens(written):
        if token.type == "html_inline":
            is_code = token.content == "<code>" or (is_code and token.content != "</code>")
        seen += [token.content] if token.type == "text" and not is_code else []
    return [found[0] for pattern in LINKED for text in seen for found in re.finditer(pattern, text)]


TEXTS = st.text(alphabet=st.sampled_from("ab1GH |@#!<>&`*_~[]()$\\/:.-+=^{}\"'%\n\tw"), max_size=40)


def parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": True, "linkify": False}).enable(["table", "strikethrough"])


def tokens(text: str) -> list[Token]:
    """All tokens, those inside of lines too."""
    found = []
    for token in parser().parse(text):
        found += [token, *(token.children or [])]
    return found


def visible(text: str) -> str:
    """What a reader sees of a text without markup."""
    return "".join(token.content for token in tokens(text) if token.type in ("text", "text_special", "softbreak"))


def one_line(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("text", NASTY)
@pytest.mark.parametrize("write", [escaped, code])
def test_nasty_text_shows_as_it_is(text: str, write: Any) -> None:
    written = f"before {write(text)} after"
    assert visible(written).replace(JOINER, "") == f"before {one_line(text)} after"
    kinds = {token.type for token in tokens(written)}
    assert kinds <= {"paragraph_open", "paragraph_close", "inline", "text", "text_special", "html_inline"}
    assert {token.content for token in tokens(written) if token.type == "html_inline"} <= {"<code>", "</code>"}


@UNHURRIED
@given(TEXTS)
def test_any_text_shows_as_it_is(text: str) -> None:
    written = f"before {escaped(text)} after"
    assert visible(written).replace(JOINER, "") == one_line(f"before {one_line(text)} after") or not one_line(text)
    assert not {token.type for token in tokens(written)} & {
        "link_open",
        "image",
        "html_inline",
        "em_open",
        "code_inline",
    }


@UNHURRIED
@given(TEXTS)
def test_no_mention_or_reference_is_left_in_the_rendered_text(text: str) -> None:
    """Platforms look for them in the text that is shown, but not in code."""
    assert not linked(escaped(text))


@pytest.mark.parametrize("text", NASTY)
def test_nothing_that_a_platform_links_is_left(text: str) -> None:
    assert not linked(escaped(text))


@pytest.mark.parametrize(
    "text", ["system.ai.gpt-oss-120b", "llama_v3_3_70b_instruct-1", "1,960 to 3,920", "team-a", "runs:/0123/model"]
)
def test_names_that_are_no_reference_can_be_copied_from_the_report(text: str) -> None:
    assert JOINER not in visible(escaped(text))


@pytest.mark.parametrize("text", ["www.evil.example", "https://evil.example", "a@evil.example", "ftp://x.y"])
def test_addresses_are_not_written_so_that_they_become_links(text: str) -> None:
    """GitHub links bare addresses that it finds in the source."""
    for written in (escaped(text), code(text)):
        assert not re.search(r"www\.|://|[\w.]@[\w.]", written)


@pytest.mark.parametrize("text", NASTY)
def test_no_text_of_a_preview_breaks_the_report(text: str) -> None:
    """As name, model, version, reason, owner, message, remark: three cells in every row, no link, no image."""
    waiver = {"policy": text, "reason": text, "owner": text, "expires": text}
    before = inputs(text, entity(servedName=text))
    after = inputs(text, entity(2, 6, servedName=text, model=text, version=text), waivers=[waiver])
    steps = changed(before=before, after=after, reasons=("config", text))
    event = {"policyName": text, "resourceUrn": steps[0]["urn"], "message": text, "enforcementLevel": "mandatory"}
    preview = {**document(*steps, diagnostics=[warning(text), warning(text, steps[1]["urn"])]), "policyEvents": [event]}
    written = markdown([report_on(preview, title=text)])
    found = tokens(written)
    assert not {token.type for token in found} & {"link_open", "image", "em_open", "s_open", "fence", "code_block"}
    html = [token.content.strip() for token in found if token.type in ("html_inline", "html_block")]
    allowed = r"<(/?code|br|/?sub|/?details|details><summary>\d+ [\w ]+</summary)>"
    assert all(re.fullmatch(allowed, tag) for tag in html), html
    cells = sum(token.type in ("td_open", "th_open") for token in found)
    rows = sum(token.type == "tr_open" for token in found)
    assert not linked(written)
    assert (cells, rows) == (6, 2)
