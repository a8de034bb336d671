"""One module per command: parse the options, call the use case, return the exit code."""
