//! What an app or key has done, counted: by the minute for two days, by the hour for two months, by the day for two years.
//! And what the figures say to a developer: is a token used for many calls, or asked for anew for each?

use crate::error::OAuthError;
use crate::request_log::Subject;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tallied {
    /// An access token was issued.
    Issued,
    /// A token or key was found good, by introspection, forward-auth or userinfo.
    Verified,
    /// A request was refused with this code; an inactive credential counts as `invalid_token`.
    Refused(OAuthError),
}

impl Tallied {
    /// As stored: no error code of OAuth is called like the first two.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Issued => ISSUED,
            Self::Verified => VERIFIED,
            Self::Refused(error) => error.code(),
        }
    }
}

/// The stored name of [`Tallied::Issued`].
pub const ISSUED: &str = "issued";
/// The stored name of [`Tallied::Verified`].
pub const VERIFIED: &str = "verified";

/// An addition to one count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// Whose.
    pub subject: Subject,
    /// Minutes since 1970.
    pub minute: i64,
    /// Of what.
    pub kind: Tallied,
    /// How many more.
    pub count: i64,
}

/// How long a row of counts is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Span {
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day, in UTC.
    Day,
}

impl Span {
    /// As stored and asked for.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// The span of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Minute, Self::Hour, Self::Day].into_iter().find(|span| span.as_str() == name)
    }

    /// Its seconds.
    pub const fn seconds(self) -> i64 {
        match self {
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        }
    }

    /// So many rows of it are kept for a subject and kind: two days, sixty days, two years.
    pub const fn kept(self) -> i64 {
        match self {
            Self::Minute => 2 * 24 * 60,
            Self::Hour => 60 * 24,
            Self::Day => 2 * 365,
        }
    }

    /// The number of the span in which a second lies, counted from 1970.
    pub fn number_at(self, seconds: i64) -> i64 {
        seconds.div_euclid(self.seconds())
    }
}

/// How an app uses its tokens, by the figures of one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    /// So few tokens that nothing would be gained.
    Few,
    /// No call was seen here, so nothing can be said.
    Unseen,
    /// One token serves many calls.
    Caches,
    /// One token serves a few calls.
    CachesLittle,
    /// About a token for each call.
    TokenPerCall,
}

/// Tokens in a day that need no advice: one for each half hour, where the shortest usual life is an hour.
const FEW_A_DAY: i64 = 48;

impl Habit {
    /// The habit behind tokens issued and calls verified within one day.
    pub fn of(issued: i64, verified: i64) -> Self {
        if issued <= FEW_A_DAY {
            Self::Few
        } else if verified <= 0 {
            Self::Unseen
        } else if issued <= verified / 10 {
            Self::Caches
        } else if issued <= verified / 2 {
            Self::CachesLittle
        } else {
            Self::TokenPerCall
        }
    }

    /// As shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Few => "few",
            Self::Unseen => "unseen",
            Self::Caches => "caches",
            Self::CachesLittle => "caches_little",
            Self::TokenPerCall => "token_per_call",
        }
    }

    /// A sentence for the developer.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Few => "You request few tokens: there is nothing to save.",
            Self::Unseen => {
                "You request many tokens and no call with them was verified here, either because they are not used or \
                 because the API checks signatures itself. If you request a token per call: keep it for expires_in seconds."
            }
            Self::Caches => "You use a token for many calls, as it is meant.",
            Self::CachesLittle => "You use a token for a few calls only: keep it for expires_in seconds.",
            Self::TokenPerCall => "You request a token per call: keep it for expires_in seconds.",
        }
    }
}

/// Tokens issued per verified call; `None` where no call was seen here.
pub fn tokens_per_call(issued: i64, verified: i64) -> Option<f64> {
    // Counts of one day lie far below 2^53.
    (verified > 0).then(|| issued as f64 / verified as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_does_not_cache_is_seen() {
        for (issued, verified, habit) in [
            (0, 0, Habit::Few),
            (48, 48, Habit::Few),
            (49, 0, Habit::Unseen),
            (49, 49, Habit::TokenPerCall),
            (1_000, 10, Habit::TokenPerCall),
            (100, 199, Habit::TokenPerCall),
            (100, 200, Habit::CachesLittle),
            (100, 999, Habit::CachesLittle),
            (100, 1_000, Habit::Caches),
            (i64::MAX, i64::MAX, Habit::TokenPerCall),
        ] {
            assert_eq!(Habit::of(issued, verified), habit, "{issued} {verified}");
        }
        assert_eq!(tokens_per_call(50, 100), Some(0.5));
        assert_eq!(tokens_per_call(50, 0), None);
    }

    #[test]
    fn each_longer_span_begins_before_the_shorter_one_is_forgotten() {
        assert_eq!(Span::Minute.kept() * Span::Minute.seconds(), 2 * 86_400);
        assert_eq!(Span::Hour.kept() * Span::Hour.seconds(), 60 * 86_400);
        assert_eq!(Span::Day.kept() * Span::Day.seconds(), 730 * 86_400);
        assert_eq!(Span::Hour.number_at(7_199), 1);
        assert_eq!(Span::Hour.number_at(-1), -1);
    }

    #[test]
    fn no_error_code_is_called_like_a_count() {
        for error in [OAuthError::InvalidClient, OAuthError::InvalidToken, OAuthError::AccessDenied] {
            assert!(![ISSUED, VERIFIED].contains(&Tallied::Refused(error).as_str()));
        }
    }
}
