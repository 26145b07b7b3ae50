"""A stand-in for Genesys Cloud on loopback: what its API takes, drops and refuses, as far as the examples go.

`python -m tests.stand_in` runs it: it prints its address, and ends when its standard input closes.
"""

from tests.stand_in.platform import AGENT, ACTION, CLIENT, TOKEN, Platform

__all__ = ["ACTION", "AGENT", "CLIENT", "TOKEN", "Platform"]
