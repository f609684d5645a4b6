"""The worker of a site on several machines: delivers the rows that it is told of, and sweeps up
those nobody rang for.

A task carries the number of a row and makes one call. The row is the truth: a ring that comes
twice, or too late, finds nothing to claim. So nothing is ever retried by Celery.
"""
