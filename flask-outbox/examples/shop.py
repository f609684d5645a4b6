"""A shop with an outbox: an order and the mail about it are written together, or neither is."""

from pathlib import Path

from flask import Flask, request
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

from flask_outbox import (
    AddressError,
    ComposeContext,
    Discard,
    Email,
    EmailType,
    Mail,
    Outbox,
    init_outbox,
    metadata,
    parse_addresses,
    run_dispatcher,
)
from flask_outbox.dev.catcher import CaughtMail, run_catcher
from flask_outbox.dev.inbox import inbox_blueprint


class Model(DeclarativeBase):
    pass


class Order(Model):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    address: Mapped[str]
    goods: Mapped[str]


app = Flask(__name__)
app.config.update(MAIL_SERVER="localhost", MAIL_PORT=8025)
app.config.from_prefixed_env("SHOP")  # SHOP_MAIL_SERVER=… and so on

engine = create_engine("sqlite:///shop.db")
Model.metadata.create_all(engine)
metadata.create_all(engine)
sessions = sessionmaker(engine)

Mail(app)
outbox = Outbox(sessions, sender="shop@example.com")
init_outbox(app, outbox)

caught = CaughtMail(Path("caught-mail"))
app.register_blueprint(inbox_blueprint(caught))  # /dev/inbox, while developing


def confirmation(session: Session, context: ComposeContext) -> Email | Discard:
    """Composed when it is sent, from what the database holds then."""
    order = session.get(Order, context.arguments["order"])
    if order is None:
        return Discard("The order was withdrawn.")
    words = f"Thank you for ordering: {order.goods}\n"
    return Email("Your order", words, to=parse_addresses(order.address))


outbox.register(EmailType("shop.confirmation", confirmation))


@app.post("/orders")
def place_order() -> str:
    with sessions.begin() as session:
        order = Order(address=request.form["address"], goods=request.form["goods"])
        session.add(order)
        session.flush()
        outbox.enqueue(session, "shop.confirmation", order.address, arguments={"order": order.id})
    return "Ordered.\n"


@app.errorhandler(AddressError)
def bad_address(error: AddressError) -> tuple[str, int]:
    return f"{error}\n", 400


@app.cli.command()
def deliver() -> None:
    """Deliver what the outbox holds, until Ctrl-C."""
    run_dispatcher(app)


@app.cli.command()
def catch() -> None:
    """Catch mail and deliver none, until Ctrl-C."""
    run_catcher(caught, port=app.config["MAIL_PORT"])
