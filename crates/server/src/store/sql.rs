//! The database layer that both drivers share: four kinds of value, a statement with the row count it expects,
//! a row with typed access, and the four ways in which storage can say no.
//!
//! SQL is written once, with `$1..$n`, in the subset that SQLite and PostgreSQL read alike. Times are integers
//! (unix milliseconds), ids and hashes are bytes, small enums are text, flags are 0 or 1.

/// One column of one row, or one parameter. Four kinds are enough to keep two dialects equal.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// Times (unix milliseconds), counters, flags (0 or 1).
    Int(i64),
    /// Names, small enums, JSON that is rarely read.
    Text(String),
    /// Ids, hashes, sealed secrets.
    Bytes(Vec<u8>),
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Int(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Value {
        Value::Int(i64::from(flag))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text)
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Value {
        Value::Bytes(bytes)
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Value {
        Value::Bytes(bytes.to_vec())
    }
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(bytes: [u8; N]) -> Value {
        Value::Bytes(bytes.to_vec())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(maybe: Option<T>) -> Value {
        maybe.map_or(Value::Null, Into::into)
    }
}

/// A statement's text, written once for both engines, and a stable name for logs, metrics and errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sql {
    /// Stable, unique name, such as `grant_rotate`.
    pub name: &'static str,
    /// The text in the portable subset, parameters written `$1..$n`.
    pub text: &'static str,
}

/// How many rows a statement must touch for its unit to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Exactly this many rows changed (or, for a statement that returns rows, were returned). Any other
    /// number is [`StoreError::Conflict`] and undoes the whole unit: one-time use is decided here.
    Rows(u64),
    /// Any number, zero included.
    Any,
}

/// One write of a unit: text, parameters, and the guard.
pub struct Statement {
    /// What to run.
    pub sql: &'static Sql,
    /// `$1..$n` in order.
    pub params: Vec<Value>,
    /// The guard on the number of rows.
    pub expect: Expect,
}

/// Why storage refused. No variant ever carries a parameter's value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// A guard matched another number of rows than expected, or a row that was referred to is gone: the facts
    /// behind the decision are no longer true. Load and decide again.
    #[error("a guard matched another number of rows")]
    Conflict,
    /// A unique constraint or primary key already holds this value.
    #[error("a unique constraint was violated")]
    Duplicate,
    /// Busy, full, I/O error, queue full, or read-only after a failed flush. Nothing was acknowledged.
    #[error("storage is unavailable: {0}")]
    Unavailable(String),
    /// What is stored (or was to be stored) breaks the schema, or a statement does not fit it.
    #[error("stored data or statement does not fit the schema: {0}")]
    Corrupt(String),
}

/// Most bytes in the parameters of one statement: far below what the 32-bit length fields of a database protocol can
/// say. Beyond them a value could wrap around and its bytes be read as statements (RUSTSEC-2024-0363).
pub const MOST_PARAMETER_BYTES: usize = 64 << 20;

/// Refuses what one of the engines cannot carry or keep, before anything is sent, so that all of them refuse it alike.
///
/// # Errors
/// [`StoreError::Corrupt`]: parameters of more than [`MOST_PARAMETER_BYTES`] together; U+0000 in a text.
pub fn check_parameters(sql: &Sql, params: &[Value]) -> Result<(), StoreError> {
    let corrupt = |what: &str| Err(StoreError::Corrupt(format!("{}: {what}", sql.name)));
    let mut total = 0_usize;
    for param in params {
        total = total.saturating_add(match param {
            Value::Null | Value::Int(_) => 8,
            Value::Text(text) => text.len(),
            Value::Bytes(bytes) => bytes.len(),
        });
        if matches!(param, Value::Text(text) if text.contains('\0')) {
            return corrupt("a text holds U+0000, which PostgreSQL cannot store");
        }
    }
    if total > MOST_PARAMETER_BYTES {
        return corrupt("its parameters have more than 64 MiB");
    }
    Ok(())
}

/// One row of an answer. Columns are named by index, in the order of the statement; a wrong kind is
/// [`StoreError::Corrupt`] with that index, never a panic.
#[derive(Clone, PartialEq)]
pub struct Row(Vec<Value>);

