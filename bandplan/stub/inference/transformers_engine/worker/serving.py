"""The loop of the child: read requests, hand them to the model, write what comes."""

import asyncio
import base64
import os
import socket
import struct
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bandplan.stub.inference.transformers_engine import lines
from bandplan.stub.inference.transformers_engine.worker.prompts import Prompts, encodable, read_messages
from bandplan.stub.inference.transformers_engine.worker.refusals import Failed, Refused

LONG_TEXT = 32 * 1024
"""Characters; longer prompts are encoded in a thread, because that takes more than some milliseconds. Arbitrary."""

ENDED, UNUSABLE = 3, 4
"""Exit status: after an error that only a new process fixes, and if the weights cannot be served."""

LEAST_TRANSFORMERS = 5
"""Earlier ones name the arguments of loading otherwise, and have no continuous batching that hands over each token."""

Tell = Callable[[str], None]


def serve(descriptor: int) -> None:
    """Serve the socket until the stub closes it. Never returns."""
    status = ENDED
    try:
        status = asyncio.run(_run(socket.socket(fileno=descriptor)))
    except KeyboardInterrupt:
        pass
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # Threads of the library may still be at work; the memory of the GPU is freed with the process.
        os._exit(status)


async def _run(connection: socket.socket) -> int:
    reader, writer = await asyncio.open_connection(sock=connection, limit=lines.LONGEST_LINE)
    loop = asyncio.get_running_loop()
    thread = ThreadPoolExecutor(1)

    def tell(progress: str) -> None:
        loop.call_soon_threadsafe(writer.write, lines.encode("progress", 0, progress))

    try:
        _, _, wanted = lines.decode(await reader.readline())
        worker, found = await _started(wanted, tell, thread)
    except _Unusable as error:
        writer.write(lines.encode("unusable", 0, str(error)))
        await writer.drain()
        return UNUSABLE
    worker.write = writer.write
    writer.write(lines.encode("ready", 0, found))
    reading = asyncio.create_task(_read(reader, worker))
    while not reading.done():
        await asyncio.wait([reading], timeout=1.0)
        if worker.has_died:
            await asyncio.sleep(0.1)  # so that the errors of its last answers are written
            return ENDED
    return 0


async def _read(reader: asyncio.StreamReader, worker: "_Worker") -> None:
    while line := await reader.readline():
        worker.take(*lines.decode(line))


class _Unusable(Exception):
    """The weights cannot be served; the message has the finding and what to do."""


async def _started(wanted: dict[str, Any], tell: Tell, thread: ThreadPoolExecutor) -> tuple["_Worker", dict[str, Any]]:
    """Load the model and answer one query; return what serves, and what was found."""
    tell("importing torch and transformers")
    loop = asyncio.get_running_loop()
    try:
        model = await loop.run_in_executor(thread, _imported)
    except ImportError as error:
        raise _Unusable(
            f"{sys.executable} cannot import {error.name or 'torch'}; run `{sys.executable} -m pip install torch "
            "transformers`, or name another Python with --engine-python"
        ) from error
    asked = model.Wanted(**wanted)
    try:
        loaded = await loop.run_in_executor(thread, model.load, asked, tell)
        found: dict[str, Any] = {
            "device": loaded.device_name,
            "is_cpu": loaded.model.device.type == "cpu",
            "dtype": str(loaded.model.dtype).removeprefix("torch."),
            "context_tokens": loaded.context_tokens,
            "weights_bytes": loaded.weights_bytes,
        }
        worker = _Worker(loaded.prompts, thread)
        tell("answering a first query")
        if asked.is_embedding:
            from bandplan.stub.inference.transformers_engine.worker.embedding import Embedder, pooling_of

            worker.embedder = Embedder(loaded, pooling_of(asked.weights, loaded.model.config))
            await worker.embed({"texts": ["ready?"], "is_normalised": True})
            return worker, {**found, "pooling": worker.embedder.pooling}
        from bandplan.stub.inference.transformers_engine.worker.generating import Generator

        worker.generator = Generator(loaded, loop)
        speed = await worker.generator.start(asked.gpu_share)
        return worker, {**found, "batching": speed.batching, "tokens_per_second": speed.tokens_per_second}
    except model.Unusable as error:
        raise _Unusable(str(error)) from error
    except (Refused, Failed) as error:
        raise _Unusable(f"{asked.weights}: the first query failed: {error}") from error


