"""The token of MLflow's process while its parent renews it."""

from collections.abc import Iterator

import pytest

from bandplan.serving.registration.mlflow_process.job import renewal_line
from bandplan.serving.registration.mlflow_process.process_token import ProcessToken
from bandplan.serving.workspace.client import WorkspaceClient
from tests.answering import JsonHandler, answering


@pytest.fixture
def sent() -> Iterator[tuple[str, list[str]]]:
    """The URL of a workspace, and the tokens that it is sent."""
    tokens: list[str] = []

    class Handler(JsonHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/api/"):
                tokens.append(self.headers["Authorization"].removeprefix("Bearer "))
            self.reply(200, {"userName": "me"})

    with answering(Handler) as url:
        yield url, tokens


def test_our_client_sends_the_newest_token(sent: tuple[str, list[str]]) -> None:
    environ = {"DATABRICKS_TOKEN": "first"}
    token = ProcessToken(environ)
    client = WorkspaceClient(sent[0], token)
    client.ping()
    token.renew(renewal_line("second"))
    client.ping()
    assert sent[1] == ["first", "second"] and environ == {"DATABRICKS_TOKEN": "second"}
    assert "second" not in repr(token)


def test_clients_of_the_sdk_send_the_newest_token_and_those_of_others_their_own(
    sent: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from databricks.sdk import WorkspaceClient as SdkClient
    from databricks.sdk.config import Config

    monkeypatch.setattr(Config, "authenticate", Config.authenticate)  # put back at the end
    token = ProcessToken({"DATABRICKS_TOKEN": "first"})
    token.follow()
    ours = SdkClient(host=sent[0], token="first", auth_type="pat")
    other = SdkClient(host=sent[0], token="somebody-else", auth_type="pat")
    for renewed in ("second", "third"):
        token.renew(renewal_line(renewed))
        ours.current_user.me()
        other.current_user.me()
    assert sent[1] == ["second", "somebody-else", "third", "somebody-else"]


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"{}", b"\xff", b"null"])
def test_line_that_is_no_renewal_changes_nothing(line: bytes) -> None:
    environ = {"DATABRICKS_TOKEN": "first"}
    ProcessToken(environ).renew(line)
    assert environ == {"DATABRICKS_TOKEN": "first"}
