"""The report as GitHub and GitLab Markdown of bounded length. Belongs here: escaping, tables, folds, shortening."""
