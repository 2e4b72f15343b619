"""The pages of the reference that are made from the code's own tables: `python -m test.reference` writes them."""
