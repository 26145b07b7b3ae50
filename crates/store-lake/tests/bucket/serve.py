"""An S3 server with one empty bucket, `store`. Prints its port. Ends with its standard input.

One request at a time: moto looks whether an object is there and then puts it, and two threads could do so at once.
"""

import logging
import os
import sys
import threading

import boto3
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=False)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = boto3.client(
    "s3",
    endpoint_url=f"http://127.0.0.1:{server.port}",
    region_name="us-east-1",
    aws_access_key_id="test",
    aws_secret_access_key="test",
)
client.create_bucket(Bucket="store")
print(server.port, flush=True)
sys.stdin.read()
os._exit(0)
