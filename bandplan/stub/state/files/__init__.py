"""Files: the Files API on disk, uploads in parts, presigned URLs, and files of the workspace."""
