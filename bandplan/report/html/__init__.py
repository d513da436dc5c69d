"""The report as one HTML file that loads nothing. Belongs here: its elements, its style."""
