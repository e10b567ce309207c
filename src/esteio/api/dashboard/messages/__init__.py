"""The pages of messages: the look for them, one of them whole, and those that were given up."""

from esteio.api.dashboard.messages import dead_letters, listing, message

ROUTES = (*listing.ROUTES, *dead_letters.ROUTES, *message.ROUTES)
