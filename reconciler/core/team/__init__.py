"""The team's store: its settings, its layout, receipts and claims. Decisions only."""
