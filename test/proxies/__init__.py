"""Every client through real middleboxes.  `make test-proxies` runs these; test_table.py alone is quick."""
