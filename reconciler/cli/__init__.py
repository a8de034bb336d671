"""The command line. It imports every other layer, and no layer imports it."""
