"""What can be known about weights without torch: whether their files are there."""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights of one engine. `name` is a folder, or an id that transformers itself finds.

    `tokenizer` is a folder if the tokenizer is not with the weights. With `is_random` only the shape is taken, from
    config.json.
    """

    name: str
    tokenizer: str | None = None
    is_random: bool = False
    is_embedding: bool = False

    @property
    def folder(self) -> Path | None:
        """The folder, None for an id."""
        is_path = self.name.startswith(("/", ".", "~")) or self.name.count("/") > 1 or Path(self.name).is_dir()
        return Path(self.name).expanduser() if is_path else None

    def problem(self) -> str | None:
        """Return why the files cannot be served, None if they seem complete, or for an id."""
        folder = self.folder
        if folder is None:
            return None
        if not folder.is_dir():
            return f"{self.name}: is not a folder; name one with config.json and weights, or an id such as org/name"
        try:
            is_object = isinstance(json.loads((folder / "config.json").read_bytes()), dict)
        except FileNotFoundError:
            return f"{self.name}: has no config.json; name the folder that `save_pretrained` wrote"
        except (OSError, ValueError):
            is_object = False
        if not is_object:
            return f"{self.name}/config.json: cannot be read as a JSON object; write the checkpoint again"
        if not self.is_random and not any(folder.glob("*.safetensors")):
            return (
                f"{self.name}: has no .safetensors file, and pickled weights are never loaded; save it again with "
                "`save_pretrained`, or set `random: true` where only speed matters"
            )
        return None
