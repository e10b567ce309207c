"""Outgoing messages in SQL: acceptance, claims, settlements, receipts, and the lanes that keep each chat's order."""
