"""One module for each family of goldens; `make_goldens.py` runs them in turn."""
