"""Where a slow answer's time goes: a gateway that notes its own steps, and the figures made of the notes."""
