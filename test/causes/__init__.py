"""Every cause that no answer of the service comes, in every client."""
