"""A CI job's own identity as a token of the workspace: what is asked of whom, when it is renewed, how it fails."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from bandplan.serving.workspace.address import parse_address
from bandplan.serving.workspace.client import from_environment
from bandplan.serving.workspace.errors import NotConfigured, Throttled, Unauthorized
from bandplan.serving.workspace.federation import FederatedToken, expiry_of, identity_of
from tests.answering import JsonHandler, answering
from tests.workspace.fake_workspace import FakeTime

REQUEST_TOKEN = "request-token-of-the-runner"
JOB_TOKEN = "eyJhbGciOiJSUzI1NiJ9.job.signature"


class Issuer:
    """GitHub's token service and a workspace's token endpoint in one; answers `faults` first, statuses one by one."""

    def __init__(self) -> None:
        self.exchanges: list[dict[str, list[str]]] = []
        self.audiences: list[str] = []
        self.callers: list[str] = []
        self.faults: list[int] = []
        self.retry_after = ""
        self.lifetime_seconds = 3600
        issuer = self

        class Handler(JsonHandler):
            def do_GET(self) -> None:
                split = urlsplit(self.path)
                if issuer.faults:
                    return self.reply(issuer.faults.pop(0), {"message": f"no: {REQUEST_TOKEN}"})
                if split.path == "/idtoken":
                    issuer.audiences += parse_qs(split.query)["audience"]
                    issuer.callers.append(self.headers["Authorization"])
                    return self.reply(200, {"value": JOB_TOKEN})
                issuer.callers.append(self.headers["Authorization"])
                return self.reply(200, {"userName": "ci"})

            def do_POST(self) -> None:
                form = parse_qs(self.received().decode())
                if issuer.faults and issuer.retry_after:
                    self.send_response(issuer.faults.pop(0))
                    self.send_header("Retry-After", issuer.retry_after)
                    self.send_header("Content-Length", "0")
                    return self.end_headers()
                if issuer.faults:
                    said = f"no policy for {JOB_TOKEN}"
                    return self.reply(issuer.faults.pop(0), {"error": "invalid_request", "error_description": said})
                issuer.exchanges.append(form)
                token = f"workspace-token-{len(issuer.exchanges)}"
                return self.reply(200, {"access_token": token, "expires_in": issuer.lifetime_seconds})

        self.handler = Handler
        self.url = ""

    def environ(self, **more: str) -> dict[str, str]:
        return {
            "DATABRICKS_HOST": self.url,
            "DATABRICKS_AUTH_TYPE": "github-oidc",
            "DATABRICKS_CLIENT_ID": "11111111-2222-3333-4444-555555555555",
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.url}/idtoken?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": REQUEST_TOKEN,
            **more,
        }

    def token(self, time: FakeTime) -> FederatedToken:
        identity = identity_of(self.environ(), self.url)
        return FederatedToken(parse_address(self.url), identity, lambda _: None, time.clock)


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    with answering(issuer.handler) as issuer.url:
        yield issuer


def test_the_job_s_identity_is_exchanged_once_for_all_requests(issuer: Issuer) -> None:
    client = from_environment(issuer.environ())
    assert client.ping() == "ci"
    assert client.ping() == "ci"
    assert issuer.audiences == [f"{issuer.url}/oidc/v1/token"]
    assert issuer.callers == [f"Bearer {REQUEST_TOKEN}", "Bearer workspace-token-1", "Bearer workspace-token-1"]
    (form,) = issuer.exchanges
    assert form == {
        "grant_type": ["urn:ietf:params:oauth:grant-type:token-exchange"],
        "subject_token": [JOB_TOKEN],
        "subject_token_type": ["urn:ietf:params:oauth:token-type:jwt"],
        "scope": ["all-apis"],
        "client_id": ["11111111-2222-3333-4444-555555555555"],
    }


def test_a_token_in_a_variable_is_exchanged_with_no_other_service_and_a_plain_token_is_not(issuer: Issuer) -> None:
    given = {"DATABRICKS_AUTH_TYPE": "env-oidc", "DATABRICKS_OIDC_TOKEN": JOB_TOKEN, "DATABRICKS_CLIENT_ID": ""}
    assert from_environment(issuer.environ(**given)).ping() == "ci"
    assert issuer.audiences == []
    assert [sorted(form) for form in issuer.exchanges] == [
        ["grant_type", "scope", "subject_token", "subject_token_type"]
    ]
    assert (
        from_environment(issuer.environ(DATABRICKS_AUTH_TYPE="pat", DATABRICKS_TOKEN="dapi-of-its-own")).ping() == "ci"
    )
    assert issuer.callers == ["Bearer workspace-token-1", "Bearer dapi-of-its-own"]


def test_a_token_is_renewed_a_minute_before_it_ends(issuer: Issuer) -> None:
    time = FakeTime()
    token = issuer.token(time)
    assert token() == "workspace-token-1"
    time.now += 3539
    assert token() == "workspace-token-1"
    time.now += 1
    assert token() == "workspace-token-2"


def test_a_service_that_is_busy_for_a_moment_is_asked_again_and_then_given_up(issuer: Issuer) -> None:
    time = FakeTime()
    issuer.faults = [503, 500]
    assert issuer.token(time)() == "workspace-token-1"
    assert time.slept == [1.0, 4.0]
    issuer.faults = [503, 503, 503]
    with pytest.raises(Throttled, match=r"GitHub gave the job no OpenID Connect token: .* answers HTTP 503"):
        issuer.token(time)()


def test_a_refusal_says_what_to_compare_and_shows_no_token(issuer: Issuer) -> None:
    identity = identity_of(issuer.environ(DATABRICKS_AUTH_TYPE="env-oidc", DATABRICKS_OIDC_TOKEN=JOB_TOKEN), issuer.url)
    issuer.faults = [401]
    with pytest.raises(Unauthorized) as refused:
        FederatedToken(parse_address(issuer.url), identity, lambda _: None)()
    assert "compare the federation policy of the service principal" in str(refused.value)
    assert "HTTP 401: invalid_request: no policy for [redacted]" in str(refused.value)
    issuer.faults = [403]
    with pytest.raises(Unauthorized) as refused:
        issuer.token(FakeTime())()
    assert REQUEST_TOKEN not in str(refused.value)


def job_token(claims: dict[str, object] | str) -> str:
    text = claims if isinstance(claims, str) else json.dumps(claims)
    return f"eyJhbGciOiJSUzI1NiJ9.{base64.urlsafe_b64encode(text.encode()).rstrip(b'=').decode()}.signature"


def test_an_identity_that_expired_before_the_token_was_renewed_is_told_as_such(issuer: Issuer) -> None:
    """A job without a timeout: its identity lasts 5 minutes, the workspace's token an hour."""
    time = FakeTime()
    token = job_token({"exp": time.now + 300})
    identity = identity_of(issuer.environ(DATABRICKS_AUTH_TYPE="env-oidc", DATABRICKS_OIDC_TOKEN=token), issuer.url)
    login = FederatedToken(parse_address(issuer.url), identity, lambda _: None, time.clock)
    assert login() == "workspace-token-1"
    time.now += 3600
    issuer.faults = [401]
    with pytest.raises(Unauthorized) as refused:
        login()
    at = datetime.fromtimestamp(time.now - 3300, UTC)
    assert f"the token in DATABRICKS_OIDC_TOKEN expired at {at:%Y-%m-%d %H:%M} UTC; GitLab's lasts" in str(
        refused.value
    )
    assert "give the job a longer `timeout` (HTTP 401: " in str(refused.value) and token not in str(refused.value)


