"""For the operator: metrics, readiness, audit log, and the care of stored data."""
