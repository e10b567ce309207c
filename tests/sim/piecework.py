"""A piece of work for `test_parts`, in a module that another process can import."""

import os
import time


def work(asks):
    number, how = asks
    if how == "slow":
        time.sleep(0.3)
    if how == "raises":
        raise ValueError(f"nothing comes of {number}")
    if how == "dies":
        os._exit(7)
    return number, os.getpid()
