"""A session's own page: what it is and why, what is being done, what happened, its messages, and a person's acts."""
