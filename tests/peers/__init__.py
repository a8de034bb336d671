"""Against servers that this project did not write: museq (PyPI) and aimock (npm). `make test-peers` runs them.

The command line is the real one, in a process of its own, from spec to locked file.
"""
