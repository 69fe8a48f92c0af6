"""The counting service."""

import json
import threading
from http.client import HTTPConnection

from token_counter.service import Service


def test_service_counts_for_other_machines():
    """The service answers at the address it tells other machines."""
    with Service(lambda text: len(text.split())) as service:
        threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            client = HTTPConnection(*service.address, timeout=5)
            client.request("POST", "/", body=b"one two three")
            assert json.load(client.getresponse()) == {"tokens": 3}
        finally:
            service.shutdown()
