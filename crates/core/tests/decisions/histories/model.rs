//! What should happen: ten lines that know nothing of tags, rows and epochs.

use grantor_core::scope::ScopeSet;

use super::{ACCESS, APP, By, Given, MAX_AGE, SUBJECTS, Step, TENANT, Told, USER};
use crate::facts::{NOW, scopes};
use crate::people::VERIFIER;

/// What the model knows of a Grant.
pub(super) struct Line {
    app: usize,
    user: usize,
    pub(super) scopes: ScopeSet,
    pub(super) issued_at: i64,
    /// 0 while the code waits.
    generation: i64,
    rotated_at: i64,
    over: bool,
}

pub(super) struct Model {
    rotates: bool,
    pub(super) now: i64,
    suspended: [bool; SUBJECTS],
    allowed: ScopeSet,
    pub(super) lines: Vec<Line>,
    /// For every access token: whether nothing has ended it since.
    pub(super) alive: Vec<bool>,
    of: Vec<usize>,
}

impl Model {
    pub(super) fn new(rotates: bool) -> Self {
        let allowed = scopes("a b c openid");
        let (suspended, lines) = ([false; SUBJECTS], Vec::new());
        Self { rotates, now: NOW.0, suspended, allowed, lines, alive: Vec::new(), of: Vec::new() }
    }

    pub(super) fn take(&mut self, step: &Step) -> Told {
        match step {
            Step::Issue { app, user, scopes } => {
                if !self.suspended[TENANT] && !self.suspended[ACCESS] {
                    self.lines.push(Line {
                        app: *app,
                        user: *user,
                        scopes: scopes.clone(),
                        issued_at: self.now,
                        generation: 0,
                        rotated_at: self.now,
                        over: false,
                    });
                }
                return Vec::new();
            }
            Step::Redeem { grant, by, verifier } => {
                return self.index(*grant).map(|at| self.redeem(at, *by, verifier)).into_iter().collect();
            }
            Step::Refresh { grant, by, offset, asked } => {
                let Some(at) = self.index(*grant) else { return Vec::new() };
                return vec![self.refresh(at, *by, *offset, asked.as_ref())];
            }
            Step::Race { grant } => {
                let Some(at) = self.index(*grant) else { return Vec::new() };
                let first = self.refresh(at, By::Owner, 0, None);
                // Whoever comes second has, in the end, presented the token before the present one.
                let late = if self.rotates && first.is_some() { -1 } else { 0 };
                return vec![first, self.refresh(at, By::Owner, late, None)];
            }
            Step::End { grant } => self.index(*grant).into_iter().for_each(|at| self.end(at)),
            Step::Suspend { subject } => {
                self.suspended[*subject] = true;
                for (alive, of) in self.alive.iter_mut().zip(&self.of) {
                    *alive &= !subjects(&self.lines[*of]).contains(subject);
                }
            }
            Step::Resume { subject } => self.suspended[*subject] = false,
            Step::Allow { scopes: allowed } => self.allowed = allowed.union(&scopes("openid")),
            Step::Wait { millis } => self.now += millis,
        }
        Vec::new()
    }

    fn index(&self, grant: usize) -> Option<usize> {
        (!self.lines.is_empty()).then(|| grant % self.lines.len())
    }

    pub(super) fn all_active(&self, line: &Line) -> bool {
        subjects(line).iter().all(|subject| !self.suspended[*subject])
    }

    /// Whether whoever presents something is heard, and is the app of the Grant.
    fn heard(&self, line: &Line, by: By) -> bool {
        matches!(by, By::Owner) && !self.suspended[APP + line.app] && !self.suspended[TENANT]
    }

    fn end(&mut self, at: usize) {
        self.lines[at].over = true;
        for (alive, of) in self.alive.iter_mut().zip(&self.of) {
            *alive &= *of != at;
        }
    }

    fn give(&mut self, at: usize, asked: &ScopeSet, refresh: i64) -> Option<Given> {
        self.alive.push(true);
        self.of.push(at);
        Some(Given { grant: at, scopes: asked.intersection(&self.allowed), refresh })
    }

    fn redeem(&mut self, at: usize, by: By, verifier: &str) -> Option<Given> {
        let line = &self.lines[at];
        if !self.heard(line, by) || line.over {
            return None;
        }
        if line.generation > 0 || (self.now < line.issued_at + 60_000 && verifier != VERIFIER) {
            self.end(at);
            return None;
        }
        if self.now >= line.issued_at + 60_000 || !self.all_active(line) {
            return None;
        }
        let now = self.now;
        let line = &mut self.lines[at];
        (line.generation, line.rotated_at) = (1, now);
        let asked = line.scopes.clone();
        self.give(at, &asked, 1)
    }

    /// The ten lines.
    fn refresh(&mut self, at: usize, by: By, offset: i64, asked: Option<&ScopeSet>) -> Option<Given> {
        let line = &self.lines[at];
        if !self.heard(line, by) || line.generation == 0 || !self.lives(line) {
            return None;
        }
        if offset != 0 && !(offset == -1 && self.has_grace(line)) {
            self.end(at);
            return None;
        }
        let asked = asked.unwrap_or(&line.scopes).clone();
        if !self.all_active(line) || !asked.is_subset(&line.scopes) {
            return None;
        }
        let (rotates, now) = (self.rotates && offset == 0, self.now);
        let line = &mut self.lines[at];
        if rotates {
            (line.generation, line.rotated_at) = (line.generation + 1, now);
        }
        let refresh = line.generation;
        self.give(at, &asked, refresh)
    }

    fn lives(&self, line: &Line) -> bool {
        !line.over && self.now < line.issued_at + MAX_AGE
    }

    fn has_grace(&self, line: &Line) -> bool {
        self.rotates && line.generation > 1 && self.now < line.rotated_at + 10_000
    }

    /// Which generations would be accepted now, each with its successor: one, and within the grace the one before it, which
    /// opens no second branch.
    pub(super) fn accepted(&self, line: &Line) -> Vec<(i64, i64)> {
        if !self.heard(line, By::Owner) || !self.all_active(line) || line.generation == 0 || !self.lives(line)
        {
            return Vec::new();
        }
        let present = line.generation;
        let before = self.has_grace(line).then_some((present - 1, present));
        before.into_iter().chain([(present, present + i64::from(self.rotates))]).collect()
    }
}

fn subjects(line: &Line) -> [usize; 4] {
    [APP + line.app, USER + line.user, TENANT, ACCESS]
}
