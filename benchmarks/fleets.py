"""A models.yaml with any number of endpoints, over models in the stub's catalogue."""

from itertools import cycle, islice

_MODELS = [
    ("llm/v1/chat", "system.ai.llama_v3_3_70b_instruct", "1", "{bands: {min: 2, max: 4}}"),
    ("llm/v1/chat", "system.ai.llama_v3_2_3b_instruct", "1", "{bands: {min: 1, max: 2}}"),
    ("llm/v1/chat", "system.ai.llama-4-maverick", "1", "{model_units: 50}"),
    ("llm/v1/completions", "system.ai.mistral_7b_instruct", "1", "{bands: {min: 1, max: 3}}"),
    ("llm/v1/embeddings", "system.ai.bge_large_en_v1_5", "1", "{bands: {min: 1, max: 2}}"),
]


def models_yaml(count: int) -> str:
    """Return `count` entries named e0, e1, …, with the models in turn."""
    lines = ["version: 1", "models:"]
    for number, (task, model, version, throughput) in enumerate(islice(cycle(_MODELS), count)):
        lines.append(
            f'  - {{name: e{number}, task: {task}, model: {model}, version: "{version}", throughput: {throughput}}}'
        )
    return "\n".join(lines) + "\n"
