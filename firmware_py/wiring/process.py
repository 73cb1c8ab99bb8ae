"""What this process holds of itself: tasks and threads, shown in every picture, so that a leak is seen from outside.

It must not know what they are for.
"""

import asyncio
import threading

from firmware_py.runtime.board import Json


def process_report() -> dict[str, Json]:
    """`tasks` of the running loop that have not ended (None outside of it), `threads` of the interpreter."""
    try:
        tasks = len(asyncio.all_tasks())
    except RuntimeError:
        return {"tasks": None, "threads": threading.active_count()}
    return {"tasks": tasks, "threads": threading.active_count()}
