"""What `bandplan bench` queries, and with which token: a stack's endpoint, or a server at a URL."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bandplan.cli.errors import CommandError, UsageProblem
from bandplan.cli.project import find_project

if TYPE_CHECKING:
    from argparse import Namespace

    from bandplan.bench.renewal import Renewal
    from bandplan.bench.target import Target
    from bandplan.cli.stack_choice import StackChoice
    from bandplan.serving.spec.demand import Demand
    from bandplan.serving.workspace.client import WorkspaceClient

KEY_VARIABLE = "OPENAI_API_KEY"


@dataclass(frozen=True)
class Chosen:
    """The target, and what a stack knows about it: the demand of its entry, its workspace, and the live endpoint."""

    target: "Target"
    demand: "Demand | None" = None
    client: "WorkspaceClient | None" = None
    live: Mapping[str, Any] = field(default_factory=dict)


def target_of_url(arguments: "Namespace", environ: Mapping[str, str]) -> Chosen:
    """Return a server at a URL that speaks OpenAI's API. Errors: UsageProblem."""
    from bandplan.bench.target import Secret, Target
    from bandplan.rest.address import DEFAULT_PORTS, is_loopback

    try:
        parts = urlsplit(arguments.url)
        port = parts.port
    except ValueError:
        raise UsageProblem("--url: not a URL; write one such as http://127.0.0.1:8000/v1") from None
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise UsageProblem("--url: not an http:// or https:// URL; write one such as http://127.0.0.1:8000/v1")
    if parts.username is not None or parts.password is not None or parts.query:
        raise UsageProblem("--url: holds a user name, password or query; name a variable with the key: --key-variable")
    key = environ.get(arguments.key_variable or KEY_VARIABLE, "")
    if arguments.key_variable and not key:
        raise UsageProblem(f"--key-variable {arguments.key_variable}: not set; export it, or leave the option out")
    if key and parts.scheme == "http" and not is_loopback(parts.hostname):
        raise UsageProblem("--url: a key is never sent unencrypted to another machine; use https://")
    return Chosen(
        Target(
            name=arguments.model,
            scheme=parts.scheme,
            host=parts.hostname,
            port=port or DEFAULT_PORTS[parts.scheme],
            base=parts.path.rstrip("/"),
            route="openai",
            task=arguments.task or "chat",
            streamed=_streams(arguments, arguments.task or "chat"),
            token=Secret(_one_line(key)),
            model=arguments.model,
        )
    )


def target_of_stack(arguments: "Namespace", name: str) -> Chosen:
    """Return an endpoint of a stack, its demand and its workspace. Errors: CommandError, UsageProblem."""
    from bandplan.bench.target import Secret, Target
    from bandplan.cli.live_endpoint import live_endpoint, task_of
    from bandplan.cli.stack_choice import choose_stack

    choice = choose_stack(find_project(Path.cwd()), arguments.stack, os.environ)
    client, live = live_endpoint(choice, name)
    task = arguments.task or task_of(name, live)
    entities = _entities(live)
    if arguments.served is not None and arguments.served not in entities:
        raise UsageProblem(f"--served {arguments.served}: {name} has {', '.join(entities) or 'none'}; name one of them")
    served = arguments.served or (next(iter(entities)) if len(entities) == 1 else None)
    if (live.get("state") or {}).get("ready") != "READY":
        raise UsageProblem(f"{name}: not ready; wait until `bandplan up --stack {arguments.stack}` says it is")
    if arguments.served is not None and arguments.route == "openai":
        raise UsageProblem("--served: one served entity is queried by its invocations path; leave out --route openai")
    address = client.address
    target = Target(
        name=name,
        scheme=address.scheme,
        host=address.host,
        port=address.port,
        base="/serving-endpoints",
        route=arguments.route,
        task=task,
        streamed=_streams(arguments, task),
        token=Secret(client.bearer()),
        model=entities.get(served) if served else None,
        served=served,
        asks_served=arguments.served is not None,
    )
    return Chosen(target, _demand(choice, name), client, live)


def renewal_of(client: "WorkspaceClient") -> "Renewal":
    """Return what reads the token of the workspace's login, which renews it before it expires."""
    from bandplan.bench.renewal import Renewal
    from bandplan.serving.workspace.errors import WorkspaceError

    def read() -> str | None:
        try:
            return client.bearer()
        except WorkspaceError:
            return None  # the last token may still be good; if it is not, the answers say so

    return Renewal(read)


def require_direct(target: "Target", environ: Mapping[str, str]) -> None:
    """Raise UsageProblem for an address that is reached through a proxy, which would be measured with it."""
    from bandplan.rest.address import Address, proxy_of

    if proxy_of(Address(target.scheme, target.host, target.port), environ) is not None:
        raise UsageProblem(
            f"{target.address}: HTTPS_PROXY names a proxy, which bench does not use; "
            f"run it where the address is reached directly, with {target.host} in NO_PROXY"
        )


def _entities(live: Mapping[str, Any]) -> dict[str, str]:
    """Return the served names, each with its model."""
    found = (live.get("config") or {}).get("served_entities") or []
    return {str(one.get("name")): str(one.get("entity_name") or "") for one in found if isinstance(one, Mapping)}


def _demand(choice: "StackChoice", name: str) -> "Demand | None":
    """Return the demand of the entry, or None without such an entry or if the file does not load."""
    from bandplan.serving.spec.loading import load

    try:
        fleet = load(choice.models, choice.name).fleet
    except CommandError:
        return None
    return next((one.demand for one in fleet.models if one.name == name), None) if fleet else None


def _streams(arguments: "Namespace", task: str) -> bool:
    return task != "embeddings" and not arguments.no_stream


def _one_line(key: str) -> str:
    if any(not "!" <= one <= "~" for one in key):
        raise UsageProblem(
            "--key-variable: the key has spaces, line breaks or characters that a header cannot have; set it again"
        )
    return key
