"""The routes of the Files API and of workspace files."""
