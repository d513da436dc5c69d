"""OAuth for machines: which credentials get an access token, and what the token is good for."""

import base64
from urllib.parse import urlencode

import pytest

from bandplan.stub.api.identity.access_tokens import LIFETIME_SECONDS, AccessTokens
from bandplan.stub.api.identity.oauth import (
    JWT_BEARER,
    METADATA_PATH,
    SERVICE_PRINCIPAL_ID,
    TOKEN_EXCHANGE,
    TOKEN_PATH,
)
from tests.stub.stub_client import ENDPOINTS, Reply, StubClient

GRANT = {"grant_type": "client_credentials", "scope": "all-apis"}


def own_token(client: StubClient) -> str:
    return client.authorization["Authorization"].removeprefix("Bearer ")


def ask(client: StubClient, form: dict[str, str], basic: str | None = None) -> Reply:
    anonymous = StubClient(client.host, None)
    if basic is not None:
        anonymous.authorization = {"Authorization": "Basic " + base64.b64encode(basic.encode()).decode()}
    response = anonymous.raw("POST", TOKEN_PATH, urlencode(form).encode())
    return Reply(response.status, response.json(), dict(response.headers))


def test_metadata_is_open_and_names_the_token_endpoint(client: StubClient) -> None:
    metadata = StubClient(client.host, None).ok("GET", METADATA_PATH)
    assert metadata["token_endpoint"] == f"{client.host}{TOKEN_PATH}"


def test_client_credentials_get_a_token_that_lets_requests_through(client: StubClient) -> None:
    secret = own_token(client)
    for reply in (
        ask(client, GRANT, basic=f"{SERVICE_PRINCIPAL_ID}:{secret}"),
        ask(client, {**GRANT, "client_id": SERVICE_PRINCIPAL_ID, "client_secret": secret}),
    ):
        assert (reply.status, reply.body["token_type"], reply.body["expires_in"]) == (200, "Bearer", 3600)
        assert secret not in str(reply.body)
        assert StubClient(client.host, reply.body["access_token"]).send("GET", ENDPOINTS).status == 200


@pytest.mark.parametrize(("grant", "field"), [(JWT_BEARER, "assertion"), (TOKEN_EXCHANGE, "subject_token")])
def test_token_is_exchanged_for_another(client: StubClient, grant: str, field: str) -> None:
    first = ask(client, {"grant_type": grant, field: own_token(client)}).body["access_token"]
    second = ask(client, {"grant_type": grant, field: first})
    assert StubClient(client.host, second.body["access_token"]).send("GET", ENDPOINTS).status == 200
    assert ask(client, {"grant_type": grant, field: "wrong"}).body["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("form", "basic", "status", "error"),
    [
        (GRANT, None, 401, "invalid_client"),
        (GRANT, f"{SERVICE_PRINCIPAL_ID}:wrong", 401, "invalid_client"),
        (GRANT, "\u00e9", 401, "invalid_client"),
        ({**GRANT, "client_id": SERVICE_PRINCIPAL_ID}, None, 401, "invalid_client"),
        ({"grant_type": "password"}, None, 400, "unsupported_grant_type"),
        ({}, None, 400, "unsupported_grant_type"),
        ({f"f{n}": "x" for n in range(101)}, None, 400, "invalid_request"),
    ],
)
def test_other_credentials_get_none(
    client: StubClient, form: dict[str, str], basic: str | None, status: int, error: str
) -> None:
    reply = ask(client, form, basic)
    assert (reply.status, reply.body["error"]) == (status, error)


def test_other_client_with_the_right_secret_gets_none(client: StubClient) -> None:
    assert ask(client, GRANT, basic=f"someone:{own_token(client)}").status == 401


@pytest.mark.parametrize("credentials", ["!!", "\u00e9", "/w=="])
def test_basic_credentials_that_are_no_text_in_base64_get_none(client: StubClient, credentials: str) -> None:
    anonymous = StubClient(client.host, None)
    anonymous.authorization = {"Authorization": f"Basic {credentials}"}
    assert anonymous.raw("POST", TOKEN_PATH, urlencode(GRANT).encode()).status == 401


def test_issued_token_is_good_for_an_hour_and_for_its_workspace_only() -> None:
    now = 1000.0
    tokens = AccessTokens("own", lambda: now)
    issued = tokens.issue("me").encode()
    assert tokens.allows(b"Bearer " + issued)
    now += LIFETIME_SECONDS - 1
    assert tokens.accepts(issued)
    now += 1
    assert not tokens.accepts(issued)
    assert not AccessTokens("another", lambda: 1000.0).accepts(issued)


@pytest.mark.parametrize(
    "header", [b"", b"own", b"Basic own", b"Bearer ", b"Bearer .", b"Bearer a.b.c", b"Bearer own."]
)
def test_header_without_a_good_token_lets_nobody_through(header: bytes) -> None:
    assert not AccessTokens("own").allows(header)


def test_changed_token_is_refused() -> None:
    tokens = AccessTokens("own", lambda: 1000.0)
    head, claims, signature = tokens.issue("me").encode().split(b".")
    assert not tokens.accepts(b".".join((head, claims[:-1] + b"A", signature)))
    assert not tokens.accepts(b".".join((head, claims, signature[:-2])))
