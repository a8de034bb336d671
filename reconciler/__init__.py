"""Make the images that YAML specs describe, and only those that are missing or changed."""

__version__ = "0.2.0"
