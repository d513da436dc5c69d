"""What a preview changes, told to the people who review it: tokens/s, model units, money, rollout, findings.

Belongs here: reading the JSON of `bandplan preview --json` (or `pulumi preview --json`), deciding what of it matters,
and writing Markdown, HTML, JSON, and one comment on a pull request. Does not belong here: rules of models.yaml, prices,
anything that asks a workspace. Imports nothing of ours but `wire`, and `forge` for the comment and the issue: what it
knows of a fleet stands in the preview.

The way through: `preview` (JSON, its shape) -> `capacity`, `endpoint`, `finding` (what it says) -> `stack` (what of it
matters) -> `markdown`, `html`, `document` (how it is written) -> `comment` (where it is posted).
"""
