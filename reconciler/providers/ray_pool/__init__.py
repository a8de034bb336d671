"""A pool of processes, on this machine or on others, draws the images: `type: ray`."""
