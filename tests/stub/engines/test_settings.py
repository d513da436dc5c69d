"""Engine settings as people write them: every problem at once, and never a value that may be a key."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from bandplan.stub.inference.selection.checks import has_chat_template, problems
from bandplan.stub.inference.selection.machine import ThisMachine, head_size
from bandplan.stub.inference.selection.memory import Gpu, read_gpus
from bandplan.stub.inference.selection.settings import Settings, SettingsError, is_folder, read
from tests.stub.engines.fake_vllm import installed

SERVER = "http://127.0.0.1:8000/v1"
URL = "must be a URL such as http://127.0.0.1:8000/v1"
ROOT = Path(__file__).parents[3]
LLAMA = ROOT / "examples" / "checkpoints" / "tiny-llama"


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("engine", "ollama", "must be one of: simulated, openai, transformers, vllm, auto"),
        ("url", "127.0.0.1:8000", URL),
        ("url", "ftp://127.0.0.1/", URL),
        ("url", "http://127.0.0.1:99999/v1", URL),
        ("url", "http://127.0.0.1/v1?key=1", URL),
        ("url", "http://127.0.0.1/v1\r\nX: y", URL),
        ("url", 5, URL),
        ("url", "http://me:secret@127.0.0.1/v1", "must not contain a user or password"),
        ("url", "http://10.0.0.1/v1", "10.0.0.1 is not this machine; start the local workspace with"),
        ("key_env", "sk-proj-1234", "must be the name of an environment variable, never the key itself"),
        ("weights", "", "must be a folder, or an id such as org/name"),
        ("weights", "org name", "must be a folder, or an id such as org/name"),
        ("random", 1, "must be true or false"),
        ("context_tokens", 0, "must be an integer from 1 to 10,000,000"),
        ("context_tokens", True, "must be an integer from 1 to 10,000,000"),
        ("gpu_share", 1.5, "must be a number from 0.01 to 1"),
        ("model", "a\nb", "must be a name of one line"),
        ("arguments", "--dtype half", 'must be a list of strings, such as ["--dtype", "half"]'),
        ("arguments", [5], "must be a list of strings"),
        ("arguments", ["--port", "1"], "--port is set by the workspace; leave it out"),
        (
            "arguments",
            ["--max_model_len=9"],
            "--max-model-len is set by the workspace; leave it out, and set `context_tokens`",
        ),
        ("arguments", ["--api-key=secret"], "--api-key would be readable in the list of processes"),
        ("arguments", ["--api_k", "secret"], "--api-key would be readable in the list of processes"),
        ("arguments", ["--ho=0.0.0.0"], "--host is set by the workspace"),
        (
            "speed",
            1,
            "must be one of: engine, url, model, key_env, weights, random, context_tokens, gpu_share, arguments",
        ),
    ],
)
def test_problem_is_told_with_its_key_and_never_with_a_value_that_may_be_a_secret(
    key: str, value: Any, rule: str
) -> None:
    with pytest.raises(SettingsError) as told:
        read({key: value}, allowed_hosts=())
    assert str(told.value).startswith(f"{key}: {rule}")
    assert "secret" not in str(told.value) and "sk-" not in str(told.value)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as told:
        read({"engine": "x", "gpu_share": 0, "speed": 1})
    assert len(str(told.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"random": True}, "random: needs `weights`"),
        ({"engine": "vllm", "key_env": "KEY"}, "key_env: only the engine openai uses a key"),
        ({"engine": "transformers", "arguments": ["-v"]}, "arguments: they are those of `vllm serve`"),
    ],
)
def test_settings_that_contradict_each_other_are_told(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        read(given)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8000/v1", "http://localhost:11434", "http://[::1]:8000/v1", "https://models.example.com/v1"],
)
def test_loopback_and_allowed_hosts_are_accepted(url: str) -> None:
    assert read({"url": url}, allowed_hosts=("models.example.com",)) == Settings(url=url)


def test_null_counts_as_absent() -> None:
    assert read({"engine": None, "weights": None}) == Settings()


@pytest.mark.parametrize("weights", ["/models/x", "./x", "../x", "~/x", "models/a/b"])
def test_path_is_a_folder(weights: str) -> None:
    assert is_folder(weights)


@pytest.mark.parametrize("weights", ["org/name", "gpt2"])
def test_anything_else_is_an_id(weights: str) -> None:
    assert not is_folder(weights)


def found(**row: Any) -> list[str]:
    return list(problems({"chat": row}, default="auto"))


def test_folder_of_weights_must_exist_and_hold_them(tmp_path: Path) -> None:
    assert found(weights=str(LLAMA)) == []
    assert found(weights=str(tmp_path / "missing")) == [
        f"chat/weights: {tmp_path / 'missing'} is not a folder; name an existing checkpoint, or an id such as org/name"
    ]
    assert found(weights=str(tmp_path)) == [
        f"chat/weights: {tmp_path} has no config.json; name the folder that `save_pretrained` wrote"
    ]
    (tmp_path / "config.json").write_text("{}")
    assert found(weights=str(tmp_path)) == [
        f"chat/weights: {tmp_path} has no weights; add them, or set `random: true` to use only its shape"
    ]
    assert found(weights=str(tmp_path), random=True) == []


def test_weights_larger_than_the_memory_are_told_before_anything_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with (tmp_path / "model.safetensors").open("wb") as file:
        file.truncate(1 << 43)  # 8 TiB in a sparse file
    (line,) = problems({"chat": {"weights": str(tmp_path)}}, default="vllm")
    assert f"{tmp_path} has 8,388,608 MiB of weights, and this machine" in line
    assert found(weights=str(tmp_path), engine="simulated") == [], "an engine that loads none needs no memory"
    assert found(weights=str(tmp_path)) == [], "auto passes over what has too little of it"
    divided = {"weights": str(tmp_path), "arguments": ["--tensor-parallel-size", "8"]}
    assert list(problems({"chat": divided}, default="vllm")) == []


@pytest.mark.parametrize(
    ("more", "is_told"),
    [
        ({}, True),
        ({"*": {"url": SERVER}}, False),
        ({"system.ai.model": {"url": SERVER}}, False),  # perhaps the model of the endpoint
        ({"other": {"url": SERVER}}, True),
    ],
)
def test_server_without_a_url_is_told_with_all_other_problems(more: dict[str, Any], is_told: bool) -> None:
    told = list(problems({"a": {"engine": "openai"}, "b": {"weights": "/nowhere", "engine": "vllm"}, **more}))
    assert [line.partition(":")[0] for line in told if line[0] == "a"] == ["a/url"] * is_told
    assert [line.partition(":")[0] for line in told if line[0] == "b"] == ["b/engine", "b/weights"]


def test_gpus_are_asked_for_once_however_many_rows_name_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    smi = tmp_path / "nvidia-smi"
    smi.write_text(f"#!/bin/sh\necho asked >> {tmp_path}/asked\necho 'NVIDIA L4, 23034, 22500'\n")
    smi.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    (tmp_path / "config.json").write_text("{}")
    with (tmp_path / "model.safetensors").open("wb") as file:
        file.truncate(24 * 1024**3)
    rows = {name: {"weights": str(tmp_path)} for name in ("a", "b", "c")}
    assert len(list(problems(rows, default="transformers"))) == 3
    assert (tmp_path / "asked").read_text() == "asked\n"
    assert list(problems({"a": {"engine": "simulated"}})) == []
    assert (tmp_path / "asked").read_text() == "asked\n", "settings without weights need no GPU"


def test_auto_passes_over_an_engine_whose_memory_is_too_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    smi = tmp_path / "nvidia-smi"
    smi.write_text("#!/bin/sh\necho 'NVIDIA L4, 23034, 22500'\n")
    smi.chmod(0o755)
    installed(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    weights = tmp_path / "weights"
    weights.mkdir()
    with (weights / "model.safetensors").open("wb") as file:
        file.truncate(24 * 1024**3)  # 24,576 MiB in a sparse file

    async def answers(settings: Settings) -> str | None:
        return None

    machine = ThisMachine(None, answers)
    lack = asyncio.run(machine.lack("vllm", Settings(), str(weights)))
    assert lack == (f"{weights} has 24,576 MiB of weights, and the GPU (NVIDIA L4) has 23,034 MiB; name smaller ones")
    assert asyncio.run(machine.lack("vllm", Settings(random=True), str(weights))) is None
    assert asyncio.run(machine.lack("vllm", Settings(), "org/name")) is None


def test_engine_that_is_not_installed_is_told_with_the_way_to_install_it(tmp_path: Path) -> None:
    python = tmp_path / "bin" / "python"
    (line,) = problems({"chat": {"engine": "vllm"}}, engine_python=python)
    assert line == f"chat/engine: there is no command `vllm` beside {python}; run `{python} -m pip install vllm`"
    (tmp_path / "pyvenv.cfg").touch()
    (line,) = problems({"chat": {"engine": "transformers"}}, engine_python=python)
    assert line == f"chat/engine: the environment of {python} has no torch; run `{python} -m pip install torch`"


def test_chat_template_is_found_in_the_configuration_or_in_a_file_of_its_own(tmp_path: Path) -> None:
    assert has_chat_template(LLAMA)
    assert not has_chat_template(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": None}))
    assert not has_chat_template(tmp_path)
    (tmp_path / "chat_template.jinja").write_text("{{ messages }}")
    assert has_chat_template(tmp_path)


def test_head_size_is_read_from_the_configuration(tmp_path: Path) -> None:
    assert head_size(LLAMA) == 8
    assert head_size(tmp_path) is None
    (tmp_path / "config.json").write_text(json.dumps({"hidden_size": 4096, "num_attention_heads": 32}))
    assert head_size(tmp_path) == 128  # 4096 / 32


def test_auto_passes_over_vllm_for_heads_that_it_cannot_serve() -> None:
    async def answers(settings: Settings) -> str | None:
        return None

    lack = asyncio.run(ThisMachine(None, answers).lack("vllm", Settings(), str(LLAMA)))
    assert lack == "vLLM serves heads of 32 or more, and those of this model have 8"


def test_gpus_are_read_as_nvidia_smi_lists_them() -> None:
    text = "NVIDIA H200, 143771, 143200\nNVIDIA GB10, [N/A], [N/A]\nNVIDIA L4, 23034, 22500\n"
    assert read_gpus(text) == (Gpu("NVIDIA H200", 143771, 143200), Gpu("NVIDIA L4", 23034, 22500))


def test_auto_passes_over_a_python_that_cannot_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    smi, python = tmp_path / "nvidia-smi", tmp_path / "python"
    smi.write_text("#!/bin/sh\necho 'NVIDIA L4, 23034, 22500'\n")
    python.write_text("#!/there/is/none\n")
    for program in (smi, python):
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    async def answers(settings: Settings) -> str | None:
        return None

    lack = asyncio.run(ThisMachine(python, answers).lack("transformers", Settings(), "org/name"))
    assert lack == f"{python} cannot be started (No such file or directory); name another Python with --engine-python"
