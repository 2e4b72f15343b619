"""The tests.  This file makes `test` ours: without it the standard library's package of that name would be found."""
