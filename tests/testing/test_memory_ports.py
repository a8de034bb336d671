from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.testing.memory_ports import MemoryStore
from tests.store.contract import StoreContract


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> MemoryStore:
        return MemoryStore(tmp_path)
