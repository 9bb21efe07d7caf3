"""The GCS of Ray 2."""
