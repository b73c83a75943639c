"""Countinghouse: a batch data warehouse whose correctness claims are executable."""
