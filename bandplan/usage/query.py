"""The query whose result `bandplan rightsize --usage` reads. Pure.

Columns as in the system tables reference and the AI gateway's dashboard (docs.databricks.com), and in public notes of
people who read the tables (2026-06 to 2026-11).
"""

from collections.abc import Sequence
from typing import Literal

Name = Literal["endpoint", "gateway"]


def query(table: Name, endpoints: Sequence[str], days: int, workspace: str | None = None) -> str:
    """Return SQL for `endpoints` (all if empty) of a workspace (all if None) over a window of `days`.

    It asks for a day more: a window ends at its newest row, which is hours old, as rows come late.
    """
    days += 1
    names = ", ".join("'" + name.replace("\\", "\\\\").replace("'", "\\'") + "'" for name in endpoints)
    if table == "gateway":
        only = f"\n  AND endpoint_name IN ({names})" if names else ""
        only += f"\n  AND workspace_id = '{workspace}'" if workspace else ""
        return f"""\
-- Requests of the gateway, for `bandplan rightsize --usage FILE`. Run it on a SQL warehouse, export the rows as CSV or
-- Parquet. Only account admins may read the table, and it has requests of the /ai-gateway routes alone. Answers over
-- 1 MiB that were not streamed have no token counts.
SELECT event_time, endpoint_name, destination_model, status_code, input_tokens, output_tokens, latency_ms,
  time_to_first_byte_ms
FROM system.ai_gateway.usage
WHERE event_time >= current_timestamp() - INTERVAL {days} DAYS{only}
ORDER BY event_time;
"""
    only = f"\n  AND e.endpoint_name IN ({names})" if names else ""
    only += f"\n  AND u.workspace_id = '{workspace}'" if workspace else ""
    return f"""\
-- Requests of serving endpoints, for `bandplan rightsize --usage FILE`. Run it on a SQL warehouse, export the rows as
-- CSV or Parquet. Only endpoints with usage tracking have rows, and only requests of the /serving-endpoints routes. The
-- table is of all workspaces of the account in a region.
SELECT u.workspace_id, u.request_time, e.endpoint_name, e.served_entity_name, e.entity_name, e.entity_version,
  u.status_code, u.input_token_count, u.output_token_count, u.request_streaming
FROM system.serving.endpoint_usage AS u
JOIN (
  -- One row for each served entity, however often it was changed.
  SELECT served_entity_id, max_by(endpoint_name, change_time) AS endpoint_name,
    max_by(served_entity_name, change_time) AS served_entity_name, max_by(entity_name, change_time) AS entity_name,
    max_by(entity_version, change_time) AS entity_version
  FROM system.serving.served_entities
  GROUP BY served_entity_id
) AS e ON u.served_entity_id = e.served_entity_id
WHERE u.request_time >= current_timestamp() - INTERVAL {days} DAYS{only}
ORDER BY u.request_time;
"""
