# case: nat_server_child
# packages: stdlib
# shows: a server that is a child process dies when it writes its pid file; the test waits for its port in vain
# conditions: roroot lambdapw docker
# cause.test_server: library=- dimension=root
# cause.test_worker: library=-|multiprocessing dimension=root
# cause.test_daemon_log: library=- dimension=root
import multiprocessing
import socket
import subprocess
import sys
import time

SERVER = """
import http.server, os, pathlib, sys
pathlib.Path('server.pid').write_text(str(os.getpid()))
http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), http.server.BaseHTTPRequestHandler).serve_forever()
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def wait_for(port, seconds=4):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"nothing listens on port {port} after {seconds} s")


def test_server():
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(port)], stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
    finally:
        process.kill()
        process.wait()


def work(path):
    with open(path, "w") as file:
        file.write("done")


def test_worker():
    process = multiprocessing.Process(target=work, args=("result.txt",))
    process.start()
    process.join()
    assert process.exitcode == 0


def test_daemon_log(tmp_path):
    code = "import logging; logging.basicConfig(filename='daemon.log'); print('ready')"
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert done.stdout == "ready\n"


def test_worker_in_tmp(tmp_path):
    process = multiprocessing.Process(target=work, args=(tmp_path / "result.txt",))
    process.start()
    process.join()
    assert process.exitcode == 0
