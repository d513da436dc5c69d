"""Which login a run gets from `--profile`, the stack's file, the environment and the file of profiles."""

from pathlib import Path

import pytest

from bandplan.serving.workspace.errors import NotConfigured
from bandplan.serving.workspace.login_choice import StackLogin, login_environment

DEV, PROD = "https://dev.example", "https://prod.example"
PLACE = "stacks/Pulumi.prod.yaml"
PROFILES = f"[DEFAULT]\nhost = {DEV}\n[dev]\nhost = {DEV}/\ntoken = d\n[prod]\nhost = {PROD}\nclient_id = c\n"


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "cfg").write_text(PROFILES)
    return str(tmp_path / "cfg")


def chosen(file: str, environ: dict[str, str], host: str | None = None, profile: str | None = None) -> dict[str, str]:
    found = login_environment(
        {"DATABRICKS_CONFIG_FILE": file, "PATH": "/bin", **environ}, StackLogin(PLACE, host, profile)
    )
    assert found.pop("DATABRICKS_CONFIG_FILE") == file and found.pop("PATH") == "/bin"
    return found


def test_a_token_and_its_host_stay_and_are_named_as_the_login_for_the_plugin_too(file: str) -> None:
    environ = {"DATABRICKS_HOST": DEV, "DATABRICKS_TOKEN": "t"}
    assert chosen(file, environ) == {**environ, "DATABRICKS_AUTH_TYPE": "pat"}
    # No file of profiles is opened for it, so that a damaged one is not in the way.
    assert login_environment({**environ, "DATABRICKS_CONFIG_FILE": "/"}, StackLogin(PLACE))["DATABRICKS_TOKEN"] == "t"


@pytest.mark.parametrize("stack", [{"profile": "prod"}, {"profile": "prod", "host": PROD}, {"host": PROD}])
def test_the_stack_names_its_workspace_and_the_login_for_it(file: str, stack: dict[str, str]) -> None:
    assert chosen(file, {}, **stack) == {"DATABRICKS_HOST": PROD, "DATABRICKS_CONFIG_PROFILE": "prod"}


def test_a_named_profile_replaces_every_login_of_the_environment(file: str) -> None:
    other = {"DATABRICKS_HOST": DEV, "DATABRICKS_TOKEN": "t", "DATABRICKS_CLIENT_ID": "x", "ARM_CLIENT_ID": "a"}
    expected = {"ARM_CLIENT_ID": "a", "DATABRICKS_HOST": PROD, "DATABRICKS_CONFIG_PROFILE": "prod"}
    assert chosen(file, other, profile="prod") == expected
    assert chosen(file, {**other, "BANDPLAN_PROFILE": "prod"}) == expected


def test_without_a_file_as_in_ci_the_environment_counts_instead_of_the_stack_s_profile(tmp_path: Path) -> None:
    environ = {"DATABRICKS_HOST": PROD, "DATABRICKS_AUTH_TYPE": "github-oidc", "DATABRICKS_CLIENT_ID": "c"}
    assert chosen(str(tmp_path / "none"), environ, profile="prod") == environ


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, {"DATABRICKS_HOST": DEV, "DATABRICKS_CONFIG_PROFILE": "DEFAULT"}),
        ({"DATABRICKS_HOST": PROD}, {"DATABRICKS_HOST": PROD, "DATABRICKS_CONFIG_PROFILE": "prod"}),
        ({"DATABRICKS_HOST": "https://third.example"}, {"DATABRICKS_HOST": "https://third.example"}),
        ({"DATABRICKS_CONFIG_PROFILE": "prod"}, {"DATABRICKS_HOST": PROD, "DATABRICKS_CONFIG_PROFILE": "prod"}),
    ],
    ids=["default", "by host", "no profile for the host", "named"],
)
def test_a_profile_completes_the_environment(file: str, environ: dict[str, str], expected: dict[str, str]) -> None:
    assert chosen(file, environ) == expected


def test_several_profiles_for_one_workspace_are_a_question_unless_one_is_the_default(tmp_path: Path, file: str) -> None:
    assert chosen(file, {"DATABRICKS_HOST": DEV})["DATABRICKS_CONFIG_PROFILE"] == "DEFAULT"
    twice = tmp_path / "twice"
    twice.write_text(f"[one]\nhost={DEV}\n[two]\nhost={DEV}\n")
    with pytest.raises(NotConfigured, match=f"twice has several profiles for {DEV}: one, two; choose one with"):
        chosen(str(twice), {"DATABRICKS_HOST": DEV})


@pytest.mark.parametrize(
    ("environ", "stack", "said"),
    [
        ({"BANDPLAN_PROFILE": "dev"}, {"profile": "prod"}, f"--profile dev: {PLACE} names the profile prod"),
        (
            {"BANDPLAN_PROFILE": "x"},
            {},
            "--profile x: there is no such profile: .* the profiles DEFAULT, dev, prod; log",
        ),
        ({}, {"profile": "x"}, f"{PLACE} names the profile x .databricks:profile.: there is no such profile"),
        ({"DATABRICKS_CONFIG_PROFILE": "x"}, {}, "DATABRICKS_CONFIG_PROFILE=x: there is no such profile"),
        (
            {"BANDPLAN_PROFILE": "dev"},
            {"host": PROD},
            f"profile dev of .*cfg is for {DEV}/, and the workspace is {PROD}",
        ),
        ({"DATABRICKS_CONFIG_PROFILE": "dev"}, {"host": PROD}, f"is for {DEV}/, and the workspace is {PROD}"),
        ({"DATABRICKS_HOST": DEV, "DATABRICKS_TOKEN": "t"}, {"host": PROD}, f"{PLACE} names the workspace {PROD}"),
    ],
)
def test_two_that_disagree_are_refused(file: str, environ: dict[str, str], stack: dict[str, str], said: str) -> None:
    with pytest.raises(NotConfigured, match=said):
        chosen(file, environ, **stack)


def test_choosing_again_changes_nothing(file: str) -> None:
    once = chosen(file, {}, profile="prod")
    assert chosen(file, once) == once
