"""A registry whose credentials are in a Secret that each namespace has already."""
