"""Tests in a real browser. A slice runs in the suite where Chromium and node are; `make test-browser` runs all."""
