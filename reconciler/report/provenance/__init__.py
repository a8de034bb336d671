"""The origin of images in several formats. Pure: values in, lines out."""
