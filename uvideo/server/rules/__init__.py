"""What each operation does to objects, uploads, spaces and tokens."""
