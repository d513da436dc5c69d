from bandplan.cli.environment import local_environment, with_choices

HOST, TOKEN = "http://127.0.0.1:5000", "local-token"


def test_local_run_sees_the_stub_and_no_other_workspace() -> None:
    real = {
        "DATABRICKS_HOST": "https://example.cloud.databricks.com",
        "DATABRICKS_TOKEN": "real",
        "DATABRICKS_CONFIG_PROFILE": "prod",
        "DATABRICKS_CLIENT_SECRET": "real too",
        "HOME": "/home/me",
    }
    environ = local_environment(real, HOST, TOKEN)
    named = {name: value for name, value in environ.items() if name.startswith("DATABRICKS_")}
    assert named == {"DATABRICKS_HOST": HOST, "DATABRICKS_TOKEN": TOKEN, "DATABRICKS_AUTH_TYPE": "pat"}
    assert environ["HOME"] == "/home/me"


def test_loopback_is_added_to_what_is_not_proxied() -> None:
    environ = local_environment({"NO_PROXY": "intranet.example"}, HOST, TOKEN)
    assert environ["NO_PROXY"] == environ["no_proxy"] == "intranet.example,127.0.0.1,localhost"


def test_offline_reaches_the_program_only_when_asked_for() -> None:
    assert with_choices({}, offline=True) == {"BANDPLAN_OFFLINE": "1"}
    assert with_choices({}, offline=False) == {}
