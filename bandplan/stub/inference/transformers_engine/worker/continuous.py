"""Continuous batching by transformers: requests join and leave the running batch at every token."""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

from bandplan.stub.inference.transformers_engine.worker.sampling import Chosen, Sampling, Sink

CPU_BLOCK_TOKENS = 32
CPU_BATCH_TOKENS = 512
"""Tokens processed at once on a CPU, where long steps would stop all answers for seconds. Arbitrary."""

CPU_CACHE_BYTES = 2**31
"""Most memory for keys and values on a CPU, where the library would take 80% of the machine. Arbitrary."""

ALMOST_ONE = 0.999
"""The library makes its processors only if their defaults are not 1. Every request states its own values."""

MOST_REQUESTS = 256
"""Requests in one batch; the scores of the vocabulary take memory for each. Arbitrary, a quarter of the library's."""

STOP_SECONDS = 5.0


class Unsupported(Exception):
    """The library, its version or the model has no continuous batching; the message says why."""


class Continuous:
    """The manager of the library with its background thread. `generation` has the checkpoint's own defaults."""

    def __init__(
        self, model: Any, end_tokens: frozenset[int], top_k: int | None, memory_share: float, attention: str | None
    ) -> None:
        """Start it; `memory_share` is the part of the free GPU memory for keys and values, `attention` one of
        `attentions`. Raises Unsupported.
        """
        start = getattr(model, "init_continuous_batching", None)
        if start is None:
            raise Unsupported("this release of transformers has none for this model")
        try:
            from transformers import GenerationConfig
            from transformers.generation.configuration_utils import ContinuousBatchingConfig
        except ImportError as error:
            raise Unsupported("this release of transformers cannot configure it") from error
        generation = GenerationConfig(
            do_sample=True,
            temperature=ALMOST_ONE,
            top_p=ALMOST_ONE,
            top_k=top_k or 0,
            eos_token_id=sorted(end_tokens) or -1,
            pad_token_id=min(end_tokens, default=0),
        )
        known = {field.name for field in dataclasses.fields(ContinuousBatchingConfig)}
        wanted = _settings(model, memory_share)
        if "page_size" in known:
            # Its newer name.
            wanted["page_size"] = wanted.pop("block_size", None)
        config = ContinuousBatchingConfig(
            **{name: value for name, value in wanted.items() if name in known and value is not None}
        )
        self._manager = _started(
            model, attention, lambda: start(generation_config=generation, continuous_batching_config=config)
        )
        self._names: dict[int, str] = {}
        self._capacity_tokens = _capacity(self._manager.continuous_batching_config)

    @property
    def is_dead(self) -> bool:
        """Whether the thread has ended, after an error such as a full GPU; it does not come back."""
        return not self._manager.is_running()

    def can_hold(self, tokens: int) -> bool:
        """Whether the cache has room for an answer that grows to so many tokens with its prompt.

        One that grows beyond it ends the thread, with all other answers. Several that do not fit together take turns.
        """
        return self._capacity_tokens is None or tokens <= self._capacity_tokens

    def submit(self, number: int, prompt: list[int], sampling: Sampling, sink: Sink) -> None:
        """Generate an answer. Call in the event loop."""
        name = self._names[number] = f"request-{number}"
        given = 0

        def receive(output: Any) -> None:
            nonlocal given
            if number not in self._names:
                return
            for token in output.generated_tokens[given:]:
                given += 1
                if token in sampling.end_tokens:
                    break
                sink.token(Chosen(token), given >= sampling.most_tokens)
            if output.error is not None:
                del self._names[number]
                sink.fail(_reason(output.error))
            elif output.is_finished():
                del self._names[number]
                sink.end("stop" if output.generated_tokens[-1] in sampling.end_tokens else "length")

        # Before the request is added: the first tokens of one without a handler are lost in a queue.
        self._manager.register_result_handler(name, receive)
        is_greedy = sampling.temperature == 0
        added = self._manager.add_request(
            prompt,
            request_id=name,
            max_new_tokens=sampling.most_tokens,
            streaming=True,
            eos_token_id=sorted(sampling.end_tokens) or -1,
            temperature=1.0 if is_greedy else float(sampling.temperature),
            # 0 leaves only the most likely token.
            top_p=0.0 if is_greedy else float(sampling.top_p),
        )
        if added is None:
            del self._names[number]
            sink.fail("continuous batching has ended")

    def cancel(self, number: int) -> None:
        """Free what an answer uses; nothing more is delivered."""
        name = self._names.pop(number, None)
        if name is not None:
            self._manager.cancel_request(name)
            # The library forgets a handler when its answer ends, which this one never does.
            handlers = getattr(getattr(self._manager, "output_router", None), "result_handlers", {})
            handlers.pop(name, None)

    def close(self) -> None:
        hard = {"hard_stop": True} if "hard_stop" in inspect.signature(self._manager.stop).parameters else {}
        self._manager.stop(block=True, timeout=STOP_SECONDS, **hard)


def attentions(model: Any) -> tuple[str | None, ...]:
    """Return the attentions to try, None for the library's choice.

    On a GPU the library looks for flash attention, which takes no 32-bit numbers, and what it finds may fail to load,
    or at the first query: then the model's own attention has its turn.
    """
    own = f"paged|{model.config._attn_implementation}"
    if model.device.type == "cpu":
        return (None,)
    return (None, own) if model.dtype.itemsize == 2 else (own,)


def _started(model: Any, attention: str | None, make: Callable[[], Any]) -> Any:
    """Return a manager whose thread runs. Raises Unsupported."""
    try:
        if attention is not None:
            model.set_attn_implementation(attention)
        manager = make()
        if not hasattr(manager, "register_result_handler"):
            raise Unsupported("this release of transformers cannot hand over tokens one at a time")
        if not {"temperature", "top_p"} <= set(manager.logit_processor.supported_keys):
            raise Unsupported("this release of transformers has no sampling per request")
        manager.warmup()
        manager.start()
        return manager
    except Unsupported:
        raise
    except Exception as error:
        raise Unsupported(f"{type(error).__name__}: {' '.join(str(error).split())[:200]}") from error


def _settings(model: Any, memory_share: float) -> dict[str, Any]:
    wanted: dict[str, Any] = {
        "per_request_processors": True,
        "max_memory_percent": memory_share,
        "max_requests_per_batch": MOST_REQUESTS,
    }
    if model.device.type != "cpu":
        return wanted
    config = model.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    # Keys and values of every layer.
    block_bytes = 2 * config.num_hidden_layers * heads * width * model.dtype.itemsize * CPU_BLOCK_TOKENS
    blocks = max(16, min(4096, min(CPU_CACHE_BYTES, _free_bytes() // 4) // block_bytes))
    return {**wanted, "block_size": CPU_BLOCK_TOKENS, "num_blocks": blocks, "max_batch_tokens": CPU_BATCH_TOKENS}


def _capacity(config: Any) -> int | None:
    """Return the tokens that fit into the cache, less one block; None if the library does not say."""
    size = getattr(config, "block_size", None) or getattr(config, "page_size", None)
    return (config.num_blocks - 1) * size if config.num_blocks and size else None


def _free_bytes() -> int:
    try:
        import psutil
    except ImportError as error:
        raise Unsupported("on a CPU it needs the package psutil") from error
    return int(psutil.virtual_memory().available)


def _reason(error: str) -> str:
    return "the GPU has no memory left" if "out of memory" in error.lower() else " ".join(error.split())[:200]
