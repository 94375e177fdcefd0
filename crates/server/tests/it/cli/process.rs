//! A server of the real binary in a process of its own.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// A start may have to wait for other tests; an end may not: a supervisor kills after ten seconds.
const START: Duration = Duration::from_secs(60);
const END: Duration = Duration::from_secs(10);

/// A running process, killed when it is dropped.
pub(super) struct Process {
    child: Child,
    out: Receiver<String>,
    err: Receiver<String>,
}

impl Process {
    /// Starts it and reads what it writes.
    pub(super) fn start(command: &mut Command) -> Self {
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
        let out = lines(child.stdout.take().expect("standard output is a pipe"));
        let err = lines(child.stderr.take().expect("standard error is a pipe"));
        Self { child, out, err }
    }

    /// Its id.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line of standard output.
    pub(super) fn line(&self) -> String {
        match self.out.recv_timeout(START) {
            Ok(line) => line,
            Err(_) => panic!("no line came: {}", self.err.try_iter().collect::<Vec<_>>().join("\n")),
        }
    }

    /// The next line of standard error that holds a text.
    pub(super) fn told(&self, text: &str) -> String {
        let mut before = Vec::new();
        loop {
            match self.err.recv_timeout(START) {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => before.push(line),
                Err(_) => panic!("{text:?} was not told: {}", before.join("\n")),
            }
        }
    }

    /// Sends SIGTERM; gives the exit code and what was still written to standard output.
    pub(super) fn terminate(mut self) -> (Option<i32>, Vec<String>) {
        let signal = format!("kill -TERM {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &signal]).status().expect("a shell");
        assert!(sent.success(), "the process was gone before SIGTERM");
        let mut rest = Vec::new();
        loop {
            // The stream ends with the process.
            match self.out.recv_timeout(END) {
                Ok(line) => rest.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    panic!("SIGTERM did not end the process within ten seconds")
                }
            }
        }
        (self.child.wait().expect("an exit status").code(), rest)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nothing to do for a process that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (send, receive) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                return;
            }
        }
    });
    receive
}
