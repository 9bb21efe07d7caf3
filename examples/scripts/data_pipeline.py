"""`ray.data`: read, map in batches, filter, sort and aggregate."""

import ray

ray.init()
ray.data.DataContext.get_current().enable_progress_bars = False
rows = ray.data.range(4_000, override_num_blocks=4)
rows = rows.map_batches(lambda batch: {"id": batch["id"], "key": batch["id"] % 7}, batch_size=500)
kept = rows.filter(lambda row: row["key"] != 3)
print("rows:", kept.count())
print("largest:", kept.sort("key", descending=True).take(2))
