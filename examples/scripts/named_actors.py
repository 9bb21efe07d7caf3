"""Named and detached actors, found by name in other tasks; one that leaves by itself, one that goes out of scope."""

import ray


@ray.remote
class Board:
    def __init__(self):
        self.notes = []

    def add(self, note):
        self.notes.append(note)
        return len(self.notes)

    def read(self):
        return list(self.notes)

    def leave(self):
        ray.actor.exit_actor()


@ray.remote
def write(name, note):
    board = ray.get_actor(name)
    return ray.get(board.add.remote(note))


ray.init(namespace="boards")
board = Board.options(name="board", lifetime="detached").remote()
again = Board.options(name="board", get_if_exists=True).remote()
ray.get([write.remote("board", i) for i in range(3)])
print("notes:", len(ray.get(again.read.remote())))
short = Board.remote()
ray.get(short.add.remote("soon gone"))
del short
leaving = Board.remote()
try:
    ray.get(leaving.leave.remote())
except ray.exceptions.RayActorError:
    print("left")
ray.kill(board)
