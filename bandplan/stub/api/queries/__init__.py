"""The routes that query an endpoint: a module per task, and what all queries share."""
