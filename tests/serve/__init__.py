"""The server of a review: its guards, and its answers over real sockets."""
