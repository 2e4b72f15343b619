"""The protocol core by unittest alone, so that every interpreter from 2.7 on can run it with nothing installed."""
