"""An actor with an event loop, called by several tasks at once; it awaits other tasks itself. And a threaded one."""

import asyncio
import time

import ray


@ray.remote
def lookup(key):
    time.sleep(0.05)
    return key * key


@ray.remote
class Cache:
    def __init__(self):
        self.known = {}

    async def get(self, key):
        if key not in self.known:
            self.known[key] = await lookup.remote(key)
        return self.known[key]

    async def many(self, keys):
        return await asyncio.gather(*(lookup.remote(key) for key in keys))


@ray.remote(max_concurrency=2)
class Counter:
    def __init__(self):
        self.seen = 0

    def add(self, amount):
        time.sleep(0.03)
        self.seen += amount
        return self.seen


@ray.remote
def client(cache, counter, keys):
    values = ray.get([cache.get.remote(key) for key in keys])
    ray.get(counter.add.remote(len(values)))
    return sum(values)


ray.init()
cache, counter = Cache.remote(), Counter.remote()
print("sums:", ray.get([client.remote(cache, counter, range(i, i + 3)) for i in range(3)]))
print("many:", ray.get(cache.many.remote([7, 8, 9])))
