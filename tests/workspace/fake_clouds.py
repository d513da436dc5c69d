"""A workspace together with the token services of the clouds and CI systems, all at one address of this machine.

Each login ends in a token of its own name, so that a test sees which login a request was signed with.
"""

import base64
import json
import stat
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.answering import JsonHandler

SECRET = "client-secret-of-the-principal"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"

AFTER_2099 = 4102444800
AZURE_USER: dict[str, object] = {"upn": "me@example.com", "exp": AFTER_2099}
GOOGLE_ACCOUNT: dict[str, object] = {"sub": "of-google", "exp": AFTER_2099}
IMPERSONATED: dict[str, object] = {"sub": "of-impersonated", "exp": AFTER_2099}


class Clouds:
    """Who was asked what is in `asked`, the `Authorization` of every call of the workspace's API in `callers`."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[str] = []
        self.callers: list[str] = []
        clouds = self

        class Handler(JsonHandler):
            def do_GET(self) -> None:
                path = urlsplit(self.path).path
                if path.startswith("/oidc/.well-known/") or path.endswith("/openid-configuration"):
                    urls = {"authorization_endpoint": clouds.url, "token_endpoint": f"{clouds.url}/oidc/v1/token"}
                    return self.reply(200, {**urls, "issuer": clouds.url})
                if path == "/aad/auth":
                    self.send_response(302)
                    self.send_header("Location", f"https://{HOSTS[2]}/tenant-of-the-workspace/oauth2/authorize")
                    self.send_header("Content-Length", "0")
                    return self.end_headers()
                if path == "/github/token":
                    query = parse_qs(urlsplit(self.path).query)
                    clouds.asked.append(f"github for {query['audience'][0]} by {self.headers['Authorization']}")
                    return self.reply(200, {"value": "id-of-github"})
                if path.startswith("/api/"):
                    clouds.callers.append(self.headers["Authorization"])
                    return self.reply(200, {"userName": "me", "id": "1", "active": True})
                return self.reply(404, {})

            def do_POST(self) -> None:
                body = self.received_in_chunks() if "Content-Length" not in self.headers else self.received().decode()
                if self.path.startswith("/devops/"):
                    clouds.asked.append(f"devops {self.path} by {self.headers['Authorization']}")
                    return self.reply(200, {"oidcToken": "id-of-devops"})
                if self.path.endswith((":generateIdToken", ":generateAccessToken")):
                    clouds.asked.append(f"google {self.path} by {self.headers['Authorization']}")
                    token = unsigned(IMPERSONATED)
                    return self.reply(
                        200, {"token": token, "accessToken": "google-access", "expireTime": "2099-01-01T00:00:00Z"}
                    )
                form = {name: values[0] for name, values in parse_qs(body).items()}
                if self.path == "/google/token":
                    claims = json.loads(_decoded(form["assertion"].split(".")[1]))
                    clouds.asked.append(f"google for {claims.get('target_audience') or claims.get('scope')}")
                    if "target_audience" in claims:
                        return self.reply(200, {"id_token": unsigned(GOOGLE_ACCOUNT)})
                    return self.reply(200, {"access_token": "google-access", "expires_in": 3600})
                if form.get("grant_type") == EXCHANGE:
                    clouds.asked.append(f"exchange of {form['subject_token']} for {form.get('client_id')}")
                    return self.reply(200, clouds.token(f"exchanged-{form['subject_token']}"))
                clouds.asked.append(f"{form.get('grant_type')} {form.get('scope')}")
                return self.reply(200, clouds.token("of-principal"))

            def received_in_chunks(self) -> str:
                """The body as SDKs for Go send it."""
                found = b""
                while size := int(self.rfile.readline(), 16):
                    found += self.rfile.read(size)
                    self.rfile.readline()
                return found.decode()

        self.handler = Handler

    def token(self, name: str) -> dict[str, object]:
        return {"access_token": name, "token_type": "Bearer", "expires_in": 3600}


HOSTS = [
    "adb-1.2.azuredatabricks.net",
    "1.2.gcp.databricks.com",
    "login.microsoftonline.com",
    "iamcredentials.googleapis.com",
]
"""Hosts that clients choose themselves; `tls_proxy.playing` brings them here."""


def logins(clouds: Clouds, key: str, folder: Path) -> dict[str, tuple[dict[str, str], str]]:
    """Each login by its `auth_type`: the variables that set it up, and the token that a request must be signed with.

    `key` is the private key of a service account of Google.
    """
    azure, google = {"DATABRICKS_HOST": f"https://{HOSTS[0]}"}, {"DATABRICKS_HOST": f"https://{HOSTS[1]}"}
    principal = {"DATABRICKS_HOST": clouds.url, "DATABRICKS_CLIENT_ID": "c"}
    account = {
        "type": "service_account",
        "client_email": "sa@p.iam.gserviceaccount.com",
        "client_id": "1",
        "private_key_id": "k",
        "private_key": key,
        "token_uri": f"{clouds.url}/google/token",
        "project_id": "p",
    }
    (folder / "account.json").write_text(json.dumps(account))
    devops = {
        "SYSTEM_ACCESSTOKEN": "token-of-the-pipeline",
        "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI": f"{clouds.url}/devops/",
        "SYSTEM_TEAMPROJECTID": "P",
        "SYSTEM_PLANID": "PL",
        "SYSTEM_JOBID": "J",
        "SYSTEM_HOSTTYPE": "build",
    }
    github = {
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{clouds.url}/github/token?api-version=2.0",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "token-of-the-job",
    }
    arm = {"ARM_CLIENT_ID": "a", "ARM_CLIENT_SECRET": SECRET, "ARM_TENANT_ID": "tenant-of-the-workspace"}
    return {
        "pat": ({"DATABRICKS_HOST": clouds.url, "DATABRICKS_TOKEN": "dapi-1"}, "dapi-1"),
        "oauth-m2m": ({**principal, "DATABRICKS_CLIENT_SECRET": SECRET}, "of-principal"),
        "databricks-cli": (
            {
                "DATABRICKS_HOST": clouds.url,
                "DATABRICKS_AUTH_TYPE": "databricks-cli",
                "DATABRICKS_CLI_PATH": str(write_databricks(folder)),
            },
            "of-a-user",
        ),
        "azure-cli": (azure, unsigned(AZURE_USER)),
        "azure-client-secret": ({**azure, **arm}, "of-principal"),
        "google-credentials": ({**google, "GOOGLE_CREDENTIALS": json.dumps(account)}, unsigned(GOOGLE_ACCOUNT)),
        "google-id": (
            {
                **google,
                "DATABRICKS_GOOGLE_SERVICE_ACCOUNT": "other@p.iam.gserviceaccount.com",
                "GOOGLE_APPLICATION_CREDENTIALS": str(folder / "account.json"),
            },
            unsigned(IMPERSONATED),
        ),
        "azure-devops-oidc": (
            {**principal, **devops, "DATABRICKS_AUTH_TYPE": "azure-devops-oidc"},
            "exchanged-id-of-devops",
        ),
        "github-oidc": ({**principal, **github, "DATABRICKS_AUTH_TYPE": "github-oidc"}, "exchanged-id-of-github"),
        "env-oidc": (
            {**principal, "DATABRICKS_OIDC_TOKEN": "id-of-gitlab", "DATABRICKS_AUTH_TYPE": "env-oidc"},
            "exchanged-id-of-gitlab",
        ),
    }


def google_key() -> str:
    """Make a private key as Google gives it out."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return rsa.generate_private_key(65537, 2048).private_bytes(*form).decode()


