"""`python -m test.reference`: write the tables of docs/errors.md and docs/settings.md, in both languages."""

from test.reference import errors, settings
from test.reference.section import put

for source in (errors, settings):
    for language, page in source.PAGES.items():
        for name, content in source.sections(language).items():
            put(page, name, content)
