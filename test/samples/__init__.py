"""Samples of what each version of the program has stored, and that the present one reads them."""
