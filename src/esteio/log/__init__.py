"""The log: a closed list of events (`events`), what may be read in a line (`redaction`), and where lines go (`output`).

Never lives here: a decision, a metric, a sentence for people (the timeline has those).
"""

from esteio.log.output import EventLogger, is_set_up, logger, set_up
from esteio.log.redaction import clean_text

__all__ = ["EventLogger", "clean_text", "is_set_up", "logger", "set_up"]
