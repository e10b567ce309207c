"""A piece of work for `test_parts`, in a module that another process can import."""

import fcntl
import os
import signal
import time
from pathlib import Path


def work(asks: tuple[int, str]) -> tuple[int, int]:
    number, how = asks
    if how == "slow":
        time.sleep(0.3)
    if how == "raises":
        raise ValueError(f"nothing comes of {number}")
    if how == "dies":
        os._exit(7)
    return number, os.getpid()


def stay(folder: str) -> None:
    """Never ends by itself; a lock on a file of its own tells that it is there."""
    with (Path(folder) / f"{os.getpid()}.locked").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        (Path(folder) / f"{os.getpid()}.there").touch()
        signal.alarm(120)
        signal.pause()
