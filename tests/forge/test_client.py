"""Retries, waits and messages of the client, against a server with prepared answers."""

from typing import Any

import pytest

from bandplan.forge.client import MOST_WAITING_SECONDS, Client, is_safe
from bandplan.forge.environment import checked_base_url, checked_token
from bandplan.forge.errors import ForgeError, LostAnswer, Malformed, NotConfigured, Refused, Unavailable
from tests.forge.forge_fake import NUMBER, TOKEN, Fault, ForgeFake, GitHubFake, GitLabFake, serving
from tests.ports import nobody_listening
from tests.report.conftest import Sleeps, forge_of

COMMENTS = f"/repos/org/repo/issues/{NUMBER}/comments"
LIMITED = {"documentation_url": "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary"}


@pytest.fixture
def github() -> Any:
    with serving(GitHubFake()) as fake:
        yield fake


def client(fake: ForgeFake, sleeps: Sleeps) -> Client:
    return Client(fake.url, {"Authorization": f"Bearer {TOKEN}"}, TOKEN, sleeps.clock(), {})


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault("GET", 429, {"Retry-After": "7"}), 7.0),
        (Fault("GET", 403, {"Retry-After": "9"}), 9.0),
        (Fault("GET", 403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1800000020"}), 21.0),
        (Fault("GET", 403, {"X-RateLimit-Remaining": "55"}, LIMITED), 60.0),
        (Fault("GET", 429), 60.0),
        (Fault("GET", 503, {"Retry-After": "3"}), 3.0),
        (Fault("GET", 429, {"Retry-After": "Fri, 15 Jan 2027 08:00:11 GMT"}), 11.0),
        (Fault("GET", 502), 0.75),
        (Fault("GET", 429, {"Retry-After": "0"}), 0.75),
        (Fault("GET", 429, {"Retry-After": "Fri, 15 Jan 2027 07:00:00 GMT"}), 0.75),
    ],
    ids=[
        "429",
        "403",
        "until the reset",
        "secondary limit",
        "429 without a word",
        "503",
        "until a date",
        "502",
        "no wait asked for",
        "until a date that is over",
    ],
)
def test_it_waits_as_long_as_it_is_asked_to(github: ForgeFake, fault: Fault, expected: float) -> None:
    """The clock of the tests begins at 1,800,000,000 s; a reset is waited for with a second to spare."""
    github.faults.append(fault)
    sleeps = Sleeps()
    assert client(github, sleeps).call("GET", COMMENTS).status == 200
    assert sleeps.waited == [pytest.approx(expected)]


def test_waits_grow_and_end(github: ForgeFake) -> None:
    github.faults.append(Fault("GET", 503, times=1_000))
    sleeps = Sleeps()
    with pytest.raises(Unavailable, match=r"is busy \(HTTP 503\); tried \d+ times"):
        client(github, sleeps).call("GET", COMMENTS)
    assert sleeps.waited == sorted(sleeps.waited)
    assert sum(sleeps.waited) <= MOST_WAITING_SECONDS


def test_a_wait_longer_than_a_job_should_hang_is_told_at_once(github: ForgeFake) -> None:
    github.faults.append(Fault("GET", 429, {"Retry-After": "3600"}))
    sleeps = Sleeps()
    with pytest.raises(Unavailable, match="would have to wait 3600 s more"):
        client(github, sleeps).call("GET", COMMENTS)
    assert sleeps.waited == []


def test_a_403_that_means_no_is_final(github: ForgeFake) -> None:
    github.faults.append(Fault("GET", 403, {}, {"message": "Resource not accessible by integration"}))
    sleeps = Sleeps()
    with pytest.raises(Refused, match="HTTP 403: Resource not accessible by integration"):
        client(github, sleeps).call("GET", COMMENTS)
    assert sleeps.waited == []


def test_a_write_is_waited_for_but_left_to_the_caller_to_send_again(github: ForgeFake) -> None:
    github.faults.append(Fault("POST", 429, {"Retry-After": "7"}))
    sleeps = Sleeps()
    with pytest.raises(LostAnswer):
        client(github, sleeps).call("POST", COMMENTS, {"body": "x"})
    assert sleeps.waited == [7.0]
    assert github.writes() == ["POST"]


def test_a_connection_that_breaks_is_tried_again_for_what_reads(github: ForgeFake) -> None:
    github.faults.append(Fault("GET", loses_answer=True, times=2))
    assert client(github, Sleeps()).call("GET", COMMENTS).status == 200


def test_nobody_there_is_told_without_the_token() -> None:
    with nobody_listening() as port:
        nobody = GitHubFake(url=f"http://127.0.0.1:{port}")
        with pytest.raises(Unavailable, match="does not answer") as raised:
            client(nobody, Sleeps()).call("GET", COMMENTS)
    assert TOKEN not in str(raised.value)


