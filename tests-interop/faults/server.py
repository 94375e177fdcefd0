"""A server on a copy of a prepared folder, and the kill at its k-th call of one kind.

strace is attached to one thread, so that its counter (`when=`) counts that thread's calls from the moment of the operation.
Never with --seccomp-bpf: strace 6.1 then injects no signal, silently.
"""

import ctypes
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
from dataclasses import dataclass

import browser
from history import Counted, Trouble

# Calls that make something durable, or could. The survey of an operation refuses a run that uses one from an unknown thread.
DURABLE = "pwrite64,pwritev,pwritev2,fsync,fdatasync,sync_file_range,ftruncate,fallocate,rename,renameat,renameat2,unlink,unlinkat,msync"
# How a file is flushed: which of the two depends on how SQLite was built.
FLUSH = "fsync,fdatasync"
# Calls by which an answer leaves: a death here is a commit that nobody heard of.
ANSWER = "sendto,writev"
WRITER, CHECKPOINT, WORKERS = "grantor-write", "grantor-checkpo", "tokio-rt-worker"

START_SECONDS = 30
# After the answer: what is written later than it, by the same thread, is noticed within this time.
AFTERWARDS = 0.3
# So long after its start the server writes something by itself for the first time (`crates/server/src/jobs.rs`).
QUIET_SECONDS = 10
# The log goes into the file a second after the commit, and is cut a second later.
CHECKPOINT_SECONDS = 8


class Disturbed(Exception):
    """The machine was too slow for what was to be looked at: it proves nothing, and is done again."""


@dataclass(frozen=True)
class Point:
    """Before which call the server is to die: the k-th one of this kind in this thread."""

    thread: str
    call: str
    k: int


def free_port():
    """A port that nobody gets by chance while the server is down: connections get theirs from 32768 on."""
    for port in random.sample(range(20000, 32000), 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise RuntimeError("no free port from 20000 to 32000")


def wait_for(condition, seconds, what):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"{what} within {seconds} s")
        time.sleep(0.01)


def environment():
    return {name: value for name, value in os.environ.items() if not name.startswith("GRANTOR_")}


def let_trace():
    """Between fork and exec: where the kernel lets only ancestors trace (Yama), everybody of this user may trace this process."""
    PR_SET_PTRACER = 0x59616D61
    ctypes.CDLL(None).prctl(PR_SET_PTRACER, ctypes.c_ulong(-1), 0, 0, 0)  # refused without Yama, where it is not needed


class Server:
    """`grantor serve` on a folder."""

    running = []

    def __init__(self, binary, folder, port):
        self.folder, self.port = pathlib.Path(folder), port
        self.begun = time.monotonic()
        self.log = open(self.folder / "server.log", "ab")
        command = [
            binary, "serve", "--listen", f"127.0.0.1:{port}", "--management", "off", "--log-level", "warn",
            "--database-url", f"sqlite:{self.folder}/grantor.db", "--master-key-file", f"{self.folder}/master.key",
        ]
        # The demo's cost of a password hash: a log-in shall not write a new hash beside what is looked at.
        cost = {"GRANTOR_PASSWORDS__MEMORY_KIB": "19456", "GRANTOR_PASSWORDS__ITERATIONS": "2"}
        self.process = subprocess.Popen(
            command, env=environment() | cost, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, preexec_fn=let_trace
        )
        self.running.append(self)
        wait_for(self._answers, START_SECONDS, f"no answer ({self.folder}/server.log)")

    def _answers(self):
        if self.process.poll() is not None:
            tail = (self.folder / "server.log").read_text(errors="replace")[-800:]
            raise RuntimeError(f"the server ended by itself ({self.process.returncode}): {tail}")
        try:
            return browser.ask(self.port, "GET", "/.well-known/openid-configuration").status == 200
        except browser.NoAnswer:
            return False

    def threads(self):
        """Ids of its threads by name."""
        found = {}
        for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            try:
                found.setdefault((task / "comm").read_text().strip(), []).append(int(task.name))
            except FileNotFoundError:
                pass  # it has just ended
        return found

    def wal_bytes(self):
        log = self.folder / "grantor.db-wal"
        return log.stat().st_size if log.exists() else 0

    def undisturbed(self):
        """Refuses a run that took so long that the server has begun to write by itself."""
        if time.monotonic() - self.begun >= QUIET_SECONDS:
            raise Disturbed(f"the operation was not over {QUIET_SECONDS} s after the start of the server")

    def settle(self):
        """Waits until what the start has written is in the file."""
        wait_for(lambda: self.wal_bytes() == 0, CHECKPOINT_SECONDS, "the log of the start was not taken in")

    def died(self):
        return self.process.poll() is not None

    def stop(self, how=signal.SIGKILL):
        """Ends it; gives how it ended. Without effect on one that is dead."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(30)
        self.log.close()
        if self in self.running:
            self.running.remove(self)
        return code


class Tracer:
    """strace on some threads of a server."""

    def __init__(self, server, threads, arguments, output):
        self.output = pathlib.Path(output)
        command = ["strace", "-qq", "-o", str(self.output)]
        for thread in threads:
            command += ["-p", str(thread)]
        self.process = subprocess.Popen(command + arguments, stderr=subprocess.PIPE)
        try:
            wait_for(lambda: self._attached(server, threads), 10, "strace was not attached")
        except RuntimeError:
            self.process.kill()
            told = self.process.communicate()[1].decode(errors="replace").strip()
            raise RuntimeError(f"strace cannot trace: {told}. Run as root, or set kernel.yama.ptrace_scope to 0") from None

    def _attached(self, server, threads):
        def traced(thread):
            try:
                status = pathlib.Path(f"/proc/{server.process.pid}/task/{thread}/status").read_text()
            except FileNotFoundError:
                # A job of the server came to the trap before the operation did.
                raise Disturbed("the server died while the trap was set") from None
            return "TracerPid:\t0\n" not in status

        return all(traced(thread) for thread in threads)

    def end(self):
        """Lets the server go on untraced; gives what was seen."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=20)
        return self.output.read_text(errors="replace").splitlines()


