"""Where a hub keeps the events of its logs. Which there are to keep, and until when, the rules decide."""

from perdure.store.base import Store
from perdure.store.memory import MemoryStore

__all__ = ["MemoryStore", "Store"]
