"""Rules of raw tables, one module per feed that needs more than the default suite."""
