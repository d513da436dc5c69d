"""A bound on how much of a model is in memory during its upload: a few parts of one file, however large it is.

By default the Databricks SDK holds 21 parts of a file (ten on their way, ten waiting, one being read), each of up to a
hundredth of the file, and MLflow uploads two files per core at once: gigabytes for a large checkpoint. Read in
databricks-sdk 0.156 (`files_ext_...` of its Config, `mixins/files.py`) and MLflow 3.17
(`ArtifactRepository.max_workers`); neither takes these as arguments or from the environment.
"""

from __future__ import annotations

PARTS_AT_ONCE = 2
FILES_AT_ONCE = 1

LEAST_PART_BYTES = 10 * 1024 * 1024
MOST_PARTS = 9_000
"""Object stores accept at most 10,000 parts of a file (docs.aws.amazon.com, Amazon S3 multipart upload limits)."""


def part_bytes(largest_file_bytes: int) -> int:
    """Return the part size with which a file of this size, and any smaller one, can be uploaded."""
    return max(LEAST_PART_BYTES, -(-largest_file_bytes // MOST_PARTS))


def bound_buffers(largest_file_bytes: int) -> None:
    """Bound the uploads of this process, which makes one version and exits; its largest file has this size."""
    from databricks.sdk.config import Config
    from mlflow.store.artifact.artifact_repo import ArtifactRepository

    size = part_bytes(largest_file_bytes)
    Config.files_ext_multipart_upload_default_parallelism = PARTS_AT_ONCE
    Config.files_ext_multipart_upload_min_stream_size = size
    Config.files_ext_multipart_upload_default_part_size = size
    Config.files_ext_multipart_upload_part_size_options = [size]
    Config.files_ext_multipart_upload_max_part_size = size
    ArtifactRepository.max_workers = property(lambda self: FILES_AT_ONCE)  # type: ignore[assignment,method-assign]
