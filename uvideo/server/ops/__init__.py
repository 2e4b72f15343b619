"""For the operator: metrics, readiness, audit log, scrub and garbage collection."""
