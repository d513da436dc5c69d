"""Models and their versions: the catalogue of the platform, Unity Catalog, and which versions are eligible."""
