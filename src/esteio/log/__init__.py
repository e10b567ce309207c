"""The log: a closed list of events (`events`), what may be read in a line (`redaction`), and where lines go (`output`).

Never lives here: a decision, a metric, a sentence for people (the timeline has those).
"""

from esteio.log.output import EventLogger, is_set_up, logger, set_up
from esteio.log.redaction import clean_text
from esteio.log.trace import current_trace, in_trace

__all__ = ["EventLogger", "clean_text", "current_trace", "in_trace", "is_set_up", "logger", "set_up"]
