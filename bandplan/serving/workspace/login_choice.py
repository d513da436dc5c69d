"""Which login a stack's run uses, decided once and written into the environment that every part of the run reads.

Our own calls, the stack's program, its provider and Pulumi's published plugin read the same variables, so that they
sign in alike. Order of precedence: `--profile`; `databricks:profile` of the stack's file; the environment; the only
profile for the workspace's host; the default profile of `~/.databrickscfg`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bandplan.serving.workspace.address import parse_address
from bandplan.serving.workspace.errors import NotConfigured
from bandplan.serving.workspace.identity import AUTH_TYPE, HOST, PROFILE, TOKEN, TOKEN_TYPE, has_login, value

if TYPE_CHECKING:
    from bandplan.serving.workspace.profiles import ConfigFile

NAMED: Final = "BANDPLAN_PROFILE"
"""The variable that `--profile` sets for its command."""

_KEPT: Final = frozenset({"DATABRICKS_CONFIG_FILE", "DATABRICKS_CLI_PATH"})
"""What a profile needs of the environment; every other DATABRICKS_ variable belongs to another login."""

_OTHER_LOGINS: Final = (TOKEN, "DATABRICKS_CLIENT_ID", "DATABRICKS_CLIENT_SECRET", "DATABRICKS_USERNAME")
"""Variables that the SDKs put before the same entry of a profile, and that would be sent to the profile's host."""


@dataclass(frozen=True)
class StackLogin:
    """The workspace that a stack's configuration file names; `place` is that file's path, for messages."""

    place: str
    host: str | None = None
    profile: str | None = None


def login_environment(variables: Mapping[str, str], stack: StackLogin, *, is_shared: bool = False) -> dict[str, str]:
    """Return `variables` with the one login of the run. Errors: NotConfigured if two of them disagree.

    `is_shared`: other programs, which `pulumi` started too, keep `variables`; so a profile cannot replace a login.

    A profile that the stack or `--profile` names replaces every login of the environment. Where there is no file of
    profiles at all, as in CI, the stack's profile counts for nothing, for Pulumi's plugin too.
    """
    environ = {name: text for name, text in variables.items() if name != NAMED}
    flag = value(variables, NAMED)
    if flag and stack.profile and flag != stack.profile:
        raise NotConfigured(
            f"--profile {flag}: {stack.place} names the profile {stack.profile} (databricks:profile); leave out "
            "--profile, or change the file"
        )
    if named := flag or stack.profile:
        environ = _with_named(environ, named, is_flag=bool(flag), place=stack.place, is_shared=is_shared)
    environ = _with_host(environ, stack)
    if not (value(environ, HOST) and has_login(environ)):
        environ = _with_profile(environ)
    return environ if value(environ, AUTH_TYPE) or not value(environ, TOKEN) else {**environ, AUTH_TYPE: TOKEN_TYPE}


def _with_named(environ: dict[str, str], profile: str, *, is_flag: bool, place: str, is_shared: bool) -> dict[str, str]:
    from bandplan.serving.workspace.profiles import read_config_file

    if value(environ, PROFILE) == profile and not any(value(environ, name) for name in _OTHER_LOGINS):
        return environ
    file = read_config_file(environ)
    if profile in file.profiles and is_shared:
        _require_one(environ, profile, file, place)
        return {**environ, PROFILE: profile}
    if profile in file.profiles:
        kept = {name: text for name, text in environ.items() if not name.startswith("DATABRICKS_") or name in _KEPT}
        return {**kept, PROFILE: profile}
    if not file.exists and not is_flag:
        return environ
    source = f"--profile {profile}" if is_flag else f"{place} names the profile {profile} (databricks:profile)"
    raise NotConfigured(
        f"{source}: there is no such profile: {file.listed}; log in with `databricks auth login --profile {profile}`"
    )


def _require_one(environ: dict[str, str], profile: str, file: "ConfigFile", place: str) -> None:
    """Raise NotConfigured if the environment has a login that the SDKs put before that of the profile."""
    own = file.profiles[profile].get("token", "").strip()
    others = [name for name in _OTHER_LOGINS if value(environ, name) and not (name == TOKEN and environ[name] == own)]
    # Any other type decides by itself, and the stand-in of the plugin has a token beside it.
    if others and value(environ, AUTH_TYPE) in ("", TOKEN_TYPE):
        raise NotConfigured(
            f"{' and '.join(others)}: {place} names the profile {profile} (databricks:profile), and Pulumi's provider "
            "would mix both; unset what is named first, or use `bandplan up`, which takes the profile"
        )


def _with_host(environ: dict[str, str], stack: StackLogin) -> dict[str, str]:
    given = value(environ, HOST).rstrip("/")
    if stack.host is None or given == stack.host:
        return environ
    if given and not _same(given, stack.host):
        raise NotConfigured(
            f"{HOST}={given}: {stack.place} names the workspace {stack.host} "
            f"(databricks:host); unset {HOST}, or change the file"
        )
    return {**environ, HOST: stack.host}


def _with_profile(environ: dict[str, str]) -> dict[str, str]:
    """Add the profile that completes the environment, and its host."""
    from bandplan.serving.workspace.profiles import read_config_file

    file = read_config_file(environ)
    host, profile = value(environ, HOST), value(environ, PROFILE)
    if not profile and not has_login(environ):
        profile = _profile_for(host, file) if host else file.default or ""
    if not profile:
        return environ
    if profile not in file.profiles:
        raise NotConfigured(f"{PROFILE}={profile}: there is no such profile: {file.listed}; choose one of them")
    own = file.host(profile)
    if host and own and not _same(host, own):
        raise NotConfigured(
            f"the profile {profile} of {file.shown} is for {own}, and the workspace is {host}; "
            "name a profile for that workspace (`--profile`), or change the host"
        )
    return {**environ, PROFILE: profile, **({HOST: own} if own and not host else {})}


def _profile_for(host: str, file: "ConfigFile") -> str:
    """Return the only profile for a host, or "". Errors: NotConfigured if there are several."""
    found = sorted(name for name in file.profiles if (own := file.host(name)) and _same(own, host))
    if len(found) > 1 and file.default not in found:
        raise NotConfigured(
            f"{file.shown} has several profiles for {host}: {', '.join(found)}; choose one with `--profile`, "
            "or write it in the stack's file as databricks:profile"
        )
    return file.default if file.default in found and len(found) > 1 else "".join(found)


def _same(one: str, other: str) -> bool:
    try:
        return parse_address(one).url.lower() == parse_address(other).url.lower()
    except NotConfigured:
        return one == other
