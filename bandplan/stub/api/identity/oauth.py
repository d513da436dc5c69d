"""/oidc: OAuth for machines. Client credentials or an existing token are exchanged for an access token.

The client id is SERVICE_PRINCIPAL_ID, its secret the token of the state directory. Anyone with such a token is the
workspace's one user: there are no other rights.
"""

import base64
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bandplan.stub.api.answers import Answer
from bandplan.stub.api.identity.access_tokens import LIFETIME_SECONDS, AccessTokens
from bandplan.stub.api.routing import route

SERVICE_PRINCIPAL_ID = "00000000-0000-4000-8000-000000000003"

ISSUER_PATH = "/oidc"
METADATA_PATH = f"{ISSUER_PATH}/.well-known/oauth-authorization-server"
TOKEN_PATH = f"{ISSUER_PATH}/v1/token"

CLIENT_CREDENTIALS = "client_credentials"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"

MAX_FIELDS = 100
"""Arbitrary bound on the work of one request that needs no token."""

FIELD_OF_GRANT = {JWT_BEARER: "assertion", TOKEN_EXCHANGE: "subject_token"}
"""The form field that holds the token to exchange. The data plane of route-optimized endpoints needs its own token."""


def routes(host: str) -> list[Route]:
    metadata = Answer(
        {
            "issuer": host + ISSUER_PATH,
            "authorization_endpoint": f"{host}{ISSUER_PATH}/v1/authorize",
            "token_endpoint": host + TOKEN_PATH,
            "grant_types_supported": [CLIENT_CREDENTIALS, JWT_BEARER, TOKEN_EXCHANGE],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        }
    )
    return [route("GET", METADATA_PATH, metadata), route("POST", TOKEN_PATH, exchange)]


async def exchange(request: Request) -> Response:
    """Exchange credentials for an access token; errors have the form of OAuth, unlike the platform's other routes."""
    tokens: AccessTokens = request.app.state.access_tokens
    try:
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace"), max_num_fields=MAX_FIELDS))
    except ValueError:
        return _refused("invalid_request", "The form has too many fields")
    grant = form.get("grant_type", "")
    if grant == CLIENT_CREDENTIALS:
        client, secret = _credentials(request, form)
        if client != SERVICE_PRINCIPAL_ID or not tokens.is_own(secret.encode()):
            return _refused("invalid_client", "Client authentication failed")
    elif grant in FIELD_OF_GRANT:
        if not tokens.accepts(form.get(FIELD_OF_GRANT[grant], "").encode()):
            return _refused("invalid_grant", "The token to exchange is missing or wrong")
    else:
        return _refused("unsupported_grant_type", "The grant type is not supported")
    return Answer(
        {
            "access_token": tokens.issue(SERVICE_PRINCIPAL_ID),
            "token_type": "Bearer",
            "expires_in": LIFETIME_SECONDS,
            "scope": form.get("scope", "all-apis"),
        }
    )


def _credentials(request: Request, form: dict[str, str]) -> tuple[str, str]:
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return form.get("client_id", ""), form.get("client_secret", "")
    try:
        client, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except ValueError:  # not base64, or not text
        return "", ""
    return client, secret


def _refused(error: str, description: str) -> Answer:
    status = 401 if error == "invalid_client" else 400
    return Answer({"error": error, "error_description": description}, status)
