"""The routes that manage serving endpoints: configuration, reports, permissions and optimization info."""
