"""Every login in Pulumi's published plugin: it signs requests with the token that bandplan signs its own with.

tests/workspace/test_cloud_logins.py has bandplan's half, with the same clouds and the same expected tokens.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.answering import answering
from tests.contract.commands import found, needs
from tests.contract.test_published_plugin import OFFLINE, PLUGIN_FOLDER
from tests.workspace.fake_clouds import HOSTS, Clouds, google_key, logins, write_az
from tests.workspace.test_cloud_logins import ASKED
from tests.workspace.tls_proxy import playing

pytestmark = [
    *needs("pulumi"),
    pytest.mark.skipif(PLUGIN_FOLDER is None, reason="no published databricks plugin, neither on PATH nor installed"),
]

PROGRAM = """
import pulumi
pulumi.runtime.invoke("databricks:index/getCurrentUser:getCurrentUser", {})
"""


@pytest.fixture(scope="module")
def key() -> str:
    return google_key()


@pytest.mark.parametrize("name", ASKED)
def test_plugin_signs_with_the_same_token(name: str, tmp_path: Path, key: str) -> None:
    runtime = {"name": "python", "options": {"toolchain": "pip", "virtualenv": sys.prefix}}
    (tmp_path / "Pulumi.yaml").write_text(json.dumps({"name": "who", "runtime": runtime}))
    (tmp_path / "__main__.py").write_text(PROGRAM)
    (tmp_path / "state").mkdir()
    write_az(tmp_path, tmp_path / "az.log")
    clouds = Clouds()
    with answering(clouds.handler) as clouds.url, playing(clouds.handler, HOSTS, tmp_path) as tls:
        variables, token = logins(clouds, key, tmp_path)[name]
        environ = {
            **OFFLINE,
            **tls,
            **variables,
            # bandplan writes down the login that worked.
            "DATABRICKS_AUTH_TYPE": name,
            "DATABRICKS_CONFIG_FILE": "/nonexistent",
            "HOME": str(tmp_path),
            "PATH": os.pathsep.join([str(tmp_path), str(PLUGIN_FOLDER), os.environ["PATH"]]),
            "PULUMI_BACKEND_URL": (tmp_path / "state").as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "",
        }
        for arguments in (["stack", "init", "try"], ["preview", "--stack", "try"]):
            command = [found("pulumi") or "", *arguments, "--non-interactive"]
            done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=90)
    # The program ends with an error, as this workspace answers nothing but who is logged in.
    assert set(clouds.callers) == {f"Bearer {token}"}, done.stdout + done.stderr
    assert token not in done.stdout + done.stderr
