"""`make bench`: how fast the warehouse is, against DuckDB, a stock set-up, and its own targets."""
