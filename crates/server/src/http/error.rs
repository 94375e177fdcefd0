//! The only place where refusals and faults become answers of the OAuth endpoints. Also where they are logged and counted.

use ::http::Response;
use grantor_core::error::Denial;

use super::Call;
use super::body::NoForm;
use super::respond::{self, Body, Challenge};
use crate::flow::{Fault, FlowError};

/// The answer to a flow that did not give what was asked for.
pub fn flow(
    call: &Call<'_>,
    endpoint: &'static str,
    challenge: Challenge,
    error: &FlowError,
) -> Response<Body> {
    match error {
        FlowError::Denied(denial) => {
            note(call, endpoint, denial);
            respond::oauth_error(denial, challenge, call.request_id)
        }
        FlowError::Throttled(denial, wait) => {
            note(call, endpoint, denial);
            respond::throttled(denial, *wait, call.request_id)
        }
        FlowError::Fault(fault) => self::fault(call, endpoint, *fault),
    }
}

/// The answer to a request without a usable form.
pub fn form(call: &Call<'_>, endpoint: &'static str, challenge: Challenge, error: &NoForm) -> Response<Body> {
    match error {
        NoForm::Denied(denial) => flow(call, endpoint, challenge, &FlowError::Denied(*denial)),
        NoForm::Method => respond::method_not_allowed("POST", call.request_id),
        NoForm::TooLong => respond::too_long(call.request_id),
        NoForm::TooSlow | NoForm::Broken => respond::too_slow(call.request_id),
        NoForm::Fault(fault) => self::fault(call, endpoint, *fault),
    }
}

/// 503 or 500, with the request's id and nothing else.
pub fn fault(call: &Call<'_>, endpoint: &'static str, fault: Fault) -> Response<Body> {
    call.node.metrics.count(endpoint, "fault");
    tracing::error!(request_id = call.request_id, endpoint, %fault, "request failed");
    match fault {
        Fault::Conflict | Fault::Unavailable => respond::unavailable(call.request_id),
        Fault::Duplicate | Fault::Internal => respond::server_error(call.request_id),
    }
}

fn note(call: &Call<'_>, endpoint: &'static str, denial: &Denial) {
    call.node.metrics.count(endpoint, denial.reason.name());
    tracing::info!(
        request_id = call.request_id,
        endpoint,
        environment = %call.state.environment.name,
        source = %call.source,
        error = denial.error.code(),
        reason = denial.reason.name(),
        "refused"
    );
}
