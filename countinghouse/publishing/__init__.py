"""Versions and what makes them visible: the publication list and all that repairs it."""
