"""GitHub and GitLab: comments, issues, the plan that was reviewed with a merge, the identity of a job.

Belongs here: what a forge's REST API and its CI's variables look like, one file per forge (`github`, `gitlab`); a third
one is one more file and a line in `choice`. Does not belong here: the contents of a comment or an issue (`report`), the
contents of a plan (`cli.saved_plan`). Imports nothing of ours but `wire` and `rest`.
"""
