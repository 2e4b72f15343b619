"""Authentication: key pairs, signatures, temporary keys, secrets at rest."""
