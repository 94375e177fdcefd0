//! What a token says about itself. Decodes, never judges: a signature is not looked at here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::failure::Misuse;
use super::output::{Output, Shape};

/// Shows header and claims of a JWT (RFC 7519 7.2, without the steps that verify).
pub(super) fn offline(token: &str, output: &mut Output<'_>) -> anyhow::Result<()> {
    let (header, claims) = decode(token)?;
    if output.shape() == Shape::Json {
        let object = json!({"verified": false, "header": header, "claims": claims});
        return Ok(output.line(&object.to_string())?);
    }
    output.members(&header)?;
    output.members(&in_words(claims))?;
    Ok(output.note("Decoded only: nothing was verified. Ask the server with --online.")?)
}

fn decode(token: &str) -> anyhow::Result<(Value, Value)> {
    let parts: Vec<&str> = token.split('.').collect();
    match parts.as_slice() {
        [header, claims, _signature] => Ok((object(header)?, object(claims)?)),
        [_] => {
            Err(Misuse("this is no JWT: only the server can look into it. Add --online".to_owned()).into())
        }
        [_, _, _, _, _] => {
            Err(Misuse("this is an encrypted JWT; only its receiver can look into it".to_owned()).into())
        }
        _ => Err(Misuse("this is no token: a JWT has three parts between dots".to_owned()).into()),
    }
}

fn object(part: &str) -> anyhow::Result<Value> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok();
    let value: Option<Value> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let told = "this is no JWT: a part is no base64url of a JSON object. Was it copied whole?";
    value.filter(Value::is_object).ok_or_else(|| Misuse(told.to_owned()).into())
}

/// Adds the moment in words to the times of a token (RFC 7519 4.1: seconds since 1970).
fn in_words(mut claims: Value) -> Value {
    for name in ["exp", "nbf", "iat", "auth_time"] {
        if let Some(seconds) = claims.get(name).and_then(Value::as_i64) {
            claims[name] = Value::String(format!("{seconds} ({})", moment(seconds)));
        }
    }
    claims
}

/// RFC 3339 in UTC; the calendar of days since 1970 after Howard Hinnant's `civil_from_days`.
fn moment(seconds: i64) -> String {
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Years of four digits only; a token beyond is told by its number alone.
    if !(-719_528..=2_932_896).contains(&days) {
        return "out of range".to_owned();
    }
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::super::output::Colour;
    use super::*;

    fn token(claims: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.c2ln", part(r#"{"alg":"ES256","typ":"at+jwt"}"#), part(claims))
    }

    fn show(shape: Shape, token: &str) -> anyhow::Result<(String, String)> {
        let (mut out, mut notes) = (Vec::new(), Vec::new());
        offline(token, &mut Output::new(shape, Colour::Off, &mut out, &mut notes))?;
        Ok((String::from_utf8(out).unwrap(), String::from_utf8(notes).unwrap()))
    }

    #[test]
    fn header_and_claims_are_shown_and_it_is_said_that_nothing_was_verified() {
        let (out, notes) = show(Shape::Plain, &token(r#"{"sub":"a","exp":1700000000}"#)).unwrap();
        assert_eq!(out, "alg\tES256\ntyp\tat+jwt\nexp\t1700000000 (2023-11-14T22:13:20Z)\nsub\ta\n");
        assert!(notes.contains("nothing was verified"), "{notes}");
        let (out, _) = show(Shape::Json, &token(r#"{"exp":1}"#)).unwrap();
        let value: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(
            value,
            json!({"verified": false, "header": {"alg": "ES256", "typ": "at+jwt"}, "claims": {"exp": 1}})
        );
    }

    #[test]
    fn what_is_no_jwt_is_refused_with_the_next_step() {
        let told = |token: &str| show(Shape::Plain, token).unwrap_err().to_string();
        assert!(told("grt_at_live_abc").contains("--online"));
        assert!(told("a.b.c.d.e").contains("encrypted"));
        assert!(told("a.b").contains("three parts"));
        assert!(told("a.b.c").contains("copied whole"));
    }

    #[test]
    fn moments_are_right_at_the_edges_of_the_calendar() {
        assert_eq!(moment(0), "1970-01-01T00:00:00Z");
        assert_eq!(moment(-1), "1969-12-31T23:59:59Z");
        assert_eq!(moment(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(moment(4_107_542_399), "2100-02-28T23:59:59Z");
        assert_eq!(moment(4_107_542_400), "2100-03-01T00:00:00Z");
        assert_eq!(moment(253_402_300_799), "9999-12-31T23:59:59Z");
        assert_eq!(moment(i64::MAX), "out of range");
    }
}
