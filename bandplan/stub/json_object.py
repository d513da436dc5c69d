"""A JSON object, as the stub receives, keeps and sends it."""

from typing import Any

Json = dict[str, Any]
"""Fields that the workspace only echoes stay in this form, exactly as sent."""
