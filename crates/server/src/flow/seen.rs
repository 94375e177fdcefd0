//! A request, watched on its way through a flow, so that its owner can read afterwards how it ended. Watching decides nothing
//! and waits for nothing: it ends with a note in memory ([`crate::activity`]).

use std::net::IpAddr;

use grantor_core::app::App;
use grantor_core::client_auth::Presented;
use grantor_core::env::UnixMillis;
use grantor_core::error::{Denial, OAuthError, Reason};
use grantor_core::id::ApiId;
use grantor_core::profile::GrantType;
use grantor_core::record::Used;
use grantor_core::request_log::{Door, Entry, LastFour, Outcome, Owned, Proof, Refusal, Ring, Took};
use grantor_core::secret::Secret;
use grantor_core::usage::Tallied;

use super::FlowError;
use super::verify::{Genuine, Good};
use crate::activity::suspects::{Kind, Suspect};
use crate::catalogue::EnvironmentState;
use crate::node::Node;

/// Where a request came in.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// At which endpoint.
    pub door: Door,
    /// In which environment.
    pub state: &'a EnvironmentState,
    /// From where, after trusted proxies.
    pub source: IpAddr,
    /// The request's id.
    pub request_id: &'a str,
}

/// What has been seen of a request so far.
pub struct Seen<'a> {
    place: Place<'a>,
    began: UnixMillis,
    whose: Option<Owned>,
    proof: Proof,
    credential: Option<LastFour>,
    api: Option<ApiId>,
    grant: Option<GrantType>,
}

impl<'a> Seen<'a> {
    /// Begins to watch.
    pub fn begin(node: &Node, place: Place<'a>) -> Self {
        Self {
            place,
            began: node.now(),
            whose: None,
            proof: Proof::Claimed,
            credential: None,
            api: None,
            grant: None,
        }
    }

    /// The sender has named an app. Nothing is proved yet.
    pub fn names(&mut self, app: &App) {
        self.whose = Some(Owned::app(app));
    }

    /// The sender has proved to be the app that it named: a secret was verified. A public client proves nothing.
    pub fn proves(&mut self, version: Option<i64>) {
        if version.is_some() {
            self.proof = Proof::Proved;
        }
    }

    /// The grant of a token request.
    pub fn asks_for(&mut self, grant: GrantType) {
        self.grant = Some(grant);
    }

    /// The API that the request is about.
    pub fn concerns(&mut self, api: ApiId) {
        self.api = Some(api);
    }

    /// The end of a request in which an app authenticates: a few good ones are kept, every refusal is.
    pub fn ended<T>(mut self, node: &Node, presented: &Presented, outcome: &Result<T, FlowError>) {
        match outcome {
            Ok(_) => self.good(node),
            Err(FlowError::Fault(_)) => {}
            Err(FlowError::Denied(denial)) => {
                self.client_refused(node, presented, denial, denial.error.status())
            }
            Err(FlowError::Throttled(denial, _)) => self.client_refused(node, presented, denial, 429),
        }
    }

    fn client_refused(&mut self, node: &Node, presented: &Presented, denial: &Denial, status: u16) {
        if self.whose.is_none() && denial.reason == Reason::TooManyFailures {
            // Whoever is throttled costs the database nothing; an app that is at hand is told.
            let environment = self.place.state.environment.id;
            let known = presented.candidates().find_map(|(id, _)| node.cache.known_app(environment, id));
            self.whose = known.map(|app| Owned::app(&app));
        }
        let mut secrets = presented.candidates().filter_map(|(_, secret)| secret);
        self.credential = secrets.next().and_then(|secret| LastFour::of(secret.reveal()));
        let refusal = Refusal { error: Some(denial.error), reason: denial.reason };
        if matches!(denial.reason, Reason::SecretMismatch | Reason::UnknownClient) {
            let mut secrets = presented.candidates().filter_map(|(_, secret)| secret.map(Secret::reveal));
            let ours = secrets.find(|text| Suspect::kind(&node.brand, text) == Some(Kind::Secret));
            return self.unknown(node, ours, status, refusal);
        }
        self.refused(node, status, refusal);
    }

    /// An app that asked and was told no more than `{"active": false}` for a reason of its own.
    pub fn told_nothing(self, node: &Node, reason: Reason) {
        self.refused(node, 200, Refusal { error: None, reason });
    }

