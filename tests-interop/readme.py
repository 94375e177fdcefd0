#!/usr/bin/env python3
"""Runs the README as a newcomer would: every ```sh block as printed, in order, beside the demo that its first command starts.

The first block runs in a process group of its own. The lines that the demo prints for pasting are run, then all further blocks
in one shell that has the demo's `export` lines, from the root of the repository. Stops at the first command that fails.
"""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
DEMO = "cargo run --release -- demo"
TEST = "./test"
PORTS = (8080, 8081, 9091)
MADE = ROOT / "my-grantor"
START_SECONDS = 1200  # a first build is part of it
BLOCK_SECONDS = 120


def fail(what, output=""):
    print(f"README: {what}\n{output}", file=sys.stderr)
    sys.exit(1)


def blocks(text):
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S)
    untold = [body for language, body in found if not language]
    if untold:
        fail("a code block says no language: is it a command or an output?", untold[0])
    return [body.strip() for language, body in found if language == "sh"]


def check_links(text):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        if not target.startswith("http") and not (ROOT / target).exists():
            fail(f"the link {target} leads nowhere")


def check_free():
    for port in PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                fail(f"port {port} must be free to run the README as printed: {error}")
    if MADE.exists():
        fail(f"{MADE} is in the way; the README makes it")


def environment():
    """The caller's, without what would point the commands to another installation."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GRANTOR_")}


def start_demo(folder):
    log = open(folder / "demo.log", "w+b")
    env = environment() | {"TMPDIR": str(folder)}
    demo = subprocess.Popen(
        DEMO, shell=True, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
    )
    end = time.monotonic() + START_SECONDS
    while True:
        text = (folder / "demo.log").read_text(encoding="utf-8")
        if re.search(r"^export GRANTOR_URL=.*\n", text, re.M):
            return demo, text
        if demo.poll() is not None or time.monotonic() > end:
            stop(demo)
            fail(f"`{DEMO}` did not get ready", text)
        time.sleep(0.1)


def stop(process):
    try:
        os.killpg(process.pid, signal.SIGTERM)
    except ProcessLookupError:
        pass
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        fail("a process did not end 15 seconds after SIGTERM")


def shell(what, script, folder):
    """Runs a script to its end; its background processes are ended with its group. Gives its standard output."""
    path = folder / "output"
    with open(path, "w+b") as output:
        process = subprocess.Popen(
            ["bash", "-c", script], cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            status = process.wait(BLOCK_SECONDS)
        except subprocess.TimeoutExpired:
            status = "no end"
        finally:
            stop_group(process)
    text = path.read_text(encoding="utf-8", errors="replace")
    if status != 0:
        fail(f"{what} failed ({status})", text)
    return text


def stop_group(process):
    try:
        os.killpg(process.pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    end = time.monotonic() + 15
    while time.monotonic() < end:
        process.poll()
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    fail("a process of a block did not end 15 seconds after SIGTERM")


def paste_demo_lines(printed, folder):
    """The lines of the demo, each call once as printed and once with its status: a body alone may be a refusal."""
    lines = [line for line in printed.splitlines() if line.startswith(("TOKEN=", "curl "))]
    calls = 0
    script = ["set -eo pipefail"]
    for line in lines:
        script.append(line)
        if line.startswith("curl "):
            script += ["echo", line.replace("curl -s ", "curl -sSf -o /dev/null ", 1)]
            calls += 1
    if calls < 6:
        fail(f"the demo printed only {calls} calls for five APIs", printed)
    shell("a line that the demo printed", "\n".join(script), folder)
    return calls


def main():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    check_links(text)
    commands = blocks(text)
    if not commands or commands[0] != DEMO:
        fail(f"the first command must be `{DEMO}`")
    if commands.count(TEST) != 1 or not os.access(ROOT / "test", os.X_OK):
        fail(f"`{TEST}` must stand there once, and be an executable file")
    rest = [block for block in commands[1:] if block != TEST]
    check_free()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="grantor-readme-"))
    demo = None
    try:
        demo, printed = start_demo(folder)
        calls = paste_demo_lines(printed, folder)
        exports = [line for line in printed.splitlines() if line.startswith("export ")]
        # `-e` ends at the first failing command; a trace says which it was, without the values of secrets.
        script = ["set -eo pipefail", "trap 'echo \"failed: $BASH_COMMAND\" >&2' ERR", *exports]
        for number, block in enumerate(rest):
            script += [f"echo '== block {number}'", block]
        output = shell("a block of the README", "\n".join(script) + "\n", folder)
        for told in ("HTTP/1.1 401", '"active":true', "HTTP/1.1 200"):
            if told not in output:
                fail(f"{told} was not answered", output)
        stop(demo)
        demo = None
    finally:
        if demo is not None:
            stop(demo)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(MADE, ignore_errors=True)
    print(f"{calls} calls of the demo and {len(rest)} blocks of the README work as printed")


if __name__ == "__main__":
    main()
