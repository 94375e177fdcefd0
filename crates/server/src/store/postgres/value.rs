//! The four kinds of value on the wire: what a parameter's type takes, what a column's type gives.

use bytes::BytesMut;
use tokio_postgres::types::{FromSqlOwned, IsNull, ToSql, Type, to_sql_checked};

use crate::store::sql::{Row, Sql, StoreError, Value};

/// A value that fits the type of its parameter.
pub(super) struct Parameter<'a>(&'a Value);

/// The driver demands it, for its own log. A value never stands in one.
impl std::fmt::Debug for Parameter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(kind(self.0))
    }
}

impl ToSql for Parameter<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self.0 {
            Value::Null => Ok(IsNull::Yes),
            Value::Int(number) => number.to_sql(ty, out),
            Value::Text(text) => text.as_str().to_sql(ty, out),
            Value::Bytes(bytes) => bytes.as_slice().to_sql(ty, out),
        }
    }

    fn accepts(ty: &Type) -> bool {
        [Type::INT8, Type::TEXT, Type::VARCHAR, Type::BYTEA].contains(ty)
    }

    to_sql_checked!();
}

/// The parameters of a prepared statement, if number and kinds are right. Nothing is converted: a kind that the column
/// does not have is a mistake, as it is in the STRICT tables of SQLite.
pub(super) fn bind<'a>(
    sql: &Sql,
    types: &[Type],
    params: &'a [Value],
) -> Result<Vec<Parameter<'a>>, StoreError> {
    if types.len() != params.len() {
        let text = format!("{}: {} parameters where {} are required", sql.name, params.len(), types.len());
        return Err(StoreError::Corrupt(text));
    }
    let bound = types.iter().zip(params).enumerate().map(|(index, (ty, value))| {
        let fits = match value {
            Value::Null => true,
            Value::Int(_) => *ty == Type::INT8,
            Value::Text(_) => [Type::TEXT, Type::VARCHAR].contains(ty),
            Value::Bytes(_) => *ty == Type::BYTEA,
        };
        let mismatch = || {
            StoreError::Corrupt(format!("{}: ${} is of type {ty}, not {}", sql.name, index + 1, kind(value)))
        };
        if fits { Ok(Parameter(value)) } else { Err(mismatch()) }
    });
    bound.collect()
}

/// A row of an answer as the loads know it.
pub(super) fn row(sql: &Sql, row: &tokio_postgres::Row) -> Result<Row, StoreError> {
    let column = |index: usize| match row.columns()[index].type_() {
        &Type::INT8 => get::<i64>(sql, row, index).map(Value::from),
        &Type::INT4 => get::<i32>(sql, row, index).map(|number| number.map(i64::from).into()),
        &Type::INT2 => get::<i16>(sql, row, index).map(|number| number.map(i64::from).into()),
        &Type::TEXT | &Type::VARCHAR => get::<String>(sql, row, index).map(Value::from),
        &Type::BYTEA => get::<Vec<u8>>(sql, row, index).map(Value::from),
        other => Err(corrupt(sql, index, &format!("type {other}, which no column of ours has"))),
    };
    (0..row.len()).map(column).collect::<Result<_, _>>().map(Row::new)
}

fn get<T: FromSqlOwned>(sql: &Sql, row: &tokio_postgres::Row, index: usize) -> Result<Option<T>, StoreError> {
    row.try_get(index).map_err(|_| corrupt(sql, index, "cannot be read"))
}

fn corrupt(sql: &Sql, index: usize, what: &str) -> StoreError {
    StoreError::Corrupt(format!("{}: column {index}: {what}", sql.name))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "NULL",
        Value::Int(_) => "an integer",
        Value::Text(_) => "text",
        Value::Bytes(_) => "bytes",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUT: Sql = Sql { name: "put", text: "" };

    fn refused(types: &[Type], params: &[Value]) -> bool {
        matches!(bind(&PUT, types, params), Err(StoreError::Corrupt(text)) if text.starts_with("put:"))
    }

    #[test]
    fn a_value_goes_to_a_parameter_of_its_kind_only_and_null_to_all() {
        let types = [Type::INT8, Type::TEXT, Type::BYTEA];
        let fitting = [Value::Int(1), "x".into(), vec![1_u8].into()];
        for (at, ty) in types.chunks(1).enumerate() {
            for (kind, value) in fitting.chunks(1).enumerate() {
                assert_eq!(refused(ty, value), at != kind, "{ty:?} {value:?}");
            }
            assert!(!refused(ty, &[Value::Null]));
        }
        assert!(refused(&[Type::INT4], &[Value::Int(1)]), "a narrower column would refuse some numbers");
    }

    #[test]
    fn a_parameter_too_few_or_too_many_is_refused() {
        assert!(refused(&[Type::INT8], &[]));
        assert!(refused(&[], &[Value::Int(1)]));
    }

    #[test]
    fn the_debug_text_of_a_parameter_is_its_kind() {
        let value = Value::from("hunter2");
        assert_eq!(format!("{:?}", Parameter(&value)), "text");
    }
}
