"""What goes wrong: exceptions with and without retries, a worker that dies, a cancelled task, a restarted actor."""

import os
import tempfile
import time

import ray

folder = tempfile.mkdtemp()


def first_time(name):
    path = os.path.join(folder, name)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


@ray.remote(max_retries=2, retry_exceptions=[ConnectionError])
def flaky():
    if first_time("flaky"):
        raise ConnectionError("try again")
    return "connected"


@ray.remote(max_retries=1)
def crashes():
    if first_time("crashes"):
        os._exit(1)
    return "second worker"


@ray.remote
def wrong():
    raise ValueError("always")


@ray.remote
def use(value):
    return value


@ray.remote
def slow():
    time.sleep(30)


@ray.remote(max_restarts=1, max_task_retries=-1)
class Fragile:
    def call(self):
        if first_time("fragile"):
            os._exit(1)
        return os.getpid() > 0


ray.init()
print(ray.get([flaky.remote(), crashes.remote()]))
try:
    ray.get(use.remote(wrong.remote()))
except ray.exceptions.RayTaskError as error:
    print("as expected:", type(error.cause).__name__)
waiting = slow.remote()
ready, _ = ray.wait([waiting], timeout=0.3)
ray.cancel(waiting, force=True)
try:
    ray.get(waiting)
except (ray.exceptions.TaskCancelledError, ray.exceptions.WorkerCrashedError) as error:
    print("as expected:", type(error).__name__)
print(ray.get(Fragile.remote().call.remote()))
