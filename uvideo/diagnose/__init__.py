"""What ``uvideo doctor`` knows: checks, refusals explained, signed URLs read."""
