"""Engine settings as a stack's file states them: for an endpoint, for a model, or for all (`*`)."""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import urlsplit

from bandplan.stub.inference.selection.spec import AUTO, KINDS, OPENAI, VLLM

EVERYTHING = "*"
"""The name whose settings hold for every endpoint and model that does not state its own."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")

MOST_CONTEXT_TOKENS = 10_000_000
LEAST_GPU_SHARE = 0.01


OWN_ARGUMENTS = {
    "--host": "",
    "--port": "",
    "--uds": "",
    "--served-model-name": "",
    "--model": ", and name `weights`",
    "--tokenizer": "",
    "--load-format": ", or set `random: true`",
    "--max-model-len": ", and set `context_tokens`",
    "--gpu-memory-utilization": ", and set `gpu_share`",
    "--config": "",
}
"""Arguments of `vllm serve` that the workspace sets itself, with what to do instead."""

SECRET_ARGUMENTS = frozenset({"--api-key", "--hf-token"})


class SettingsError(ValueError):
    """The settings are not valid; the message has a line for every problem."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Engine settings; None means that the next more general ones decide. The fields are those of `EngineSpec`."""

    engine: str | None = None
    url: str | None = None
    model: str | None = None
    key_env: str | None = None
    weights: str | None = None
    random: bool | None = None
    context_tokens: int | None = None
    gpu_share: float | None = None
    arguments: tuple[str, ...] | None = None

    def over(self, general: "Settings") -> "Settings":
        """Return these settings, completed by more general ones."""
        return Settings(
            **{
                field.name: getattr(general if getattr(self, field.name) is None else self, field.name)
                for field in fields(self)
            }
        )


KEYS = tuple(field.name for field in fields(Settings))


def read(given: Mapping[str, Any], allowed_hosts: Iterable[str] | None = None) -> Settings:
    """Read settings, where null means absent. Raises SettingsError with every problem.

    `allowed_hosts` are the hosts that `url` may name besides loopback ones; None leaves that to be checked later.
    """
    problems = [f"{str(key)[:80]}: must be one of: {', '.join(KEYS)}" for key in given if key not in KEYS]
    for key in KEYS:
        value = given.get(key)
        if value is not None and (rule := _broken(key, value, allowed_hosts)):
            problems.append(f"{key}: {rule}")
    if not problems and given.get("random") and not given.get("weights"):
        problems.append("random: needs `weights`, the folder or id whose config.json gives the shape")
    if not problems and given.get("key_env") and given.get("engine") not in (None, OPENAI, AUTO):
        problems.append(f"key_env: only the engine {OPENAI} uses a key; leave it out")
    if not problems and given.get("arguments") and given.get("engine") not in (None, VLLM, AUTO):
        problems.append(
            f"arguments: they are those of `vllm serve`, and the engine is {given['engine']}; leave them out"
        )
    if problems:
        raise SettingsError("\n".join(problems))
    arguments = given.get("arguments")
    return Settings(
        **{key: given.get(key) for key in KEYS if key != "arguments"},
        arguments=None if arguments is None else tuple(arguments),
    )


def is_folder(weights: str) -> bool:
    """Whether `weights` names a folder of this machine: a path that begins with `/`, `.` or `~`, or has two slashes or
    more; anything else is an id such as `org/name`, which the engine resolves.
    """
    return weights.startswith(("/", ".", "~")) or weights.count("/") > 1


def _broken(key: str, value: Any, allowed_hosts: Iterable[str] | None) -> str | None:
    """Return the rule that a value violates, or None. The value itself is never repeated: it may be a key."""
    match key:
        case "engine":
            return None if value in KINDS else f"must be one of: {', '.join(KINDS)}"
        case "url":
            return broken_url(value, allowed_hosts)
        case "random":
            return None if isinstance(value, bool) else "must be true or false"
        case "context_tokens":
            is_integer = isinstance(value, int) and not isinstance(value, bool)
            rule = f"must be an integer from 1 to {MOST_CONTEXT_TOKENS:,}"
            return None if is_integer and 1 <= value <= MOST_CONTEXT_TOKENS else rule
        case "gpu_share":
            is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
            return (
                None if is_number and LEAST_GPU_SHARE <= value <= 1 else f"must be a number from {LEAST_GPU_SHARE} to 1"
            )
        case "arguments":
            return _broken_arguments(value)
    is_text = isinstance(value, str) and value != "" and value.isprintable()
    if key == "key_env":
        return (
            None
            if is_text and _VARIABLE.fullmatch(value)
            else "must be the name of an environment variable, never the key itself"
        )
    if key == "weights":
        is_name = is_text and (is_folder(value) or _HUB_ID.fullmatch(value))
        return None if is_name else "must be a folder, or an id such as org/name"
    return None if is_text else "must be a name of one line"


def _broken_arguments(value: Any) -> str | None:
    """Return the rule that arguments of `vllm serve` violate, or None. Their values are never repeated."""
    if not isinstance(value, list) or not all(isinstance(one, str) and one.isprintable() for one in value):
        return 'must be a list of strings, such as ["--dtype", "half"]'
    names = [one.partition("=")[0].replace("_", "-") for one in value]
    if secret := _meant(names, SECRET_ARGUMENTS):
        return (
            f"{secret} would be readable in the list of processes; set the environment variable of that purpose instead"
        )
    if own := _meant(names, OWN_ARGUMENTS):
        return f"{own} is set by the workspace; leave it out{OWN_ARGUMENTS[own]}"
    return None


def _meant(names: Iterable[str], arguments: Iterable[str]) -> str | None:
    """Return the first of the arguments that a name means; vLLM takes their beginnings for them, such as --api-k."""
    known = tuple(arguments)
    return next((full for name in names if len(name) > 2 for full in known if full.startswith(name)), None)


def broken_url(value: Any, allowed_hosts: Iterable[str] | None) -> str | None:
    """Return the rule that a URL violates, or None; `allowed_hosts` as in `read`."""
    rule = "must be a URL such as http://127.0.0.1:8000/v1"
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or " " in value:
        return rule
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return rule
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        return rule
    if parts.username is not None or parts.password is not None:
        return "must not contain a user or password; name the environment variable with the key as key_env"
    host = parts.hostname
    if is_loopback(host) or allowed_hosts is None or host in {allowed.lower() for allowed in allowed_hosts}:
        return None
    return (
        f"{host} is not this machine; start the local workspace with `bandplan stub start --allow-engine-host {host}` "
        "to send prompts there"
    )


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
