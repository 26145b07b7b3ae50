"""The CRM's HTTP interface."""

from datetime import date, timedelta

from flask import Flask, jsonify, request

import database
from seed import TECHNICIANS

DISCOUNT_PERCENT = {"standard": 0, "business-2024": 10}

FIND_CUSTOMER = "SELECT id, name, segment, tariff FROM customers WHERE phone = ?"
OPEN_ORDERS = """SELECT o.number, o.status, o.amount_pence,
       (SELECT count(*) FROM contact_notes n WHERE n.note LIKE '%%' || o.number || '%%') AS contacts
  FROM orders o WHERE o.customer_id = ? AND o.status <> 'delivered' ORDER BY contacts DESC, o.id"""
TARIFF = "SELECT tariff FROM customers WHERE id = ?"
BOOK = "INSERT INTO appointments (technician, slot, customer_id) VALUES (?, ?, ?)"


def create_app(store):
    app = Flask("crm")

    @app.get("/health")
    def health():
        return jsonify(status="ok")

    @app.post("/customers/search")
    def search():
        with store.transaction() as cursor:
            customer = cursor.run(FIND_CUSTOMER, request.get_json()["phone"]).fetchone()
        if customer is None:
            return refuse(404, "customer_not_found", "no customer has this number")
        return jsonify(id=customer["id"], name=customer["name"], segment=customer["segment"])

    @app.get("/customers/<int:customer>/orders")
    def orders(customer):
        with store.transaction() as cursor:
            tariff = cursor.run(TARIFF, customer).fetchone()
            rows = cursor.run(OPEN_ORDERS, customer).fetchall()
        if tariff is None:
            return refuse(404, "customer_not_found", "no customer has this id")
        # A tariff that was withdrawn is still on some old customers: the failure to find in the traces.
        discount = DISCOUNT_PERCENT[tariff["tariff"]]
        return jsonify([priced(row, discount) for row in rows])

    @app.post("/appointments")
    def book():
        wanted = request.get_json()
        customer = int(wanted["customer_id"])
        technician, slot = customer % TECHNICIANS, appointment_slot(wanted["slot"])
        try:
            with store.transaction() as cursor:
                cursor.run(BOOK, technician, slot, customer)
        except database.TAKEN:
            return refuse(409, "slot_taken", f"{slot} is already booked")
        return jsonify(technician=technician, slot=slot), 201

    return app


def priced(order, discount):
    return {**order, "amount_pence": order["amount_pence"] * (100 - discount) // 100}


def appointment_slot(wanted):
    """`3d10:30` is half past ten in three days' time, as a caller picks it from a menu."""
    days, _, time = wanted.partition("d")
    return f"{date.today() + timedelta(days=int(days))}T{time}"


def refuse(status, code, message):
    return jsonify(error={"code": code, "message": message}), status
