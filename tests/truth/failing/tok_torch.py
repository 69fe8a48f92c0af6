# case: tok_torch
# packages: torch, numpy
# shows: torch's hub folder, worker processes of a loader, weights beside the project
# timeout: 150
# conditions: lambdapw roroot openshift
# cause.test_hub: library=torch dimension=root|home|user|uid remedy=all
# cause.test_loader: library=torch|multiprocessing|python dimension=shm|root|devices
# cause.test_save: library=torch dimension=root
# cause.test_shared_tensor: library=torch|multiprocessing dimension=shm|root|devices
import http.server
import threading

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset


@pytest.fixture
def url(tmp_path):
    torch.save({"a": torch.zeros(2)}, tmp_path / "w.pt")
    body = (tmp_path / "w.pt").read_bytes()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/w.pt"
    server.shutdown()


def test_hub(url):
    assert torch.hub.load_state_dict_from_url(url, progress=False)["a"].shape == (2,)


def test_loader():
    data = TensorDataset(torch.arange(4.0))
    assert len(list(DataLoader(data, num_workers=1))) == 4


def test_single_loader():
    data = TensorDataset(torch.arange(4.0))
    assert len(list(DataLoader(data))) == 4


def test_save():
    torch.save({"a": torch.zeros(2)}, "model.pt")


def test_shared_tensor():
    assert torch.zeros(10).share_memory_().is_shared()
