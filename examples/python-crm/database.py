"""One connection for each thread: SQLite unless DATABASE_URL names a PostgreSQL server."""

import os
import sqlite3
import tempfile
import threading
from contextlib import contextmanager

import psycopg
from psycopg.rows import dict_row

TAKEN = (sqlite3.IntegrityError, psycopg.errors.UniqueViolation)
UNREACHABLE = psycopg.OperationalError

_local = threading.local()


class Database:
    def __init__(self, url=None):
        self.url = url
        self._folder = None if url else tempfile.TemporaryDirectory(prefix="crm-")

    @contextmanager
    def transaction(self):
        """A cursor whose work is committed at the end, or rolled back if it raises."""
        connection = self._connection()
        cursor = connection.cursor()
        try:
            yield Cursor(cursor, self.url is not None)
            connection.commit()
        except Exception:
            self._give_up(connection)
            raise
        finally:
            cursor.close()

    def close(self):
        if self._folder:
            self._folder.cleanup()

    def _connection(self):
        if getattr(_local, "connection", None) is None:
            _local.connection = psycopg.connect(self.url, row_factory=dict_row) if self.url else self._sqlite()
        return _local.connection

    def _sqlite(self):
        connection = sqlite3.connect(os.path.join(self._folder.name, "crm.db"))
        connection.row_factory = lambda cursor, row: {
            column[0]: value for column, value in zip(cursor.description, row)
        }
        return connection

    @staticmethod
    def _give_up(connection):
        try:
            connection.rollback()
        except (sqlite3.Error, psycopg.Error):
            _local.connection = None


class Cursor:
    """Statements are written with `?`; PostgreSQL's driver wants `%s`."""

    def __init__(self, cursor, postgres):
        self._cursor = cursor
        self._postgres = postgres

    def run(self, statement, *parameters):
        self._cursor.execute(self._mark(statement), parameters)
        return self._cursor

    def run_many(self, statement, rows):
        self._cursor.executemany(self._mark(statement), rows)

    def _mark(self, statement):
        return statement.replace("?", "%s") if self._postgres else statement


def connect():
    return Database(os.environ.get("DATABASE_URL"))
