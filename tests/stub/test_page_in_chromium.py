"""The page as people see it, in a real headless Chromium. Skipped, saying so, where there is none."""

import json
import re
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bandplan.stub import process
from bandplan.stub.api.page.files import FOLDER
from tests.ports import own_port
from tests.stub.chromium import Chromium, Page, find
from tests.stub.stub_client import ENDPOINTS, GTE, StubClient, bands, units

needs_chromium = pytest.mark.skipif(find() is None, reason="no chromium on PATH: the page was not looked at")

HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script> \' " & </td> \u202e'
LONG = "a-name-that-is-as-long-as-the-workspace-takes-it-63-characters"


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    program = find()
    assert program is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile, Chromium(program, Path(profile)) as opened:
        yield opened


@pytest.fixture(autouse=True)
def closed(request: pytest.FixtureRequest) -> Iterator[None]:
    """Pages go on asking the workspace, so each test closes its own."""
    yield
    if "browser" in request.fixturenames:
        request.getfixturevalue("browser").close_pages()


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[process.Running]:
    """A workspace with endpoints of each kind, one of them with a hostile failure."""
    state_dir = tmp_path_factory.mktemp("page") / "stub"
    running = process.start(state_dir, settle="at-once", capacity="provisioned", pace="60:20")
    client = StubClient(running.host, running.token)
    client.create("chat", bands(name="llama"))
    client.create("units", units(name="maverick"))
    completions = {"entity_name": "system.ai.mistral_7b_instruct", "entity_version": "1"}
    client.create("completions", in_band(client, "mistral", completions))
    client.create("embeddings", in_band(client, "gte", {"entity_name": GTE, "entity_version": "1"}))
    client.create(LONG, bands(name="blue"), bands(name="green"))
    client.ok("POST", "/stub/faults", {"endpoint": "broken", "reason": HOSTILE})
    client.ok("POST", ENDPOINTS, {"name": "broken", "config": {"served_entities": [bands(name="e")]}})
    yield running
    process.stop(state_dir)


def in_band(client: StubClient, name: str, model: dict[str, Any]) -> dict[str, Any]:
    """An entity with one chunk of its model."""
    path = f"{ENDPOINTS}/get-model-optimization-info/{model['entity_name']}/{model['entity_version']}"
    chunk = client.ok("GET", path)["throughput_chunk_size"]
    limits = {"min_provisioned_throughput": chunk, "max_provisioned_throughput": chunk}
    return {"name": name, **model, **limits}


def opened(browser: Chromium, workspace: process.Running, width: int = 1280, *, is_dark: bool = False) -> Page:
    """The page, with a session, once it shows the endpoints."""
    page = browser.page(width, is_dark=is_dark)
    page.open(process.page_link(workspace))
    page.until(
        "document.querySelectorAll('#rows tr').length === 6 && document.querySelectorAll('.chart path').length > 9"
    )
    return page


def select(page: Page, name: str) -> None:
    page.value(f"[...document.querySelectorAll('#rows button')].find((one) => one.textContent === '{name}').click()")
    page.until(f"document.getElementById('detail-title').textContent === '{name}'")
    page.until("!document.getElementById('send').disabled")


def ask(page: Page, text: str) -> None:
    page.value("document.getElementById('text').focus()")
    page.type(text)
    page.value("document.getElementById('question').requestSubmit()")


SHOWN = """
window.shown = []
new MutationObserver(() => {
  const text = [...document.querySelectorAll('.entry.assistant .words')].at(-1)?.textContent
  if (text !== window.shown.at(-1)) window.shown.push(text)
}).observe(document.body, {subtree: true, childList: true, characterData: true})
"""
"""Notes each text of the last answer that the page shows, however late the test looks."""


def note(page: Page) -> str:
    """What is said below the last answer, once it has ended."""
    return str(page.until("[...document.querySelectorAll('.entry .note:not([hidden])')].at(-1)?.textContent"))


def answer(page: Page) -> str:
    return str(page.value("[...document.querySelectorAll('.entry.assistant .words')].at(-1)?.textContent"))


