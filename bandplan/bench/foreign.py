"""Results of other tools as curves, and a curve in their shapes.

AIPerf's `profile_export_aiperf.json` (0.13): metrics by tag, statistics in ms, `input_config.loadgen.concurrency`. The
file of `vllm bench serve --save-result`: `mean_ttft_ms`, `output_throughput`, `max_concurrency`; one object, or
one on each line with --append-result. Read 2026-11 in github.com/ai-dynamo/aiperf and github.com/vllm-project/vllm.

AIPerf's `inter_token_latency` is our TPOT: both are over N - 1 of one request. vLLM's `itl` is ours.
"""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from bandplan.bench.problem import BenchProblem

Tool = Literal["vllm", "aiperf"]
TOOLS: Final[tuple[Tool, ...]] = ("vllm", "aiperf")

_VLLM: Final = {"ttft_seconds": "ttft", "tpot_seconds": "tpot", "itl_seconds": "itl", "latency_seconds": "e2el"}
_AIPERF: Final = {
    "ttft_seconds": "time_to_first_token",
    "tpot_seconds": "inter_token_latency",
    "itl_seconds": "inter_chunk_latency",
    "latency_seconds": "request_latency",
}


def imported(paths: Sequence[Path]) -> dict[str, Any]:
    """Return the results in the files as one curve, in ascending order of load. Errors: BenchProblem."""
    points: list[dict[str, Any]] = []
    source, model = "", None
    for path in paths:
        for found in _results(path):
            tool = _tool_of(found, path)
            if source and source != tool:
                step = "import the results of each tool separately"
                raise BenchProblem(f"{path}: has results of {tool} beside those of {source}; {step}")
            source = tool
            point, name = (_from_vllm if tool == "vllm" else _from_aiperf)(found, path)
            points.append(point)
            model = model or name
    points.sort(key=lambda one: one["parallel"] or one["offered_requests_per_second"] or math.inf)
    first = points[0]
    return {
        "version": 1,
        "endpoint": {"name": model or "imported", "model": model},
        "source": source,
        "load": {
            "mode": "imported",
            "input_tokens": _length(first["mean_input_tokens"]),
            "output_tokens": _length(first["mean_output_tokens"]),
        },
        "token_source": "usage" if source == "aiperf" else "asked",
        "curve": points,
    }


def exported(document: Mapping[str, Any], tool: Tool) -> str:
    """Return the levels in another tool's shape: an object per line, or a single one over several lines."""
    results = [(_to_vllm if tool == "vllm" else _to_aiperf)(document, point) for point in document["curve"]]
    if len(results) == 1:
        return json.dumps(results[0], indent=2) + "\n"
    return "".join(json.dumps(one) + "\n" for one in results)


def _results(path: Path) -> list[Mapping[str, Any]]:
    step = "name a profile_export_aiperf.json, or a file of `vllm bench serve --save-result`"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise BenchProblem(f"{path}: {reason}; {step}") from error
    try:
        documents = [json.loads(text)]
    except (ValueError, RecursionError):
        try:
            documents = [json.loads(line) for line in text.splitlines() if line.strip()]
        except (ValueError, RecursionError) as error:
            raise BenchProblem(f"{path}: not JSON: {error}; {step}") from error
    found = [one for document in documents for one in (document if isinstance(document, list) else [document])]
    if not found or not all(isinstance(one, Mapping) for one in found):
        raise BenchProblem(f"{path}: no result; {step}")
    return found


def _tool_of(found: Mapping[str, Any], path: Path) -> Tool:
    if "output_throughput" in found and ("mean_ttft_ms" in found or "request_throughput" in found):
        return "vllm"
    if isinstance(_metrics(found).get("output_token_throughput"), Mapping):
        return "aiperf"
    raise BenchProblem(
        f"{path}: not a result of AIPerf or vLLM: it has neither output_token_throughput nor output_throughput; "
        "name a profile_export_aiperf.json, or a file of `vllm bench serve --save-result`"
    )


def _metrics(found: Mapping[str, Any]) -> Mapping[str, Any]:
    records = found.get("records")
    return records if isinstance(records, Mapping) else found


