//! Requests for a shell. Credentials stand in variables, never in the command.

use grantor_core::profile::ClientAuthMethod;

use crate::pages::PlainUrl;

/// A request to the token endpoint. `form` holds what comes behind the credentials, each a word that needs no quotation marks
/// or has them.
pub(super) fn token_request(endpoint: &PlainUrl, method: ClientAuthMethod, form: &[&str]) -> String {
    let credentials: &[&str] = match method {
        ClientAuthMethod::ClientSecretBasic => &["-u \"$CLIENT_ID:$CLIENT_SECRET\""],
        ClientAuthMethod::ClientSecretPost => &[
            "--data-urlencode \"client_id=$CLIENT_ID\"",
            "--data-urlencode \"client_secret=$CLIENT_SECRET\"",
        ],
        ClientAuthMethod::None => &["--data-urlencode \"client_id=$CLIENT_ID\""],
    };
    let address = format!("'{}'", endpoint.as_str());
    let words = credentials.iter().chain(form).copied().chain([address.as_str()]);
    format!("curl {}", words.collect::<Vec<_>>().join(" \\\n  "))
}

/// What is asked for in the client-credentials grant.
pub(super) const MACHINE: [&str; 1] = ["-d grant_type=client_credentials"];
/// In the code grant.
pub(super) const CODE: [&str; 4] = [
    "-d grant_type=authorization_code",
    "--data-urlencode \"code=$CODE\"",
    "--data-urlencode \"redirect_uri=$REDIRECT_URI\"",
    "--data-urlencode \"code_verifier=$CODE_VERIFIER\"",
];
/// In the password grant.
pub(super) const PASSWORD: [&str; 3] = [
    "-d grant_type=password",
    "--data-urlencode \"username=$USERNAME\"",
    "--data-urlencode \"password=$PASSWORD\"",
];
/// For a refresh.
pub(super) const REFRESH: [&str; 2] =
    ["-d grant_type=refresh_token", "--data-urlencode \"refresh_token=$REFRESH_TOKEN\""];

/// A call with a credential that stands in a variable.
pub(super) fn call(variable: &str, url: &PlainUrl) -> String {
    format!("curl -H \"Authorization: Bearer ${variable}\" '{}'", url.as_str())
}
