"""The report as GitHub's and GitLab's Markdown, bounded. Belongs here: escaping, tables, folds, what is cut first."""
