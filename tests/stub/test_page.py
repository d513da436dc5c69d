"""The page at `/` over HTTP: what is open, what a session may do, and what keeps others from using it."""

import json
import re
from dataclasses import dataclass
from typing import Any

import pytest
import urllib3

from bandplan.stub import process
from bandplan.stub.api.page.files import FOLDER, TYPES
from tests.ports import own_port
from tests.stub.stub_client import ENDPOINTS, StubClient

FILES = sorted(path.name for path in FOLDER.iterdir())


@dataclass
class Browser:
    """What a browser sends to the workspace once it has a session."""

    host: str
    cookie: str
    key: str

    def send(
        self, method: str, path: str, headers: dict[str, str | None] | None = None, body: Any = None
    ) -> urllib3.BaseHTTPResponse:
        sent: dict[str, str | None] = {
            "Cookie": self.cookie,
            "X-Bandplan-Page": self.key,
            "Sec-Fetch-Site": "same-origin",
            **(headers or {}),
        }
        kept = {name: value for name, value in sent.items() if value is not None}
        data = None if body is None else json.dumps(body).encode()
        return urllib3.request(method, self.host + path, headers=kept, body=data, retries=False)


def begin(host: str, code: str, **headers: str) -> urllib3.BaseHTTPResponse:
    body = json.dumps({"code": code}).encode()
    return urllib3.request("POST", f"{host}/stub/page/session", body=body, headers=headers, retries=False)


def code_of(link: str) -> str:
    return link.partition("/#open=")[2]


@pytest.fixture
def browser(running: process.Running) -> Browser:
    answer = begin(running.host, code_of(process.page_link(running)))
    assert answer.status == 200, answer.data
    return Browser(running.host, answer.headers["set-cookie"].partition(";")[0], json.loads(answer.data)["key"])


@pytest.fixture
def stranger(running: process.Running) -> StubClient:
    return StubClient(running.host, None)


def test_page_and_its_files_are_open_and_hold_nothing_of_the_workspace(
    running: process.Running, stranger: StubClient
) -> None:
    for path in ("/", *(f"/stub/page/{name}" for name in FILES)):
        response = stranger.raw("GET", path)
        assert response.status == 200, path
        assert running.token.encode() not in response.data


@pytest.mark.parametrize("path", ["/", "/stub/page/app.js"])
def test_page_loads_nothing_from_elsewhere_runs_nothing_inline_and_is_not_framed(
    stranger: StubClient, path: str
) -> None:
    headers = stranger.raw("GET", path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert {policy[f"{kind}-src"] for kind in ("script", "style", "img", "connect")} == {"'self'"}
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"


def test_files_have_types_that_browsers_accept_as_modules_and_styles(stranger: StubClient) -> None:
    for name in FILES:
        kind = stranger.raw("GET", f"/stub/page/{name}").headers["content-type"]
        assert kind.startswith(TYPES[f".{name.rpartition('.')[2]}"])


def test_files_name_no_other_host_and_never_read_text_as_markup() -> None:
    for path in FOLDER.iterdir():
        text = path.read_text()
        assert set(re.findall(r"https?://[^\s\"'`]+", text)) <= {"http://www.w3.org/2000/svg"}, path.name
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b|new Function", text
        )
        assert not re.search(r"\sstyle=|\son\w+=|<script>", text), path.name


def test_unknown_file_and_every_path_out_of_the_folder_is_404(stranger: StubClient) -> None:
    for name in ("nothing.js", "..%2Fsessions.py", "%2Fetc%2Fpasswd", "assets"):
        assert stranger.raw("GET", f"/stub/page/{name}").status == 404


def test_link_names_this_workspace_and_needs_the_token(
    running: process.Running, client: StubClient, stranger: StubClient
) -> None:
    made = client.ok("POST", "/stub/page/links")
    assert made["url"].startswith(f"{running.host}/#open=")
    assert made["expires_in_seconds"] == 300
    assert running.token not in made["url"]
    assert stranger.send("POST", "/stub/page/links").status == 401


def test_link_works_once_and_its_refusal_says_what_to_do(running: process.Running) -> None:
    code = code_of(process.page_link(running))
    first = begin(running.host, code)
    again = begin(running.host, code)
    assert (first.status, again.status) == (200, 403)
    assert "`bandplan stub open`" in json.loads(again.data)["message"]
    assert "set-cookie" not in again.headers
    assert running.token.encode() not in first.data


