"""What speaks against a source: checkpoints, MLmodel files, weights and tokenizers, judged before anything is sent."""
