"""Files: the Files API on disk, multipart uploads, presigned URLs, and workspace files."""
