"""Webhook endpoints and the queue of their deliveries in SQL."""
