//! `grantor audit verify`: an export is checked without a server; without a file, what the server gives is checked as it comes.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use grantor_core::audit_chain::{Checkpoint, Head, SignedCheckpoint, parse_link};
use grantor_core::audit_export::{FORMAT, Line};
use grantor_core::audit_verify::{Bad, Fault, Verifier, Whole};
use grantor_jose::{Jwk, JwkSet, KeySet};
use serde_json::json;

use super::Session;
use super::admin;
use super::failure::{AlreadyTold, Misuse};
use super::output::{Output, Shape};
use crate::moment::Moment;

#[derive(Args)]
pub(super) struct Flags {
    /// An export; needs no server [default: what the server has]
    file: Option<PathBuf>,
    /// The public key that must have signed, from GET /admin/v1/audit/key [default: the one in the export]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// A checkpoint or an export of an earlier time, which the audit must still contain
    #[arg(long, value_name = "FILE")]
    earlier: Option<PathBuf>,
}

/// So often progress is told, in entries.
const PROGRESS: u64 = 100_000;

/// Fails (exit code 1) if the audit is not whole.
pub(super) async fn run(session: &mut Session<'_>, flags: Flags) -> anyhow::Result<()> {
    let pinned = flags.key.as_deref().map(pinned_keys).transpose()?;
    let is_pinned = pinned.is_some();
    let earlier = flags.earlier.as_deref().map(last_checkpoint).transpose()?;
    let mut reader = Reader::new(pinned, earlier);
    match &flags.file {
        Some(path) => {
            let named = || format!("cannot read {}", path.display());
            let mut file = BufReader::new(File::open(path).with_context(named)?);
            loop {
                let chunk = file.fill_buf().with_context(named)?;
                if chunk.is_empty() {
                    break;
                }
                let length = chunk.len();
                reader.chunk(chunk, &mut session.output)?;
                file.consume(length);
            }
        }
        None => {
            let admin = session.admin().await?;
            let output = &mut session.output;
            let export = admin::Path::of(&["audit", "export"])?;
            admin.stream(export, &mut |chunk| reader.chunk(chunk, output)).await?;
        }
    }
    let found = reader.finish()?;
    tell(&found, &mut session.output)?;
    if !is_pinned {
        let text = "The key was taken from the export itself: whoever made the export could have made the key. Pin it with \
                    --key, from GET /admin/v1/audit/key.";
        session.output.note(text)?;
    }
    if found.verdict.is_ok() { Ok(()) } else { Err(AlreadyTold.into()) }
}

fn tell(found: &Found, output: &mut Output<'_>) -> anyhow::Result<()> {
    let json = output.shape() == Shape::Json;
    match &found.verdict {
        Err(bad) if json => output.line(
            &json!({ "verified": false, "number": bad.number, "id": bad.id, "reason": bad.to_string() })
                .to_string(),
        )?,
        Ok(whole) if json => output.line(
            &json!({ "verified": true, "entries": found.entries, "number": whole.head.number, "unlinked": found.unlinked })
                .to_string(),
        )?,
        Err(bad) => output.line(&format!("NOT VERIFIED: {bad}"))?,
        Ok(whole) => {
            let signed = whole.checkpoint.map_or_else(String::new, |checkpoint| {
                format!(", signed up to {} at {}", checkpoint.head.number, Moment(checkpoint.at))
            });
            output.line(&format!("verified: {} entries{signed}", found.entries))?;
        }
    }
    if found.unlinked > 0 {
        let count = found.unlinked;
        output.note(&format!("{count} entries are not linked yet; nothing is said of them."))?;
    }
    Ok(())
}

/// The keys of a file: a JWK, or a set of them.
fn pinned_keys(path: &Path) -> anyhow::Result<KeySet> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let set = serde_json::from_str::<JwkSet>(&text)
        .or_else(|_| serde_json::from_str::<Jwk>(&text).map(|key| JwkSet { keys: vec![key] }));
    let keys = set.map(|set| KeySet::from_jwks(&set)).unwrap_or_default();
    if keys.is_empty() {
        let told =
            format!("{} holds no public key; it is what GET /admin/v1/audit/key gives", path.display());
        return Err(Misuse(told).into());
    }
    Ok(keys)
}

/// The last checkpoint in a file of lines.
fn last_checkpoint(path: &Path) -> anyhow::Result<SignedCheckpoint> {
    let named = || format!("cannot read {}", path.display());
    let mut last = None;
    for line in BufReader::new(File::open(path).with_context(named)?).lines() {
        if let Ok(Line::Checkpoint { number, link, at, kid, jws }) =
            serde_json::from_str(&line.with_context(named)?)
            && let Some(link) = parse_link(&link)
        {
            let checkpoint = Checkpoint { head: Head { number, link }, at };
            last = Some(SignedCheckpoint { checkpoint, kid, jws });
        }
    }
    last.ok_or_else(|| Misuse(format!("{} holds no checkpoint", path.display())).into())
}

