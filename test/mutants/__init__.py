"""Whether the tests notice a fault in the code: `make mutants` changes one place at a time and runs what reaches it."""
