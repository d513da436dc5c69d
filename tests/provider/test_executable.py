"""The provider as the Pulumi CLI starts it."""

import os
import subprocess
import sys
from pathlib import Path

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2_grpc

from bandplan.provider.schema import VERSION

EXECUTABLE = Path(__file__).parents[2] / "bandplan" / "provider" / "pulumi-resource-bandplan"


def test_executable_serves_the_provider_and_ends_when_told() -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    process = subprocess.Popen([EXECUTABLE], stdout=subprocess.PIPE, text=True, env={**os.environ, "PATH": path})
    try:
        assert process.stdout is not None
        with grpc.insecure_channel(f"127.0.0.1:{int(process.stdout.readline())}") as channel:
            answer = provider_pb2_grpc.ResourceProviderStub(channel).GetPluginInfo(empty_pb2.Empty())
        assert answer.version == VERSION
    finally:
        process.terminate()
        assert process.wait(timeout=60) == 0
