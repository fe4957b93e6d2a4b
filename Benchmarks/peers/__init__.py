"""Programs that vitvideo is measured against. Each is run by itself, as `python -m peers.NAME`."""
