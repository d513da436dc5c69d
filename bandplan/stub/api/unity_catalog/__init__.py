"""The routes of Unity Catalog: catalogs, schemas, registered models, grants and tags."""
