"""The Chinese texts of the command: each module has WORDS, {English text: Chinese text}."""
