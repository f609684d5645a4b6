"""Celery on Redis with two processes, and Flask-Mail in a task. Prints messages a second.

The tasks are queued first. The time runs from the moment when the worker, which is ready, may take
them, until the mail server has logged the last message.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from celery import Celery
from flask import Flask
from flask_mail import Mail, Message
from redis import Redis

PREFIX, QUEUE = "MICROBLOG_BENCHMARK_PREFIX", "mail"

site = Flask(__name__)
site.config.update(
    MAIL_SERVER="127.0.0.1",
    MAIL_PORT=int(os.environ["MAIL_PORT"]),
    MAIL_DEFAULT_SENDER="me@example.com",
)
mail = Mail(site)
app = Celery(__name__, broker=os.environ["REDIS_URL"])
app.conf.update(
    task_ignore_result=True,
    broker_transport_options={"global_keyprefix": os.environ[PREFIX]},
    worker_hijack_root_logger=False,
)


@app.task
def send(number, text, html):
    with site.app_context():
        recipients = [f"user{number}@example.com"]
        mail.send(Message(f"Hello {number}", recipients=recipients, body=text, html=html))


def main(count, log):
    options = ["--concurrency", "2", "--queues", "none", "--loglevel", "ERROR"]
    worker = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "celery_peer", "worker", *options],
        cwd=Path(__file__).parent,
        stdout=sys.stderr,
    )
    try:
        for number in range(count):
            send.apply_async(
                (number, "A line of text.\n" * 20, "<p>A line of text.</p>\n" * 20), queue=QUEUE
            )
        while not app.control.ping(timeout=0.5):
            pass
        started = time.perf_counter()
        app.control.add_consumer(QUEUE)
        while log.read_bytes().count(b"\n") < count:
            time.sleep(0.02)
        print(count / (time.perf_counter() - started))
    finally:
        worker.terminate()
        worker.wait()
        remove_keys()


def remove_keys():
    client = Redis.from_url(os.environ["REDIS_URL"])
    if keys := list(client.scan_iter(f"{os.environ[PREFIX]}*")):
        client.delete(*keys)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    import celery_peer

    celery_peer.main(int(sys.argv[2]), Path(sys.argv[4]))
