"""What a URN says of a resource."""


def resource_type(urn: str) -> str:
    """The type token of the resource itself, without the types of its parents that a URN carries before it.

    The SDK's `request.type` keeps them (`Fleet$Endpoint$databricks:index/modelServing:ModelServing`).
    """
    return urn.split("::")[2].rsplit("$", 1)[-1]
