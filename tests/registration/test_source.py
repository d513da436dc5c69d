from pathlib import Path

import pytest

from bandplan.serving.registration.errors import RegistrationError
from bandplan.serving.registration.sources.source import parse
from tests.checkpoints import write_llama


def test_run_and_models_are_told_apart_by_their_scheme(tmp_path: Path) -> None:
    assert parse("runs:/0123abc/model", tmp_path).kind == "run"
    version = parse("models:/ml.search.gte/3", tmp_path)
    assert (version.kind, version.name, version.version, version.alias) == ("model", "ml.search.gte", "3", None)
    alias = parse("models:/ml.search.gte@champion", tmp_path)
    assert (alias.kind, alias.name, alias.version, alias.alias) == ("model", "ml.search.gte", None, "champion")
    assert parse("models:/m-0123456789abcdef", tmp_path).kind == "model"


def test_folder_is_relative_to_the_root_and_known_by_what_it_holds(tmp_path: Path) -> None:
    write_llama(tmp_path / "checkpoints" / "llama")
    source = parse("checkpoints/llama", tmp_path)
    assert (source.kind, source.folder) == ("checkpoint", (tmp_path / "checkpoints" / "llama").resolve())
    (tmp_path / "logged").mkdir()
    (tmp_path / "logged" / "MLmodel").write_text("flavors: {}")
    assert parse("logged", tmp_path).kind == "mlflow_folder"
    assert parse(str(tmp_path / "logged"), Path("/elsewhere")).kind == "mlflow_folder"


def test_folder_with_an_mlmodel_is_a_logged_model_whatever_else_is_in_it(tmp_path: Path) -> None:
    write_llama(tmp_path / "both")
    (tmp_path / "both" / "MLmodel").write_text("flavors: {}")
    assert parse("both", tmp_path).kind == "mlflow_folder"


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("runs:/abc", "runs:/<run id>/<path of the model in the run>"),
        ("runs:abc/model", "runs:/<run id>"),
        ("models:/gte/3", "models:/catalog.schema.model/3"),
        ("models:/ml.search.gte", "models:/catalog.schema.model@alias"),
        ("models:/ml.search.gte/latest", "models:/catalog.schema.model/3"),
        ("hf://org/model", "download it to a folder first"),
        ("s3://bucket/model", "download it to a folder first"),
        ("missing/folder", "no such folder"),
        ("file.txt", "is a file"),
        ("empty", "save model and tokenizer with `save_pretrained`"),
        ("outer", "name the folder inside it: inner"),
        ("adapter", "merge it into its base model"),
    ],
)
def test_what_is_no_source_is_refused_with_what_to_write(tmp_path: Path, source: str, named: str) -> None:
    (tmp_path / "file.txt").write_text("text")
    (tmp_path / "empty").mkdir()
    write_llama(tmp_path / "outer" / "inner")
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter" / "adapter_config.json").write_text("{}")
    with pytest.raises(RegistrationError) as refused:
        parse(source, tmp_path)
    assert str(refused.value).startswith(source)
    assert named in str(refused.value)
