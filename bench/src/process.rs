//! Processes on a core of their own, and what the kernel counts about them.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use crate::clock;

/// The core of every server under test.
pub(crate) const SERVER_CORE: &str = "0";
/// The cores of a server that has the whole machine.
pub(crate) const ALL_CORES: &str = "0,1";
/// The core of the load driver.
pub(crate) const DRIVER_CORE: &str = "1";

/// Clock ticks per second in `/proc/PID/stat`: `USER_HZ`, 100 on every Linux architecture Rust runs on.
const TICKS: u64 = 100;

/// A server that takes longer to end has failed.
const LONGEST_STOP: Duration = Duration::from_secs(60);

/// A running server; it is ended when this is dropped.
pub(crate) struct Server {
    child: Child,
    lines: mpsc::Receiver<String>,
    log: PathBuf,
}

/// Moves this process and its future threads to the driver's core.
pub(crate) fn pin_driver() -> Result<()> {
    let pid = std::process::id().to_string();
    let pinned =
        Command::new("taskset").args(["-a", "-c", "-p", DRIVER_CORE, &pid]).stdout(Stdio::null()).status();
    let pinned = pinned.context("taskset (util-linux) is needed to keep server and driver apart")?;
    ensure!(pinned.success(), "core {DRIVER_CORE} cannot be used: the measurement needs two cores");
    Ok(())
}

impl Server {
    /// Starts a program on the server core; its error output goes to the file `log`.
    pub(crate) fn start<S: AsRef<OsStr>>(program: &Path, arguments: &[S], log: PathBuf) -> Result<Self> {
        Self::start_on(SERVER_CORE, program, arguments, log)
    }

    /// Starts a program on these cores.
    pub(crate) fn start_on<S: AsRef<OsStr>>(
        cores: &str,
        program: &Path,
        arguments: &[S],
        log: PathBuf,
    ) -> Result<Self> {
        let errors = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        // taskset replaces itself by the program, so the child's id is the server's.
        let mut child = Command::new("taskset")
            .args(["-c", cores])
            .arg(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .with_context(|| format!("cannot start {} with taskset", program.display()))?;
        let output = child.stdout.take().context("the server has no output")?;
        let (sender, lines) = mpsc::channel();
        // Reads on after the first line, so that a full pipe never stops the server.
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Ok(Self { child, lines, log })
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line the server prints.
    pub(crate) fn line(&self, patience: Duration) -> Result<String> {
        self.lines
            .recv_timeout(patience)
            .ok()
            .with_context(|| format!("the server printed nothing. {}", self.complaint()))
    }

    /// Fails if the server has ended.
    pub(crate) fn alive(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("the server ended ({status}). {}", self.complaint()),
            None => Ok(()),
        }
    }

    /// Asks the server to end (SIGTERM) and waits for it; after a minute it is killed. What it has counted is written first.
    pub(crate) fn stop(mut self) -> Result<()> {
        Command::new("kill")
            .args(["-TERM", &self.id().to_string()])
            .status()
            .context("kill (procps) is needed")?;
        let asked = clock::now();
        while clock::now().saturating_duration_since(asked) < LONGEST_STOP {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        bail!("the server did not end within {} s of SIGTERM", LONGEST_STOP.as_secs())
    }

    fn complaint(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let tail: Vec<_> = log.lines().rev().take(5).collect();
        tail.into_iter().rev().collect::<Vec<_>>().join(" | ")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// User and system time of a process so far, all threads.
pub(crate) fn cpu_time(pid: u32) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    ticks(&stat)
        .map(|ticks| Duration::from_millis(ticks * 1000 / TICKS))
        .context("/proc/PID/stat cannot be read")
}

/// Resident memory of a process in bytes.
pub(crate) fn resident(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    kibibytes(&status, "VmRSS:").map(|kibibytes| kibibytes * 1024).context("/proc/PID/status has no VmRSS")
}

/// The most memory of a process that was ever resident, in bytes.
pub(crate) fn resident_at_most(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    kibibytes(&status, "VmHWM:").map(|kibibytes| kibibytes * 1024).context("/proc/PID/status has no VmHWM")
}

/// proc(5): the name in parentheses may hold spaces; utime and stime are the 12th and 13th fields after it.
fn ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

fn kibibytes(status: &str, name: &str) -> Option<u64> {
    status.lines().find_map(|line| line.strip_prefix(name))?.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_user_plus_system_even_if_the_name_has_spaces() {
        let stat = "42 (a b) c) S 1 2 3 4 5 6 7 8 9 10 700 30 1 2 20 0";
        assert_eq!(ticks(stat), Some(730));
        assert_eq!(ticks("42 (x) S 1"), None);
    }

    #[test]
    fn resident_memory_is_read_in_kibibytes() {
        assert_eq!(kibibytes("VmHWM:\t   900 kB\nVmRSS:\t   512 kB\n", "VmRSS:"), Some(512));
        let own = std::process::id();
        assert!(resident(own).unwrap() > 100_000);
        assert!(resident_at_most(own).unwrap() >= resident(own).unwrap() / 2);
    }

    #[test]
    fn a_server_that_ends_at_once_is_noticed_with_its_last_words() {
        let folder = tempfile::tempdir().unwrap();
        let script = ["-c", "echo the reason >&2; echo ready; exit 3"];
        let mut server = Server::start(Path::new("sh"), &script, folder.path().join("log")).unwrap();
        assert_eq!(server.line(Duration::from_secs(10)).unwrap(), "ready");
        // The output ends when the process does.
        let silence = server.line(Duration::from_secs(10)).unwrap_err().to_string();
        assert!(silence.contains("the reason"), "{silence}");
        server.child.wait().unwrap();
        assert!(server.alive().unwrap_err().to_string().contains("the reason"));
    }
}
