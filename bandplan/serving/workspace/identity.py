"""Which authentication the environment requests, by the variables of the Databricks SDKs. Pure.

Names and order are those of "Databricks unified authentication" on docs.databricks.com (read 2026-11), which the
published provider follows. A DATABRICKS_AUTH_TYPE decides, whatever else is set, so that both sign in the same way.
"""

from collections.abc import Mapping
from typing import Final

from bandplan.serving.workspace.errors import NotConfigured

TOKEN: Final = "pat"
AUTH_TYPES: Final = (TOKEN, "github-oidc", "env-oidc")
"""Accepted values of DATABRICKS_AUTH_TYPE: a token, or federation of a CI job's own identity."""

_TAKEN: Final = (
    "bandplan takes a token (DATABRICKS_TOKEN), or the identity of a CI job (DATABRICKS_AUTH_TYPE=github-oidc or "
    "env-oidc; see `bandplan docs gitops`)"
)
_OF_A_PRINCIPAL: Final = "an access token of the service principal works as DATABRICKS_TOKEN until it expires"
_OF_ENTRA: Final = (
    "a token of Microsoft Entra ID works as DATABRICKS_TOKEN until it expires (`az account get-access-token --resource "
    "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d`)"
)

# (variables, all of which must be set; what they are; what works instead)
_OTHERS: Final[tuple[tuple[tuple[str, ...], str, str], ...]] = (
    (
        ("DATABRICKS_CLIENT_ID", "DATABRICKS_CLIENT_SECRET"),
        "OAuth of a service principal, oauth-m2m",
        _OF_A_PRINCIPAL,
    ),
    (("ARM_CLIENT_ID", "ARM_CLIENT_SECRET"), "a client secret of Azure, azure-client-secret", _OF_ENTRA),
    (("ARM_USE_MSI",), "a managed identity of Azure, azure-msi", _OF_ENTRA),
    (("SYSTEM_ACCESSTOKEN",), "the identity of an Azure DevOps pipeline, azure-devops-oidc", _OF_ENTRA),
    (("DATABRICKS_OIDC_TOKEN",), "an OpenID Connect token", "set DATABRICKS_AUTH_TYPE=env-oidc"),
    (
        ("ACTIONS_ID_TOKEN_REQUEST_URL", "DATABRICKS_CLIENT_ID"),
        "the identity of a GitHub job",
        "set DATABRICKS_AUTH_TYPE=github-oidc",
    ),
    (
        ("DATABRICKS_OIDC_TOKEN_FILEPATH",),
        "a token in a file, file-oidc",
        "set DATABRICKS_OIDC_TOKEN, for env-oidc",
    ),
    (("GOOGLE_CREDENTIALS",), "credentials of Google Cloud, google-credentials", _OF_A_PRINCIPAL),
    (("DATABRICKS_GOOGLE_SERVICE_ACCOUNT",), "a service account of Google Cloud, google-id", _OF_A_PRINCIPAL),
    (("DATABRICKS_USERNAME", "DATABRICKS_PASSWORD"), "a user name and a password, basic", "make a token of that user"),
    (("DATABRICKS_METADATA_SERVICE_URL",), "a metadata service, metadata-service", _OF_A_PRINCIPAL),
    (("DATABRICKS_CONFIG_PROFILE",), "a profile of ~/.databrickscfg", "`databricks auth token` prints a token for it"),
)

_WHAT_WORKS: Final = {
    "oauth-m2m": _OF_A_PRINCIPAL,
    "databricks-cli": "`databricks auth token` prints a token",
    **dict.fromkeys(
        ("azure-cli", "azure-client-secret", "azure-msi", "azure-devops-oidc", "github-oidc-azure"), _OF_ENTRA
    ),
}


def auth_type_of(environ: Mapping[str, str]) -> str:
    """Return one of AUTH_TYPES. Errors: NotConfigured that lists everything to set, and what was found instead."""
    wanted, found = _value(environ, "DATABRICKS_AUTH_TYPE"), _found(environ)
    host = [] if _value(environ, "DATABRICKS_HOST") else ["DATABRICKS_HOST"]
    missing = " and ".join(host)
    if wanted and wanted not in AUTH_TYPES:
        others = f"; found {'; '.join(f'{names} ({what})' for names, what, _ in found)}" if found else ""
        works = _WHAT_WORKS.get(wanted, "")
        raise NotConfigured(
            f"DATABRICKS_AUTH_TYPE={wanted} is not one of {', '.join(AUTH_TYPES)}{others}; {_TAKEN}"
            + (f"; {works}" if works else "")
            + (f"; set {missing} too" if missing else "")
        )
    has_token = bool(_value(environ, "DATABRICKS_TOKEN"))
    if (wanted and wanted != TOKEN) or has_token:
        if host:
            raise _nothing(host)
        return wanted or TOKEN
    if wanted:
        missing = " and ".join([*host, "DATABRICKS_TOKEN"])
        raise NotConfigured(f"DATABRICKS_AUTH_TYPE={wanted} is for a token: set {missing} in the environment")
    if not found:
        raise _nothing([*host, "DATABRICKS_TOKEN"])
    told = "; ".join(
        f"found {names} ({what}), which bandplan cannot use directly: {works}" for names, what, works in found
    )
    too = f"; set {missing} too" if host else ""
    raise NotConfigured(f"no way to sign in to the workspace: {told}; {_TAKEN}{too}")


def _nothing(missing: list[str]) -> NotConfigured:
    return NotConfigured(
        f"no workspace is configured: set {' and '.join(missing)} in the environment "
        "(profiles in ~/.databrickscfg are not read), or start the local one with `bandplan stub start`"
    )


def _found(environ: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """List the names, kind and remedy of every other authentication that is configured."""
    return [
        (" and ".join(names), what, works)
        for names, what, works in _OTHERS
        if all(_value(environ, name) for name in names)
    ]


def _value(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name, "").strip()
