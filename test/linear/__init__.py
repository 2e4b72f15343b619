"""Histories of concurrent clients, judged: is there an order of all operations that explains what each was told?"""