def _from_vllm(found: Mapping[str, Any], path: Path) -> tuple[dict[str, Any], str | None]:
    completed = _number(found, "completed", path) or 0
    rate = found.get("request_rate")
    is_closed = found.get("max_concurrency") is not None
    point = {
        "parallel": _number(found, "max_concurrency", path),
        "offered_requests_per_second": None
        if is_closed or not isinstance(rate, int | float) or math.isinf(rate)
        else rate,
        "window_seconds": _number(found, "duration", path) or 0.0,
        "requests": {"completed": int(completed), "failed": int(_number(found, "failed", path) or 0)},
        "mean_input_tokens": _ratio(_number(found, "total_input_tokens", path), completed),
        "mean_output_tokens": _ratio(_number(found, "total_output_tokens", path), completed),
        "requests_per_second": _number(found, "request_throughput", path),
        "goodput_requests_per_second": _number(found, "request_goodput", path),
        "output_tokens_per_second": _value(_number(found, "output_throughput", path, needed=True)),
        "total_tokens_per_second": _value(_number(found, "total_token_throughput", path)),
    }
    for ours, theirs in _VLLM.items():
        figures = {
            "mean": _number(found, f"mean_{theirs}_ms", path),
            "p50": _number(found, f"median_{theirs}_ms", path),
            "p95": _number(found, f"p95_{theirs}_ms", path),
            "p99": _number(found, f"p99_{theirs}_ms", path),
        }
        point[ours] = _distribution(int(completed), figures)
    name = found.get("model_id")
    return point, name if isinstance(name, str) else None


def _from_aiperf(found: Mapping[str, Any], path: Path) -> tuple[dict[str, Any], str | None]:
    metrics = _metrics(found)

    def of(tag: str, figure: str = "avg", *, needed: bool = False) -> float | None:
        metric = metrics.get(tag)
        return _number(metric if isinstance(metric, Mapping) else {}, figure, path, needed=needed, place=f"{tag}.")

    config = found.get("input_config")
    config = config if isinstance(config, Mapping) else {}
    load = config.get("loadgen")
    load = load if isinstance(load, Mapping) else {}
    completed = int(of("request_count") or 0)
    output = of("output_token_throughput", needed=True) or 0.0
    given, made = of("input_sequence_length"), of("output_sequence_length")
    total = of("total_token_throughput")
    if total is None and given is not None and made:
        total = output * (given + made) / made
    point = {
        "parallel": _number(load, "concurrency", path),
        "offered_requests_per_second": _number(load, "request_rate", path),
        "window_seconds": of("benchmark_duration") or 0.0,
        "requests": {"completed": completed, "failed": int(of("error_request_count") or 0)},
        "mean_input_tokens": given,
        "mean_output_tokens": made,
        "requests_per_second": of("request_throughput"),
        "goodput_requests_per_second": of("goodput"),
        "output_tokens_per_second": _value(output),
        "total_tokens_per_second": _value(total),
    }
    for ours, theirs in _AIPERF.items():
        figures = {"mean": of(theirs), **{name: of(theirs, name) for name in ("p50", "p95", "p99")}}
        point[ours] = _distribution(completed, figures)
    return point, _model_of(config)


def _model_of(config: Mapping[str, Any]) -> str | None:
    """Return the model's name from either layout of AIPerf's files."""
    endpoint, models = config.get("endpoint"), config.get("models")
    names = endpoint.get("model_names") if isinstance(endpoint, Mapping) else None
    if isinstance(names, list) and names and isinstance(names[0], str):
        return names[0]
    items = models.get("items") if isinstance(models, Mapping) else None
    if isinstance(items, list) and items and isinstance(items[0], Mapping) and isinstance(items[0].get("name"), str):
        return str(items[0]["name"])
    return None