def trap(server, point):
    """Sets the kill. The counter of strace runs per thread and per call, so each is a trap of its own."""
    threads = server.threads().get(point.thread, [])
    if not threads:
        raise RuntimeError(f"the server has no thread {point.thread}")
    inject = f"inject={point.call}:signal=KILL:when={point.k}"
    return Tracer(server, threads, ["-e", f"trace={point.call}", "-e", inject], server.folder / "strace.log")


def proof(lines, point):
    """Why the record of a trap does not show a death before the k-th call; empty if it does. A call that strace has killed
    is written down without a result: it was not made."""
    call = re.compile(rf"\b({point.call.replace(',', '|')})\(")
    made = [line for line in lines if call.search(line)]
    unmade = [line for line in made if line.endswith("= ?") or "<unfinished ...>" in line]
    if not any("+++ killed by SIGKILL +++" in line for line in lines):
        return "strace saw no death by SIGKILL"
    if not unmade:
        return "each call that strace saw was made"
    # Of many workers each has its own counter; of one thread, the last call is the k-th.
    if point.thread != WORKERS and (len(made) != point.k or made[-1] not in unmade):
        return f"it died at call {len(made)}"
    return ""


def survey(server):
    """Records every durable call and every answer of the whole process, without a kill."""
    arguments = ["-f", "-e", f"trace={DURABLE},{ANSWER}"]
    return Tracer(server, [server.process.pid], arguments, server.folder / "survey.log")


def copy(prepared, folder):
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(prepared, folder)


def rows(folder, query, *values):
    """What a copy of the database holds. A copy, so that the server itself recovers what the kill has left."""
    look = pathlib.Path(folder) / "look"
    shutil.rmtree(look, ignore_errors=True)
    look.mkdir()
    for file in pathlib.Path(folder).glob("grantor.db*"):
        # The shared index is rebuilt from the log, as after any crash.
        if not file.name.endswith(("-shm", ".lock")):
            shutil.copy(file, look)
    connection = sqlite3.connect(look / "grantor.db")
    try:
        return connection.execute(query, values).fetchall()
    finally:
        connection.close()


def damage(folder):
    """What SQLite itself finds wrong with the files."""
    found = [row[0] for row in rows(folder, "PRAGMA integrity_check") if row[0] != "ok"]
    found += [f"foreign key of {row[0]} row {row[1]}" for row in rows(folder, "PRAGMA foreign_key_check")]
    return [Trouble(f"the database is damaged: {what}") for what in found]


def counted(unit, prepared, folder, parts):
    """Which parts of a unit are stored. Each part is a query of one number, what the setup has added to that number since
    the prepared folder, and what the unit adds. A number between the two is half a part, which no unit may leave."""
    events, found = [], 0
    for query, by_setup, by_unit in parts:
        added = rows(folder, query)[0][0] - rows(prepared, query)[0][0] - by_setup
        if added == by_unit:
            found += 1
        elif added != 0:
            events.append(Trouble(f"{unit}: {query} gives {added} more, which is neither 0 nor {by_unit}"))
    return events + [Counted(unit, found, len(parts))]
