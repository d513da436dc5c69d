"""What this machine has for engines: programs, packages, a GPU. Nothing is ever installed."""

import asyncio
import importlib.util
import json
import os
import shutil
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from bandplan.stub.inference.selection.memory import Available, available_mib, gpus, too_large
from bandplan.stub.inference.selection.settings import Settings, is_folder
from bandplan.stub.inference.selection.spec import OPENAI, VLLM

TORCH_SECONDS = 120.0
"""Time to import torch in another process: 3 to 10 s, more from a cold disk."""

LEAST_HEAD_SIZE = 32
"""The smallest size of an attention head that vLLM's kernels take; with one of 8 its CPU build says that it is healthy,
and ends at the first query.
"""

TORCH_SEES_GPU = "import torch; raise SystemExit(0 if torch.cuda.is_available() else 3)"


@dataclass(slots=True)
class ThisMachine:
    """What this machine has. `engine_python` is the Python of the environment with vLLM or torch, None for our own.

    `answers` returns why a server does not answer, None if it does. Findings about programs and GPUs are kept: neither
    comes or goes while the workspace runs.
    """

    engine_python: Path | None
    answers: Callable[[Settings], Awaitable[str | None]]
    _available: Available | None = None
    _found: dict[str, str | None] = field(default_factory=dict)
    _asking: "dict[tuple[str | None, str | None], asyncio.Future[str | None]]" = field(default_factory=dict)
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def lack(self, kind: str, settings: Settings, weights: str | None) -> str | None:
        """Return what an engine of this kind lacks here to serve `weights`, None if nothing."""
        if kind == OPENAI:
            return await self._asked(settings)
        own = Path(weights) if weights is not None and is_folder(weights) else None
        if kind == VLLM and own is not None and (size := head_size(own)) and size < LEAST_HEAD_SIZE:
            return f"vLLM serves heads of {LEAST_HEAD_SIZE} or more, and those of this model have {size}"
        async with self._looking:
            if kind not in self._found:
                self._found[kind] = await (self._vllm() if kind == VLLM else self._transformers())
        if self._found[kind] is not None or own is None or settings.random or settings.arguments:
            return self._found[kind]
        return await asyncio.to_thread(too_large, own, self._room)

    async def _asked(self, settings: Settings) -> str | None:
        """Ask a server, once for all who want to know at the same time."""
        key = (settings.url, settings.key_env)
        asking = self._asking.get(key)
        if asking is None:
            asking = self._asking[key] = asyncio.ensure_future(self.answers(settings))
            asking.add_done_callback(lambda _: self._asking.pop(key, None))
        return await asyncio.shield(asking)

    def _room(self) -> Available:
        if self._available is None:
            self._available = available_mib()
        return self._available

    async def _vllm(self) -> str | None:
        if vllm_command(self.engine_python) is None:
            return missing_vllm(self.engine_python)
        return (
            None
            if await asyncio.to_thread(gpus)
            else "vLLM is installed, but this machine has no GPU that nvidia-smi lists"
        )

    async def _transformers(self) -> str | None:
        if missing := missing_torch(self.engine_python):
            return missing
        if not await asyncio.to_thread(gpus):
            return "torch is installed, but this machine has no GPU; --engine transformers uses the CPU, slowly"
        python = str(self.engine_python or sys.executable)
        try:
            process = await asyncio.create_subprocess_exec(
                python, "-c", TORCH_SEES_GPU, stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
        except OSError as error:
            return f"{python} cannot be started ({error.strerror}); name another Python with --engine-python"
        try:
            code = await asyncio.wait_for(process.wait(), TORCH_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
            return f"torch did not say within {TORCH_SECONDS:g} s whether it sees a GPU"
        return None if code == 0 else "torch is installed, but sees no GPU"


def head_size(folder: Path) -> int | None:
    """Return the size of an attention head by the config.json of a folder, None if it is not known."""
    try:
        config = json.loads((folder / "config.json").read_bytes())
        return int(config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"])
    except (OSError, ValueError, LookupError, TypeError, ZeroDivisionError, AttributeError):
        return None


def vllm_command(engine_python: Path | None) -> str | None:
    """Return the path of the command `vllm`: beside the Python that was named, else on PATH; None if there is none."""
    if engine_python is None:
        return shutil.which("vllm")
    beside = engine_python.parent / "vllm"
    return str(beside) if os.access(beside, os.X_OK) else None


def missing_vllm(engine_python: Path | None) -> str:
    if engine_python is None:
        return "there is no command `vllm` on PATH; run `pip install vllm`, in any environment, or give --engine-python"
    return f"there is no command `vllm` beside {engine_python}; run `{engine_python} -m pip install vllm`"


def missing_torch(engine_python: Path | None) -> str | None:
    """Return what is missing for the transformers engine, or None; packages are looked for and not imported."""
    if engine_python is None:
        if importlib.util.find_spec("torch") is not None:
            return None
        return "this Python has no torch; run `pip install torch`, or name one that has it with --engine-python"
    folders = [*engine_python.parent.parent.glob("lib*/python3*/site-packages/torch")]
    if folders or not is_environment(engine_python):
        return None
    return f"the environment of {engine_python} has no torch; run `{engine_python} -m pip install torch`"


def is_environment(python: Path) -> bool:
    """Whether a Python is that of a virtual environment, whose packages all lie in it."""
    return (python.parent.parent / "pyvenv.cfg").is_file()


def python_problem(python: Path) -> str | None:
    """Return why a Python cannot be used for an engine, or None."""
    if python.is_dir():
        return "is a folder; name the Python in it, such as bin/python"
    if not os.access(python, os.X_OK):
        return "is not a program; name the Python of the environment that has vLLM or torch"
    return None
