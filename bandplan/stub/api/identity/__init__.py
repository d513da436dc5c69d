"""The routes that say who the workspace and its caller are, and the tokens they issue."""