@needs_chromium
def test_page_shows_each_endpoint_with_band_chunks_and_state(browser: Chromium, workspace: process.Running) -> None:
    page = opened(browser, workspace)
    rows = page.value("[...document.querySelectorAll('#rows tr')].map((row) => row.innerText)")
    by_name = {row.split("\n")[0]: " ".join(row.split()) for row in rows}
    assert "980 to 1,960" in by_name["chat"] and "1 of 2" in by_name["chat"] and "Ready" in by_name["chat"]
    assert "3,250 to 6,500" in by_name["units"] and "50 model units" in by_name["units"]
    assert "llama_v3_3_70b_instruct v1" in by_name["chat"] and "simulated" in by_name["chat"]
    assert "2 entities" in by_name[LONG]
    assert "Failed" in by_name["broken"]
    assert page.problems() == []
    assert all(url.startswith(workspace.host) for url in page.requested())
    assert "#open=" not in page.value("location.href")
    assert page.value("document.cookie") == ""  # of use to no script


@needs_chromium
def test_link_may_name_the_endpoint_to_show(browser: Chromium, workspace: process.Running) -> None:
    page = browser.page()
    page.open(f"{process.page_link(workspace)}&endpoint=units")
    page.until("document.getElementById('detail-title').textContent === 'units'")
    assert page.value("location.hash") == "#units"


@needs_chromium
def test_page_without_a_link_and_with_a_used_one_says_what_to_run(
    browser: Chromium, workspace: process.Running
) -> None:
    page = browser.page()
    page.open(workspace.host)
    assert "bandplan stub open" in page.until("document.getElementById('notice')?.textContent")
    assert page.value("document.getElementById('main').hidden")
    link = process.page_link(workspace)
    for number in range(2):
        page = browser.page()
        page.open(link)
        said = page.until(
            "document.getElementById('notice')?.textContent || document.querySelector('#rows tr')?.innerText"
        )
        assert ("was used before" in said) == (number == 1)


@needs_chromium
def test_text_of_others_is_shown_and_never_run(browser: Chromium, workspace: process.Running) -> None:
    page = opened(browser, workspace)
    select(page, "broken")
    assert HOSTILE in page.value("document.getElementById('failure').textContent")
    client = StubClient(workspace.host, workspace.token)
    refused = client.send("POST", "/serving-endpoints/chat/invocations", {"messages": [], HOSTILE: 1, "tools": HOSTILE})
    assert refused.status == 400
    select(page, "chat")
    page.until("document.querySelector('#refusals .status')?.textContent === '400'")
    ask(page, HOSTILE)
    note(page)
    assert "onerror" in answer(page)
    assert page.value("document.querySelectorAll('main img, main script').length") == 0
    assert page.value("window.hacked ?? null") is None


