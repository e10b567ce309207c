"""Esteio: a self-hosted gateway that keeps unofficial WhatsApp sessions truly alive and loses no message."""
