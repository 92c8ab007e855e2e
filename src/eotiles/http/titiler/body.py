"""How large a body may be. FastAPI's own limit answers in plain text and logs the refusal as an error of the server."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from eotiles.http.errors import problem


class BodyLimit:
    """ASGI middleware that reads a body of at most `most_bytes` before anything else does, and refuses a larger one."""

    def __init__(self, app: ASGIApp, *, most_bytes: int) -> None:
        self.app = app
        self._most_bytes = most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("POST", "PUT", "PATCH"):
            await self.app(scope, receive, send)
            return
        body = bytearray()
        is_more = True
        while is_more:
            message = await receive()
            if message["type"] != "http.request":
                return  # the client left
            body += message.get("body", b"")
            is_more = message.get("more_body", False)
            if len(body) > self._most_bytes:
                detail = f"the body is larger than {self._most_bytes} bytes"
                await problem(413, detail, instance=scope["path"])(scope, receive, send)
                return
        whole: Message | None = {"type": "http.request", "body": bytes(body), "more_body": False}

        async def replay() -> Message:
            nonlocal whole
            if whole is not None:
                message, whole = whole, None
                return message
            return await receive()

        await self.app(scope, replay, send)
