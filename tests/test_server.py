"""The playground's server over a real socket: what it answers, and everything that it refuses."""

import base64
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from unroll.export.formats import SUFFIXES
from unroll.stepper import playground
from unroll.stepper.playground import answer
from unroll.stepper.server import LARGEST, Playground
from unroll.stepper.workers import Pool


def endless(question):
    """What a worker does that never comes to an end; a function of a module, as a worker wants."""
    while question.get("ask") == "forever":
        pass
    if question.get("ask") == "die":
        os._exit(1)
    return {"said": question.get("ask")}


def running(pool=None, patience=10.0):
    server = Playground(0, pool=pool, patience=patience)
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
    )
    thread.start()
    return server, thread


@pytest.fixture(scope="module")
def server():
    made, thread = running()
    yield made
    made.shutdown()
    thread.join(5)
    made.server_close()


def request(server, method="POST", path="/ask", body=b'{"ask": "templates"}', **changes):
    """A request that is right but for the changes (None leaves a header out); status and body."""
    headers = {
        "Host": f"127.0.0.1:{server.server_port}",
        "Origin": f"http://127.0.0.1:{server.server_port}",
        "Sec-Fetch-Site": "same-origin",
        "Content-Type": "application/json",
        "X-Unroll-Token": server.token,
        "Content-Length": str(len(body)),
    }
    if method == "GET":
        headers["Sec-Fetch-Site"], body = "none", b""
    headers |= {name.replace("_", "-"): value for name, value in changes.items()}
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=60)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in headers.items():
        if value is not None:
            connection.putheader(name, value)
    connection.endheaders(body)
    reply = connection.getresponse()
    text = reply.read().decode()
    connection.close()
    return reply, text


def ask(server, **question):
    reply, text = request(server, body=json.dumps(question).encode())
    assert reply.status == 200
    return json.loads(text)


# --- answers -------------------------------------------------------------------------------------


def test_the_page_comes_with_a_strict_policy(server):
    reply, text = request(server, "GET", f"/?token={server.token}")
    assert reply.status == 200
    policy = reply.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert reply.headers["Cache-Control"] == "no-store"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert "HttpOnly; SameSite=Strict" in reply.headers["Set-Cookie"]
    assert not re.search(r"https?://(?!www\.w3\.org)", text)


def test_the_page_opens_again_by_its_cookie(server):
    cookie = (
        request(server, "GET", f"/?token={server.token}")[0].headers["Set-Cookie"].split(";")[0]
    )
    assert request(server, "GET", "/", Cookie=cookie)[0].status == 200
    assert request(server, "GET", "/", Cookie=cookie[:-1])[0].status == 403


def test_equations_are_checked_with_their_caret(server):
    found = ask(server, ask="check", text="h_t = tanh(W h_{t-1} + ) U x_t")
    assert found["error"]["line"] == 1
    assert "^" in found["error"]["text"]
    fine = ask(server, ask="check", text="h_t = tanh(W h_{t-1} + U x_t)")
    assert fine["canonical"] == "h[t] = tanh(W @ h[t-1] + U @ x[t])"
    assert fine["roles"]["W"] == "parameter"


def test_picture_derivation_and_story(server):
    drawn = ask(server, ask="picture", template="rnn", steps=3, values=True, flow="both")
    assert 'data-index="3"' in drawn["svg"]
    derived = ask(server, ask="derive", template="rnn")
    assert "grad_W = sum(" in derived["text"]
    told = ask(server, ask="step", template="rnn", steps=3, seed=4)
    assert told["state"]["steps"] == 3
    import unroll

    trace = unroll.template("rnn").run(steps=3, seed=4)
    assert told["state"]["arrays"]["W"] == trace["W"].tolist()


STARTS = {
    ".svg": b"<svg", ".pdf": b"%PDF", ".png": b"\x89PNG", ".eps": b"%!PS", ".tex": b"% ", ".gif": b"GIF8",
    ".apng": b"\x89PNG", ".html": b"<!doctype html>", ".pptx": b"PK", ".page": b"<!doctype html>",
}  # fmt: skip


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".page"])
def test_every_format_comes_as_a_file(server, suffix):
    if suffix == ".pptx":
        pytest.importorskip("pptx")
    found = ask(server, ask="file", template="rnn", steps=2, flow="both", suffix=suffix)
    raw = base64.b64decode(found["base64"])
    assert raw.lower().startswith(STARTS.get(suffix, b"").lower())
    assert len(raw) > 100
    assert found["name"] == f"unroll{suffix.replace('.page', '.html')}"


