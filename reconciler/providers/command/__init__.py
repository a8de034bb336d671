"""A worker process of the user draws the images: `type: command`."""
