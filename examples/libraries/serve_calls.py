"""A deployment of Serve with two replicas, called through its handle and over another deployment."""

import ray
from ray import serve


@serve.deployment(num_replicas=2, ray_actor_options={"num_cpus": 0.5})
class Square:
    def __call__(self, x: int) -> int:
        return x * x


@serve.deployment(ray_actor_options={"num_cpus": 0.5})
class Total:
    def __init__(self, square):
        self.square = square

    async def __call__(self, count: int) -> int:
        return sum([await self.square.remote(i) for i in range(count)])


if __name__ == "__main__":
    handle = serve.run(Total.bind(Square.bind()), route_prefix=None)
    print("total", handle.remote(4).result())
    serve.shutdown()
    ray.shutdown()
