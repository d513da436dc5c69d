"""Load a checkpoint, or random weights of its shape, onto a device."""

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

from bandplan.stub.inference.transformers_engine.worker.prompts import OwnPrompts, Prompts, StandInPrompts

GIGABYTE = 1e9

NO_LIMIT = 10**6
"""Tokenizers without a limit state one of 10^30."""


class Unusable(Exception):
    """The weights cannot be served here; the message has the finding and what to do."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to load: `weights` is a folder or an id, `tokenizer` a folder if the tokenizer lies elsewhere. `device` is
    `auto`, `cpu` or a CUDA device. `gpu_share` is the part of the GPU's memory that everything may take.
    """

    weights: str
    tokenizer: str | None = None
    is_random: bool = False
    is_embedding: bool = False
    device: str = "auto"
    context_tokens: int | None = None
    gpu_share: float = 0.9


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model on its device. `end_tokens`, `temperature`, `top_p` and `top_k` are the checkpoint's own."""

    model: PreTrainedModel
    prompts: Prompts
    tokenizer: Any
    context_tokens: int | None
    end_tokens: frozenset[int]
    temperature: float
    top_p: float
    top_k: int | None
    weights_bytes: int

    @property
    def device_name(self) -> str:
        device = self.model.device
        return "CPU" if device.type == "cpu" else str(torch.cuda.get_device_name(device))

    def second(self) -> Any:
        """Return a model with the same weights, in the same memory, and a configuration of its own: continuous batching
        changes how attention is computed.
        """
        shared = {id(one): one for one in (*self.model.parameters(), *self.model.buffers())}
        return copy.deepcopy(self.model, shared)


def load(wanted: Wanted, tell: Callable[[str], None]) -> Loaded:
    """Load what is wanted. Raises Unusable."""
    device = _device(wanted.device)
    try:
        config = AutoConfig.from_pretrained(wanted.weights)
    except Exception as error:
        raise _not_loaded(wanted, error) from error
    kind = AutoModel if wanted.is_embedding else AutoModelForCausalLM
    if not wanted.is_embedding and not _is_generative(config):
        raise Unusable(f"{wanted.weights}: {config.model_type} models generate no text; serve it for embeddings")
    text_config = config.get_text_config()
    dtype = torch.float32 if device.type == "cpu" else (config.dtype or torch.bfloat16)
    _check_memory(wanted, kind, config, dtype, device)
    tokenizer = _tokenizer(wanted)
    has_template = bool(getattr(tokenizer, "chat_template", None))
    tell(f"{'making random weights' if wanted.is_random else 'loading weights'} on {device}")
    try:
        if wanted.is_random:
            with torch.device(device):
                model = kind.from_config(config, dtype=dtype)
        else:
            # Only safetensors: other files are pickles, which can run code.
            model = kind.from_pretrained(wanted.weights, dtype=dtype, use_safetensors=True).to(device)
    except torch.OutOfMemoryError as error:
        raise Unusable(f"{wanted.weights}: does not fit into the free memory of {device}; free some") from error
    except Exception as error:
        raise _not_loaded(wanted, error) from error
    model.eval()
    stated = _stated_generation(model)
    has_own = tokenizer is not None and (has_template or not wanted.is_random or wanted.is_embedding)
    return Loaded(
        model=model,
        prompts=OwnPrompts(tokenizer) if has_own else StandInPrompts(text_config.vocab_size),
        tokenizer=tokenizer,
        context_tokens=_context(wanted, text_config, tokenizer),
        end_tokens=_end_tokens(model, tokenizer, text_config.vocab_size),
        temperature=float(stated.get("temperature") or 1.0),
        top_p=float(stated.get("top_p") or 1.0),
        top_k=stated.get("top_k"),
        weights_bytes=sum(one.numel() * one.element_size() for one in model.parameters()),
    )


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise Unusable(f"device {name}: torch {torch.__version__} sees no GPU; use the device cpu")
    return device


def _is_generative(config: Any) -> bool:
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING

    architectures = config.architectures or []
    is_masked = bool(architectures) and not any("CausalLM" in one or "ConditionalGen" in one for one in architectures)
    return type(config) in MODEL_FOR_CAUSAL_LM_MAPPING and not (is_masked and config.model_type in ("bert", "roberta"))


def _check_memory(wanted: Wanted, kind: Any, config: Any, dtype: torch.dtype, device: torch.device) -> None:
    """Raise Unusable if the weights alone are larger than the memory that is free for them."""
    with torch.device("meta"):
        try:
            empty = kind.from_config(config, dtype=dtype)
        except Exception as error:
            raise _not_loaded(wanted, error) from error
    needed = sum(one.numel() * one.element_size() for one in empty.parameters())
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        usable, place = min(free, int(total * wanted.gpu_share)), f"{device}'s {total / GIGABYTE:.1f} GB"
    else:
        usable, place = _free_memory(), "this machine's memory"
    if needed > usable:
        raise Unusable(
            f"{wanted.weights}: not enough memory: the weights take {needed / GIGABYTE:.1f} GB as {_name(dtype)}, and "
            f"{usable / GIGABYTE:.1f} GB of {place} are free for them; free some, or name smaller weights"
        )


def _free_memory() -> int:
    """Return the bytes of memory that are available, by Linux's own figure; a lot where there is none."""
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 2**62


def _tokenizer(wanted: Wanted) -> Any:
    try:
        return AutoTokenizer.from_pretrained(wanted.tokenizer or wanted.weights)
    except Exception as error:
        if wanted.is_random and not wanted.is_embedding:
            return None
        raise Unusable(f"{wanted.tokenizer or wanted.weights}: has no usable tokenizer: {_short(error)}") from error


def _stated_generation(model: Any) -> Mapping[str, Any]:
    generation = getattr(model, "generation_config", None)
    if generation is None:
        return {}
    stated: Mapping[str, Any] = json.loads(generation.to_json_string(use_diff=True))
    return stated


def _end_tokens(model: Any, tokenizer: Any, vocabulary: int) -> frozenset[int]:
    ends = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
    if ends is None:
        ends = getattr(tokenizer, "eos_token_id", None)
    listed = ends if isinstance(ends, (list, tuple)) else [ends]
    return frozenset(int(one) for one in listed if one is not None and 0 <= int(one) < vocabulary)


def _context(wanted: Wanted, config: Any, tokenizer: Any) -> int | None:
    stated = [wanted.context_tokens, getattr(config, "max_position_embeddings", None)]
    if wanted.is_embedding:
        stated.append(getattr(tokenizer, "model_max_length", None))
    known = [int(one) for one in stated if one and int(one) < NO_LIMIT * 10]
    return min(known) if known else None


def _not_loaded(wanted: Wanted, error: Exception) -> Unusable:
    if "trust_remote_code" in str(error):
        return Unusable(f"{wanted.weights}: needs code of its own, which is never run; use the engine vllm or openai")
    return Unusable(f"{wanted.weights}: cannot be loaded: {_short(error)}")


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
