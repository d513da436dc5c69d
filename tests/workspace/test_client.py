import threading
from datetime import UTC, datetime
from email.utils import format_datetime
from itertools import count
from types import SimpleNamespace

import pytest

from bandplan.rest.clock import Clock
from bandplan.rest.connections import Timeouts
from bandplan.rest.retries import Retries
from bandplan.serving.workspace.client import WorkspaceClient, from_environment
from bandplan.serving.workspace.errors import (
    Blocked,
    Conflict,
    Forbidden,
    LostAnswer,
    NotAWorkspace,
    NotConfigured,
    NotFound,
    Refused,
    Throttled,
    Unauthorized,
    Unreachable,
)
from tests.ports import nobody_listening, own_port
from tests.workspace.fake_workspace import TOKEN, FakeTime, FakeWorkspace, Reply, Seen

PATH = "/api/2.0/serving-endpoints/x"


def refusal(status: int, code: str, message: str) -> Reply:
    return Reply(status, {"error_code": code, "message": message})


def test_a_call_carries_the_token_and_returns_the_json_object(
    workspace: FakeWorkspace, client: WorkspaceClient
) -> None:
    workspace.in_turn(Reply(body={"name": "x"}))
    assert client.put(PATH, {"a": 1}) == {"name": "x"}
    assert [(s.method, s.path, s.body, s.token) for s in workspace.seen] == [("PUT", PATH, {"a": 1}, TOKEN)]


def test_connections_are_kept_alive(workspace: FakeWorkspace, client: WorkspaceClient) -> None:
    for _ in range(20):
        client.get(PATH)
    assert workspace.connections == 1


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
@pytest.mark.parametrize("status", [429, 503])
def test_every_method_is_retried_when_throttled(
    workspace: FakeWorkspace, client: WorkspaceClient, time: FakeTime, method: str, status: int
) -> None:
    workspace.in_turn(Reply(status), Reply(status), Reply(body={"ok": True}))
    body: tuple[dict[str, str], ...] = ({},) if method in ("post", "put", "patch") else ()
    assert getattr(client, method)(PATH, *body) == {"ok": True}
    assert time.slept == pytest.approx([0.2, 0.4])


def test_retry_after_in_seconds_is_waited_on_top_of_the_back_off(
    workspace: FakeWorkspace, client: WorkspaceClient, time: FakeTime
) -> None:
    workspace.in_turn(Reply(429, headers={"Retry-After": "7"}), Reply())
    client.get(PATH)
    assert time.slept == pytest.approx([7.2])


def test_retry_after_as_a_date_is_waited_for(workspace: FakeWorkspace, client: WorkspaceClient, time: FakeTime) -> None:
    date = format_datetime(datetime.fromtimestamp(time.now + 30, UTC), usegmt=True)
    workspace.in_turn(Reply(503, headers={"Retry-After": date}), Reply())
    client.get(PATH)
    assert time.slept == pytest.approx([30.2])


def test_a_retry_after_beyond_the_budget_gives_up_at_once(
    workspace: FakeWorkspace, client: WorkspaceClient, time: FakeTime
) -> None:
    workspace.in_turn(Reply(429, headers={"Retry-After": "3600"}))
    with pytest.raises(Throttled, match="asks to wait 3600"):
        client.get(PATH)
    assert time.slept == []


def test_throttling_without_end_is_given_up_within_the_budget(
    workspace: FakeWorkspace, client: WorkspaceClient, time: FakeTime
) -> None:
    workspace.in_turn(Reply(503))
    with pytest.raises(Throttled, match="HTTP 503"):
        client.get(PATH)
    assert 100 < sum(time.slept) <= 120


def test_pauses_are_shortened_at_random(workspace: FakeWorkspace, time: FakeTime) -> None:
    client = WorkspaceClient(workspace.host, TOKEN, clock=time.clock, random=lambda: 0.5)
    workspace.in_turn(Reply(429), Reply(429), Reply())
    client.get(PATH)
    assert time.slept == pytest.approx([0.15, 0.3])  # 0.2 and 0.4, less a quarter


def test_a_get_whose_answer_is_lost_is_sent_again(workspace: FakeWorkspace, client: WorkspaceClient) -> None:
    workspace.in_turn(Reply(drop=True), Reply(drop=True), Reply(body={"ok": True}))
    assert client.get(PATH) == {"ok": True}
    assert len(workspace.seen) == 3


@pytest.mark.parametrize("method", ["post", "put", "patch"])
def test_a_write_whose_answer_is_lost_is_not_sent_again(
    workspace: FakeWorkspace, client: WorkspaceClient, method: str
) -> None:
    workspace.in_turn(Reply(drop=True), Reply())
    with pytest.raises(LostAnswer, match="may have been carried out"):
        getattr(client, method)(PATH, {})
    assert len(workspace.seen) == 1


