"""Logins of the Databricks SDK: what the workspace is sent, when a token is renewed, how a failure is reported."""

import base64
import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from bandplan.serving.workspace.client import from_environment
from bandplan.serving.workspace.errors import Blocked, NotConfigured, Unauthorized, Unreachable
from bandplan.serving.workspace.sdk_login import SdkLogin
from tests.answering import JsonHandler, answering
from tests.workspace.fake_workspace import FakeTime

SECRET = "client-secret-of-the-principal"


class Issuer:
    """A workspace that issues tokens of `lifetime_seconds` and accepts only the newest; it records its callers."""

    def __init__(self) -> None:
        self.callers: list[str] = []
        self.grants: list[str] = []
        self.lifetime_seconds = 3600
        self.refusal = ""
        self.discovery: tuple[int, dict[str, object]] = (200, {})
        self.url = ""
        issuer = self

        class Handler(JsonHandler):
            def do_GET(self) -> None:
                if self.path == "/oidc/.well-known/oauth-authorization-server":
                    urls = {"authorization_endpoint": issuer.url, "token_endpoint": f"{issuer.url}/oidc/v1/token"}
                    status, body = issuer.discovery
                    return self.reply(status, body or urls)
                if self.path.startswith("/api/"):
                    issuer.callers.append(self.headers["Authorization"])
                    return self.reply(200, {"userName": "me"})
                return self.reply(404, {})

            def do_POST(self) -> None:
                form = parse_qs(self.received().decode())
                kind, _, given = self.headers.get("Authorization", "").partition(" ")
                if kind != "Basic" or base64.b64decode(given).decode() != f"c:{SECRET}" or issuer.refusal:
                    return self.reply(401, {"error": "invalid_client", "error_description": issuer.refusal or "no"})
                issuer.grants += form["grant_type"]
                token = {"access_token": f"token-{len(issuer.grants)}", "token_type": "Bearer"}
                return self.reply(200, {**token, "expires_in": issuer.lifetime_seconds})

        self.handler = Handler

    def principal(self) -> dict[str, str]:
        return {
            "DATABRICKS_HOST": self.url,
            "DATABRICKS_CLIENT_ID": "c",
            "DATABRICKS_CLIENT_SECRET": SECRET,
            "DATABRICKS_CONFIG_FILE": "/nonexistent",
        }


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    with answering(issuer.handler) as issuer.url:
        yield issuer


def test_a_service_principal_signs_in_once_for_all_requests(issuer: Issuer) -> None:
    client = from_environment(issuer.principal())
    assert [client.ping(), client.ping()] == ["me", "me"]
    assert issuer.callers == ["Bearer token-1", "Bearer token-1"]
    assert (client.auth_type(), client.bearer()) == ("oauth-m2m", "token-1")


def test_a_token_that_ends_during_a_deployment_is_renewed(issuer: Issuer) -> None:
    issuer.lifetime_seconds = 0
    client = from_environment(issuer.principal())
    assert [client.ping(), client.ping(), client.ping()] == ["me"] * 3
    assert len(issuer.callers) == len(set(issuer.callers)) == 3


