"""Observed use of endpoints, and the bands that it suggests.

What belongs here: minutes of the metrics export in a database (`store`), rows of the platform's usage tables
(`usage_table`), both joined into a window of minutes (`observed`, `window`), the bands that the planner finds for it
(`bands`), and whether to change anything (`decision`) with its trail. It contacts nobody and reads no models.yaml: the
commands bring exports, files, capacities and the bands of today. Imports: the planner and the standard library;
`pyarrow` only to read a Parquet file.
"""
