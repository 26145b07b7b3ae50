"""python -m tests.stand_in <base URL of the service behind the Data Action>"""

import json
import sys

from tests.stand_in import ACTION, AGENT, CLIENT, TOKEN, Platform

with Platform(middleware=sys.argv[1]) as platform:
    said = {"api": platform.url, "client": CLIENT, "token": TOKEN, "agent": AGENT, "action": ACTION}
    print(json.dumps(said), flush=True)
    sys.stdin.read()
