//! Fresh PostgreSQL databases for tests: on the server that `GRANTOR_TEST_POSTGRES` names, else on one of our own, which
//! ends with the last database on it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, NoTls};

const HOW: &str = "run ./test, which starts one, or set GRANTOR_TEST_POSTGRES";

/// A database with nothing in it, dropped with the value. Its locale orders `b` before `C`, as those of most
/// installations do.
pub struct Database {
    server: Box<Config>,
    name: String,
    _own: Option<Arc<Throwaway>>,
}

impl Database {
    /// Makes one.
    pub fn fresh() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("grantor_test_{}_{number}", std::process::id());
        let (server, own) = server();
        let made = run(
            &server,
            format!(
                "CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"
            ),
        );
        made.unwrap_or_else(|error| panic!("no database for a test: {error}"));
        Self { server: Box::new(server), name, _own: own }
    }

    /// What the driver connects with.
    pub fn config(&self) -> Config {
        let mut config = Config::clone(&self.server);
        config.dbname(&self.name);
        config
    }

    /// What `database.url` takes.
    pub fn url(&self) -> String {
        let encoded = |bytes: &[u8]| bytes.iter().map(|byte| format!("%{byte:02X}")).collect::<String>();
        let user = self.server.get_user().map(|user| encoded(user.as_bytes())).unwrap_or_default();
        let password =
            self.server.get_password().map(|word| format!(":{}", encoded(word))).unwrap_or_default();
        let port = self.server.get_ports().first().copied().unwrap_or(5432);
        let name = &self.name;
        match &self.server.get_hosts()[0] {
            Host::Unix(folder) => {
                format!("postgres://{user}{password}@/{name}?host={}&port={port}", folder.display())
            }
            Host::Tcp(host) => format!("postgres://{user}{password}@{host}:{port}/{name}?sslmode=disable"),
        }
    }

    /// A connection of the test's own.
    pub async fn connect(&self) -> Client {
        let (client, connection) = self.config().connect(NoTls).await.expect("a connection");
        tokio::spawn(connection);
        client
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A server under test may not have hung up yet. What cannot be dropped ends with the server.
        let _ = run(&self.server, format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

/// A server of its own that speaks TLS on a loopback port, with a certificate for `localhost` that nobody has signed.
pub struct Encrypted {
    server: Throwaway,
    port: u16,
}

impl Encrypted {
    /// Starts one.
    pub fn start() -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = free.expect("a free port").port();
        let certify = |folder: &Path| {
            let mut openssl = Command::new("openssl");
            openssl.current_dir(folder).args(["req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"]);
            openssl.args(["-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=localhost"]);
            openssl.args(["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=CA:FALSE"]);
            let ran = openssl.args(["-keyout", "key.pem", "-out", "certificate.pem"]).output();
            assert!(ran.is_ok_and(|ran| ran.status.success()), "openssl makes a certificate");
        };
        let options = format!(
            "listen_addresses=127.0.0.1 -p {port} -c ssl=on -c ssl_cert_file=../certificate.pem \
             -c ssl_key_file=../key.pem"
        );
        Self { server: Throwaway::start(&options, certify), port }
    }

    /// The certificate, in PEM.
    pub fn certificate(&self) -> PathBuf {
        self.server.folder.path().join("certificate.pem")
    }

    /// What `database.url` takes, with the server under this name.
    pub fn url(&self, host: &str) -> String {
        format!("postgres://postgres@{host}:{}/postgres", self.port)
    }
}

/// Runs a statement on a thread of its own: tests make and drop databases inside and outside of a runtime.
fn run(server: &Config, text: String) -> Result<(), String> {
    let server = server.clone();
    let work = async move {
        let (client, connection) = server.connect(NoTls).await.map_err(|error| format!("{error:?}"))?;
        tokio::spawn(connection);
        client.batch_execute(&text).await.map_err(|error| format!("{error:?}"))
    };
    let thread = std::thread::spawn(move || {
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
    });
    thread.join().expect("the thread does not panic")
}

fn server() -> (Config, Option<Arc<Throwaway>>) {
    match std::env::var_os("GRANTOR_TEST_POSTGRES") {
        Some(text) if text.is_empty() => panic!("GRANTOR_TEST_POSTGRES is empty: {HOW}"),
        Some(text) => {
            let config = text.to_str().and_then(|text| text.parse().ok());
            (config.unwrap_or_else(|| panic!("GRANTOR_TEST_POSTGRES cannot be read: {HOW}")), None)
        }
        None => {
            let own = Throwaway::shared();
            (own.config(), Some(own))
        }
    }
}

/// A PostgreSQL server in a folder of its own, on a socket only.
struct Throwaway {
    programs: PathBuf,
    folder: tempfile::TempDir,
}

impl Throwaway {
    /// The one that runs, else a new one.
    fn shared() -> Arc<Self> {
        static RUNNING: Mutex<Weak<Throwaway>> = Mutex::new(Weak::new());
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        running.upgrade().unwrap_or_else(|| {
            let own = Arc::new(Self::start("listen_addresses=''", |_| {}));
            *running = Arc::downgrade(&own);
            own
        })
    }

    /// `prepare` may put files into the server's folder.
    fn start(options: &str, prepare: impl FnOnce(&Path)) -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let programs = programs().unwrap_or_else(|| panic!("there is no PostgreSQL here: {HOW}"));
        let folder = tempfile::tempdir().expect("a temporary folder");
        prepare(folder.path());
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).expect("the folder is ours");
        let own = Self { programs, folder };
        if is_root() {
            let chown = Command::new("chown").args(["-R", "postgres"]).arg(own.folder.path()).output();
            assert!(chown.is_ok_and(|ran| ran.status.success()), "the user postgres is missing");
        }
        let data = own.folder.path().join("db");
        let made = own.run("initdb", &["-D", text(&data), "-A", "trust", "-U", "postgres"]);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let log = own.folder.path().join("log");
        let options =
            format!("-c fsync=off -c max_connections=200 -k {} -c {options}", own.folder.path().display());
        let started =
            own.run("pg_ctl", &["-D", text(&data), "-w", "-l", text(&log), "-o", &options, "start"]);
        assert!(started.status.success(), "{}", std::fs::read_to_string(&log).unwrap_or_default());
        own
    }

    fn config(&self) -> Config {
        let mut config = Config::new();
        config.host_path(self.folder.path()).user("postgres").dbname("postgres");
        config
    }

    /// PostgreSQL refuses to run as root.
    fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let path = self.programs.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        // A server that inherits our pipes would keep `output` waiting.
        command.args(arguments).current_dir("/").stdin(Stdio::null());
        if program == "pg_ctl" {
            command.stdout(Stdio::null()).stderr(Stdio::null());
            let status = command.status().expect("pg_ctl can be run");
            return Output { status, stdout: Vec::new(), stderr: Vec::new() };
        }
        command.output().expect("the program can be run")
    }
}

impl Drop for Throwaway {
    fn drop(&mut self) {
        let data = self.folder.path().join("db");
        self.run("pg_ctl", &["-D", text(&data), "-m", "immediate", "stop"]);
    }
}

/// The folder of `initdb` and `pg_ctl`.
fn programs() -> Option<PathBuf> {
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = installed.map(|entry| entry.path().join("bin")).collect();
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    folders.into_iter().find(|folder| folder.join("initdb").exists() && folder.join("pg_ctl").exists())
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a temporary folder's name is text")
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}
