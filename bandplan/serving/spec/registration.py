"""A model version that this deployment registers, and a version that an alias names."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from bandplan.serving.spec.shape import Flag, IfGiven, ModelName, Prose, Shape, Text, VersionNumber

MlflowVersion = Annotated[str, Field(strict=True, pattern=r"^[0-9]{1,6}\.[0-9]{1,6}(\.[0-9]{1,6})?$")]
Alias = Annotated[str, Field(strict=True, pattern=r"^[A-Za-z0-9_-]{1,255}$")]
TagKey = Annotated[str, Field(strict=True, min_length=1, max_length=250)]
TagValue = Annotated[str, Field(strict=True, max_length=5000)]
OWN_TAG_PREFIX = "bandplan."
"""Prefix of bandplan's own tags of a version; nobody else sets them."""


class ModelGrant(Shape):
    """Privileges of one principal on a registered model."""

    principal: Text = Field(description="User, group or service principal.", examples=["search-apps"])
    privileges: Annotated[
        tuple[Literal["EXECUTE", "APPLY_TAG", "MANAGE", "ALL_PRIVILEGES"], ...], Field(min_length=1)
    ] = Field(description="What the principal may do with the model.", examples=[["EXECUTE"]])


class Registration(Shape):
    """The version to register in Unity Catalog through MLflow before the endpoint is created."""

    name: ModelName = Field(
        description="Three-level Unity Catalog name to register under.", examples=["ml.search.gte_finetuned"]
    )
    source: Text = Field(
        description="Logged model (runs:/ or models:/), or a local checkpoint folder that this deployment logs.",
        examples=["runs:/0123/model"],
    )
    metadata: dict[Text, Text] = Field(
        default_factory=dict,
        description="Metadata of the logged model; model_type for embedding models.",
        examples=[{"model_type": "gte-large"}],
    )
    alias: IfGiven[Alias] = Field(default=None, description="Alias to set on the new version.", examples=["champion"])
    mlflow_version: IfGiven[MlflowVersion] = Field(
        default=None,
        description="Version of MLflow that logs the model; it decides where the task is written.",
        examples=["3.11.0"],
    )
    description: IfGiven[Prose] = Field(
        default=None, description="Description of the version.", examples=["Fine-tuned on the product catalogue of May"]
    )
    tags: dict[TagKey, TagValue] = Field(
        default_factory=dict, description="Tags of the version.", examples=[{"training-run": "2027-05"}]
    )
    retain: Flag = Field(
        default=True, description="Whether to keep the version once it is no longer declared or the stack is destroyed."
    )
    comment: IfGiven[Prose] = Field(
        default=None, description="Description of the registered model.", examples=["Embeddings of products"]
    )
    owner: IfGiven[Text] = Field(default=None, description="Owner of the registered model.", examples=["ml-platform"])
    grants: IfGiven[tuple[ModelGrant, ...]] = Field(
        default=None,
        description="All privileges on the registered model; any others are revoked.",
        examples=[[{"principal": "search-apps", "privileges": ["EXECUTE"]}]],
    )

    @property
    def model_type(self) -> str | None:
        """The model_type in the metadata of the logged model, as far as it is known."""
        return self.metadata.get("model_type") or None

    @property
    def is_logged_here(self) -> bool:
        """Whether the source is a local folder, which this deployment logs itself."""
        return not self.source.startswith(("runs:/", "models:/"))


class LoggedRegistration(Registration):
    """A registration of a folder that MLflow has written, once its MLmodel file has been read.

    Never written in a file. `metadata` is then the requested one, `logged_model_type` the type that the model was
    logged with.
    """

    logged_model_type: str | None = None

    @property
    def model_type(self) -> str | None:
        return self.logged_model_type


class FollowedAlias(Shape):
    """The version that an alias points to at the time of a preview or deployment."""

    alias: Alias = Field(description="Alias to follow.", examples=["champion"])


class PinnedAlias(FollowedAlias):
    """A followed alias once it is resolved: to a version, or to the one that this deployment registers.

    Never written in a file. Exactly one of `number` and `registration` is set.
    """

    number: VersionNumber | None = None
    registration: Registration | None = None


def _kind_of_version(value: object) -> str:
    return "<alias>" if isinstance(value, (dict, FollowedAlias)) else "<number>"


ModelVersionReference = Annotated[
    Annotated[VersionNumber, Tag("<number>")] | Annotated[FollowedAlias, Tag("<alias>")],
    Discriminator(_kind_of_version),
]