def test_ten_at_once_are_all_answered(server):
    texts = [f"h_t = tanh(W h_{{t-1}} + {k} x_t)" for k in range(1, 11)]
    with ThreadPoolExecutor(10) as pool:
        found = list(pool.map(lambda text: ask(server, ask="check", text=text), texts))
    assert [f["canonical"].split("+ ")[1].split(" ")[0] for f in found] == [
        str(k) for k in range(1, 11)
    ]


# --- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"X_Unroll_Token": None}, 403),
        ({"X_Unroll_Token": "x" * 43}, 403),
        ({"X_Unroll_Token": ""}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1"}, 403),
        ({"Host": "127.0.0.1:1"}, 403),
        ({"Host": None}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
        ({"Sec_Fetch_Site": "none"}, 403),
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content_Type": None}, 415),
        ({"Content_Length": None}, 411),
        ({"Content_Length": "-1"}, 411),
        ({"Content_Length": "many"}, 411),
        ({"Content_Length": str(LARGEST + 1)}, 413),
        ({"Content_Length": "9" * 30}, 413),
        ({"Content_Length": "9" * 5000}, 413),
        ({"Transfer_Encoding": "chunked"}, 411),
        ({"path": "/"}, 404),
        ({"path": "/ask/../etc/passwd"}, 404),
        ({"body": b"{"}, 400),
        ({"body": b"[1]"}, 400),
        ({"body": b"\xff\xfe"}, 400),
        ({"body": b"[" * 60_000}, 400),
        *(({"method": m}, 405) for m in ("PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "HEAD")),
    ],
    ids=str,
)
def test_requests_that_are_refused(server, changes, status):
    reply, text = request(server, **changes)
    assert reply.status == status
    assert "Traceback" not in text
    assert server.token not in text
    assert (
        ask(server, ask="check", text="h_t = h_{t-1}")["canonical"] == "h[t] = h[t-1]"
    )  # still there


@pytest.mark.parametrize(
    ("path", "changes", "status"),
    [
        ("/", {}, 403),
        ("/?token=wrong", {}, 403),
        ("/?token=", {}, 403),
        ("/favicon.ico", {}, 404),
        ("/../../etc/passwd", {}, 404),
        ("/%2e%2e/etc/passwd", {}, 404),
        ("/ask", {}, 404),
        ("/?token={}", {"Sec_Fetch_Site": "cross-site"}, 403),
        ("/?token={}", {"Host": "evil.example"}, 403),
    ],
)
def test_pages_that_are_refused(server, path, changes, status):
    reply, text = request(server, "GET", path.format(server.token), **changes)
    assert reply.status == status
    assert server.token not in text
    assert "root:" not in text


def test_only_this_machine_is_listened_to(server):
    assert server.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize("ask_for", ["check", "picture", "derive", "step", "file"])
def test_no_file_is_read(server, ask_for, tmp_path):
    path = tmp_path / "h.txt"
    path.write_text("h[t] = tanh(secret @ h[t-1])")
    for text in (str(path), "-", "/etc/passwd", "@/etc/passwd", path.as_uri()):
        for key in ("text", "template"):
            found = ask(
                server,
                ask=ask_for,
                suffix=".svg",
                data=str(path),
                output=str(tmp_path / "o"),
                **{key: text},
            )
            assert "error" in found
            assert "secret" not in json.dumps(found)
            assert "root:" not in json.dumps(found)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["h.txt"]


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ({"ask": "nothing"}, "nothing to ask for"),
        ({"ask": "picture", "template": "rnn", "steps": 0}, "from 1 to"),
        ({"ask": "picture", "template": "rnn", "steps": 10**9}, "from 1 to"),
        ({"ask": "picture", "template": "rnn", "steps": "3"}, "from 1 to"),
        ({"ask": "picture", "template": "rnn", "steps": True}, "from 1 to"),
        ({"ask": "picture", "template": "rnn", "seed": -1}, "from 0 to"),
        ({"ask": "picture", "template": "rnn", "dims": "h=100000"}, "too large"),
        ({"ask": "picture", "template": "rnn", "dims": "h"}, "is not a size"),
        ({"ask": "picture", "template": "rnn", "theme": "pink"}, "there is no theme"),
        ({"ask": "file", "template": "rnn", "suffix": ".exe"}, "suffix"),
        ({"ask": "file", "template": "rnn", "suffix": "/../../x.svg"}, "suffix"),
        ({"ask": "step", "template": "rnn", "steps": 2000}, "too many to tell"),
        (
            {
                "ask": "picture",
                "template": "rnn",
                "values": True,
                "steps": 2000,
                "dims": "h=512,x=512",
            },
            "more than the playground",
        ),
        ({"ask": "check", "text": ""}, "no equations"),
        ({"ask": "check", "text": "x" * 20_001}, "at most"),
        ({"ask": "check", "text": "\n".join(f"a{k}[t] = x[t]" for k in range(201))}, "at most 200"),
        ({"ask": "check", "text": "h_t = " + "(" * 5000 + "x_t" + ")" * 5000}, ""),
        ({"ask": "check"}, "no equations"),
    ],
    ids=lambda v: str(v)[:60],
)
def test_questions_that_are_refused(server, question, says):
    begun = time.monotonic()
    found = ask(server, **question)
    assert says in found["error"]["text"]
    assert "Traceback" not in found["error"]["text"]
    assert time.monotonic() - begun < 20