/// What an export turned out to be.
struct Found {
    verdict: Result<Whole, Bad>,
    entries: u64,
    unlinked: u64,
}

/// Reads an export as it comes.
struct Reader {
    pinned: Option<KeySet>,
    earlier: Option<SignedCheckpoint>,
    verifier: Option<Verifier>,
    /// The beginning of a line whose end has not come yet.
    rest: Vec<u8>,
    lines: u64,
    entries: u64,
    unlinked: u64,
    ended: Option<(u64, u64)>,
}

impl Reader {
    fn new(pinned: Option<KeySet>, earlier: Option<SignedCheckpoint>) -> Self {
        let (verifier, rest, ended) = (None, Vec::new(), None);
        Self { pinned, earlier, verifier, rest, lines: 0, entries: 0, unlinked: 0, ended }
    }

    fn chunk(&mut self, mut chunk: &[u8], output: &mut Output<'_>) -> anyhow::Result<()> {
        while let Some(end) = memchr::memchr(b'\n', chunk) {
            let (line, after) = chunk.split_at(end);
            chunk = after.get(1..).unwrap_or_default();
            if self.rest.is_empty() {
                self.line(line, output)?;
            } else {
                let mut whole = std::mem::take(&mut self.rest);
                whole.extend_from_slice(line);
                self.line(&whole, output)?;
            }
        }
        self.rest.extend_from_slice(chunk);
        Ok(())
    }

    fn line(&mut self, text: &[u8], output: &mut Output<'_>) -> anyhow::Result<()> {
        self.lines += 1;
        let line: Line = match serde_json::from_slice(text) {
            Ok(line) => line,
            Err(_) if self.verifier.is_none() => {
                bail!("this is no export of an audit: its first line is not one")
            }
            Err(_) => bail!(
                "line {}, behind entry {}, was altered: it cannot be read",
                self.lines,
                self.verifier.as_ref().map_or(0, Verifier::reached)
            ),
        };
        let Some(verifier) = &mut self.verifier else {
            return self.begin(line);
        };
        if self.ended.is_some() {
            bail!("line {} stands behind the last line of the export", self.lines);
        }
        match &line {
            Line::Audit { .. } => bail!("line {} is the first line of another export", self.lines),
            Line::Entry { .. } | Line::Unreadable { .. } => self.entries += 1,
            Line::Unlinked { .. } => self.unlinked += 1,
            Line::End { entries, unlinked } => self.ended = Some((*entries, *unlinked)),
            Line::Checkpoint { .. } => {}
        }
        verifier.line(line);
        if self.entries > 0 && self.entries.is_multiple_of(PROGRESS) && self.unlinked == 0 {
            output.note(&format!("{} entries read", self.entries))?;
        }
        Ok(())
    }

    fn begin(&mut self, line: Line) -> anyhow::Result<()> {
        let Line::Audit { format, keys } = line else {
            bail!("this is no export of an audit: its first line is not one");
        };
        if format != FORMAT {
            bail!("this export has format {format}, and this program knows {FORMAT}; use a newer one");
        }
        let keys = self.pinned.take().unwrap_or_else(|| KeySet::from_jwks(&keys));
        let earlier = self.earlier.take();
        if let Some(why) = earlier.as_ref().and_then(|earlier| earlier.check(&keys).err()) {
            bail!("the earlier checkpoint proves nothing: {why}");
        }
        let mut verifier = Verifier::new(keys);
        if let Some(earlier) = earlier {
            verifier.expect(earlier.checkpoint.head);
        }
        self.verifier = Some(verifier);
        Ok(())
    }

    fn finish(self) -> anyhow::Result<Found> {
        let Some(verifier) = self.verifier else { bail!("this is no export of an audit: it is empty") };
        let reached = verifier.reached();
        let verdict = verifier.finish();
        // Where the end is not there, its checkpoint is not either.
        let proves = verdict.is_err_and(|bad| bad.fault != Fault::Unsigned);
        match self.ended {
            None if !proves => {
                bail!("the export breaks off behind entry {reached}: its last line is not there")
            }
            Some(said) if !proves && said != (self.entries, self.unlinked) => bail!(
                "lines of the export are missing: it says {} and {}, and has {} and {} entries that are linked and not linked",
                said.0,
                said.1,
                self.entries,
                self.unlinked
            ),
            _ => Ok(Found { verdict, entries: self.entries, unlinked: self.unlinked }),
        }
    }
}
