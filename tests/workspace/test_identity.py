"""Which way of signing in the environment asks for, and what is said of those that nobody takes."""

import pytest

from bandplan.serving.workspace.errors import NotConfigured
from bandplan.serving.workspace.identity import AUTH_TYPES, Way, found_in, way_of

HOST = {"DATABRICKS_HOST": "https://x.example"}
SECRET = "a-secret-of-some-length"


@pytest.mark.parametrize(
    ("environ", "way"),
    [
        ({"DATABRICKS_TOKEN": "t"}, Way.TOKEN),
        ({"DATABRICKS_TOKEN": "t", "DATABRICKS_AUTH_TYPE": "pat"}, Way.TOKEN),
        ({"DATABRICKS_TOKEN": "t", "DATABRICKS_AUTH_TYPE": " "}, Way.TOKEN),
        ({"DATABRICKS_TOKEN": "t", "ARM_CLIENT_ID": "a", "ARM_CLIENT_SECRET": "b"}, Way.TOKEN),
        ({"DATABRICKS_AUTH_TYPE": "github-oidc"}, Way.FEDERATED),
        ({"DATABRICKS_TOKEN": "t", "DATABRICKS_AUTH_TYPE": "github-oidc"}, Way.FEDERATED),
        ({"DATABRICKS_TOKEN": "t", "DATABRICKS_AUTH_TYPE": " env-oidc "}, Way.FEDERATED),
        ({"DATABRICKS_TOKEN": "t", "DATABRICKS_AUTH_TYPE": "azure-cli"}, Way.SDK),
        ({"DATABRICKS_AUTH_TYPE": "oauth-m2m"}, Way.SDK),
        ({"DATABRICKS_CONFIG_PROFILE": "dev"}, Way.SDK),
        ({}, Way.SDK),
    ],
)
def test_the_type_decides_then_a_token_and_the_sdk_is_for_the_rest(environ: dict[str, str], way: Way) -> None:
    assert way_of(HOST | environ) is way


@pytest.mark.parametrize("environ", [{"DATABRICKS_CONFIG_PROFILE": "dev"}, {"DATABRICKS_AZURE_RESOURCE_ID": "/s/x"}])
def test_a_workspace_is_known_without_its_host(environ: dict[str, str]) -> None:
    assert way_of(environ) is Way.SDK


@pytest.mark.parametrize(
    "environ",
    [
        {"DATABRICKS_CLIENT_ID": "a", "DATABRICKS_CLIENT_SECRET": SECRET},
        {"ARM_CLIENT_ID": "a", "ARM_CLIENT_SECRET": SECRET},
        {"ARM_USE_MSI": "true"},
        {"DATABRICKS_CLIENT_ID": "a", "SYSTEM_ACCESSTOKEN": SECRET},
        {"DATABRICKS_USERNAME": "me", "DATABRICKS_PASSWORD": SECRET},
        {"GOOGLE_CREDENTIALS": SECRET},
        {"DATABRICKS_METADATA_SERVICE_URL": SECRET},
        {"DATABRICKS_OIDC_TOKEN": SECRET},
        {"DATABRICKS_CLIENT_ID": "a", "ACTIONS_ID_TOKEN_REQUEST_URL": SECRET},
    ],
    ids=lambda environ: "+".join(environ),
)
def test_what_is_there_is_named_and_never_its_value(environ: dict[str, str]) -> None:
    (found,) = found_in(environ)
    assert found.startswith(" and ".join(environ) + " (")
    assert SECRET not in found


@pytest.mark.parametrize("token", ["", "t"], ids=["no token", "a token"])
@pytest.mark.parametrize(
    ("auth_type", "step"),
    [("PAT", "choose one of them"), ("x", "choose one of them"), ("basic", "auth login"), ("azure-msi", "--identity")],
)
def test_a_type_that_nobody_takes_is_refused_with_those_that_are_and_what_was_found(
    auth_type: str, step: str, token: str
) -> None:
    environ = HOST | {"DATABRICKS_AUTH_TYPE": auth_type, "DATABRICKS_TOKEN": token, "ARM_USE_MSI": "1"}
    with pytest.raises(NotConfigured) as caught:
        way_of(environ)
    said = str(caught.value)
    assert said.startswith(f"DATABRICKS_AUTH_TYPE={auth_type} is not one of {', '.join(AUTH_TYPES)}")
    assert "ARM_USE_MSI (a managed identity of Azure, azure-msi)" in said and step in said


@pytest.mark.parametrize(
    ("environ", "missing"),
    [
        ({}, "set DATABRICKS_HOST and DATABRICKS_TOKEN in"),
        ({"DATABRICKS_TOKEN": "t"}, "set DATABRICKS_HOST in"),
        ({"DATABRICKS_AUTH_TYPE": "pat"}, "set DATABRICKS_HOST and DATABRICKS_TOKEN in"),
        ({"DATABRICKS_AUTH_TYPE": "azure-cli"}, "set DATABRICKS_HOST in"),
        ({"ARM_USE_MSI": "1"}, "set DATABRICKS_HOST in"),
    ],
)
def test_everything_that_is_missing_is_said_at_once(environ: dict[str, str], missing: str) -> None:
    with pytest.raises(NotConfigured) as caught:
        way_of(environ)
    assert missing in str(caught.value)
    assert "--profile" in str(caught.value) and "stub start" not in str(caught.value), "it helps no stack but local"
