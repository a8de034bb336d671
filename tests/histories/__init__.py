"""Random histories of two branches, merged by real git: with the merge driver, without it, and in each layout."""