def _imported() -> Any:
    import torch  # noqa: F401  first: transformers takes seconds to import, and does so without torch, too
    import transformers

    if int(transformers.__version__.partition(".")[0]) < LEAST_TRANSFORMERS:
        found = f"{sys.executable} has transformers {transformers.__version__}"
        raise _Unusable(
            f"{found}; it must be {LEAST_TRANSFORMERS} or later: `{sys.executable} -m pip install -U transformers`"
        )
    from bandplan.stub.inference.transformers_engine.worker import model

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return model


class _Worker:
    """The requests of one model. `write` gets lines for the stub."""

    def __init__(self, prompts: Prompts, thread: ThreadPoolExecutor) -> None:
        self.write: Callable[[bytes], None]
        self.generator: Any = None
        self.embedder: Any = None
        self._prompts = prompts
        self._thread = thread
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._rows: list[Any] = []

    @property
    def has_died(self) -> bool:
        return self.generator is not None and self.generator.has_died

    def take(self, kind: str, number: int, content: Any) -> None:
        """Begin to answer a request, or cancel it."""
        if kind == "cancel":
            task = self._tasks.get(number)
            if task is not None:
                task.cancel()
            return
        task = self._tasks[number] = asyncio.get_running_loop().create_task(self._answer(kind, number, content))
        # Not at the end of the coroutine, which one that is cancelled at once never enters.
        task.add_done_callback(lambda _: self._tasks.pop(number, None))

    async def _answer(self, kind: str, number: int, content: Any) -> None:
        try:
            if kind == "generate":
                prompt = await self._encode(content)
                reason = await self.generator.generate(
                    number, prompt, content, lambda token: self._emit([number, [token], None])
                )
                self._emit([number, [], reason])
            elif kind == "embed":
                self.write(lines.encode("value", number, await self.embed(content)))
            else:
                self.write(lines.encode("value", number, len(await self._encode(content))))
        except Refused as error:
            self._fail(number, lines.REFUSED, str(error))
        except Failed as error:
            self._fail(number, lines.FAILED, str(error))
        except Exception as error:
            self._fail(number, lines.FAILED, f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")

    async def embed(self, content: Any) -> list[str]:
        """Return a vector for each text: 32-bit floats, little-endian, in base64."""
        texts = [encodable(text) for text in content["texts"]]
        context = self.embedder.context_tokens
        for text in texts:
            length = len(await self._encode({"text": text}))
            if not length:
                raise Refused("a text has no tokens; send some text")
            if context is not None and length > context:
                raise Refused(f"a text has {length} tokens; the weights in use have a context of {context}")
        vectors = await asyncio.get_running_loop().run_in_executor(
            self._thread, lambda: self.embedder.embed(texts, is_normalised=content["is_normalised"])
        )
        return [base64.b64encode(struct.pack(f"<{len(row)}f", *row)).decode("ascii") for row in vectors]

    async def _encode(self, content: Any) -> list[int]:
        """Return the tokens of the conversation or the text in a request. Raises Refused."""
        if "text" in content:
            text: str = content["text"]
            if len(text) < LONG_TEXT:
                return self._prompts.of_text(text)
            return await asyncio.to_thread(self._prompts.of_text, text)
        messages = read_messages(content["messages"])
        if sum(len(words) for _, words in messages) < LONG_TEXT:
            return self._prompts.of_chat(messages)
        return await asyncio.to_thread(self._prompts.of_chat, messages)

    def _emit(self, row: Any) -> None:
        """Write rows of one turn of the loop together."""
        if not self._rows:
            asyncio.get_running_loop().call_soon(self._flush)
        self._rows.append(row)

    def _flush(self) -> None:
        rows, self._rows = self._rows, []
        if rows:
            self.write(lines.encode("tokens", 0, rows))

    def _fail(self, number: int, kind: str, message: str) -> None:
        self._flush()
        self.write(lines.encode("error", number, [kind, message]))
