"""The report as one self-contained HTML file. Belongs here: its elements, its style."""