def test_what_is_too_large_is_not_run(monkeypatch):
    from unroll.numeric import execution

    monkeypatch.setattr(execution, "run", lambda *a, **k: pytest.fail("it was run"))
    found = answer({"ask": "step", "template": "rnn", "steps": 80, "dims": "h=512,x=512,y=512"})
    if "error" not in found:
        pytest.fail("it was not refused")
    monkeypatch.setattr(playground, "MOST_WORK", 10)
    found = answer({"ask": "step", "template": "rnn", "steps": 2})
    assert "more than the playground makes" in found["error"]["text"]


def test_what_does_not_end_is_ended_and_the_next_is_answered():
    pool = Pool(endless, count=1, seconds=1.0)
    server, thread = running(pool)
    try:
        assert ask(server, ask="hello") == {"said": "hello"}
        begun = time.monotonic()
        assert "too long" in ask(server, ask="forever")["error"]["text"]
        assert time.monotonic() - begun < 5
        assert ask(server, ask="hello") == {"said": "hello"}
        assert "could not be done" in ask(server, ask="die")["error"]["text"]
        assert ask(server, ask="hello") == {"said": "hello"}
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


def test_too_much_at_once_is_refused():
    pool = Pool(endless, count=1, seconds=4.0, wait=0.2)
    server, thread = running(pool)
    try:
        ask(server, ask="hello")
        with ThreadPoolExecutor(4) as clients:
            body = b'{"ask": "forever"}'
            replies = list(clients.map(lambda _: request(server, body=body)[0].status, range(4)))
        assert replies.count(503) == 3
        assert replies.count(200) == 1  # the one that was ended
        assert ask(server, ask="hello") == {"said": "hello"}
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


def test_a_slow_client_holds_nobody_up():
    server, thread = running(Pool(endless, count=1), patience=1.0)
    try:
        ask(server, ask="hello")
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=10) as slow:
            slow.sendall(b"POST /ask HTTP/1.1\r\nHost: ")
            assert ask(server, ask="hello") == {"said": "hello"}
            assert slow.recv(100) == b""  # hung up on
        head = (
            f"POST /ask HTTP/1.1\r\nHost: 127.0.0.1:{server.server_port}\r\nX-Unroll-Token: {server.token}\r\n"
            "Content-Type: application/json\r\nContent-Length: 50\r\n\r\n{"
        )
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=10) as slow:
            slow.sendall(head.encode())
            assert b"408" in slow.recv(100)
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


# --- start and stop ------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_cleanly(how):
    command = [sys.executable, "-m", "unroll.cli", "serve", "--no-browser"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stderr is not None
    line = process.stderr.readline()
    port = int(re.search(r"127\.0\.0\.1:(\d+)/\?token=", line)[1])
    process.send_signal(how)
    assert process.wait(20) == 0
    with process.stderr as said:
        assert "Traceback" not in said.read()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
    for _ in range(100):  # nor is any worker left
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail("a worker lives on")


def test_a_port_that_is_taken(server):
    command = [
        sys.executable,
        "-m",
        "unroll.cli",
        "serve",
        "--no-browser",
        "--port",
        str(server.server_port),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert f"cannot listen on port {server.server_port}" in done.stderr
    assert "Traceback" not in done.stderr