@needs_chromium
def test_chat_answer_appears_as_it_is_generated_and_remembers_the_conversation(
    browser: Chromium, workspace: process.Running
) -> None:
    page = opened(browser, workspace)
    select(page, "chat")
    page.value("document.getElementById('exactly').checked = true")
    page.value("document.getElementById('max-tokens').value = 300")  # takes six seconds
    page.value("document.getElementById('text').focus()")
    page.type("how many tokens does a band give?")
    page.value(SHOWN)
    page.press("Enter")
    said = note(page)
    shown = [text for text in page.value("window.shown") if text]
    assert len(shown) > 3 and shown[-1] == answer(page)
    assert all(later.startswith(earlier) for earlier, later in pairwise(shown))
    assert "how many tokens does a band give?" in answer(page)
    assert re.search(r"first token after \d+ ms · \d+ tokens · [\d.]+ tokens/s · ended at the limit · llama", said)
    page.value("document.getElementById('exactly').checked = false")
    ask(page, "and a chunk?")
    page.until("document.querySelectorAll('.entry .note:not([hidden])').length === 2")
    sent = [
        event
        for event in browser.events
        if "/chat/invocations" in json.dumps(event.get("params", {}).get("request", {}))
    ]
    messages = json.loads(sent[-1]["params"]["request"]["postData"])["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]


@needs_chromium
def test_escape_stops_an_answer_in_the_workspace_too(browser: Chromium, workspace: process.Running) -> None:
    client = StubClient(workspace.host, workspace.token)
    before = client.ok("GET", "/stub/status")["queries"]["by_status"].get("499", 0)
    page = opened(browser, workspace)
    select(page, "chat")
    page.value("document.getElementById('exactly').checked = true")
    page.value("document.getElementById('max-tokens').value = 2000")
    ask(page, "go on for long")
    page.until("[...document.querySelectorAll('.entry.assistant .words')].at(-1)?.textContent")
    page.press("Escape")
    assert note(page) == "stopped"
    page.until("!document.getElementById('send').disabled")
    deadline = time.monotonic() + 60
    while client.ok("GET", "/stub/status")["queries"]["by_status"].get("499", 0) != before + 1:
        assert time.monotonic() < deadline, "the workspace goes on"


@needs_chromium
def test_other_tasks_get_a_box_that_fits(browser: Chromium, workspace: process.Running) -> None:
    page = opened(browser, workspace)
    select(page, "completions")
    assert page.value("document.getElementById('text-label').textContent") == "Text to continue"
    ask(page, "once upon a time")
    assert "tokens/s" in note(page) and "once upon a time" in answer(page)
    select(page, "embeddings")
    assert page.value("document.getElementById('options').hidden")
    ask(page, "a cat\na kitten")
    page.until(
        "[...document.querySelectorAll('.entry .note:not([hidden])')].at(-1)?.textContent.startsWith('2 × 1,024')"
    )
    assert answer(page).count("cosine to the first") == 1


@needs_chromium
def test_charts_show_the_past_to_one_who_comes_late(browser: Chromium, workspace: process.Running) -> None:
    client = StubClient(workspace.host, workspace.token)
    body = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 5}
    client.ok("POST", "/serving-endpoints/units/invocations", body)
    client.ok("POST", "/stub/clock", {"advance_seconds": 15})
    page = opened(browser, workspace)
    select(page, "units")
    page.until("document.querySelector('.chart .line.first')?.getAttribute('d').includes('L')")
    page.until("document.querySelectorAll('.chart .dot.first').length > 0")  # the latency of a single answer
    legend = page.value("document.querySelector('.legend').innerText.replace(/\\s+/g, ' ')")
    assert "floor 3,250" in legend and "ceiling 6,500" in legend
    assert "Tokens/s, in and out, last ten minutes" in page.value("document.querySelector('.chart svg').ariaLabel")
    page.value("document.querySelector('.plot').focus()")
    page.press("ArrowLeft")
    assert re.fullmatch(r"\d\d:\d\d:\d\d", page.value("document.querySelector('.when').textContent"))
    assert page.value("document.querySelectorAll('.cross').length") == 3
    page.press("Escape")
    assert page.value("document.querySelector('.when').textContent") == "now"


@needs_chromium
def test_answer_that_waits_for_a_chunk_says_for_how_long(browser: Chromium, workspace: process.Running) -> None:
    client = StubClient(workspace.host, workspace.token)
    client.ok("PUT", "/stub/endpoints/cold/capacity", {"startup_seconds": 120, "idle_seconds": 1})
    client.create("cold", bands(name="e", min_provisioned_throughput=0))
    try:
        page = browser.page()
        page.open(process.page_link(workspace))
        page.until("document.querySelectorAll('#rows tr').length === 7")
        page.until("[...document.querySelectorAll('#rows tr')].at(-1).innerText.includes('0 of 2')")
        select(page, "cold")
        ask(page, "are you there?")
        assert re.fullmatch(r"waiting, 1 in the queue; the next chunk is ready in \d+ s", note(page))
        client.ok("POST", "/stub/clock", {"advance_seconds": 120})
        page.until(
            "[...document.querySelectorAll('.entry .note:not([hidden])')].at(-1)?.textContent.startsWith('first')"
        )
        assert "are you there?" in answer(page)
    finally:
        client.ok("DELETE", f"{ENDPOINTS}/cold")


GROUND = "getComputedStyle(document.body).backgroundColor"


