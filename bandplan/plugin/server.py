"""The gRPC server of a provider plugin."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import grpc.aio
from google.protobuf import empty_pb2
from pulumi.provider.experimental.provider import Provider

from bandplan.plugin.pulumi_internals import CHANNEL_OPTIONS, provider_pb2_grpc
from bandplan.plugin.servicer import Calls
from bandplan.plugin.status import status_of

# Twice the concurrency that `pulumi up --parallel 64` asks for; threads are made only as needed.
WORKERS = 128
# How often to check that the engine that started this process still runs. A guess; it costs one system call.
ORPHAN_CHECK_SECONDS = 1.0


def serve(provider: Provider, version: str, argv: list[str]) -> None:
    """Serve `provider` until the engine asks it to stop, the engine is gone, or the process is terminated.

    `argv` is what the engine passes: its address, and flags that are ignored. The port goes to stdout, as in every
    plugin.
    """
    parser = argparse.ArgumentParser(description="Pulumi provider plugin, started by a Pulumi engine")
    parser.add_argument("engine", nargs="?", default="", help="address of the engine; not used")
    parser.parse_known_args(argv)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    asyncio.run(_serve(Calls(provider, version)))
    # Calls still running hold worker threads that would keep the interpreter alive; nothing waits for their answers.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


async def _serve(calls: Calls) -> None:
    # Set before the port is printed: its reader may stop this process immediately.
    told = _ending_signals()
    server, port = await start(calls)
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await _told_to_end(told)
    calls.Cancel(empty_pb2.Empty())
    await server.stop(grace=None)


async def start(calls: Calls) -> tuple[grpc.aio.Server, int]:
    """Start a server on a free loopback port; return it and the port."""
    server = grpc.aio.server(options=CHANNEL_OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(_servicer(calls), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    return server, port


def _ending_signals() -> asyncio.Event:
    """Return an event that SIGINT and SIGTERM set from now on."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    return told


async def _told_to_end(told: asyncio.Event) -> None:
    parent = os.getppid()
    while not told.is_set() and os.getppid() == parent:
        try:
            await asyncio.wait_for(told.wait(), ORPHAN_CHECK_SECONDS)
        except TimeoutError:
            continue


def _servicer(calls: Calls) -> provider_pb2_grpc.ResourceProviderServicer:
    """Run each call of `calls` in a worker thread, except Cancel, which must work even when every worker is busy."""
    pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="call")
    servicer = provider_pb2_grpc.ResourceProviderServicer()
    for name in (name for name in dir(servicer) if name[0].isupper()):
        call = getattr(calls, name, None)
        handler = _lacking(name) if call is None else _handler(name, call, None if name == "Cancel" else pool)
        setattr(servicer, name, handler)
    return servicer


def _handler(name: str, call: Callable[[Any], Any], pool: ThreadPoolExecutor | None) -> Callable[[Any, Any], Any]:
    async def handle(request: Any, context: Any) -> Any:
        try:
            if pool is None:
                return call(request)
            return await asyncio.get_running_loop().run_in_executor(pool, call, request)
        except Exception as error:
            status = status_of(error, name)
        return await context.abort(status.code, status.message, status.trailing_metadata)

    return handle


def _lacking(name: str) -> Callable[[Any, Any], Any]:
    """Answer a call that the engine does not need; the default answer would also write an error to the log."""

    async def handle(request: Any, context: Any) -> None:
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, f"{name} is not implemented by this provider")

    return handle
