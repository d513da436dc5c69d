"""The environment a run gets: which workspace it speaks to, and which of the user's variables it may see."""

from collections.abc import Mapping


def local_environment(environ: Mapping[str, str], host: str, token: str) -> dict[str, str]:
    """`environ` with the stub as its only workspace.

    Every other DATABRICKS_ variable (a profile, a client secret) is left out: a run of the local stack must not be able
    to reach a real workspace. Loopback is kept from proxies, which some clients would use for it.
    """
    kept = {name: value for name, value in environ.items() if not name.startswith("DATABRICKS_")}
    excluded = ",".join(filter(None, [kept.get("NO_PROXY") or kept.get("no_proxy"), "127.0.0.1,localhost"]))
    return {**kept, "DATABRICKS_HOST": host, "DATABRICKS_TOKEN": token, "NO_PROXY": excluded, "no_proxy": excluded}


def with_choices(environ: Mapping[str, str], *, offline: bool) -> dict[str, str]:
    """`environ` with what the program of the stack reads beside the workspace."""
    return {**environ, "BANDPLAN_OFFLINE": "1"} if offline else dict(environ)
