"""The weights of a run or of another model: what their listing shows, before MLflow copies them."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bandplan.serving.registration.checks.remote_weights import remote_findings

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"


@dataclass
class Info:
    """As MLflow's FileInfo: a folder has no size."""

    path: str
    is_dir: bool
    file_size: int | None


@dataclass
class Artifacts:
    """Files by path; `fetched` are those that were downloaded."""

    files: dict[str, bytes]
    has_sizes: bool = True
    fetched: list[str] = field(default_factory=list)

    def list_artifacts(self, path: str) -> list[Info]:
        inner = {name.removeprefix(f"{path}/") for name in self.files if name.startswith(f"{path}/")}
        folders = {name.split("/")[0] for name in inner if "/" in name}
        listed = [Info(f"{path}/{name}", True, None) for name in sorted(folders)]
        return listed + [
            Info(f"{path}/{name}", False, len(self.files[f"{path}/{name}"]) if self.has_sizes else None)
            for name in sorted(inner)
            if "/" not in name
        ]

    def download_artifacts(self, artifact_path: str, dst_path: str) -> str:
        self.fetched.append(artifact_path)
        target = Path(dst_path, artifact_path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(self.files[artifact_path])
        return str(target)


def index(*shards: str) -> bytes:
    return json.dumps({"weight_map": {f"t{number}": shard for number, shard in enumerate(shards)}}).encode()


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"model.safetensors": b"w" * 5000}, None),
        ({"pytorch_model.bin": b"w" * 5000, "config.json": b"{}"}, None),
        ({"model.safetensors.index.json": index("a.safetensors"), "a.safetensors": b"w" * 5000}, None),
        ({"model.safetensors.index.json": index("deep/a.safetensors"), "deep/a.safetensors": b"w" * 5000}, None),
        ({"config.json": b"{}"}, "model: no weights"),
        ({}, "model: no weights"),
        ({"model.gguf": b"w" * 5000}, "model: only model.gguf"),
        (
            {"model.safetensors.index.json": index("a.safetensors", "b.safetensors"), "a.safetensors": b"w" * 5000},
            "model/model.safetensors.index.json: 1 of 2 files are missing: b.safetensors",
        ),
        ({"model.safetensors.index.json": b"{}"}, "model/model.safetensors.index.json: no weight_map"),
        ({"model.safetensors": POINTER}, "model/model.safetensors: is a Git LFS pointer"),
        ({"pytorch_model.bin": POINTER}, "model/pytorch_model.bin: is a Git LFS pointer"),
    ],
)
def test_weights_are_judged_by_name_and_size(tmp_path: Path, files: dict[str, bytes], said: str | None) -> None:
    artifacts = Artifacts({f"model/{name}": content for name, content in files.items()})
    found = [str(one) for one in remote_findings(artifacts, "model", "runs:/1/m", tmp_path)]
    assert len(found) == (0 if said is None else 1)
    assert all(one.startswith(f"runs:/1/m/{said}") for one in found)


def test_weights_themselves_are_never_fetched(tmp_path: Path) -> None:
    files = {"model/model.safetensors.index.json": index("a.safetensors"), "model/a.safetensors": b"w" * 5000}
    for has_sizes in (True, False):
        artifacts = Artifacts(files, has_sizes)
        remote_findings(artifacts, "model", "runs:/1/m", tmp_path)
        assert artifacts.fetched == ["model/model.safetensors.index.json"]