def test_a_get_is_sent_again_after_a_timeout(workspace: FakeWorkspace, time: FakeTime) -> None:
    stuck = threading.Event()

    def answer(_: Seen) -> Reply:
        if len(workspace.seen) == 1:
            stuck.wait(60)
        return Reply(body={"ok": True})

    workspace.answer = answer
    client = WorkspaceClient(workspace.host, TOKEN, timeouts=Timeouts(60.0, 1.0), clock=time.clock)
    assert client.get(PATH) == {"ok": True}  # at the second time, or on a machine that stalls at one of the next ones
    stuck.set()


@pytest.mark.parametrize("status", [500, 504, 409, 403, 400])
def test_other_failures_are_final(workspace: FakeWorkspace, client: WorkspaceClient, status: int) -> None:
    workspace.in_turn(refusal(status, "", "no"))
    with pytest.raises((Refused, Unauthorized)):
        client.get(PATH)
    assert len(workspace.seen) == 1


def test_nobody_listening_is_said_within_two_seconds_with_host_port_and_next_step(time: FakeTime) -> None:
    with nobody_listening() as port:
        client = WorkspaceClient(f"http://127.0.0.1:{port}", TOKEN, clock=time.clock)
        with pytest.raises(Unreachable) as caught:
            client.get(PATH)
    assert 0 < sum(time.slept) <= 2
    assert (caught.value.host, caught.value.port) == ("127.0.0.1", port)
    assert f"127.0.0.1 port {port}" in str(caught.value)
    assert "start the local workspace with `bandplan stub start`, or set DATABRICKS_HOST" in str(caught.value)


def test_calls_queued_behind_an_unreachable_workspace_fail_at_once_and_later_ones_try_again(time: FakeTime) -> None:
    with nobody_listening() as port:
        client = WorkspaceClient(f"http://127.0.0.1:{port}", TOKEN, clock=time.clock)
        with pytest.raises(Unreachable):
            client.get(PATH)
        pauses = len(time.slept)
        with pytest.raises(Unreachable):
            client.get(PATH)
        assert len(time.slept) == pauses
        time.now += 6
        with pytest.raises(Unreachable):
            client.get(PATH)
        assert len(time.slept) > pauses


def test_a_workspace_that_comes_up_meanwhile_is_reached(time: FakeTime) -> None:
    """The port is closed at first and opened during the first pause."""
    port = own_port()
    late: list[FakeWorkspace] = []

    def open_it(seconds: float) -> None:
        time.sleep(seconds)
        if not late:
            late.append(FakeWorkspace(port))

    client = WorkspaceClient(
        f"http://127.0.0.1:{port}", TOKEN, clock=Clock(lambda: time.now, lambda: time.now, open_it)
    )
    assert client.get(PATH) == {}
    assert sum(time.slept) < 2
    late[0].close()


def test_an_unknown_host_name_is_said_at_once(time: FakeTime) -> None:
    client = WorkspaceClient("https://no-such-workspace.invalid", TOKEN, clock=time.clock)
    with pytest.raises(Unreachable, match=r"no-such-workspace\.invalid port 443: the host name cannot be resolved"):
        client.get(PATH)
    assert time.slept == []


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "RESOURCE_DOES_NOT_EXIST", NotFound),
        (400, "RESOURCE_DOES_NOT_EXIST", NotFound),  # the code wins over the status
        (404, "", NotFound),
        (409, "RESOURCE_CONFLICT", Conflict),
        (400, "RESOURCE_ALREADY_EXISTS", Conflict),
        (403, "PERMISSION_DENIED", Forbidden),
        (401, "UNAUTHENTICATED", Unauthorized),
        (403, "", Unauthorized),  # real workspaces answer a bad token with 403 too
        (400, "INVALID_PARAMETER_VALUE", Refused),
        (404, "INVALID_PARAMETER_VALUE", Refused),
        (500, "INTERNAL_ERROR", Refused),
    ],
)
def test_a_refusal_is_translated_by_code_and_then_by_status(
    workspace: FakeWorkspace, client: WorkspaceClient, status: int, code: str, kind: type[Exception]
) -> None:
    workspace.in_turn(refusal(status, code, "because of reasons"))
    with pytest.raises(Exception, match="because of reasons") as caught:
        client.get(PATH)
    assert type(caught.value) is kind


