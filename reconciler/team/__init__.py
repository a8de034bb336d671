"""The team's store: adapters of buckets, and the keys of receipts. The only room that imports obstore."""
