//! Why a text is no database URL.

/// Why a text is no database URL. A database URL can hold a password, so no variant repeats it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlError {
    /// Not a PostgreSQL URL, or with a parameter that is not known.
    #[error(
        "this is no PostgreSQL URL; write postgres://USER:PASSWORD@HOST:5432/DATABASE, special characters of the \
         password percent-encoded, and parameters as docs/configuration.md lists them"
    )]
    Postgres,
    /// A PostgreSQL URL whose password cannot be told from the rest of it.
    #[error(
        "a special character stands unencoded in the PostgreSQL URL; write @ as %40, / as %2F, ? as %3F in user name \
         and password"
    )]
    PostgresPassword,
    /// A PostgreSQL URL without a host.
    #[error(
        "the PostgreSQL URL names no host; write postgres://USER@HOST/DATABASE, or for a socket \
         postgres://USER@/DATABASE?host=/run/postgresql"
    )]
    PostgresHost,
    /// Another `sslmode`.
    #[error("sslmode is disable, prefer or require; with TLS the certificate is always checked")]
    PostgresTls,
    /// No path behind the scheme.
    #[error("the path is missing; write for example sqlite:/var/lib/grantor/grantor.db")]
    NoPath,
    /// A database in memory: its keys would be lost with the process.
    #[error("a database in memory is not supported; write the path of a file")]
    Memory,
    /// `sqlite://name`, where `name` would be a host.
    #[error("SQLite has no host; write sqlite:PATH or sqlite:///ABSOLUTE/PATH")]
    Host,
    /// `?...` behind the path.
    #[error("a SQLite URL takes no parameters")]
    Parameters,
    /// Any other scheme or none.
    #[error(
        "the database URL must begin with sqlite: or postgres:, for example sqlite:/var/lib/grantor/grantor.db"
    )]
    Scheme,
}
