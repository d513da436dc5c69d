"""Capacity of legacy optimized LLM serving, which the platform has deprecated."""

from typing import Annotated, Literal

from pydantic import Field

from bandplan.serving.spec.shape import Flag, IfGiven, Number, Shape

WorkloadType = Literal["CPU", "GPU_SMALL", "GPU_LARGE", "GPU_LARGE_2"]
WorkloadSize = Literal["Small", "Medium", "Large"]


class Workload(Shape):
    """Compute of a legacy served model.

    Source: Optimized LLM serving (docs.databricks.com), which prints these values with an "etc."; others are refused
    until known.
    """

    type: IfGiven[WorkloadType] = Field(
        default=None,
        description="Compute kind; derived from parameters_billion if omitted.",
        examples=["GPU_LARGE"],
    )
    size: WorkloadSize = Field(description="Scale-out size.", examples=["Small"])
    parameters_billion: Annotated[Number, Field(gt=0)] = Field(
        description="Parameters of the model, in billions.", examples=[7]
    )
    scale_to_zero: Flag = Field(default=False, description="Whether to scale to zero when idle; CPU only.")
    gpu_access_confirmed: Flag = Field(
        default=False,
        description="Whether the Databricks account team has granted GPU access (50 billion parameters and more).",
    )
