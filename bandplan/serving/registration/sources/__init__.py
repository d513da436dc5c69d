"""The sources of a version: folders, their files and digests."""
