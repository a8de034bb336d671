"""The command line in forked children of a process that has imported it, for tests that need a process of their own."""
