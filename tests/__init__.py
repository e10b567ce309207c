"""The tests, by the rooms of what they test; what they share is imported as `tests.ROOM.MODULE`."""
