"""A model version that this deploy makes."""

from typing import Annotated

from pydantic import Field

from serving.spec.shape import IfGiven, ModelName, Shape, Text

MlflowVersion = Annotated[str, Field(strict=True, pattern=r"^[0-9]{1,6}\.[0-9]{1,6}(\.[0-9]{1,6})?$")]
Alias = Annotated[str, Field(strict=True, pattern=r"^[A-Za-z0-9_-]{1,255}$")]


class Registration(Shape):
    """What to register in Unity Catalog through MLflow before the endpoint is made."""

    name: ModelName = Field(
        description="Three-level Unity Catalog name to register under.", examples=["ml.search.gte_finetuned"]
    )
    source: Text = Field(
        description="Logged model (runs:/ or models:/), or a local checkpoint folder that this deploy logs.",
        examples=["runs:/0123/model"],
    )
    metadata: dict[Text, Text] = Field(
        default_factory=dict,
        description="Metadata of the logged model; model_type for embedding models.",
        examples=[{"model_type": "gte-large"}],
    )
    alias: IfGiven[Alias] = Field(default=None, description="Alias to set on the new version.", examples=["champion"])
    mlflow_version: IfGiven[MlflowVersion] = Field(
        default=None, description="MLflow that logs the model; decides where the task is written.", examples=["3.11.0"]
    )

    @property
    def is_logged_here(self) -> bool:
        """Whether the source is a local folder, which this deploy logs itself."""
        return not self.source.startswith(("runs:/", "models:/"))
