"""What run.py does: prepares inputs, runs the programs in turn, and writes what was measured."""