def test_a_profile_is_read_from_the_given_environment_and_no_other(
    issuer: Issuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "cfg"
    file.write_text(f"[p]\nhost = {issuer.url}\nclient_id = c\nclient_secret = {SECRET}\n")
    # What the process has is what the run was relieved of: another workspace's login.
    monkeypatch.setenv("DATABRICKS_HOST", "https://other.example")
    monkeypatch.setenv("DATABRICKS_TOKEN", "token-of-another-workspace")
    client = from_environment({"DATABRICKS_CONFIG_FILE": str(file), "DATABRICKS_CONFIG_PROFILE": "p"})
    assert (client.ping(), client.host, client.auth_type()) == ("me", issuer.url, "oauth-m2m")
    assert issuer.callers == ["Bearer token-1"]


def test_a_token_in_a_profile_needs_no_sdk(issuer: Issuer, tmp_path: Path) -> None:
    file = tmp_path / "cfg"
    file.write_text(f"[p]\nhost = {issuer.url}/\ntoken = dapi-1\n")
    client = from_environment({"DATABRICKS_CONFIG_FILE": str(file), "DATABRICKS_CONFIG_PROFILE": "p"})
    assert (client.ping(), client.auth_type(), issuer.callers) == ("me", "pat", ["Bearer dapi-1"])


def test_a_refused_login_says_what_was_tried_and_found_without_secrets(
    issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    issuer.refusal = f"wrong secret {SECRET}"
    with pytest.raises(Unauthorized) as refused:
        from_environment(issuer.principal()).ping()
    said = str(refused.value)
    assert said.startswith(f"cannot log in to {issuer.url}: oauth-m2m: invalid_client: wrong secret [redacted]; found ")
    assert "DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET (OAuth of a service principal, oauth-m2m)" in said
    assert SECRET not in said and SECRET not in caplog.text and issuer.callers == []


@pytest.mark.parametrize(
    ("environ", "tried"),
    [
        ({}, "tried every login, and none is set up; found .*nonexistent does not exist; no `databricks` on PATH"),
        (
            {"DATABRICKS_AUTH_TYPE": "azure-cli"},
            "tried azure-cli, and nothing is set up for it; found DATABRICKS_AUTH_TYPE",
        ),
        ({"DATABRICKS_AUTH_TYPE": "pat"}, "tried pat, and nothing is set up for it"),
    ],
)
def test_no_login_says_what_was_tried_and_what_this_machine_has(
    issuer: Issuer, environ: dict[str, str], tried: str, capfd: pytest.CaptureFixture[str]
) -> None:
    given = {"DATABRICKS_HOST": issuer.url, "DATABRICKS_CONFIG_FILE": "/nonexistent", "PATH": "/nowhere", **environ}
    with pytest.raises(NotConfigured, match=tried):
        from_environment(given).ping()
    assert capfd.readouterr() == ("", "")


def test_nobody_listening_is_said_before_the_sdk_is_asked() -> None:
    environ = {"DATABRICKS_HOST": "http://127.0.0.1:9", "DATABRICKS_AUTH_TYPE": "oauth-m2m"}
    with pytest.raises(Unreachable, match=r"cannot reach the workspace at 127\.0\.0\.1 port 9 to log in"):
        from_environment(environ).ping()


def test_a_secret_is_never_sent_unencrypted_to_another_machine(tmp_path: Path) -> None:
    file = tmp_path / "cfg"
    file.write_text(f"[p]\nhost = http://workspace.example\nclient_id = c\nclient_secret = {SECRET}\n")
    with pytest.raises(NotConfigured, match="never sent unencrypted"):
        from_environment({"DATABRICKS_CONFIG_FILE": str(file), "DATABRICKS_CONFIG_PROFILE": "p"})


def test_a_login_that_never_answers_is_a_failure() -> None:
    class Config:
        auth_type = "oauth-m2m"
        host = "https://x.example"

        def authenticate(self) -> dict[str, str]:
            threading.Event().wait(30)
            return {}

    login = SdkLogin({"PATH": ""}, lambda _: None, FakeTime().clock, Config(), limit_seconds=0.05)
    with pytest.raises(Unauthorized, match=r"oauth-m2m: no answer within 0\.05 s; found "):
        login.headers()


def test_an_identity_that_the_sdk_exchanges_for_every_request_is_kept_for_a_minute() -> None:
    class Config:
        auth_type = "azure-devops-oidc"
        host = "https://x.example"
        calls = 0

        def authenticate(self) -> dict[str, str]:
            self.calls += 1
            return {"Authorization": f"Bearer t{self.calls}"}

    time = FakeTime()
    login = SdkLogin(os.environ, lambda _: None, time.clock, Config())
    assert [login.headers(), login.headers()] == [{"Authorization": "Bearer t1"}] * 2
    time.now += 61
    assert login.headers() == {"Authorization": "Bearer t2"}


def test_a_blocked_network_is_told_as_such_before_any_secret_is_sent(issuer: Issuer) -> None:
    said = "Source IP address: 20.1.2.3 is blocked by Databricks IP ACL for workspace: 1"
    issuer.discovery = 403, {"error_code": 403, "message": said}
    with pytest.raises(Blocked, match="does not allow this machine's network"):
        from_environment(issuer.principal()).ping()
    assert issuer.grants == []


def test_a_workspace_without_a_token_endpoint_is_said_so_and_the_sdk_stays_silent(
    issuer: Issuer, capfd: pytest.CaptureFixture[str]
) -> None:
    issuer.discovery = 404, {"error_code": "NOT_FOUND"}
    logging.getLogger().warning("configures the root logger")
    capfd.readouterr()
    with pytest.raises(NotConfigured, match=r"no token endpoint of the workspace \(GET /oidc/"):
        from_environment(issuer.principal()).ping()
    assert capfd.readouterr() == ("", "")