@pytest.mark.parametrize("content_type", ["text/html; charset=utf-8", "text/plain", "application/json"])
def test_a_short_refusal_is_quoted_whatever_it_calls_itself(
    workspace: FakeWorkspace, client: WorkspaceClient, content_type: str
) -> None:
    """As of a workspace that does not know the token: databricks/mlops-stacks issue 175."""
    workspace.in_turn(Reply(403, b"Invalid access token", {"Content-Type": content_type}))
    with pytest.raises(Unauthorized, match=r"does not accept the token: Invalid access token \(HTTP 403\)"):
        client.get(PATH)


@pytest.mark.parametrize("status", [200, 403, 502])
def test_a_web_page_is_said_to_be_one(workspace: FakeWorkspace, client: WorkspaceClient, status: int) -> None:
    workspace.in_turn(Reply(status, b" <!-- made by a proxy --><html></html>", {"Content-Type": "text/html"}))
    with pytest.raises(NotAWorkspace, match="a web page came back"):
        client.get(PATH)


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (403, 403, "Source IP address: 20.1.2.3 is blocked by Databricks IP ACL for workspace: 123"),
        (403, "PERMISSION_DENIED", "IP address 20.1.2.3 is not allowed to access this workspace"),
        (403, "403", "Unauthorized network access to workspace: 123"),
        (401, "", "The workspace has Private Link enabled and is not accessible from the current network"),
    ],
)
def test_a_blocked_network_is_not_put_down_to_the_token(
    workspace: FakeWorkspace, client: WorkspaceClient, status: int, code: str | int, reason: str
) -> None:
    workspace.in_turn(Reply(status, {"error_code": code, "message": reason}))
    with pytest.raises(Blocked) as caught:
        client.get(PATH)
    assert reason in str(caught.value) and "IP access lists" in str(caught.value)
    assert "DATABRICKS_TOKEN" not in str(caught.value)


def test_a_redirect_to_private_link_is_told_as_such(workspace: FakeWorkspace, client: WorkspaceClient) -> None:
    location = "/login.html?error=private-link-validation-error:123"
    workspace.in_turn(Reply(303, b"", {"Content-Type": "text/html", "Location": location}))
    with pytest.raises(Blocked, match="only over Private Link; run from a network"):
        client.get(PATH)


@pytest.mark.parametrize(
    ("body", "code", "reason"),
    [
        ({"error_code": "BAD_REQUEST", "message": "m"}, "BAD_REQUEST", "m"),
        ({"error_code": 400, "message": "m"}, "", "m"),
        ({"error": "old form"}, "", "old form"),
        ({"schemas": ["urn:scim"], "detail": "scim form", "status": "400"}, "", "scim form"),
        (b"MALFORMED_REQUEST: plain text", "MALFORMED_REQUEST", "plain text"),
        (b"just words: really", "", "just words: really"),
        (b"", "", ""),
        ([1], "", ""),
    ],
)
def test_every_shape_of_an_error_body_is_understood(
    workspace: FakeWorkspace, client: WorkspaceClient, body: object, code: str, reason: str
) -> None:
    workspace.in_turn(Reply(400, body, {"Content-Type": "text/plain"}))
    with pytest.raises(Refused) as caught:
        client.get(PATH)
    assert (caught.value.error_code, caught.value.reason) == (code, reason)


def test_a_message_of_the_platform_is_capped_on_one_line_and_never_shows_the_token(
    workspace: FakeWorkspace, client: WorkspaceClient
) -> None:
    workspace.in_turn(refusal(400, "BAD_REQUEST", f"token {TOKEN} is\x1b[31m\nwrong " + "x" * 100_000))
    with pytest.raises(Refused) as caught:
        client.get(PATH)
    text = str(caught.value)
    assert TOKEN not in text and "[redacted]" in text
    assert "\n" not in text and "\x1b" not in text
    assert len(text) < 1_000


def test_a_token_of_somebody_else_in_a_message_goes_and_ordinary_words_stay(
    workspace: FakeWorkspace, client: WorkspaceClient
) -> None:
    other = "sk-" + "a1" * 12
    workspace.in_turn(
        refusal(400, "BAD_REQUEST", f"openai_api_key {other} is refused; tokenizer: llama, token: expired")
    )
    with pytest.raises(Refused) as caught:
        client.get(PATH)
    assert "openai_api_key [redacted] is refused; tokenizer: llama, token: expired" in str(caught.value)


