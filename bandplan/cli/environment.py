"""The environment of a run: its workspace, and the user's variables that it may see."""

from collections.abc import Mapping


def local_environment(environ: Mapping[str, str], host: str, token: str) -> dict[str, str]:
    """Return `environ` with the stub as its only workspace.

    Every other DATABRICKS_ variable (a profile, a client secret) is dropped: a run of the local stack must not be able
    to reach a real workspace. Loopback is excluded from proxies, which some clients would use for it.
    """
    kept = {name: value for name, value in environ.items() if not name.startswith("DATABRICKS_")}
    excluded = ",".join(filter(None, [kept.get("NO_PROXY") or kept.get("no_proxy"), "127.0.0.1,localhost"]))
    return {
        **kept,
        "DATABRICKS_HOST": host,
        "DATABRICKS_TOKEN": token,
        # Whatever else this machine is logged in with, such as ARM_CLIENT_SECRET, is not tried.
        "DATABRICKS_AUTH_TYPE": "pat",
        "NO_PROXY": excluded,
        "no_proxy": excluded,
    }


def with_choices(environ: Mapping[str, str], *, offline: bool) -> dict[str, str]:
    """Return `environ` with the variables that the stack's program reads besides the workspace."""
    return {**environ, "BANDPLAN_OFFLINE": "1"} if offline else dict(environ)
