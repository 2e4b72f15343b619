"""The checks of ``uvideo doctor``, explanations of refusals, and the reading of signed URLs."""
