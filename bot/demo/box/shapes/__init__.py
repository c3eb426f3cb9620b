"""Rows as the JSON that GitHub publishes: every required field of its schemas, made from what the box knows."""
