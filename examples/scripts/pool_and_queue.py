"""`ActorPool` and `Queue`: a pool squares what a producer has put into a queue."""

import time

import ray
from ray.util import ActorPool
from ray.util.queue import Queue


@ray.remote
class Squarer:
    def square(self, number):
        time.sleep(0.02)
        return number * number


@ray.remote
def produce(queue, count):
    for number in range(count):
        queue.put(number)
    queue.put(None)


ray.init()
queue = Queue(maxsize=4)
produce.remote(queue, 8)
numbers = list(iter(queue.get, None))
pool = ActorPool([Squarer.remote() for _ in range(2)])
print("squares:", sorted(pool.map_unordered(lambda actor, number: actor.square.remote(number), numbers)))
