"""Which way of signing in the environment asks for, and what is said of those that bandplan does not take."""

import pytest

from bandplan.serving.workspace.client import from_environment
from bandplan.serving.workspace.errors import NotConfigured
from bandplan.serving.workspace.identity import AUTH_TYPES, auth_type_of

HOST = {"DATABRICKS_HOST": "https://x.example"}
SECRET = "a-secret-of-some-length"


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({"DATABRICKS_TOKEN": "t"}, "pat"),
        ({"DATABRICKS_TOKEN": "t", "DATABRICKS_AUTH_TYPE": "pat"}, "pat"),
        ({"DATABRICKS_TOKEN": "t", "DATABRICKS_AUTH_TYPE": " "}, "pat"),
        ({"DATABRICKS_AUTH_TYPE": "github-oidc"}, "github-oidc"),
        ({"DATABRICKS_TOKEN": "t", "DATABRICKS_AUTH_TYPE": "github-oidc"}, "github-oidc"),
        ({"DATABRICKS_TOKEN": "t", "DATABRICKS_AUTH_TYPE": " env-oidc "}, "env-oidc"),
    ],
)
def test_the_type_decides_and_a_token_where_there_is_none(environ: dict[str, str], wanted: str) -> None:
    assert auth_type_of(HOST | environ) == wanted


@pytest.mark.parametrize(
    "environ",
    [
        {"DATABRICKS_CLIENT_ID": "a", "DATABRICKS_CLIENT_SECRET": SECRET},
        {"ARM_CLIENT_ID": "a", "ARM_CLIENT_SECRET": SECRET, "ARM_TENANT_ID": "c"},
        {"ARM_USE_MSI": "true"},
        {"SYSTEM_ACCESSTOKEN": SECRET},
        {"DATABRICKS_USERNAME": "me", "DATABRICKS_PASSWORD": SECRET},
        {"GOOGLE_CREDENTIALS": SECRET},
        {"DATABRICKS_CONFIG_PROFILE": SECRET},
        {"DATABRICKS_METADATA_SERVICE_URL": SECRET},
        {"DATABRICKS_OIDC_TOKEN": SECRET},
        {"ACTIONS_ID_TOKEN_REQUEST_URL": SECRET, "DATABRICKS_CLIENT_ID": "a"},
    ],
    ids=lambda environ: "+".join(environ),
)
def test_what_is_there_is_named_with_what_works(environ: dict[str, str]) -> None:
    with pytest.raises(NotConfigured) as caught:
        from_environment(HOST | environ)
    said = str(caught.value)
    names = [name for name in environ if name != "ARM_TENANT_ID"]
    assert f"found {' and '.join(names)} (" in said
    assert "DATABRICKS_TOKEN" in said and "github-oidc" in said and "env-oidc" in said
    assert SECRET not in said


@pytest.mark.parametrize("token", ["", "t"], ids=["no token", "a token"])
@pytest.mark.parametrize("auth_type", ["azure-devops-oidc", "azure-cli", "oauth-m2m", "github-oidc-azure", "PAT", "x"])
def test_a_type_that_is_not_taken_is_refused_with_those_that_are(auth_type: str, token: str) -> None:
    with pytest.raises(NotConfigured) as caught:
        from_environment(HOST | {"DATABRICKS_AUTH_TYPE": auth_type, "DATABRICKS_TOKEN": token})
    assert str(caught.value).startswith(f"DATABRICKS_AUTH_TYPE={auth_type} is not one of {', '.join(AUTH_TYPES)}")
    assert ("Entra" in str(caught.value)) == ("azure" in auth_type)


def test_everything_that_is_missing_is_said_at_once() -> None:
    for environ, parts in (
        ({}, ["set DATABRICKS_HOST and DATABRICKS_TOKEN", "bandplan stub start"]),
        (HOST, ["set DATABRICKS_TOKEN in"]),
        ({"DATABRICKS_TOKEN": "t"}, ["set DATABRICKS_HOST in"]),
        ({"DATABRICKS_AUTH_TYPE": "pat"}, ["set DATABRICKS_HOST and DATABRICKS_TOKEN"]),
        ({"DATABRICKS_AUTH_TYPE": "azure-cli"}, ["is not one of", "set DATABRICKS_HOST too"]),
        ({"ARM_USE_MSI": "1"}, ["found ARM_USE_MSI", "set DATABRICKS_HOST too"]),
        (
            {"DATABRICKS_AUTH_TYPE": "azure-devops-oidc", "DATABRICKS_CLIENT_ID": "x", "SYSTEM_ACCESSTOKEN": "y"}
            | HOST,
            ["is not one of", "found SYSTEM_ACCESSTOKEN (the identity of an Azure DevOps pipeline"],
        ),
    ):
        with pytest.raises(NotConfigured) as caught:
            from_environment(environ)
        assert [part for part in parts if part not in str(caught.value)] == []