@needs_chromium
def test_dark_and_light_follow_the_system_until_somebody_chooses(browser: Chromium, workspace: process.Running) -> None:
    light, dark = (opened(browser, workspace, is_dark=is_dark) for is_dark in (False, True))
    assert light.value(GROUND) == "rgb(245, 246, 248)"
    assert dark.value(GROUND) == "rgb(14, 18, 22)"
    dark.value("document.getElementById('theme').click()")
    assert dark.value(GROUND) == light.value(GROUND)
    assert dark.value("document.getElementById('theme').textContent") == "Theme: light"


@needs_chromium
@pytest.mark.parametrize("width", [360, 390, 768, 1280])
def test_page_never_scrolls_sideways(browser: Chromium, workspace: process.Running, width: int) -> None:
    page = opened(browser, workspace, width)
    for name in ("broken", LONG, "chat"):
        select(page, name)
        assert page.value("document.documentElement.scrollWidth") <= width, name


MORE_PIPS = """(() => {
  const pips = document.querySelector("#rows .pips:not(:empty)");
  const text = pips.nextElementSibling;
  text.textContent = "2 of 8";
  return [1, 2, 3, 4, 5, 6, 7].map(() => { pips.append(document.createElement("i")); return text.getClientRects().length });
})()"""


@needs_chromium
@pytest.mark.parametrize("width", [360, 390])
def test_number_of_chunks_is_never_broken_in_two(browser: Chromium, workspace: process.Running, width: int) -> None:
    assert opened(browser, workspace, width).value(MORE_PIPS) == [1] * 7


@needs_chromium
def test_keyboard_alone_reaches_and_does_everything(browser: Chromium, workspace: process.Running) -> None:
    page = opened(browser, workspace)
    reached = []
    for _ in range(40):
        page.press("Tab")
        reached.append(
            page.value(
                "document.activeElement.id || document.activeElement.className || document.activeElement.tagName"
            )
        )
        if reached[-1] == "clear":
            break
    assert reached[:2] == ["skip", "theme"]
    assert reached.count("name") == 6 and reached.count("plot") == 3
    assert {"log", "text", "max-tokens", "temperature", "exactly", "send", "clear"} <= set(reached)
    page.value("document.querySelector('#rows button').focus()")
    page.press("ArrowDown")
    page.press("Enter")
    page.until("document.getElementById('detail-title').textContent === 'units'")
    page.until("document.activeElement.id === 'detail-title'")


@needs_chromium
def test_page_says_when_the_workspace_is_gone_and_when_its_session_is(browser: Chromium, tmp_path: Path) -> None:
    running = process.start(tmp_path / "stub", settle="at-once", port=own_port())
    StubClient(running.host, running.token).create("chat", bands())
    page = browser.page()
    page.open(process.page_link(running))
    page.until("document.querySelectorAll('#rows tr').length === 1")
    process.stop(tmp_path / "stub")
    page.until("document.getElementById('notice').textContent.includes('has not answered since')")
    process.start(tmp_path / "stub")
    try:
        page.until("document.getElementById('notice').textContent.includes('bandplan stub open')")
        assert page.value("document.getElementById('main').hidden")
    finally:
        process.stop(tmp_path / "stub")


def test_texts_have_the_contrast_that_readers_need() -> None:
    # WCAG 2, 1.4.3: 4.5 to 1.
    css = (FOLDER / "style.css").read_text()
    assert len(re.findall(r"#[0-9a-f]{6}", css)) == 2 * css.count("light-dark("), "every colour is for both themes"
    pairs = re.findall(r"--([\w-]+): light-dark\((#\w+), (#\w+)\);", css)
    for found in ({name: light for name, light, _ in pairs}, {name: dark for name, _, dark in pairs}):
        for text in ("text", "muted", "accent", "good", "busy", "bad", "alarm"):
            for ground in ("ground", "surface", "raised"):
                assert contrast(found[text], found[ground]) >= 4.5, (text, ground)
        assert contrast(found["accent-text"], found["accent"]) >= 4.5


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in (red, green, blue)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
