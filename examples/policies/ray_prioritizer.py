"""A prioritizer as Ray's draft proposal has them, checked as it stands: nothing here knows of rayproof.

It is the draft's own example: while the object store of a node has little room left, those tasks go first that say so
in their labels (consumers, which let objects go), and otherwise others (producers).
"""

LABEL = "plugin.object_store_memory_based_prioritizer"


class ObjectStoreMemoryBasedPrioritizer:
    def __init__(self, runtime_info_provider):
        self.runtime_info_provider = runtime_info_provider
        self.was_full = False

    def name(self):
        return "object_store_memory_based_prioritizer"

    def is_full(self):
        return self.runtime_info_provider.object_store_memory_utilization > 0.8

    def calculate_priority(self, task):
        self.was_full = self.is_full()
        return int(task.labels.get(f"{LABEL}.{'low' if self.was_full else 'high'}_object_mem_priority", 0))

    def should_recalculate_priority(self):
        return self.is_full() != self.was_full
