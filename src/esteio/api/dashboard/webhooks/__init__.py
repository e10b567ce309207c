"""The pages of webhooks: who is told what happens, what became of it, and what is delivered again."""

from esteio.api.dashboard.webhooks import change, listing, replay, webhook

ROUTES = (*listing.ROUTES, *change.ROUTES, *replay.ROUTES, *webhook.ROUTES)