@pytest.mark.parametrize(
    "token",
    ["", "a", "a.b.c", "a.!.c", job_token("[]"), job_token("{"), job_token({"exp": "soon"}), job_token({"exp": 1e300})],
)
def test_token_that_does_not_say_when_it_ends_is_no_reason(token: str) -> None:
    assert expiry_of(token) is None


def test_what_is_missing_is_told_at_once_with_what_the_job_needs() -> None:
    with pytest.raises(NotConfigured) as told:
        from_environment({"DATABRICKS_HOST": "https://x.example", "DATABRICKS_AUTH_TYPE": "github-oidc"})
    assert "DATABRICKS_CLIENT_ID, ACTIONS_ID_TOKEN_REQUEST_URL, ACTIONS_ID_TOKEN_REQUEST_TOKEN" in str(told.value)
    assert "permissions: {id-token: write}" in str(told.value)


def test_the_wait_that_a_token_service_asks_for_is_kept_or_too_long(issuer: Issuer) -> None:
    time = FakeTime()
    identity = identity_of(issuer.environ(DATABRICKS_AUTH_TYPE="env-oidc", DATABRICKS_OIDC_TOKEN=JOB_TOKEN), issuer.url)
    token = FederatedToken(parse_address(issuer.url), identity, lambda _: None, time.clock)
    issuer.faults, issuer.retry_after = [429], "30"
    assert token() == "workspace-token-1"
    assert time.slept == [31.0]  # what was asked for, and the pause of the first attempt
    issuer.faults, issuer.retry_after = [429], "3600"
    with pytest.raises(Throttled, match="answers HTTP 429; try again later"):
        FederatedToken(parse_address(issuer.url), identity, lambda _: None, time.clock)()
    assert time.slept == [31.0]


@pytest.mark.parametrize(
    "url", ["http://tokens.example/x", "tokens.example", "https://host:99999/x", "https://me:pw@host"]
)
def test_an_address_of_the_token_service_that_gets_no_token_is_named_by_its_variable(url: str) -> None:
    environ = {
        "DATABRICKS_HOST": "https://x.example",
        "DATABRICKS_AUTH_TYPE": "github-oidc",
        "DATABRICKS_CLIENT_ID": "c",
        "ACTIONS_ID_TOKEN_REQUEST_URL": url,
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": REQUEST_TOKEN,
    }
    with pytest.raises(NotConfigured, match="ACTIONS_ID_TOKEN_REQUEST_URL is no"):
        from_environment(environ)


def test_no_token_shows_in_the_identity_of_a_job(issuer: Issuer) -> None:
    identity = identity_of(issuer.environ(DATABRICKS_OIDC_TOKEN=JOB_TOKEN), issuer.url)
    assert REQUEST_TOKEN not in repr(identity) and JOB_TOKEN not in repr(identity)
