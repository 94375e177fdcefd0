//! A bug, planted on purpose: the proof that `tests-interop/faults` would see it. Compiled by the feature `planted-bugs` alone.

use std::sync::Arc;
use std::time::Duration;

use grantor_core::decision::Write;

use super::{Actor, Node};

#[cfg(not(debug_assertions))]
compile_error!("planted-bugs is for the proof of the fault harness; it must not come into a release");

/// So much later the second step is made: long enough for the answer to leave.
const LATER: Duration = Duration::from_millis(50);

/// A redemption in two steps: the tokens are answered at once, and the code is marked a moment later. Gives the writes that
/// are committed now.
pub(super) fn mark_codes_later(node: &Arc<Node>, actor: &Actor, writes: Vec<Write>) -> Vec<Write> {
    let (later, now): (Vec<_>, Vec<_>) =
        writes.into_iter().partition(|write| matches!(write, Write::RedeemCode { .. }));
    if !later.is_empty() {
        let (node, actor) = (Arc::clone(node), actor.clone());
        tokio::spawn(async move {
            tokio::time::sleep(LATER).await;
            let _ = node.commit_and_apply(&actor, &later, Vec::new()).await;
        });
    }
    now
}
