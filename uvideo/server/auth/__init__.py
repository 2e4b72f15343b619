"""Who asks: key pairs, signatures, temporary keys, and secrets at rest."""
