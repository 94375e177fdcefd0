//! Which kind of JWT a token is (`typ`), so that one kind is never taken for another (RFC 8725 section 3.11).

/// The kinds of JWT that Grantor makes or accepts, as the header's `typ` (RFC 7515 section 4.1.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// `at+jwt`: an access token (RFC 9068 section 2.1).
    AccessToken,
    /// `JWT`: an ID token or any other JWT without a type of its own (RFC 7519 section 5.1).
    Jwt,
    /// `token-introspection+jwt`: a signed introspection answer (RFC 9701 section 5).
    Introspection,
    /// `client-authentication+jwt`: a client's assertion about itself (RFC 7523 and its revision).
    ClientAuthentication,
    /// `logout+jwt`: a back-channel logout token (OpenID Connect Back-Channel Logout section 2.4).
    LogoutToken,
    /// `dpop+jwt`: a proof of possession (RFC 9449 section 4.2).
    DpopProof,
    /// `oauth-authz-req+jwt`: a signed authorization request (RFC 9101 section 10.8).
    RequestObject,
    /// `audit-checkpoint+jwt`: a signed point of the audit's chain; of Grantor's own.
    AuditCheckpoint,
    /// `grantor-key+jwt`: an API key that lives long and is judged by its row. Never an access token.
    ApiKey,
}

impl Type {
    /// Every type, in the order of the enum.
    pub const ALL: [Type; 9] = [
        Type::AccessToken,
        Type::Jwt,
        Type::Introspection,
        Type::ClientAuthentication,
        Type::LogoutToken,
        Type::DpopProof,
        Type::RequestObject,
        Type::AuditCheckpoint,
        Type::ApiKey,
    ];

    /// The value as it stands in the header of a token that we sign.
    pub const fn as_str(self) -> &'static str {
        match self {
            Type::AccessToken => "at+jwt",
            Type::Jwt => "JWT",
            Type::Introspection => "token-introspection+jwt",
            Type::ClientAuthentication => "client-authentication+jwt",
            Type::LogoutToken => "logout+jwt",
            Type::DpopProof => "dpop+jwt",
            Type::RequestObject => "oauth-authz-req+jwt",
            Type::AuditCheckpoint => "audit-checkpoint+jwt",
            Type::ApiKey => "grantor-key+jwt",
        }
    }

    /// Does this `typ` name exactly this type? It is a media type: case does not matter, and `application/`
    /// may stand in front (RFC 7515 section 4.1.9).
    pub fn matches(self, header_typ: &str) -> bool {
        const PREFIX: &str = "application/";
        let name = match header_typ.split_at_checked(PREFIX.len()) {
            Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) => rest,
            _ => header_typ,
        };
        name.eq_ignore_ascii_case(self.as_str())
    }

    /// May a token with this `typ` (or without one) pass where this type is expected?
    ///
    /// A missing `typ` passes for [`Type::Jwt`] only (RFC 7519 section 5.1 makes it optional), and for
    /// [`Type::ClientAuthentication`], which is new: clients in the field send `JWT` or nothing. Another
    /// explicit type is refused in every case.
    pub fn accepts(self, header_typ: Option<&str>) -> bool {
        match (self, header_typ) {
            (Type::Jwt | Type::ClientAuthentication, None) => true,
            (Type::ClientAuthentication, Some(typ)) => self.matches(typ) || Type::Jwt.matches(typ),
            (_, Some(typ)) => self.matches(typ),
            (_, None) => false,
        }
    }
}
