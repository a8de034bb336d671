"""Tools for tests of a provider: a billing gateway and a contract suite. The command never imports this package."""
