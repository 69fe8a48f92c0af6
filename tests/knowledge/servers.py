"""Servers on the loopback interface, as modules of the projects that the checks run: what the internet would have answered."""

BLOBS = '''
"""A host of encodings: 256 tokens, one for each byte."""
import base64, http.server, threading

BODY = b"".join(base64.b64encode(bytes([i])) + b" %d\\n" % i for i in range(256))


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *_):
        pass


def load(name="letters"):
    """Load an encoding with tiktoken as it does its own, from an address of this name."""
    from tiktoken.load import load_tiktoken_bpe

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        return load_tiktoken_bpe(f"http://127.0.0.1:{server.server_address[1]}/{name}.tiktoken")
    finally:
        server.shutdown()
        server.server_close()
'''

HUB = '''
"""A model hub with the repository "org/tiny": HF_ENDPOINT must be `ENDPOINT` before huggingface_hub is imported."""
import hashlib, http.server, json, os, threading

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, code, body=b"", kind="application/json", **more):
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, text in more.items():
            self.send_header(name.replace("_", "-"), text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        path = self.path.partition("?")[0].strip("/")
        _, repository, rest = path.partition("org/tiny")
        if not repository:
            return self.answer(404, b"{}", X_Error_Code="RepoNotFound")
        if path.startswith("api/"):
            about = {"id": "org/tiny", "modelId": "org/tiny", "sha": COMMIT, "private": False, "tags": [], "downloads": 0,
                     "siblings": [{"rfilename": name} for name in FILES]}
            if "/tree/" in rest:
                about = [{"type": "file", "path": name, "size": len(body), "oid": hashlib.sha1(body).hexdigest()}
                         for name, body in FILES.items()]
            return self.answer(200, json.dumps(about).encode())
        name = rest.partition("/resolve/")[2].partition("/")[2]
        if name not in FILES:
            return self.answer(404, b"{}", X_Error_Code="EntryNotFound", X_Repo_Commit=COMMIT)
        body = FILES[name]
        self.answer(200, body, "application/octet-stream", X_Repo_Commit=COMMIT, ETag=f'"{hashlib.sha1(body).hexdigest()}"',
                    Accept_Ranges="bytes")

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
ENDPOINT = os.environ["HF_ENDPOINT"] = f"http://127.0.0.1:{server.server_address[1]}"
'''
