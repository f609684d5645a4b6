"""Flask-Mail: one connection, or `mail.send` for each message, in a thread for each or without.

Prints messages a second.
"""

import sys
import time
from threading import Thread

from flask import Flask
from flask_mail import Mail, Message

port, count, way = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
app = Flask(__name__)
app.config.update(MAIL_SERVER="127.0.0.1", MAIL_PORT=port, MAIL_DEFAULT_SENDER="me@example.com")
mail = Mail(app)


def message(number):
    return Message(
        f"Hello {number}",
        recipients=[f"user{number}@example.com"],
        body="A line of text.\n" * 20,
        html="<p>A line of text.</p>\n" * 20,
    )


def send_in_thread(message):
    with app.app_context():
        mail.send(message)


with app.app_context():
    started = time.perf_counter()
    if way == "connection":
        with mail.connect() as connection:
            for number in range(count):
                connection.send(message(number))
    elif way == "threads":
        threads = [
            Thread(target=send_in_thread, args=(message(number),)) for number in range(count)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    else:
        for number in range(count):
            mail.send(message(number))
    print(count / (time.perf_counter() - started))
