"""The Flask Mega-Tutorial's finished application with sample data, served by Waitress as ours is.

Run it with its checkout, an empty folder, a port, and the numbers of people, posts and follows.
They are the rows of `microblog fake`.
"""

import os
import sys
from datetime import UTC, datetime, timedelta
from itertools import islice

CHECKOUT, FOLDER, PORT = sys.argv[1:4]
PEOPLE, POSTS, FOLLOWS = map(int, sys.argv[4:7])
PASSWORD = sys.argv[7]
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)

sys.argv[1:] = []
sys.path.insert(0, CHECKOUT)
os.environ.update(
    DATABASE_URL=f"sqlite:///{FOLDER}/app.db", LOG_TO_STDOUT="1", SECRET_KEY="benchmark"
)

from app import create_app, db
from app.models import Post, User, followers
from waitress import serve
from werkzeug.security import generate_password_hash


def fill():
    password_hash = generate_password_hash(PASSWORD)
    for number in range(PEOPLE):
        name = f"user{number}"
        user = User(
            id=number + 1,
            username=name,
            email=f"{name}@example.com",
            password_hash=password_hash,
        )
        db.session.add(user)
    for number in range(POSTS):
        writers = max(PEOPLE // 10, 1) if number % 2 else PEOPLE
        post = Post(
            body=f"Post number {number}, about nothing in particular.",
            timestamp=BEGINNING + timedelta(seconds=number),
            user_id=(number // 2 * 7919) % writers + 1,
        )
        db.session.add(post)
    db.session.commit()
    people = range(1, PEOPLE + 1)
    follows = ((one, other) for one in people for other in people if one != other)
    for one, other in islice(follows, FOLLOWS):
        row = followers.insert().values(follower_id=one, followed_id=other)
        db.session.execute(row)
    db.session.commit()


app = create_app()
with app.app_context():
    db.create_all()
    fill()
    db.engine.dispose()
serve(app, host="127.0.0.1", port=int(PORT), threads=8)
