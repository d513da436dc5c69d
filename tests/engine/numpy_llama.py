"""A Llama in numpy, written from its paper: another witness of what a checkpoint answers, greedily."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np


def greedy(folder: Path, ids: list[int], count: int) -> list[int]:
    """The `count` most likely tokens after `ids`, one after the other."""
    config = json.loads((folder / "config.json").read_text())
    weights = _weights(folder)
    given: list[int] = []
    for _ in range(count):
        logits = _forward(config, weights, np.array([*ids, *given]))
        given.append(int(logits[-1].argmax()))
    return given


def _forward(config: dict[str, Any], weights: dict[str, Any], ids: Any) -> Any:
    """The logits after every position."""
    heads, shared, size = config["num_attention_heads"], config["num_key_value_heads"], config["head_dim"]
    length, epsilon = len(ids), config["rms_norm_eps"]
    hidden = weights["model.embed_tokens.weight"][ids]
    mask = np.triu(np.full((length, length), -np.inf), 1)
    for layer in range(config["num_hidden_layers"]):
        own = f"model.layers.{layer}."

        def times(name: str, value: Any, own: str = own) -> Any:
            return value @ weights[f"{own}{name}.weight"].T

        inner = _normed(hidden, weights[own + "input_layernorm.weight"], epsilon)
        query = _rotated(times("self_attn.q_proj", inner).reshape(length, heads, size), config["rope_theta"])
        key = _rotated(times("self_attn.k_proj", inner).reshape(length, shared, size), config["rope_theta"])
        value = times("self_attn.v_proj", inner).reshape(length, shared, size)
        key, value = (np.repeat(part, heads // shared, axis=1) for part in (key, value))
        scores = np.einsum("qhd,khd->hqk", query, key) / np.sqrt(size) + mask
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        shares /= shares.sum(-1, keepdims=True)
        mixed = np.einsum("hqk,khd->qhd", shares, value).reshape(length, heads * size)
        hidden = hidden + times("self_attn.o_proj", mixed)
        inner = _normed(hidden, weights[own + "post_attention_layernorm.weight"], epsilon)
        gate = times("mlp.gate_proj", inner)
        hidden = hidden + times("mlp.down_proj", gate / (1 + np.exp(-gate)) * times("mlp.up_proj", inner))
    return _normed(hidden, weights["model.norm.weight"], epsilon) @ weights["lm_head.weight"].T


def _normed(value: Any, weight: Any, epsilon: float) -> Any:
    return value / np.sqrt((value * value).mean(-1, keepdims=True) + epsilon) * weight


def _rotated(value: Any, theta: float) -> Any:
    """Rotate the halves of each head by their position."""
    length, _, size = value.shape
    angle = np.arange(length)[:, None, None] / theta ** (np.arange(0, size, 2) / size)
    first, second = value[..., : size // 2], value[..., size // 2 :]
    return np.concatenate(
        [first * np.cos(angle) - second * np.sin(angle), second * np.cos(angle) + first * np.sin(angle)], axis=-1
    )


def _weights(folder: Path) -> dict[str, Any]:
    raw = (folder / "model.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    found = {}
    for name, row in json.loads(raw[8 : 8 + length]).items():
        if name != "__metadata__":
            first, last = row["data_offsets"]
            bits = np.frombuffer(raw[8 + length + first : 8 + length + last], dtype="<u2").astype(np.uint32) << 16
            found[name] = bits.view(np.float32).astype(np.float64).reshape(row["shape"])
    return found
