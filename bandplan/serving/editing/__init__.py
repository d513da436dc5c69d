"""Change the text of a YAML file that people keep: comments, order and quotes stay, and nothing else changes.

`edits.edited` puts and removes values by path; `edits.with_entries` adds to a list. Both say why where the text is laid
out in a way that cannot be edited. Does not belong here: what to change (adoption, rollback, sizes).
"""
