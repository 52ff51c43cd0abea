"""How much memory a process and its children take."""

import os
from pathlib import Path
from threading import Event, Thread


class Memory:
    """The most memory that this process and those it started had at once, in bytes."""

    def __init__(self) -> None:
        self.most, self.over = 0, Event()
        self.thread = Thread(target=self._watch)

    def __enter__(self) -> "Memory":
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.over.set()
        self.thread.join()

    def _watch(self) -> None:
        while not self.over.wait(0.2):
            self.most = max(self.most, sum(map(_share, _family(os.getpid()))))


def _family(pid: int) -> list[int]:
    """The process and its children; the database's are not among them."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        threads = [int(each.name) for each in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:
        return []
    children = {int(child) for child in text.split()}
    for thread in threads:
        path = Path(f"/proc/{pid}/task/{thread}/children")
        children |= {int(child) for child in path.read_text().split()} if path.exists() else set()
    return [pid, *(each for child in children for each in _family(child))]


def _share(pid: int) -> int:
    """The process's own pages and its part of the shared ones."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:")), 0)
