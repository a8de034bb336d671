"""Mutation tests: small mechanical faults in the source, each of which the related tests must find."""
