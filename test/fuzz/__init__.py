"""Parsers against bytes that nobody planned: by a seeded dice, or guided by coverage (atheris).

python -m test.fuzz TARGET [--seconds 60]    see __main__.py
"""
