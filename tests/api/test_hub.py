"""Waiting without polling: woken by a bell, by itself after a lost one, and never later than asked."""

import asyncio

import pytest

from esteio.core.model import SessionId
from esteio.core.session import Session
from esteio.engine.hub import Hub
from esteio.engine.ports import Gone
from esteio.sim.vloop import run as run_virtually
