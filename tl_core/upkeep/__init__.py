"""Upkeep of an installation: doctor, backups, and what takes how much room."""
