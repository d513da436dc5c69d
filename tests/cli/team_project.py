"""The smallest project of a team: its models file, and one stack."""

from pathlib import Path

NO_MODELS = "version: 1\nmodels: []\n"


def write_team_project(root: Path, models: str = NO_MODELS, stack: str = "prod") -> None:
    """Write the files of a project into the existing folder `root`."""
    (root / "Pulumi.yaml").write_text("name: team\n")
    (root / "models.yaml").write_text(models)
    (root / "stacks").mkdir()
    (root / "stacks" / f"Pulumi.{stack}.yaml").write_text("config: {}\n")
