"""Reports of findings for CI services and other programs: a module for each format."""
