"""Creating sessions and linking phones: the form, the pairing page, the page of a link for the phone's owner."""
