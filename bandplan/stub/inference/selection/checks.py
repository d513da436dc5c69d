"""Check engine settings before anything is changed: as they are written, their folders, and what this machine has."""

import functools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bandplan.stub.inference.selection.machine import missing_torch, missing_vllm, vllm_command
from bandplan.stub.inference.selection.memory import Available, available_mib, has_weights, too_large
from bandplan.stub.inference.selection.settings import EVERYTHING, Settings, SettingsError, is_folder, read
from bandplan.stub.inference.selection.spec import LOADS_WEIGHTS, OPENAI, TRANSFORMERS, VLLM


def problems(
    wanted: Mapping[str, Mapping[str, Any]],
    allowed_hosts: Iterable[str] | None = None,
    engine_python: Path | None = None,
    default: str | None = None,
) -> Iterator[str]:
    """Yield every problem as `name/key: finding`. `default` is the engine where no setting names one.

    `allowed_hosts` are the hosts other than this machine that prompts may be sent to, None for not to check them.
    """
    available = functools.cache(available_mib)  # once for all rows, and only if one of them needs it
    for name, row in wanted.items():
        try:
            settings = read(row, allowed_hosts)
        except SettingsError as error:
            yield from (f"{name}/{line}" for line in str(error).splitlines())
            continue
        if missing := missing_engine(settings.engine, engine_python):
            yield f"{name}/engine: {missing}"
        if settings.engine == OPENAI and not settings.url and not _has_url(name, wanted):
            yield f"{name}/url: is not set; the engine {OPENAI} needs one, here or for '{EVERYTHING}'"
        if found := _weights_problem(settings, default, available):
            yield f"{name}/weights: {found}"


def _has_url(name: str, wanted: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether more general settings may give a url: those of all, and for an endpoint those of its model."""
    general = [other for other in wanted if other == EVERYTHING or ("." in other and "." not in name)]
    return any(wanted[other].get("url") for other in general)


def missing_engine(kind: str | None, engine_python: Path | None) -> str | None:
    """Return what an engine that is named by its kind lacks here, None if nothing."""
    if kind == VLLM and vllm_command(engine_python) is None:
        return missing_vllm(engine_python)
    if kind == TRANSFORMERS:
        return missing_torch(engine_python)
    return None


def has_chat_template(folder: Path) -> bool:
    """Whether a tokenizer has a chat template: in a file of its own, or in its configuration."""
    if any((folder / name).is_file() for name in ("chat_template.jinja", "chat_template.json")):
        return True
    try:
        config = json.loads((folder / "tokenizer_config.json").read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(config, dict) and bool(config.get("chat_template"))


def _weights_problem(settings: Settings, default: str | None, available: Callable[[], Available]) -> str | None:
    if settings.weights is None or not is_folder(settings.weights):
        return None
    folder = Path(settings.weights)
    if not folder.is_absolute():
        return "must be an absolute path, or an id such as org/name"
    if not folder.is_dir():
        return f"{folder} is not a folder; name an existing checkpoint, or an id such as org/name"
    if not (folder / "config.json").is_file():
        return f"{folder} has no config.json; name the folder that `save_pretrained` wrote"
    if settings.random:
        return None
    if not has_weights(folder):
        return f"{folder} has no weights; add them, or set `random: true` to use only its shape"
    # `auto` passes over an engine whose memory is too small; arguments may divide the weights, or make them smaller.
    is_loaded = (settings.engine or default) in LOADS_WEIGHTS and not settings.arguments
    return too_large(folder, available) if is_loaded else None
