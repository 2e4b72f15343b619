"""The pages of docs/migrate: their programs run, and what was the same stays the same."""
