"""The command and the environment of `vllm serve`, as values."""

from collections.abc import Mapping
from dataclasses import dataclass

from bandplan.stub.inference.selection.spec import EngineSpec

SERVED_NAME = "model"
"""The name of the model at the server; people see the weights instead."""

MARK = "BANDPLAN_ENGINE"
"""The environment variable by which all processes of one engine are found, whoever their parent is by then."""


@dataclass(frozen=True, slots=True)
class Launch:
    """A command to start, and its environment. The repr shows neither key nor environment."""

    arguments: tuple[str, ...]
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"


def launch(program: str, spec: EngineSpec, port: int, gpu_share: float) -> Launch:
    """Return the command that serves `spec` on a port of this machine; the key is in the environment, not in it."""
    arguments = [program, "serve", spec.weights or ""]
    arguments += ["--host", "127.0.0.1", "--port", str(port), "--served-model-name", SERVED_NAME]
    arguments += ["--gpu-memory-utilization", f"{spec.gpu_share or gpu_share:.3g}"]
    if spec.tokenizer is not None:
        arguments += ["--tokenizer", spec.tokenizer]
    if spec.is_random:
        arguments += ["--load-format", "dummy"]
    if spec.context_tokens is not None:
        arguments += ["--max-model-len", str(spec.context_tokens)]
    if spec.is_embedding:
        arguments += ["--runner", "pooling"]
    return Launch((*arguments, *spec.arguments), port)


def environment(environ: Mapping[str, str], key: str, mark: str) -> dict[str, str]:
    """Return the environment of the child: ours, with its key and its mark; nothing is reported to anybody."""
    own = {"VLLM_API_KEY": key, MARK: mark, "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
    # Ours concerns our own Python: the child has another one.
    kept = {name: value for name, value in environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    return {**kept, **own}
