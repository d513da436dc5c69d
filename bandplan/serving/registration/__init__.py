"""The making of a model version: reading a source, computing its digest, logging it by the platform's rules, uploading
it.

Belongs here: folders of Hugging Face checkpoints and of MLflow models, their problems and digests, and one registration
from start to READY. MLflow runs in a process of its own (`python -m bandplan.serving.registration`), and is imported
inside functions only, so that a deploy with nothing to register never pays for it. Does not belong: HTTP
(`bandplan.serving.workspace`), the shape of models.yaml (`bandplan.serving.spec`), Pulumi. May import:
`bandplan.serving.workspace`, `bandplan.serving.throughput`, `bandplan.serving.spec`, MLflow and transformers inside
functions.
"""