def test_a_short_word_given_as_token_does_not_black_out_the_platforms_message(workspace: FakeWorkspace) -> None:
    workspace.in_turn(refusal(401, "UNAUTHENTICATED", "the token is missing or wrong"))
    with pytest.raises(Unauthorized, match="the token is missing or wrong"):
        WorkspaceClient(workspace.host, "wrong").get(PATH)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, b"<!DOCTYPE html><html>log in</html>", {"Content-Type": "text/html"}),
        Reply(200, b"  <html>log in</html>"),
        Reply(404, b"<html>nothing here</html>", {"Content-Type": "text/html; charset=utf-8"}),
        Reply(302, b"", {"Location": "/login"}),
        Reply(200, b"not json"),
        Reply(200, b"[" * 100_000),
        Reply(200, b'{"version": ' + b"9" * 5000 + b"}"),
        Reply(200, [1, 2]),
    ],
)
def test_a_page_that_is_not_the_rest_api_is_recognised(
    workspace: FakeWorkspace, client: WorkspaceClient, reply: Reply
) -> None:
    workspace.in_turn(reply)
    with pytest.raises(NotAWorkspace, match="check that DATABRICKS_HOST"):
        client.get(PATH)
    assert len(workspace.seen) == 1


def test_a_get_whose_answer_ends_half_way_is_sent_again_and_then_given_up(
    workspace: FakeWorkspace, client: WorkspaceClient
) -> None:
    workspace.in_turn(Reply(body={"a": "b"}, cut=True), Reply(body={"a": "b"}))
    assert client.get(PATH) == {"a": "b"}
    workspace.in_turn(Reply(body={"a": "b"}, cut=True))
    with pytest.raises(LostAnswer, match="sent no answer"):
        client.get(PATH)


def test_an_answer_that_drips_is_given_up_though_every_byte_comes_in_time(
    workspace: FakeWorkspace, time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = count(0, 25)  # seconds between two looks at the clock
    monkeypatch.setattr("bandplan.rest.connections.time", SimpleNamespace(monotonic=lambda: next(looks)))
    workspace.in_turn(Reply(drip=True))
    once = Retries(total_seconds=0.0)
    client = WorkspaceClient(workspace.host, TOKEN, clock=time.clock, retries=once, timeouts=Timeouts(60.0, 60.0))
    with pytest.raises(LostAnswer, match=r"sent no complete answer within 60 s \(tried once in"):
        client.get(PATH)
    assert next(looks) == 100  # the body began at 0, and 25 and 50 s were no reason yet


def test_an_answer_without_end_is_not_read_into_memory(
    workspace: FakeWorkspace, client: WorkspaceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bandplan.rest.connections.MOST_BYTES", 1000)
    workspace.in_turn(Reply(body=b" " * 998 + b"{}"))
    assert client.get(PATH) == {}
    workspace.in_turn(Reply(body=b" " * 999 + b"{}"))
    with pytest.raises(LostAnswer, match="an answer of more than 1,000 bytes"):
        client.get(PATH)
    assert len(workspace.seen) == 2


def test_an_error_code_is_capped_on_one_line_and_never_shows_the_token(
    workspace: FakeWorkspace, client: WorkspaceClient
) -> None:
    workspace.in_turn(refusal(400, f"{TOKEN}\n\x1b[31m{'x' * 5000}", "no"))
    with pytest.raises(Refused) as caught:
        client.get(PATH)
    assert TOKEN not in str(caught.value) and str(caught.value).isprintable() and len(str(caught.value)) < 400


def test_a_refusal_nested_too_deep_is_a_refusal(workspace: FakeWorkspace, client: WorkspaceClient) -> None:
    """Python 3.14 reads on until it is no JSON; earlier ones give up before."""
    workspace.in_turn(Reply(400, b"[" * 19_000))
    with pytest.raises(Refused, match=r"HTTP 400\)") as caught:
        client.get(PATH)
    assert len(str(caught.value)) < 1000


def test_ping_says_whose_token_it_is(workspace: FakeWorkspace, client: WorkspaceClient) -> None:
    workspace.in_turn(Reply(body={"id": "1", "userName": "me@example.com"}))
    assert client.ping() == "me@example.com"
    assert workspace.seen[0].path == "/api/2.0/preview/scim/v2/Me"


def test_a_client_never_shows_its_token(client: WorkspaceClient) -> None:
    assert TOKEN not in repr(client)


def test_everything_that_is_not_configured_is_listed() -> None:
    with pytest.raises(NotConfigured, match="set DATABRICKS_HOST and DATABRICKS_TOKEN"):
        from_environment({})
    with pytest.raises(NotConfigured, match="set DATABRICKS_HOST in"):
        from_environment({"DATABRICKS_HOST": " ", "DATABRICKS_TOKEN": "t"})


@pytest.mark.parametrize("token", ["two words", "tab\there", "žeton", "new\nline"])
def test_a_token_that_cannot_be_a_header_is_refused_without_showing_it(token: str) -> None:
    with pytest.raises(NotConfigured) as caught:
        from_environment({"DATABRICKS_HOST": "x.example.com", "DATABRICKS_TOKEN": token})
    assert token not in str(caught.value)
