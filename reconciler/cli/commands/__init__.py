"""One module a command: parse, call, exit code."""