def _to_vllm(document: Mapping[str, Any], point: Mapping[str, Any]) -> dict[str, Any]:
    counts = point.get("requests") or {}
    completed = counts.get("completed", 0)
    result: dict[str, Any] = {
        "date": document.get("started_at"),
        "backend": "openai-chat" if document["endpoint"].get("task") == "chat" else "openai",
        "model_id": document["endpoint"].get("model") or document["endpoint"]["name"],
        "num_prompts": counts.get("sent", completed),
        "request_rate": point.get("offered_requests_per_second") or "inf",
        "max_concurrency": point.get("parallel"),
        "duration": point.get("window_seconds"),
        "completed": completed,
        "failed": counts.get("failed", 0) + counts.get("refused", 0),
        "total_input_tokens": round((point.get("mean_input_tokens") or 0) * completed),
        "total_output_tokens": round((point.get("mean_output_tokens") or 0) * completed),
        "request_throughput": point.get("requests_per_second"),
        "request_goodput": point.get("goodput_requests_per_second"),
        "output_throughput": _plain(point.get("output_tokens_per_second")),
        "total_token_throughput": _plain(point.get("total_tokens_per_second")),
    }
    for ours, theirs in _VLLM.items():
        found = point.get(ours) or {}
        for figure, name in (("mean", "mean"), ("p50", "median"), ("p95", "p95"), ("p99", "p99")):
            value = _plain(found.get(figure))
            if value is not None:
                result[f"{name}_{theirs}_ms"] = value * 1000
    return result


def _to_aiperf(document: Mapping[str, Any], point: Mapping[str, Any]) -> dict[str, Any]:
    counts = point.get("requests") or {}
    figures = {
        "request_throughput": ("requests/sec", point.get("requests_per_second")),
        "request_count": ("requests", counts.get("completed")),
        "error_request_count": ("requests", counts.get("failed", 0) + counts.get("refused", 0)),
        "output_token_throughput": ("tokens/sec", _plain(point.get("output_tokens_per_second"))),
        "total_token_throughput": ("tokens/sec", _plain(point.get("total_tokens_per_second"))),
        "input_sequence_length": ("tokens", point.get("mean_input_tokens")),
        "output_sequence_length": ("tokens", point.get("mean_output_tokens")),
        "goodput": ("requests/sec", point.get("goodput_requests_per_second")),
        "benchmark_duration": ("sec", point.get("window_seconds")),
    }
    result: dict[str, Any] = {
        tag: {"unit": unit, "avg": value} for tag, (unit, value) in figures.items() if value is not None
    }
    for ours, theirs in _AIPERF.items():
        found = point.get(ours)
        if not found:
            continue
        values = {"avg": found.get("mean"), **{name: _plain(found.get(name)) for name in ("p50", "p95", "p99")}}
        known = {name: value * 1000 for name, value in values.items() if value is not None}
        result[theirs] = {"unit": "ms", **known, "count": found["samples"]}
    load = {"concurrency": point.get("parallel"), "request_rate": point.get("offered_requests_per_second")}
    model = document["endpoint"].get("model") or document["endpoint"]["name"]
    result["input_config"] = {"endpoint": {"model_names": [model]}, "loadgen": load}
    return result


def _number(found: Mapping[str, Any], name: str, path: Path, *, needed: bool = False, place: str = "") -> float | None:
    value = found.get(name)
    if value is None and not needed:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value) or value < 0:
        raise BenchProblem(f"{path}: {place}{name}: must be a number of at least 0; export the result again")
    return value


def _distribution(samples: int, milliseconds: Mapping[str, float | None]) -> dict[str, Any] | None:
    """Return the percentiles that the other tool gives; None without any, or if all are 0: nothing was streamed."""
    known = {name: value / 1000 for name, value in milliseconds.items() if value is not None}
    if not any(known.values()):
        return None
    percentiles = {name: {"value": value} for name, value in known.items() if name != "mean"}
    return {"samples": samples, "mean": known.get("mean"), **percentiles}


def _ratio(total: float | None, count: float) -> float | None:
    return total / count if total is not None and count else None


def _length(mean: float | None) -> dict[str, float] | None:
    return None if mean is None else {"mean": mean}


def _value(value: float | None) -> dict[str, float] | None:
    return None if value is None else {"value": value}


def _plain(value: Any) -> Any:
    return value.get("value") if isinstance(value, Mapping) else value
