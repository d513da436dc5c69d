"""Serve a checkpoint with llama.cpp until standard input ends; the first line says where.

Usage: PYTHON serve.py CHECKPOINT FOLDER, with the Python of the environment that has `xllamacpp` and `gguf`.
"""

import json
import socket
import sys
from pathlib import Path

import gguf_file
import xllamacpp

SLOTS = 8
CONTEXT = 256


def main(checkpoint: Path, folder: Path) -> None:
    file = folder / "model.gguf"
    gguf_file.write(checkpoint, file)
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(file)
    parameters.n_parallel = SLOTS
    parameters.n_ctx = SLOTS * CONTEXT
    parameters.cpuparams.n_threads = 1
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = free_port()
    parameters.n_gpu_layers = 0
    parameters.warmup = False
    parameters.use_jinja = True
    server = xllamacpp.Server(parameters)
    print(json.dumps({"url": f"http://127.0.0.1:{parameters.port}/v1"}), flush=True)
    sys.stdin.read()
    del server


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
