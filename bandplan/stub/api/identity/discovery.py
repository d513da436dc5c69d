"""Identity of the workspace and its user: host discovery, SCIM Me, the metastore."""

from starlette.routing import Route

from bandplan.stub.api.answers import Answer
from bandplan.stub.api.routing import route
from bandplan.stub.state.workspace import ACCOUNT_ID, METASTORE_ID, USER_GROUP, USER_ID, USER_NAME


def routes(workspace_id: str, host: str) -> list[Route]:
    # workspace_id is a string here: as a number the Go client fails to decode it. The metastore answer has a number.
    discovery = Answer(
        {
            "oidc_endpoint": f"{host}/oidc",
            "workspace_id": workspace_id,
            "account_id": ACCOUNT_ID,
            "cloud": "AWS",
            "host_type": "workspace",
        }
    )
    me = Answer(
        {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "id": USER_ID,
            "userName": USER_NAME,
            "displayName": "Local developer",
            "active": True,
            "emails": [{"value": USER_NAME, "primary": True, "type": "work"}],
            "groups": [{"display": USER_GROUP, "value": "1000000000000002"}],
        }
    )
    metastore = Answer({"metastore_id": METASTORE_ID, "workspace_id": int(workspace_id), "default_catalog_name": "ml"})
    return [
        route("GET", "/.well-known/databricks-config", discovery),
        route("GET", "/api/2.0/preview/scim/v2/Me", me),
        route("GET", "/api/2.1/unity-catalog/current-metastore-assignment", metastore),
    ]
