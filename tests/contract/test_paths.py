"""Paths and headers as clients send them, in plain HTTP: discovery, identity, tokens, odd spellings."""

import pytest

from tests.contract.target import ENDPOINTS, Target, refused


def test_discovery_needs_no_token_and_gives_the_id_as_a_string_of_digits(target: Target) -> None:
    found = target.send("GET", "/.well-known/databricks-config", headers={"Authorization": ""}).body
    assert found["workspace_id"].isdigit()
    assert found["oidc_endpoint"].startswith(target.host)


def test_me_answers_with_the_id_of_the_workspace_in_a_header(target: Target) -> None:
    answer = target.send("GET", "/api/2.0/preview/scim/v2/Me?excludedAttributes=entitlements")
    assert answer.headers["x-databricks-org-id"].isdigit()
    assert {"id", "userName", "active", "emails", "groups"} <= answer.body.keys()


def test_bare_question_mark_and_trailing_slash_change_nothing(target: Target, name: str) -> None:
    target.ok("POST", f"{ENDPOINTS}/", {"name": name})
    for path in (f"{ENDPOINTS}/{name}", f"{ENDPOINTS}/{name}?"):
        assert target.ok("GET", path)["name"] == name
    assert name in [listed["name"] for listed in target.ok("GET", f"{ENDPOINTS}/")["endpoints"]]
    assert target.ok("DELETE", f"{ENDPOINTS}/{name}?") == {}


def test_missing_token_is_401_and_workspace_header_is_not_needed(target: Target) -> None:
    answer = target.send("GET", ENDPOINTS, headers={"Authorization": "Bearer wrong"})
    assert answer.status in (401, 403)
    assert answer.error_code
    for header in ("X-Databricks-Workspace-Id", "X-Databricks-Org-Id"):
        assert target.send("GET", ENDPOINTS, headers={header: "1"}).status == 200
    assert target.send("GET", ENDPOINTS).status == 200


@pytest.mark.stub_only
def test_unknown_route_is_404_with_a_code(target: Target) -> None:
    # The one route that the suite expects to be unknown, asked with another method.
    assert refused(target.send("GET", "/serving-endpoints/models")) == (404, "ENDPOINT_NOT_FOUND")
