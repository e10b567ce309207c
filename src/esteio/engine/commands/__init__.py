"""What a caller may ask, one module a subject.

Commands write rows, wake workers and return; of a provider they only read.

Never lives here: a session's state, a status code, a sentence.
"""
