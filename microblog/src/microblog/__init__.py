"""Microblog: a small social site that anyone can run, and whose email arrives."""
