# case: nat_server_thread
# packages: requests, aiohttp
# shows: a server of the project's own saves an upload beside its code; the test only sees what the client gets
# conditions: roroot lambdapw
# cause.test_status: library=- dimension=root
# cause.test_connection: library=-|requests|urllib3 dimension=root
# cause.test_aiohttp: library=-|aiohttp dimension=root
import asyncio
import http.server
import pathlib
import threading

import aiohttp
import pytest
import requests
from aiohttp import web


@pytest.fixture(scope="module")
def url():
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            name = self.path.rpartition("/")[2]
            if self.path.startswith("/careful/"):
                try:
                    pathlib.Path(name).write_bytes(body)
                    self.send_response(201)
                except OSError:
                    self.send_response(507)
            else:
                pathlib.Path(name).write_bytes(body)
                self.send_response(201)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *args: None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


def test_status(url):
    assert requests.post(url + "/careful/a.bin", data=b"x", timeout=5).status_code == 201


def test_connection(url):
    assert requests.post(url + "/b.bin", data=b"x", timeout=5).status_code == 201


def test_aiohttp():
    async def save(request):
        pathlib.Path("c.bin").write_bytes(await request.read())
        return web.Response(status=201)

    async def go():
        app = web.Application()
        app.router.add_post("/", save)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.post(f"http://127.0.0.1:{port}/", data=b"x") as answer,
            ):
                return answer.status
        finally:
            await runner.cleanup()

    assert asyncio.run(go()) == 201
