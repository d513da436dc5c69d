"""What a preview changes, for its reviewers: tokens/s, model units, money, rollout, findings.

Belongs here: reading the JSON of `bandplan preview --json` (or `pulumi preview --json`), deciding what of it matters,
and writing Markdown, HTML, JSON, and one comment on a pull request. Does not belong here: rules of models.yaml, prices,
anything that contacts a workspace. Imports only `wire`, and `forge` for the comment and the issue: all that it knows
about a fleet comes from the preview.

Data flow: `preview` (JSON and its shape) -> `capacity`, `endpoint`, `finding` (what it says) -> `stack` (what matters)
-> `markdown`, `html`, `document` (how it is written) -> `comment` (where it is posted).
"""
