"""The CRM's HTTP interface."""

from datetime import date, timedelta
from typing import Annotated

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

import database
from seed import TECHNICIANS

DISCOUNT_PERCENT = {"standard": 0, "business-2024": 10}

FIND_CUSTOMER = "SELECT id, name, segment, tariff FROM customers WHERE phone = ?"
OPEN_ORDERS = """SELECT o.number, o.status, o.amount_pence,
       (SELECT count(*) FROM contact_notes n WHERE n.note LIKE '%%' || o.number || '%%') AS contacts
  FROM orders o WHERE o.customer_id = ? AND o.status <> 'delivered' ORDER BY contacts DESC, o.id"""
TARIFF = "SELECT tariff FROM customers WHERE id = ?"
BOOK = "INSERT INTO appointments (technician, slot, customer_id) VALUES (?, ?, ?)"


class Search(BaseModel):
    phone: str


class Appointment(BaseModel):
    customer_id: int
    slot: Annotated[str, Field(pattern=r"^\d{1,2}d\d{2}:\d{2}$")]


def create_app(store):
    app = FastAPI(title="crm")

    @app.get("/health")
    def health():
        return {"status": "ok"}

    # Not `async`: the drivers block, so each request has a thread of FastAPI's pool. Its context goes there with it.
    @app.post("/customers/search")
    def search(wanted: Search):
        with store.transaction() as cursor:
            customer = cursor.run(FIND_CUSTOMER, wanted.phone).fetchone()
        if customer is None:
            return refuse(404, "customer_not_found", "no customer has this number")
        return {name: customer[name] for name in ("id", "name", "segment")}

    @app.get("/customers/{customer}/orders")
    def orders(customer: int):
        with store.transaction() as cursor:
            tariff = cursor.run(TARIFF, customer).fetchone()
            rows = cursor.run(OPEN_ORDERS, customer).fetchall()
        if tariff is None:
            return refuse(404, "customer_not_found", "no customer has this id")
        # A tariff that was withdrawn is still on some old customers: the failure to find in the traces.
        discount = DISCOUNT_PERCENT[tariff["tariff"]]
        return [priced(row, discount) for row in rows]

    @app.post("/appointments", status_code=201)
    def book(wanted: Appointment):
        technician, slot = wanted.customer_id % TECHNICIANS, appointment_slot(wanted.slot)
        try:
            with store.transaction() as cursor:
                cursor.run(BOOK, technician, slot, wanted.customer_id)
        except database.TAKEN:
            return refuse(409, "slot_taken", f"{slot} is already booked")
        return {"technician": technician, "slot": slot}

    return app


def priced(order, discount):
    return {**order, "amount_pence": order["amount_pence"] * (100 - discount) // 100}


def appointment_slot(wanted):
    """`3d10:30` is half past ten in three days' time, as a caller picks it from a menu."""
    days, _, time = wanted.partition("d")
    return f"{date.today() + timedelta(days=int(days))}T{time}"


def refuse(status, code, message):
    return JSONResponse({"error": {"code": code, "message": message}}, status)
