"""Backfills through Airflow that say beforehand what they will do, and afterwards what they did."""
