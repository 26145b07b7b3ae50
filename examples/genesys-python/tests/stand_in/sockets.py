"""The notification WebSocket, on a port of its own: clients have to use the `connectUri` that the API gave them."""

from __future__ import annotations

import json
import threading
import uuid
from datetime import datetime, timedelta, timezone

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

HEARTBEAT = {"topicName": "channel.metadata", "eventBody": {"message": "WebSocket Heartbeat"}}
PONG = {"topicName": "channel.metadata", "eventBody": {"message": "pong"}}
CLOSING = {"topicName": "v2.system.socket_closing", "eventBody": {"message": "This socket is going to be closed."}}
REFUSED = {"result": "400", "status": "failure", "message": "Invalid message"}


class Sockets:
    def __init__(self) -> None:
        self._server = serve(self._serve, "127.0.0.1", 0, process_request=self._admit)
        self._lock = threading.Lock()
        self._topics: dict[str, list[str]] = {}
        self._open: dict[str, ServerConnection] = {}

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()

    def open_channel(self) -> dict:
        channel = f"streaming-5-{uuid.uuid4()}"
        self._topics[channel] = []
        expires = datetime.now(timezone.utc) + timedelta(hours=24)
        port = self._server.socket.getsockname()[1]
        uri = f"ws://127.0.0.1:{port}/channels/{channel}"
        return {"id": channel, "connectUri": uri, "expires": expires.isoformat(timespec="milliseconds")}

    def subscribe(self, channel: str, topics: list[str]) -> bool:
        if channel not in self._topics:
            return False
        self._topics[channel] = topics
        return True

    def publish(self, topic: str, body: dict) -> None:
        """To who listens now: what is missed is not kept."""
        metadata = {"CorrelationId": str(uuid.uuid4())}
        frame = {"topicName": topic, "version": "2", "eventBody": body, "metadata": metadata}
        with self._lock:
            listening = [socket for channel, socket in self._open.items() if topic in self._topics[channel]]
        for socket in listening:
            _send(socket, frame)

    def close_all(self) -> None:
        """As the platform does when it moves a channel: a warning, then the end of the socket."""
        with self._lock:
            sockets = list(self._open.values())
        for socket in sockets:
            _send(socket, CLOSING)
            socket.close()

    def _admit(self, connection: ServerConnection, request):
        known = request.path.removeprefix("/channels/") in self._topics
        return None if known else connection.respond(404, "No such channel.\n")

    def _serve(self, socket: ServerConnection) -> None:
        channel = socket.request.path.removeprefix("/channels/")
        with self._lock:
            before, self._open[channel] = self._open.get(channel), socket
        if before is not None:
            before.close()
        _send(socket, HEARTBEAT)
        try:
            for message in socket:
                _send(socket, PONG if _is_ping(message) else REFUSED)
        except ConnectionClosed:
            pass
        finally:
            with self._lock:
                if self._open.get(channel) is socket:
                    del self._open[channel]


def _is_ping(message: str | bytes) -> bool:
    try:
        return json.loads(message) == {"message": "ping"}
    except ValueError:
        return False


def _send(socket: ServerConnection, frame: dict) -> None:
    try:
        socket.send(json.dumps(frame))
    except ConnectionClosed:
        pass
