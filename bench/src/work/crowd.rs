//! The same work for many in turn: tokens of many apps, checks of many API keys.

use anyhow::Result;
use bytes::Bytes;

use super::{Verb, WRONG, question};
use crate::ceiling::Algorithm;
use crate::check::Check;
use crate::contract::Contract;
use crate::filled::Credentials;
use crate::grantor::{KEY_API, api_signing_with};
use crate::load::Fleet;
use crate::side::{Side, Supply};
use crate::target::Target;

/// No short walk over neighbours: a prime that no number of ours is a multiple of.
const STRIDE: usize = 7_919;

/// What many ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Crowd {
    /// A token each, ES256.
    Apps,
    /// A look at a key each, by forward-auth.
    Keys,
}

impl Crowd {
    /// A side on which `asked` of the credentials take turns, spread over all that there are, each after one that is far
    /// away from it.
    pub(crate) fn side(
        self,
        pid: u32,
        contract: &Contract,
        credentials: &Credentials,
        asked: usize,
    ) -> Result<Side> {
        let home = Target::parse(contract.issuer()?)?;
        let (requests, check, refused) = match self {
            Self::Apps => {
                let request = token_requests(contract)?;
                let apps = spread(&credentials.apps, asked);
                let requests: Vec<_> = apps.iter().map(|(id, secret)| request(id, secret)).collect();
                let refused = apps.first().map(|(id, _)| request(id, WRONG));
                (requests, Check::Signed(Algorithm::Es256), refused)
            }
            Self::Keys => {
                let question = question(contract.api(KEY_API)?, Verb::ForwardAuth, "api_key")?;
                let keys = spread(&credentials.keys, asked);
                let requests = keys.iter().map(|key| question.about(key)).collect();
                (requests, Check::Status, Some(question.about(WRONG)))
            }
        };
        Ok(Side { pid, fleet: Fleet::new(home), supply: Supply::Fixed(requests.into()), check, refused })
    }
}

/// What asks for a token as an app with this id and secret.
fn token_requests(contract: &Contract) -> Result<impl Fn(&str, &str) -> Bytes> {
    let api = contract.api(api_signing_with(Algorithm::Es256))?;
    let target = Target::parse(&api.token_endpoint)?;
    let scope = api.route("client").map(|route| route.scope.clone()).unwrap_or_default();
    let known = api.machine_client()?.clone();
    Ok(move |id: &str, secret: &str| {
        let mut client = known.clone();
        id.clone_into(&mut client.client_id);
        super::token_request(&target, &client, secret, &scope)
    })
}

/// `count` of a list, or all, evenly spread and out of order.
fn spread<T>(list: &[T], count: usize) -> Vec<&T> {
    let count = count.min(list.len());
    (0..count).map(|turn| &list[turn * STRIDE % count * list.len() / count]).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_is_asked_for_once_before_anybody_is_again_and_from_one_end_to_the_other() {
        let all: Vec<usize> = (0..1_000_000).collect();
        let some = spread(&all, 20_000);
        assert_eq!(some.iter().collect::<HashSet<_>>().len(), 20_000);
        assert!(some.iter().any(|one| **one < 1_000) && some.iter().any(|one| **one > 999_000));
        assert_eq!(spread(&all[..1_000], 20_000).into_iter().collect::<HashSet<_>>().len(), 1_000);
    }
}
