"""Every login through the SDK: what the token services are asked, and what the workspace is sent.

tests/contract/test_published_logins.py compares Pulumi's published plugin with it.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bandplan.serving.workspace.client import from_environment
from bandplan.serving.workspace.errors import NotConfigured, WorkspaceError
from tests.answering import answering
from tests.workspace.fake_clouds import HOSTS, MANAGED, SECRET, Clouds, google_key, logins, write_az
from tests.workspace.tls_proxy import playing

EXCHANGE = "exchange of {} for c"
GOOGLE_SCOPES = "https://www.googleapis.com/auth/cloud-platform https://www.googleapis.com/auth/compute"
ASKED = {
    "azure-client-secret": ["client_credentials all-apis"],
    "azure-devops-oidc": [
        "devops /devops/P/_apis/distributedtask/hubs/build/plans/PL/jobs/J/oidctoken?api-version=7.2-preview.1 by "
        "Bearer token-of-the-pipeline",
        EXCHANGE.format("id-of-devops"),
    ],
    "github-oidc": ["github for {url}/oidc/v1/token by Bearer token-of-the-job", EXCHANGE.format("id-of-github")],
    "env-oidc": [EXCHANGE.format("id-of-gitlab")],
    "google-credentials": [f"google for https://{HOSTS[1]}", f"google for {GOOGLE_SCOPES}"],
    "google-id": [
        "google /v1/projects/-/serviceAccounts/other@p.iam.gserviceaccount.com:generateIdToken by Bearer google-access"
    ],
    "oauth-m2m": ["client_credentials all-apis"],
    "databricks-cli": [],
    "azure-cli": [],
    "pat": [],
}
"""What each login asks the token services for, at least."""


@dataclass
class World:
    """The clouds, and a machine with an `az` that is logged in."""

    clouds: Clouds
    folder: Path
    tls: dict[str, str]
    key: str = field(repr=False)

    def environ(self, name: str) -> dict[str, str]:
        variables, _ = logins(self.clouds, self.key, self.folder)[name]
        # The SDK starts programs and reads some variables of CI systems from the process.
        os.environ.update({**self.tls, **variables, "PATH": f"{self.folder}:/usr/bin:/bin"})
        return {**self.tls, **variables, "DATABRICKS_CONFIG_FILE": "/nonexistent", "PATH": str(self.folder)}

    def expected(self, name: str) -> str:
        return logins(self.clouds, self.key, self.folder)[name][1]


@pytest.fixture(scope="module")
def key() -> str:
    return google_key()


@pytest.fixture
def world(tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    before = dict(os.environ)
    clouds = Clouds()
    write_az(tmp_path, tmp_path / "az.log")
    with answering(clouds.handler) as clouds.url, playing(clouds.handler, HOSTS, tmp_path) as tls:
        try:
            yield World(clouds, tmp_path, tls, key)
        finally:
            os.environ.clear()
            os.environ.update(before)


@pytest.mark.parametrize("name", ASKED)
def test_each_login_asks_for_its_token_and_signs_with_it(world: World, name: str) -> None:
    client = from_environment(world.environ(name))
    assert (client.ping(), client.auth_type()) == ("me", name)
    assert world.clouds.callers == [f"Bearer {world.expected(name)}"]
    for line in ASKED[name]:
        assert line.format(url=world.clouds.url) in world.clouds.asked


def test_az_is_asked_for_the_resource_of_workspaces_in_the_tenant_of_this_one(world: World) -> None:
    from_environment(world.environ("azure-cli")).ping()
    asked = (world.folder / "az.log").read_text().splitlines()
    # The application id of Azure Databricks, in every tenant (learn.microsoft.com, "Get Microsoft Entra ID tokens").
    resource = "--resource 2ff814a6-3304-4ab8-85cb-cd0e6f879c1d"
    assert f"account get-access-token {resource} --output json --tenant tenant-of-the-workspace" in asked


def test_managed_identity_signs_in_through_az_without_naming_a_tenant(world: World) -> None:
    """`az` refuses `--tenant` after `az login --identity`."""
    write_az(world.folder, world.folder / "az.log", MANAGED)
    client = from_environment(world.environ("azure-cli"))
    assert (client.ping(), client.auth_type()) == ("me", "azure-cli")
    asked = [line for line in (world.folder / "az.log").read_text().splitlines() if "get-access-token" in line]
    assert asked and not any("--tenant" in line for line in asked)
    with pytest.raises(NotConfigured, match="use azure-cli after `az login --identity`"):
        from_environment(world.environ("azure-cli") | {"DATABRICKS_AUTH_TYPE": "azure-msi"}).ping()


def test_login_in_a_browser_is_renewed_from_the_cache_of_the_sdk(world: World, tmp_path: Path) -> None:
    """No browser is opened while the refresh token of an earlier login is good."""
    from databricks.sdk.oauth import OidcEndpoints, Token, TokenCache

    host = world.clouds.url
    os.environ.update({"HOME": str(tmp_path), "BROWSER": "/nonexistent"})
    ended = Token("of-yesterday", "Bearer", "refresh-me", datetime(2020, 1, 1, tzinfo=UTC))
    endpoints = OidcEndpoints(host, f"{host}/oidc/v1/token")
    cache = TokenCache(
        host, endpoints, "databricks-cli", "http://localhost:8020", scopes=["all-apis", "offline_access"]
    )
    Path(cache.filename).parent.mkdir(parents=True)
    Path(cache.filename).write_text(json.dumps({"token": ended.as_dict()}))
    environ = {
        "DATABRICKS_HOST": host,
        "DATABRICKS_AUTH_TYPE": "external-browser",
        "DATABRICKS_CONFIG_FILE": "/nonexistent",
    }
    client = from_environment(environ)
    assert (client.ping(), client.auth_type()) == ("me", "external-browser")
    assert "refresh_token None" in world.clouds.asked
    assert world.clouds.callers == ["Bearer of-principal"]


def test_az_that_is_not_logged_in_says_so(world: World) -> None:
    environ = world.environ("azure-cli") | {"DATABRICKS_AUTH_TYPE": "azure-cli"}
    (world.folder / "az").write_text("#!/bin/sh\necho \"ERROR: Please run 'az login' to setup account.\" >&2\nexit 1\n")
    with pytest.raises(NotConfigured) as failed:
        from_environment(environ).ping()
    said = str(failed.value)
    reason = "cannot get access token: ERROR: Please run 'az login' to setup account."
    assert f"tried azure-cli, and nothing is set up for it ({reason}); found DATABRICKS_AUTH_TYPE=azure-cli" in said
    with pytest.raises(NotConfigured) as failed:
        from_environment({**environ, "DATABRICKS_AUTH_TYPE": ""}).ping()
    assert f"tried every login, and none is set up (azure-cli: {reason}); found " in str(failed.value)


def test_what_a_pipeline_lacks_is_named(world: World) -> None:
    environ = world.environ("azure-devops-oidc")
    del os.environ["SYSTEM_PLANID"]
    with pytest.raises(WorkspaceError) as failed:
        from_environment(environ).ping()
    said = str(failed.value)
    assert "SYSTEM_PLANID" in said and "azure-devops-oidc" in said and "token-of-the-pipeline" not in said, said


@pytest.mark.parametrize("text", ["{", "{}", "not json"])
def test_damaged_credentials_of_google_are_refused_without_them(world: World, text: str) -> None:
    environ = world.environ("google-credentials") | {"GOOGLE_CREDENTIALS": f"{text} {SECRET}"}
    with pytest.raises(WorkspaceError) as failed:
        from_environment(environ).ping()
    said = str(failed.value)
    assert "google-credentials" in said and SECRET not in said, said


def test_programs_on_path_are_named_as_what_was_found(world: World) -> None:
    environ = world.environ("azure-cli") | {"DATABRICKS_AUTH_TYPE": "oauth-m2m"}
    with pytest.raises(NotConfigured) as failed:
        from_environment(environ).ping()
    said = str(failed.value)
    assert "tried oauth-m2m, and nothing is set up for it; found DATABRICKS_AUTH_TYPE=oauth-m2m" in said
    assert "no `databricks` on PATH (databricks-cli); `az` on PATH (azure-cli)" in said