def test_a_redirect_is_not_followed_because_the_token_would_go_along(github: ForgeFake) -> None:
    with serving(GitHubFake()) as other:
        github.faults.append(Fault("GET", 301, {"Location": f"{other.url}/x"}, {"message": "Moved Permanently"}))
        with pytest.raises(Refused, match="HTTP 301: Moved Permanently"):
            client(github, Sleeps()).call("GET", COMMENTS)
        assert other.requests == []


def test_what_the_platform_says_is_shown_without_secrets_and_on_one_line(github: ForgeFake) -> None:
    github.faults.append(Fault("GET", 400, {}, {"message": f"bad {TOKEN}\n\x1b[31m and dapi{'0' * 32}"}))
    with pytest.raises(Refused) as raised:
        client(github, Sleeps()).call("GET", COMMENTS)
    assert str(raised.value).endswith("HTTP 400: bad [redacted] \\x1b[31m and [redacted]")


@pytest.mark.parametrize(
    ("status", "step"),
    [(401, "wrong or has expired"), (403, "pull-requests: write"), (404, "--pull-request"), (422, "locked")],
)
def test_githubs_refusals_say_what_to_do(status: int, step: str) -> None:
    with serving(GitHubFake()) as fake:
        fake.faults.append(Fault("GET", status, {}, {"message": "no"}))
        with pytest.raises(ForgeError, match=step):
            list(forge_of(fake).comments())


@pytest.mark.parametrize(
    ("status", "step"), [(401, "project access token"), (403, "scope `api`"), (404, "CI_PROJECT_ID")]
)
def test_gitlabs_refusals_say_what_to_do(status: int, step: str) -> None:
    with serving(GitLabFake()) as fake:
        fake.faults.append(Fault("GET", status, {}, {"message": "no"}))
        with pytest.raises(ForgeError, match=step):
            list(forge_of(fake).comments())


@pytest.mark.parametrize("body", [None, {}, "x", [1], [{"body": "x"}]])
def test_something_else_than_the_rest_api_is_named_as_such(github: ForgeFake, body: Any) -> None:
    github.faults.append(Fault("GET", 200, {}, body))
    with pytest.raises(Malformed, match="not a list of comments"):
        list(forge_of(github).comments())


@pytest.mark.parametrize("url", ["https://api.github.com", "http://127.0.0.1:8080/api/v4/", "http://localhost"])
def test_tokens_go_over_https_or_stay_on_this_machine(url: str) -> None:
    assert checked_base_url(url, "X") == url.rstrip("/")


@pytest.mark.parametrize(
    "url", ["http://api.github.com", "ftp://x", "api.github.com", "https://me:pw@host", "", "https://"]
)
def test_other_addresses_get_no_token(url: str) -> None:
    with pytest.raises(NotConfigured):
        checked_base_url(url, "X")


@pytest.mark.parametrize("token", ["", "  ", "a b", "a\nb", "ä"])
def test_what_cannot_stand_in_a_header_is_no_token(token: str) -> None:
    with pytest.raises(NotConfigured):
        checked_token(token, "X")


def test_a_host_that_there_is_not_is_told_at_once() -> None:
    sleeps = Sleeps()
    nobody = GitHubFake(url="https://forge.invalid")
    with pytest.raises(Unavailable, match="the host name cannot be resolved"):
        client(nobody, sleeps).call("GET", COMMENTS)
    assert sleeps.waited == []


@pytest.mark.parametrize("url", ["https://host:99999", "https://host:x", "https://[host", "https://host:0"])
def test_a_url_whose_port_is_none_is_no_traceback(url: str) -> None:
    with pytest.raises(NotConfigured):
        checked_base_url(url, "X")
    assert not is_safe(url)


class Storage(GitHubFake):
    """Redirects to a file that it keeps on the same port."""

    def answer(self, method: str, path: str, query: Any, body: Any) -> tuple[int, dict[str, str], Any]:
        if path == "/file":
            return 302, {"Location": f"{self.url}/storage?signature=x"}, None
        return (200, {}, b"content") if path == "/storage" else (404, {}, {"message": "Not Found"})


def test_a_file_is_waited_for_like_any_answer_and_its_storage_gets_no_token() -> None:
    with serving(Storage()) as fake:
        sleeps = Sleeps()
        fake.faults.append(Fault("GET", 429, {"Retry-After": "7"}))
        assert client(fake, sleeps).download("/file", 1_000) == b"content"
        assert sleeps.waited == [7.0]
        assert fake.tokens_seen == {TOKEN, ""}
        fake.faults.append(Fault("GET", 503, {"Retry-After": "100000"}))
        with pytest.raises(Refused, match="HTTP 503"):
            client(fake, sleeps).download("/file", 1_000)
        with pytest.raises(Unavailable, match="more than 3 bytes"):
            client(fake, sleeps).download("/file", 3)
        with pytest.raises(Refused, match="HTTP 404"):
            client(fake, sleeps).download("/other", 1_000)
