"""Small application behind the gate, over a real store."""

from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient

from tl_core.access import Directory
from tl_core.settings import Settings
from tl_ui.gate import make_gate, make_gate_routes

HOST = "localhost:8501"
HERE = f"http://{HOST}"
PAGE = {"Accept": "text/html"}
"""Headers of a browser that shows the answer as a page."""
OURS = {"Origin": HERE}
"""Headers of a request that a page of the app sends."""


@dataclass
class House:
    """Application behind the gate, which tells as whom it sees each request."""

    settings: Settings
    directory: Directory
    listens_on: str | None = "localhost"
    seen: list = field(default_factory=list)
    """Requests and websockets that passed the gate."""

    def client(self, address="127.0.0.1", base_url=HERE):
        async def tell(request):
            self.seen.append(request)
            return JSONResponse({"person": request.headers.getlist("x-transferlab-person")})

        async def stream(websocket):
            self.seen.append(websocket)
            await websocket.accept()
            await websocket.send_json(websocket.headers.getlist("x-transferlab-person"))
            async for text in websocket.iter_text():
                await websocket.send_text(text)

        async def health(request):
            return PlainTextResponse("ok")

        methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        routes = [
            *make_gate_routes(lambda: self.settings, lambda: self.directory),
            Route("/api/health", health),
            WebSocketRoute("/_stcore/stream", stream),
            Route("/{path:path}", tell, methods=methods),
        ]
        gate = make_gate(lambda: self.settings, lambda: self.directory, lambda: self.listens_on)
        app = Starlette(routes=routes, middleware=[gate])
        return TestClient(app, base_url=base_url, follow_redirects=False, client=(address, 50_000))

    def student(self, name="Ann", **options):
        """Return the browser of a student who has joined."""
        client = self.client(**options)
        assert join(self, client, name).status_code == 200
        return client


def join(house, client, name="Ann", **more):
    """Send the form for joining, as the page does."""
    form = {"code": house.directory.classroom().code, "name": name, **more}
    return client.post("/join", data=form, headers={"Origin": str(client.base_url).rstrip("/")})


def person_seen(client, **headers):
    """Return as whom the application sees this browser."""
    answer = client.get("/run", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["person"]