def test_cookie_is_of_this_session_for_no_script_and_no_other_site(running: process.Running) -> None:
    cookie = begin(running.host, code_of(process.page_link(running))).headers["set-cookie"]
    name, attributes = cookie.partition("=")[0], [part.strip().lower() for part in cookie.split(";")[1:]]
    # Ports share their cookies, so two workspaces of one machine must not take each other's.
    assert name == "bandplan_page_" + urllib3.request("GET", running.host + "/").headers["x-databricks-org-id"]
    assert set(attributes) == {"httponly", "samesite=strict", "path=/"}


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_session_begins_from_the_page_only_and_the_link_stays_good(
    running: process.Running, headers: dict[str, str]
) -> None:
    code = code_of(process.page_link(running))
    assert begin(running.host, code, **headers).status == 403
    assert begin(running.host, code).status == 200


def test_session_reads_what_the_page_shows_and_asks_an_endpoint(
    browser: Browser, client: StubClient, name: str
) -> None:
    client.create(name)
    assert browser.send("GET", "/stub/endpoints").status == 200
    assert browser.send("GET", f"/stub/endpoints/{name}/history").status == 200
    body = {"messages": [{"role": "user", "content": "hello"}]}
    assert browser.send("POST", f"/serving-endpoints/{name}/invocations", body=body).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Cookie": None},
        {"X-Bandplan-Page": None},
        {"X-Bandplan-Page": "x" * 43},
        {"Cookie": "bandplan_page_1=x"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "none"},
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/stub/endpoints"), ("POST", "/serving-endpoints/x/invocations")])
def test_session_needs_both_secrets_and_the_page_as_origin(
    browser: Browser, method: str, path: str, headers: dict[str, str | None]
) -> None:
    assert browser.send(method, path, headers, body={} if method == "POST" else None).status == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ENDPOINTS),
        ("DELETE", f"{ENDPOINTS}/x"),
        ("GET", "/stub/status"),
        ("GET", "/stub/endpoints/x"),
        ("PUT", "/stub/endpoints/x/capacity"),
        ("POST", "/stub/page/links"),
        ("POST", "/stub/clock"),
        ("POST", "/stub/faults"),
        ("POST", "/stub/endpoints"),
        ("GET", "/serving-endpoints/x/invocations"),
        ("GET", "/stub/endpoints/x/history/../../../status"),
        ("GET", "/stub/endpoints%2F..%2Fstatus"),
        ("GET", "/api/2.1/unity-catalog/models"),
    ],
)
def test_session_can_do_nothing_else(browser: Browser, method: str, path: str) -> None:
    assert browser.send(method, path, body={} if method in ("POST", "PUT") else None).status == 401


@pytest.mark.parametrize("path", ["/", "/stub/page/app.js", "/stub/endpoints"])
def test_name_of_another_host_that_leads_here_is_refused(browser: Browser, path: str) -> None:
    # DNS rebinding: the browser believes to talk to the other host, and says so.
    assert browser.send("GET", path, {"Host": "evil.example"}).status == 403


def test_session_works_through_a_tunnel_with_a_port_of_its_own(browser: Browser) -> None:
    headers: dict[str, str | None] = {"Host": "localhost:9999", "Origin": "http://localhost:9999"}
    assert browser.send("GET", "/stub/endpoints", headers).status == 200


def test_session_ends_with_the_workspace(running: process.Running, tmp_path: Any) -> None:
    first = process.start(tmp_path / "stub", port=own_port())
    answer = begin(first.host, code_of(process.page_link(first)))
    browser = Browser(first.host, answer.headers["set-cookie"].partition(";")[0], json.loads(answer.data)["key"])
    assert browser.send("GET", "/stub/endpoints").status == 200
    process.stop(tmp_path / "stub")
    again = process.start(tmp_path / "stub", is_token_kept=True)
    try:
        assert browser.send("GET", "/stub/endpoints").status == 401 and again.host == first.host
    finally:
        process.stop(tmp_path / "stub")


def test_faults_of_requests_do_not_hit_the_page(client: StubClient, stranger: StubClient) -> None:
    client.ok("POST", "/stub/faults", {"route": "/", "action": "error", "status": 503})
    try:
        assert stranger.raw("GET", "/").status == 200
    finally:
        client.ok("DELETE", "/stub/faults")


def test_page_is_in_the_package() -> None:
    import tomllib
    from pathlib import Path

    pyproject = tomllib.loads((Path(process.__file__).parents[2] / "pyproject.toml").read_text())
    assert pyproject["tool"]["setuptools"]["package-data"]["bandplan.stub.api.page"] == ["assets/*"]