    /// A token or key that was judged: counted for its own app, or noted in the log of the key.
    pub fn verified(mut self, node: &Node, good: &Good, credential: &str) {
        let Some(whose) = good.owned() else { return };
        self.whose = Some(whose);
        self.proof = Proof::Proved;
        node.activity.tally.count(whose.subject, Tallied::Verified, self.began);
        if let Genuine::Key(key) = &good.credential {
            // At introspection the API asks, and the caller is out of sight.
            let address = (self.place.door == Door::ForwardAuth).then_some(self.place.source);
            node.activity.uses.note(Used::Key(key.id), self.began, address);
        }
        if node.activity.log.takes_good(whose.subject) {
            self.credential = LastFour::of(credential);
            self.note(node, whose, Outcome { status: 200, refusal: None });
        }
    }

    /// A genuine token or key that is not good here.
    pub fn unfit(
        mut self,
        node: &Node,
        whose: Option<Owned>,
        credential: &str,
        (status, refusal): (u16, Refusal),
    ) {
        self.whose = whose;
        self.proof = Proof::Proved;
        self.credential = LastFour::of(credential);
        self.refused(node, status, refusal);
    }

    /// A token or key that is unknown here.
    pub fn unrecognised(mut self, node: &Node, credential: &str, (status, refusal): (u16, Refusal)) {
        self.credential = LastFour::of(credential);
        self.unknown(node, Some(credential), status, refusal);
    }

    /// A refusal of an authorization request: a browser brought it, so the app is named and nothing proved.
    pub fn turned_away(mut self, node: &Node, app: &App, denial: &Denial, status: u16) {
        self.names(app);
        self.refused(node, status, Refusal { error: Some(denial.error), reason: denial.reason });
    }

    /// What was presented is nobody's here: maybe it is somebody's in another environment. That is looked up later, and the
    /// request is logged then.
    fn unknown(&self, node: &Node, credential: Option<&str>, status: u16, refusal: Refusal) {
        self.count_refusal(node, refusal);
        let outcome = Outcome { status, refusal: Some(refusal) };
        let kind = credential.and_then(|text| Some((text, Suspect::kind(&node.brand, text)?)));
        let suspect = kind.map(|(text, kind)| Suspect {
            credential: Secret::presented(text.to_owned()),
            kind,
            presented_in: self.place.state.environment.id,
            named: self.whose,
            entry: self.entry(node, outcome),
        });
        let (entry, whose) = match suspect.map(|suspect| node.activity.suspects.add(suspect)) {
            Some(Ok(())) => return,
            Some(Err(suspect)) => (suspect.entry, suspect.named),
            None => (self.entry(node, outcome), self.whose),
        };
        if let Some(whose) = whose {
            node.activity.log.add(whose.subject, Ring::Unproven, entry);
        }
    }

    fn good(&self, node: &Node) {
        if let Some(whose) = self.whose
            && node.activity.log.takes_good(whose.subject)
        {
            self.note(node, whose, Outcome { status: 200, refusal: None });
        }
    }

    fn refused(&self, node: &Node, status: u16, refusal: Refusal) {
        self.count_refusal(node, refusal);
        if let Some(whose) = self.whose {
            self.note(node, whose, Outcome { status, refusal: Some(refusal) });
        }
    }

    fn count_refusal(&self, node: &Node, refusal: Refusal) {
        let Some(whose) = self.whose else { return };
        // RFC 7662 has no code for "inactive"; RFC 6750 has one for the same credential at an API.
        let error = refusal.error.unwrap_or(OAuthError::InvalidToken);
        node.activity.tally.count(whose.subject, Tallied::Refused(error), self.began);
    }

    fn note(&self, node: &Node, whose: Owned, outcome: Outcome) {
        let ring = Ring::of(outcome, self.proof);
        node.activity.log.add(whose.subject, ring, self.entry(node, outcome));
    }

    fn entry(&self, node: &Node, outcome: Outcome) -> Entry {
        let now = node.now();
        let api = self.api.and_then(|id| self.place.state.api_by_id(id));
        Entry {
            at: now,
            door: self.place.door,
            outcome,
            credential: self.credential,
            address: self.place.source,
            request_id: self.place.request_id.to_owned(),
            api: api.map(|api| api.name.clone()),
            grant: self.grant,
            took: Took::of_millis(now.0 - self.began.0),
            count: 1,
        }
    }
}
