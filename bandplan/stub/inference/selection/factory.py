"""The one place that makes engines: a line for each kind."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bandplan.stub.inference.engine import Engine
from bandplan.stub.inference.errors import EngineUnavailable
from bandplan.stub.inference.selection.child_environment import child_environment
from bandplan.stub.inference.selection.machine import missing_vllm, vllm_command
from bandplan.stub.inference.selection.settings import Settings, broken_url
from bandplan.stub.inference.selection.spec import OPENAI, TRANSFORMERS, VLLM, EngineSpec

MOST_LOG_BYTES = 64 * 1024
"""How much of the end of an engine's log is shown; arbitrary."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What engines need to know besides their spec.

    `folder` is private to this workspace, for files of child processes. `environ` is the environment of this process;
    `allowed_hosts` are those that prompts may be sent to, besides this machine. `gpu_share` is an equal share of the
    GPU's memory among the engines that load weights. `keys` are the environment variables with the keys of engines.
    """

    folder: Path
    environ: Mapping[str, str]
    engine_python: Path | None = None
    allowed_hosts: frozenset[str] = frozenset()
    gpu_share: float = 0.9
    keys: frozenset[str] = frozenset()

    @property
    def child_environ(self) -> dict[str, str]:
        """The environment of child processes."""
        return child_environment(self.environ, self.keys)


def make(spec: EngineSpec, circumstances: Circumstances) -> Engine:
    """Return an engine that has not been started. Raises EngineUnavailable if there is none of this kind."""
    maker = MAKERS.get(spec.kind)
    if maker is None:
        raise EngineUnavailable(f"engine {spec.kind} is not available in this version; use another one")
    return maker(spec, circumstances)


def _openai(spec: EngineSpec, circumstances: Circumstances) -> Engine:
    from bandplan.stub.inference.openai.engine import OpenAIEngine

    return OpenAIEngine(
        require_url(spec.url, circumstances),
        spec.model,
        key_of(spec.key_env, circumstances),
        is_embedding=spec.is_embedding,
        context_tokens=spec.context_tokens,
    )


def _vllm(spec: EngineSpec, circumstances: Circumstances) -> Engine:
    from bandplan.stub.inference.vllm.engine import VllmEngine

    program = vllm_command(circumstances.engine_python)
    if program is None:
        raise EngineUnavailable(missing_vllm(circumstances.engine_python))
    return VllmEngine(
        program,
        spec,
        folder=circumstances.folder,
        environ=circumstances.child_environ,
        gpu_share=circumstances.gpu_share,
    )


def require_url(url: str | None, circumstances: Circumstances) -> str:
    """Return a URL that prompts may be sent to. Raises EngineUnavailable, as an earlier start may have allowed more."""
    if url is None:
        raise EngineUnavailable("no url is set; name the server in bandplan:engines, then run `bandplan up`")
    if rule := broken_url(url, circumstances.allowed_hosts):
        raise EngineUnavailable(f"url {url}: {rule}")
    return url


def key_of(variable: str | None, circumstances: Circumstances) -> str | None:
    """Return the key in an environment variable. Raises EngineUnavailable if it is not set, or cannot be sent."""
    if variable is None:
        return None
    key = circumstances.environ.get(variable, "").strip()
    if not key:
        raise EngineUnavailable(
            f"the environment variable {variable} (key_env) is not set where the local workspace was started; "
            "set it, then run `bandplan stub stop` and `bandplan stub start`"
        )
    if not (key.isascii() and key.isprintable()):
        raise EngineUnavailable(f"the environment variable {variable} (key_env) does not hold a key of one line")
    return key


def _transformers(spec: EngineSpec, circumstances: Circumstances) -> Engine:
    from bandplan.stub.inference.transformers_engine.engine import TransformersEngine
    from bandplan.stub.inference.transformers_engine.weights import Weights

    if spec.weights is None:
        raise EngineUnavailable("the engine transformers needs weights; name them in bandplan:engines")
    return TransformersEngine(
        Weights(spec.weights, spec.tokenizer, is_random=spec.is_random, is_embedding=spec.is_embedding),
        python=str(circumstances.engine_python) if circumstances.engine_python else None,
        environ=circumstances.child_environ,
        context_tokens=spec.context_tokens,
        gpu_share=spec.gpu_share or circumstances.gpu_share,
    )


MAKERS: Mapping[str, Callable[[EngineSpec, Circumstances], Engine]] = {
    OPENAI: _openai,
    TRANSFORMERS: _transformers,
    VLLM: _vllm,
}
"""Makers by kind. Each imports its engine when it is called, so that a workspace that only simulates loads none."""


def log_lines(spec: EngineSpec, folder: Path) -> list[str]:
    """Return the last lines of the log that an engine writes itself, which only vLLM does."""
    if spec.kind != VLLM:
        return []
    from bandplan.stub.inference.vllm.engine import log_name
    from bandplan.stub.inference.vllm.process import last_lines

    return last_lines(folder / log_name(spec), MOST_LOG_BYTES)


async def why_silent(settings: Settings, circumstances: Circumstances) -> str | None:
    """Return why the server that settings name does not answer, None if it does."""
    from bandplan.stub.inference.openai import probe
    from bandplan.stub.inference.openai.client import Client
    from bandplan.stub.inference.openai.connection import server_of

    try:
        url, key = require_url(settings.url, circumstances), key_of(settings.key_env, circumstances)
    except EngineUnavailable as error:
        return str(error)
    return await probe.why_silent(Client(server_of(url, key), key))
