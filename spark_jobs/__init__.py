"""Spark jobs: pure transforms with a thin main each."""