impl Row {
    /// A row from its columns, in order. Drivers and tests of [`FromRow`] make them.
    pub fn new(columns: Vec<Value>) -> Row {
        Row(columns)
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.0.len()
    }

    /// An integer that cannot be NULL.
    pub fn int(&self, index: usize) -> Result<i64, StoreError> {
        required(index, self.opt_int(index)?)
    }

    /// A text that cannot be NULL.
    pub fn text(&self, index: usize) -> Result<&str, StoreError> {
        required(index, self.opt_text(index)?)
    }

    /// Bytes that cannot be NULL.
    pub fn bytes(&self, index: usize) -> Result<&[u8], StoreError> {
        required(index, self.opt_bytes(index)?)
    }

    /// An integer or NULL.
    pub fn opt_int(&self, index: usize) -> Result<Option<i64>, StoreError> {
        match self.at(index)? {
            Value::Null => Ok(None),
            Value::Int(number) => Ok(Some(*number)),
            other => Err(mismatch(index, "an integer", other)),
        }
    }

    /// A text or NULL.
    pub fn opt_text(&self, index: usize) -> Result<Option<&str>, StoreError> {
        match self.at(index)? {
            Value::Null => Ok(None),
            Value::Text(text) => Ok(Some(text)),
            other => Err(mismatch(index, "text", other)),
        }
    }

    /// Bytes or NULL.
    pub fn opt_bytes(&self, index: usize) -> Result<Option<&[u8]>, StoreError> {
        match self.at(index)? {
            Value::Null => Ok(None),
            Value::Bytes(bytes) => Ok(Some(bytes)),
            other => Err(mismatch(index, "bytes", other)),
        }
    }

    /// A flag: 0 or 1, nothing else.
    pub fn flag(&self, index: usize) -> Result<bool, StoreError> {
        match self.int(index)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(StoreError::Corrupt(format!("column {index}: a flag is neither 0 nor 1"))),
        }
    }

    /// A 128-bit id.
    pub fn id(&self, index: usize) -> Result<[u8; 16], StoreError> {
        self.fixed(index)
    }

    /// A 128-bit id or NULL.
    pub fn opt_id(&self, index: usize) -> Result<Option<[u8; 16]>, StoreError> {
        self.opt_bytes(index)?.map(|bytes| exact(index, bytes)).transpose()
    }

    /// Exactly `N` bytes, such as a hash.
    pub fn fixed<const N: usize>(&self, index: usize) -> Result<[u8; N], StoreError> {
        exact(index, self.bytes(index)?)
    }

    fn at(&self, index: usize) -> Result<&Value, StoreError> {
        self.0.get(index).ok_or_else(|| {
            StoreError::Corrupt(format!("column {index}: the statement returns only {}", self.0.len()))
        })
    }
}

/// A type that one row of a statement describes.
pub trait FromRow: Sized {
    /// Reads the row. Anything unexpected is [`StoreError::Corrupt`].
    fn from_row(row: &Row) -> Result<Self, StoreError>;
}

impl FromRow for Row {
    fn from_row(row: &Row) -> Result<Row, StoreError> {
        Ok(row.clone())
    }
}

fn required<T>(index: usize, maybe: Option<T>) -> Result<T, StoreError> {
    maybe.ok_or_else(|| StoreError::Corrupt(format!("column {index}: NULL where a value is required")))
}

fn exact<const N: usize>(index: usize, bytes: &[u8]) -> Result<[u8; N], StoreError> {
    <[u8; N]>::try_from(bytes).map_err(|_| {
        StoreError::Corrupt(format!("column {index}: {} bytes where {N} are required", bytes.len()))
    })
}

