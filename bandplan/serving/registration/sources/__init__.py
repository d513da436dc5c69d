"""What a version is made from: folders, their files and digests."""
