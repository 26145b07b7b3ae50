"""The schema, and customers who are the same at every start."""

import random
from datetime import date, timedelta

SCHEMA = (
    """CREATE TABLE IF NOT EXISTS customers (
        id INTEGER PRIMARY KEY, phone TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
        segment TEXT NOT NULL, tariff TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS orders (
        id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers (id),
        number TEXT NOT NULL, status TEXT NOT NULL, amount_pence INTEGER NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS orders_by_customer ON orders (customer_id)",
    # Nothing indexes the notes, and the orders page searches them: the slow query of this example.
    "CREATE TABLE IF NOT EXISTS contact_notes (id INTEGER PRIMARY KEY, note TEXT NOT NULL)",
    """CREATE TABLE IF NOT EXISTS appointments (
        technician INTEGER NOT NULL, slot TEXT NOT NULL, customer_id INTEGER NOT NULL REFERENCES customers (id),
        PRIMARY KEY (technician, slot))""",
)
CUSTOMERS = 1000
NOTES = 60_000
TECHNICIANS = 8
DAYS = 60
TIMES = [f"{hour:02}:{minute:02}" for hour in range(8, 18) for minute in (0, 30)]

_FIRST = ("Ada", "Björn", "Chidi", "Dana", "Eve", "Farid", "Grace", "Hiroshi", "Inês", "Jan")
_LAST = ("Abebe", "Brown", "Costa", "Dvořák", "Evans", "Fischer", "Garcia", "Haddad", "Ito", "Jones")


def seed(database):
    """Creates the tables, and fills them if they are empty."""
    with database.transaction() as cursor:
        for statement in SCHEMA:
            cursor.run(statement)
        if cursor.run("SELECT count(*) AS rows FROM customers").fetchone()["rows"]:
            return
        chance = random.Random(7)
        customers = [_customer(number, chance) for number in range(CUSTOMERS)]
        orders = _orders(customers, chance)
        cursor.run_many("INSERT INTO customers (id, phone, name, segment, tariff) VALUES (?, ?, ?, ?, ?)", customers)
        cursor.run_many(
            "INSERT INTO orders (id, customer_id, number, status, amount_pence) VALUES (?, ?, ?, ?, ?)", orders
        )
        cursor.run_many("INSERT INTO contact_notes (id, note) VALUES (?, ?)", _notes(orders, chance))
        cursor.run_many(
            "INSERT INTO appointments (technician, slot, customer_id) VALUES (?, ?, ?)", _appointments(chance)
        )


def _customer(number, chance):
    # +44 20 7946 0000 to 0999 are set aside for fiction.
    name = f"{chance.choice(_FIRST)} {chance.choice(_LAST)}"
    segment = "business" if number % 9 == 4 else "private"
    tariff = "legacy-2019" if number % 40 == 17 else "standard"
    return number, f"+442079460{number:03}", name, segment, tariff


def _orders(customers, chance):
    orders = []
    for customer, _phone, _name, segment, _tariff in customers:
        for _ in range(chance.randint(24, 60) if segment == "business" else chance.randint(0, 4)):
            status = "late" if chance.random() < 0.08 else chance.choice(("open", "delivered", "delivered"))
            orders.append((len(orders), customer, f"A{len(orders):06}", status, chance.randint(900, 90_000)))
    return orders


def _notes(orders, chance):
    for number in range(NOTES):
        about = chance.choice(orders)[2]
        yield number, f"Customer called about order {about}; told them what the carrier said, promised to ring back."


def _appointments(chance):
    for technician in range(TECHNICIANS):
        for ahead in range(DAYS):
            for time in TIMES:
                if chance.random() < 0.06:
                    day = date.today() + timedelta(days=ahead)
                    yield technician, f"{day}T{time}", chance.randrange(CUSTOMERS)