fn mismatch(index: usize, wanted: &str, found: &Value) -> StoreError {
    // The kind only: the value may be a hash, an address or a name, and this text ends in a log.
    let found = match found {
        Value::Null => "NULL",
        Value::Int(_) => "an integer",
        Value::Text(_) => "text",
        Value::Bytes(_) => "bytes",
    };
    StoreError::Corrupt(format!("column {index}: expected {wanted}, found {found}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        Row::new(vec![Value::Int(7), Value::from("seven"), Value::from([7_u8; 16]), Value::Null, true.into()])
    }

    fn corrupt_at<T>(result: Result<T, StoreError>, index: usize) -> bool {
        matches!(result, Err(StoreError::Corrupt(text)) if text.starts_with(&format!("column {index}:")))
    }

    #[test]
    fn columns_come_back_with_their_kind() {
        let row = row();
        assert_eq!(row.int(0), Ok(7));
        assert_eq!(row.text(1), Ok("seven"));
        assert_eq!(row.bytes(2), Ok([7_u8; 16].as_slice()));
        assert_eq!(row.id(2), Ok([7_u8; 16]));
        assert_eq!(row.opt_id(2), Ok(Some([7_u8; 16])));
        assert_eq!(row.flag(4), Ok(true));
        assert_eq!(row.columns(), 5);
    }

    #[test]
    fn null_is_none_where_allowed_and_corrupt_where_not() {
        let row = row();
        assert_eq!(row.opt_int(3), Ok(None));
        assert_eq!(row.opt_text(3), Ok(None));
        assert_eq!(row.opt_bytes(3), Ok(None));
        assert_eq!(row.opt_id(3), Ok(None));
        assert!(corrupt_at(row.int(3), 3));
        assert!(corrupt_at(row.text(3), 3));
        assert!(corrupt_at(row.bytes(3), 3));
        assert!(corrupt_at(row.id(3), 3));
    }

    #[test]
    fn a_wrong_kind_or_a_missing_column_is_named_by_its_index() {
        let row = row();
        assert!(corrupt_at(row.int(1), 1));
        assert!(corrupt_at(row.opt_int(2), 2));
        assert!(corrupt_at(row.text(0), 0));
        assert!(corrupt_at(row.bytes(1), 1));
        assert!(corrupt_at(row.int(5), 5));
    }

    #[test]
    fn an_id_of_another_length_and_a_flag_of_two_are_corrupt() {
        let row = Row::new(vec![Value::from([1_u8; 15]), Value::Int(2), Value::from([1_u8; 17])]);
        assert!(corrupt_at(row.id(0), 0));
        assert!(corrupt_at(row.opt_id(2), 2));
        assert!(corrupt_at(row.flag(1), 1));
    }

    #[test]
    fn an_error_never_repeats_the_value_that_it_is_about() {
        let row = Row::new(vec![Value::from("hunter2")]);
        let Err(error) = row.int(0) else { panic!("text was read as an integer") };
        assert!(!error.to_string().contains("hunter2"));
    }

    #[test]
    fn m15_parameters_that_a_length_field_might_not_carry_are_refused() {
        const SQL: Sql = Sql { name: "put", text: "" };
        let bytes = |length| Value::Bytes(vec![0; length]);
        assert_eq!(check_parameters(&SQL, &[bytes(MOST_PARAMETER_BYTES)]), Ok(()));
        for too_much in [vec![bytes(MOST_PARAMETER_BYTES + 1)], vec![bytes(MOST_PARAMETER_BYTES), "x".into()]]
        {
            let refused = check_parameters(&SQL, &too_much);
            assert!(matches!(refused, Err(StoreError::Corrupt(text)) if text.starts_with("put:")));
        }
    }

    #[test]
    fn a_text_with_u0000_is_refused_and_bytes_with_it_are_not() {
        const SQL: Sql = Sql { name: "put", text: "" };
        assert!(check_parameters(&SQL, &["a\0b".into()]).is_err());
        assert_eq!(
            check_parameters(&SQL, &[vec![0_u8].into(), Value::Int(0), Value::Null, "".into()]),
            Ok(())
        );
    }

    #[test]
    fn values_are_made_from_what_the_domain_has() {
        assert_eq!(Value::from(None::<i64>), Value::Null);
        assert_eq!(Value::from(Some("x")), Value::Text("x".into()));
        assert_eq!(Value::from(false), Value::Int(0));
        assert_eq!(Value::from([1_u8; 32]), Value::Bytes(vec![1; 32]));
        assert_eq!(Value::from([1_u8, 2].as_slice()), Value::Bytes(vec![1, 2]));
    }
}
