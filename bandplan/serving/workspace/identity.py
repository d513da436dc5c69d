"""Which authentication the environment requests, by the variables of the Databricks SDKs. Pure.

Names and order are those of "Databricks unified authentication" on docs.databricks.com (read 2026-11), which the
published provider follows. A DATABRICKS_AUTH_TYPE decides, whatever else is set, so that both sign in the same way.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final

from bandplan.serving.workspace.errors import NotConfigured

HOST: Final = "DATABRICKS_HOST"
TOKEN: Final = "DATABRICKS_TOKEN"
AUTH_TYPE: Final = "DATABRICKS_AUTH_TYPE"
PROFILE: Final = "DATABRICKS_CONFIG_PROFILE"

TOKEN_TYPE: Final = "pat"
FEDERATED_TYPES: Final = ("github-oidc", "env-oidc")
"""The identity of a CI job, which bandplan exchanges itself (`federation`)."""

AUTH_TYPES: Final = (
    TOKEN_TYPE,
    *FEDERATED_TYPES,
    "oauth-m2m",
    "databricks-cli",
    "external-browser",
    "azure-cli",
    "azure-client-secret",
    "azure-devops-oidc",
    "github-oidc-azure",
    "google-credentials",
    "google-id",
    "file-oidc",
    "metadata-service",
    "runtime",
    "runtime-oauth",
)
"""Accepted values of DATABRICKS_AUTH_TYPE: those of the SDK for Python, except `basic`, which workspaces have ended."""

# (variables, all of which must be set; what they are)
_FOUND: Final[tuple[tuple[tuple[str, ...], str], ...]] = (
    ((TOKEN,), "a token, pat"),
    (("DATABRICKS_CLIENT_ID", "DATABRICKS_CLIENT_SECRET"), "OAuth of a service principal, oauth-m2m"),
    (("ARM_CLIENT_ID", "ARM_CLIENT_SECRET"), "a client secret of Azure, azure-client-secret"),
    (("ARM_USE_MSI",), "a managed identity of Azure, azure-msi"),
    (("DATABRICKS_CLIENT_ID", "SYSTEM_ACCESSTOKEN"), "the identity of an Azure DevOps pipeline, azure-devops-oidc"),
    (("DATABRICKS_OIDC_TOKEN",), "an OpenID Connect token, env-oidc"),
    (("DATABRICKS_CLIENT_ID", "ACTIONS_ID_TOKEN_REQUEST_URL"), "the identity of a GitHub job, github-oidc"),
    (("DATABRICKS_OIDC_TOKEN_FILEPATH",), "an OpenID Connect token in a file, file-oidc"),
    (("GOOGLE_CREDENTIALS",), "credentials of Google Cloud, google-credentials"),
    (("DATABRICKS_GOOGLE_SERVICE_ACCOUNT",), "a service account of Google Cloud, google-id"),
    (("DATABRICKS_METADATA_SERVICE_URL",), "a metadata service, metadata-service"),
    (("DATABRICKS_USERNAME", "DATABRICKS_PASSWORD"), "a user name and a password, basic"),
)


class Way(Enum):
    """Who signs in: bandplan itself with a token or a CI job's identity, or the Databricks SDK."""

    TOKEN = "token"
    FEDERATED = "federated"
    SDK = "sdk"


def way_of(environ: Mapping[str, str]) -> Way:
    """Return who signs in. Errors: NotConfigured for a type that nobody takes, or if there is no sign of a workspace.

    The SDK is for what needs it: importing it costs more than a whole preview with a token.
    """
    wanted, host = value(environ, AUTH_TYPE), value(environ, HOST)
    if wanted and wanted not in AUTH_TYPES:
        found = found_in(environ)
        told = f"; found {'; '.join(found)}" if found else ""
        raise NotConfigured(f"{AUTH_TYPE}={wanted} is not one of {', '.join(AUTH_TYPES)}{told}; {_step(wanted)}")
    if host and value(environ, TOKEN) and wanted in ("", TOKEN_TYPE):
        return Way.TOKEN
    if host and wanted in FEDERATED_TYPES and not value(environ, PROFILE):
        return Way.FEDERATED
    if not host and not value(environ, PROFILE) and not value(environ, "DATABRICKS_AZURE_RESOURCE_ID"):
        missing = f"{HOST} and {TOKEN}" if not has_login(environ) or wanted == TOKEN_TYPE else HOST
        raise NotConfigured(
            f"no workspace is configured: set {HOST if value(environ, TOKEN) else missing} in the environment, or "
            "name a profile of ~/.databrickscfg (`--profile`, or databricks:profile in the stack's file)"
        )
    return Way.SDK


def has_login(environ: Mapping[str, str]) -> bool:
    """Whether the environment itself says how to sign in, so that no profile is looked for."""
    return bool(value(environ, AUTH_TYPE) or found_in(environ))


def found_in(environ: Mapping[str, str]) -> list[str]:
    """List the logins that the environment has variables for: their names and kind, never a value."""
    return [f"{' and '.join(names)} ({what})" for names, what in _FOUND if all(value(environ, name) for name in names)]


def value(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name, "").strip()


def _step(wanted: str) -> str:
    if wanted == "azure-msi":
        return (
            "the SDK for Python has no azure-msi: use azure-cli after `az login --identity`, which signs in as the "
            "same managed identity"
        )
    if wanted == "basic":
        return "workspaces no longer accept passwords: use databricks-cli after `databricks auth login`"
    return "choose one of them, or unset the variable to try what is configured"
