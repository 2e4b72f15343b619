"""The Chinese of the command: each module has WORDS, English text to Chinese text."""
