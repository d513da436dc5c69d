"""A models.yaml with any number of endpoints, over models in the stub's catalogue."""

from itertools import cycle, islice

_MODELS = [
    ("llm/v1/chat", "system.ai.llama_v3_3_70b_instruct", "1", "{bands: {min: 2, max: 4}}"),
    ("llm/v1/chat", "system.ai.llama_v3_2_3b_instruct", "1", "{bands: {min: 1, max: 2}}"),
    ("llm/v1/chat", "system.ai.llama-4-maverick", "1", "{model_units: 50}"),
    ("llm/v1/completions", "system.ai.mistral_7b_instruct", "1", "{bands: {min: 1, max: 3}}"),
    ("llm/v1/embeddings", "system.ai.bge_large_en_v1_5", "1", "{bands: {min: 1, max: 2}}"),
]


def models_yaml_with_targets(count: int) -> str:
    """Return `count` entries with `throughput: auto` and a latency target, each with a demand of its own."""
    lines = ["version: 1", "models:"]
    for number in range(count):
        rate, factor, seconds = 0.1 + number % 37 / 40, 2 + number % 3, (9, 12, 15)[number % 3]
        demand = (
            f"requests_per_second: {rate:.3f}, peak_factor: {factor}, input_tokens: {1000 + number % 11 * 100}, "
            f"output_tokens: {100 + number % 7 * 20}, latency_seconds: {seconds}"
        )
        model = 'model: system.ai.llama_v3_3_70b_instruct, version: "1", throughput: auto'
        lines.append(f"  - {{name: e{number}, task: llm/v1/chat, {model}, demand: {{{demand}}}}}")
    return "\n".join(lines) + "\n"


def models_yaml(count: int) -> str:
    """Return `count` entries named e0, e1, …, with the models in turn."""
    lines = ["version: 1", "models:"]
    for number, (task, model, version, throughput) in enumerate(islice(cycle(_MODELS), count)):
        lines.append(
            f'  - {{name: e{number}, task: {task}, model: {model}, version: "{version}", throughput: {throughput}}}'
        )
    return "\n".join(lines) + "\n"
