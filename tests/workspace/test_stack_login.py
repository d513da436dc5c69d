"""The workspace and the profile that a stack's file names, and their use where `pulumi` was started by hand."""

from pathlib import Path

import pytest

from bandplan.serving.workspace.errors import NotConfigured
from bandplan.serving.workspace.login_choice import StackLogin, login_environment
from bandplan.serving.workspace.stack_login import environment_of_stack, stack_login

PLACE = "stacks/Pulumi.prod.yaml"
HOST = "https://prod.example"


def write(root: Path, text: str) -> None:
    (root / "stacks").mkdir(exist_ok=True)
    (root / PLACE).write_text(text)


@pytest.mark.parametrize(
    ("text", "host", "profile"),
    [
        (f"config:\n  databricks:host: {HOST}/\n  databricks:profile: prod\n", HOST, "prod"),
        ("encryptionsalt: v1:x\nconfig: {bandplan:models: m.yaml}\n", None, None),
        ("config: {databricks:host: {secure: v1:x}, databricks:profile: ''}\n", None, None),
        ("# nothing yet\n", None, None),
        ("[]\n", None, None),
    ],
)
def test_host_and_profile_are_plain_texts_of_the_file(
    tmp_path: Path, text: str, host: str | None, profile: str | None
) -> None:
    write(tmp_path, text)
    assert stack_login(tmp_path, "prod") == StackLogin(PLACE, host, profile)


def test_a_stack_without_a_file_names_nothing_and_a_broken_file_is_an_error(tmp_path: Path) -> None:
    assert stack_login(tmp_path, "prod") == StackLogin(PLACE)
    write(tmp_path, "config: [\n")
    with pytest.raises(NotConfigured, match=f"{PLACE}:2:1: error"):
        stack_login(tmp_path, "prod")


def test_a_provider_reads_the_file_only_without_a_login_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, f"config: {{databricks:host: '{HOST}'}}\n")
    alone = environment_of_stack({"DATABRICKS_TOKEN": "t"}, lambda: tmp_path, "prod")
    assert alone == {"DATABRICKS_HOST": HOST, "DATABRICKS_TOKEN": "t", "DATABRICKS_AUTH_TYPE": "pat"}

    def unread() -> Path:
        raise AssertionError

    assert environment_of_stack(alone, unread, "prod") is alone


def test_a_profile_beside_another_login_is_refused_where_pulumi_s_provider_would_mix_them(tmp_path: Path) -> None:
    file = tmp_path / "cfg"
    file.write_text(f"[prod]\nhost = {HOST}\nclient_id = c\n")
    environ = {"DATABRICKS_CONFIG_FILE": str(file), "DATABRICKS_TOKEN": "of-another-workspace"}
    stack = StackLogin(PLACE, HOST, "prod")
    with pytest.raises(NotConfigured) as refused:
        login_environment(environ, stack, is_shared=True)
    assert str(refused.value).startswith(f"DATABRICKS_TOKEN: {PLACE} names the profile prod (databricks:profile)")
    assert "of-another-workspace" not in str(refused.value)

    file.write_text(f"[prod]\nhost = {HOST}\ntoken = of-the-profile\n")
    same = {**environ, "DATABRICKS_TOKEN": "of-the-profile", "DATABRICKS_AUTH_TYPE": "pat"}
    assert login_environment(same, stack, is_shared=True)["DATABRICKS_TOKEN"] == "of-the-profile"
    of_bandplan = {**login_environment(environ, stack), "DATABRICKS_AUTH_TYPE": "oauth-m2m"}
    assert login_environment(of_bandplan, stack, is_shared=True) == of_bandplan
