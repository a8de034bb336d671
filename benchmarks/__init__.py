"""What `make bench` runs: ours beside the tools that people know, as ratios. The package never imports it."""
