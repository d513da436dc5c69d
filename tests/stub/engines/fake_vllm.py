"""A program `vllm` for tests: what `vllm serve` takes and answers, with the faults of real ones.

FAKE_VLLM in its environment: `refuses` ends at the start, `dies` at the first query although /health is 200, `once` does
that the first time only, `crash` ends at a query that says so. Like vLLM it starts processes of its own: one in a
session of its own, and one whose environment cannot be read, as vLLM erases it when it renames a process.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]


def installed(folder: Path) -> Path:
    """Put the program into a folder for PATH; it tells its arguments, environment and process ids in `folder`/told."""
    (folder / "told").mkdir(parents=True, exist_ok=True)
    program = folder / "vllm"
    program.write_text(f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\n"
                       f"from tests.stub.engines.fake_vllm import main\nmain({str(folder / 'told')!r})\n")  # fmt: skip
    program.chmod(0o755)
    return program


def told(folder: Path) -> list[dict[str, Any]]:
    """What each start told, in order."""
    files = sorted((folder / "told").glob("*.json"), key=lambda file: file.stat().st_mtime_ns)
    return [json.loads(file.read_text()) for file in files]


def main(folder: str) -> None:
    from tests.stub.engines.fake_server import Behaviour, serving

    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["serve"])
    parser.add_argument("model")
    for name in ("host", "port", "served-model-name", "gpu-memory-utilization", "tokenizer", "load-format"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--max-model-len", type=int, default=4096)
    parser.add_argument("--runner")
    asked = parser.parse_args()
    sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    engine_core = subprocess.Popen(sleep, start_new_session=True)
    worker = subprocess.Popen(sleep, env={})
    first = not list(Path(folder).glob("*.json"))
    pids = [os.getpid(), engine_core.pid, worker.pid]
    row = {"arguments": sys.argv[1:], "environ": dict(os.environ), "pids": pids}
    made = Path(folder) / f".{os.getpid()}"
    made.write_text(json.dumps(row))
    made.rename(Path(folder) / f"{os.getpid()}.json")
    mode = os.environ.get("FAKE_VLLM", "")
    print("INFO Loading safetensors checkpoint shards:  50% Completed | 1/2", flush=True)
    if mode == "refuses":
        print("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB", flush=True)
        print("RuntimeError: Engine core initialization failed. See root cause above.", flush=True)
        sys.exit(1)
    behaviour = Behaviour(
        models=(asked.served_model_name,),
        owner="vllm",
        context=asked.max_model_len,
        key=os.environ["VLLM_API_KEY"],
        has_chat="no-template" not in asked.model,
    )

    def before_answer(path: str, body: dict[str, Any]) -> None:
        if "completions" in path and (mode == "dies" or (mode == "once" and first)):
            print("RuntimeError: CUDA error: an illegal memory access was encountered", flush=True)
            os._exit(1)
        if mode == "crash" and "crash" in json.dumps(body):
            os.kill(os.getpid(), signal.SIGKILL)

    behaviour.before_answer = before_answer
    with serving(behaviour, int(asked.port)):
        while True:
            time.sleep(60)