def unsigned(claims: dict[str, object]) -> str:
    """A JSON Web Token without a signature."""
    parts = [json.dumps(part).encode() for part in ({"alg": "none"}, claims)]
    return ".".join([*(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts), "eA"])


A_USER = {"type": "user", "name": "me"}
MANAGED = {"type": "servicePrincipal", "name": "systemAssignedIdentity"}
"""Who `az` is logged in as: after `az login`, and after `az login --identity`."""


def write_az(folder: Path, asked: Path, user: dict[str, str] = A_USER) -> Path:
    """Write an `az` that is logged in; it appends its arguments to `asked`."""
    token = unsigned(AZURE_USER)
    answer = {"accessToken": token, "tokenType": "Bearer", "expiresOn": "2099-01-01 00:00:00.000000"}
    account = {"user": user}
    program = folder / "az"
    program.write_text(
        f'#!/bin/sh\necho "$@" >> {asked}\ncase "$2" in\n'
        f"  show) echo '{json.dumps(account)}' ;;\n  *) echo '{json.dumps(answer)}' ;;\nesac\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def write_databricks(folder: Path) -> Path:
    """Write a `databricks` that has a user's token. The SDKs take a program of less than 1 MB for the CLI of the past."""
    answer = {"access_token": "of-a-user", "token_type": "Bearer", "expiry": "2099-01-01T00:00:00Z"}
    program = folder / "cli" / "databricks"  # not on PATH, where every other login would find it
    program.parent.mkdir(exist_ok=True)
    program.write_text(
        f"#!/bin/sh\ncase $1 in version) exit 1;; esac\necho '{json.dumps(answer)}'\nexit 0\n" + "#" * 2**20
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
