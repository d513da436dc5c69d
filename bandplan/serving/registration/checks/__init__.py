"""Checks of a source before anything is uploaded: checkpoints, MLmodel files, weights and tokenizers."""
