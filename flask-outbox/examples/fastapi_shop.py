"""A shop with FastAPI: an order and the mail about it are written together, or neither is.

uvicorn fastapi_shop:app      # serves the pages
python fastapi_shop.py        # delivers their mail
"""

import os

from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

from flask_outbox import (
    AddressError,
    Discard,
    Email,
    Outbox,
    run_dispatcher,
    schema,
    smtp_server,
)

DATABASE = os.environ.get("SHOP_DATABASE", "sqlite:///shop.db")


class Model(DeclarativeBase):
    pass


class Order(Model):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    address: Mapped[str]
    goods: Mapped[str]


class NewOrder(BaseModel):
    address: str
    goods: str


# The pages use an AsyncSession, and what delivers an ordinary one; psycopg drives both.
async_engine = create_async_engine(DATABASE.replace("sqlite:", "sqlite+aiosqlite:"))
async_sessions = async_sessionmaker(async_engine, expire_on_commit=False)
engine = create_engine(DATABASE)
Model.metadata.create_all(engine)
schema.create_all(engine)

app = FastAPI()
outbox = Outbox(sessionmaker(engine), sender="shop@example.com")


@outbox.email("shop.confirmation")
def confirmation(session: Session, *, order_id: int) -> Email | Discard:
    """Composed when it is sent, from what the database holds then."""
    order = session.get(Order, order_id)
    if order is None:
        return Discard("The order was withdrawn.")
    return Email("Your order", f"Thank you for ordering: {order.goods}\n")


@app.post("/orders", status_code=201)
async def place_order(new: NewOrder) -> dict[str, int]:
    async with async_sessions.begin() as session:
        order = Order(address=new.address, goods=new.goods)
        session.add(order)
        await session.flush()
        arguments = confirmation.arguments(order_id=order.id)
        await session.run_sync(outbox.enqueue, confirmation, new.address, arguments=arguments)
    return {"id": order.id}


@app.exception_handler(AddressError)
async def bad_address(_request: Request, error: AddressError) -> PlainTextResponse:
    return PlainTextResponse(f"{error}\n", status_code=400)


if __name__ == "__main__":
    run_dispatcher(outbox, server=smtp_server(os.environ))  # MAIL_SERVER, MAIL_PORT and so on
