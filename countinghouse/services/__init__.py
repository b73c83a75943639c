"""The processes of an installation: PostgreSQL, the engine, Airflow, and what supervises them."""
