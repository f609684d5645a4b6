"""Delivery by Celery workers on several machines.

A task carries the id of a row and makes one call; a sweep finds the rows whose task was lost. The
row is the truth: a task that comes twice, or too late, finds nothing to claim. So Celery never
retries anything.
"""
