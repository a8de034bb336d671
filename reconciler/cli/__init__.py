"""People: the command line. Imports everything, and nobody imports it."""
