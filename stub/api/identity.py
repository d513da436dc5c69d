"""Who the workspace and its user are: host discovery, SCIM Me, the metastore."""

from stub.api.answers import Answer, json_answer
from stub.api.requests import Request
from stub.api.routing import Router
from stub.state.workspace import ACCOUNT_ID, METASTORE_ID, USER_ID, USER_NAME


def add_routes(router: Router, workspace_id: str, host: str) -> None:
    # workspace_id is a string here: as a number the Go client fails to decode it. The metastore answer has a number.
    discovery = json_answer(
        {
            "oidc_endpoint": f"{host}/oidc",
            "workspace_id": workspace_id,
            "account_id": ACCOUNT_ID,
            "cloud": "AWS",
            "host_type": "workspace",
        }
    )
    me = json_answer(
        {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "id": USER_ID,
            "userName": USER_NAME,
            "displayName": "Local developer",
            "active": True,
            "emails": [{"value": USER_NAME, "primary": True, "type": "work"}],
            "groups": [{"display": "users", "value": "1000000000000002"}],
        }
    )
    metastore = json_answer(
        {"metastore_id": METASTORE_ID, "workspace_id": int(workspace_id), "default_catalog_name": "ml"}
    )
    router.add("GET", "/.well-known/databricks-config", lambda request: _fixed(request, discovery))
    router.add("GET", "/api/2.0/preview/scim/v2/Me", lambda request: _fixed(request, me))
    router.add("GET", "/api/2.1/unity-catalog/current-metastore-assignment", lambda request: _fixed(request, metastore))


def _fixed(request: Request, answer: Answer) -> Answer:
    return answer
