//! Is this chain whole? Entries and checkpoints go in, in the order of the export; out comes the first bad entry, by number,
//! id and reason. Needs neither database nor master key: the public key is enough.

use std::fmt;

use grantor_jose::KeySet;
use uuid::Uuid;

use crate::audit_chain::{Checkpoint, CheckpointFault, Entry, GENESIS, Head, SignedCheckpoint};
use crate::audit_export::{Line, Readable, place};

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Content or link of the entry is not what was linked.
    Altered,
    /// It is in the database, and what is there is not even an entry.
    Unreadable,
    /// Entries are not there, up to and with this number.
    Missing {
        /// The last of them.
        through: i64,
    },
    /// It was put in: its place belongs to another entry.
    Inserted,
    /// It is there, in another place.
    OutOfOrder,
    /// The checkpoint at this number proves nothing.
    Checkpoint(CheckpointFault),
    /// The checkpoint at this number stands where it does not belong.
    CheckpointOutOfOrder,
    /// The links fit each other and not the signed one: from this entry on, one was changed and the links computed anew.
    Rewritten {
        /// The entry whose signed link does not fit.
        through: i64,
    },
    /// The chain ends before an entry that a checkpoint covers.
    CutOff {
        /// The number in the checkpoint.
        checkpoint: i64,
    },
    /// No checkpoint covers this entry, and each batch ends with one.
    Unsigned,
}

/// The first bad entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bad {
    /// Its number.
    pub number: i64,
    /// Its id, where it is there.
    pub id: Option<Uuid>,
    /// What is wrong with it.
    pub fault: Fault,
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.number;
        match self.fault {
            Fault::Missing { through } | Fault::CutOff { checkpoint: through } if through > number => {
                write!(f, "entries {number} to {through}")?;
            }
            Fault::Checkpoint(_) | Fault::CheckpointOutOfOrder => write!(f, "checkpoint {number}")?,
            _ => write!(f, "entry {number}")?,
        }
        if let Some(id) = self.id {
            write!(f, " ({id})")?;
        }
        match self.fault {
            Fault::Altered => {
                f.write_str(" was altered: its content, or the entry before it, is not what was linked")
            }
            Fault::Unreadable => f.write_str(" was altered: it cannot be read"),
            Fault::Missing { .. } => f.write_str(" missing: the next one in the chain has a higher number"),
            Fault::Inserted => f.write_str(" was inserted: its place belongs to another entry"),
            Fault::OutOfOrder => f.write_str(" is out of order: it stands in another place"),
            Fault::Checkpoint(why) => write!(f, " proves nothing: {why}"),
            Fault::CheckpointOutOfOrder => f.write_str(" is out of order: it stands in another place"),
            Fault::Rewritten { through } => write!(
                f,
                " is the first that may have been rewritten: the links are in themselves right up to {through}, \
                 but {through} is not what was signed"
            ),
            Fault::CutOff { checkpoint } => {
                write!(f, " cut off: a checkpoint was signed at {checkpoint}")
            }
            Fault::Unsigned => f.write_str(" is covered by no checkpoint, though every batch ends with one"),
        }
    }
}

/// A chain that is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whole {
    /// The last entry.
    pub head: Head,
    /// The last checkpoint, if there is an entry at all.
    pub checkpoint: Option<Checkpoint>,
}

/// Reads a chain entry by entry.
pub struct Verifier {
    keys: KeySet,
    head: Head,
    /// The head before the last entry, and that entry's id.
    before: Option<(Head, Uuid)>,
    checkpoint: Option<Checkpoint>,
    known: Option<Head>,
    bad: Option<Bad>,
}

impl Verifier {
    /// Begins before the first entry. Checkpoints count if one of these keys has signed them.
    pub fn new(keys: KeySet) -> Self {
        Self { keys, head: GENESIS, before: None, checkpoint: None, known: None, bad: None }
    }

    /// Expects the chain to go through this point, which is known from an earlier time.
    pub fn expect(&mut self, known: Head) {
        self.known = Some(known);
    }

    /// The number of the last good entry.
    pub fn reached(&self) -> i64 {
        self.head.number
    }

    /// Takes a line of an export. Lines that are no part of the chain change nothing.
    pub fn line(&mut self, line: Line) {
        match line {
            Line::Entry { number, link, entry } => match place(number, &link) {
                Some(place) => self.entry(place, &entry),
                None => self.unreadable(number, Readable::Entry),
            },
            Line::Checkpoint { number, link, at, kid, jws } => match place(number, &link) {
                Some(head) => {
                    self.checkpoint(&SignedCheckpoint { checkpoint: Checkpoint { head, at }, kid, jws });
                }
                None => self.unreadable(number, Readable::Checkpoint),
            },
            Line::Unreadable { number, what } => self.unreadable(number, what),
            Line::Audit { .. } | Line::Unlinked { .. } | Line::End { .. } => {}
        }
    }

    /// Takes the next entry.
    pub fn entry(&mut self, place: Head, entry: &Entry) {
        if self.out_of_place(place.number, Some(entry.id)) {
            return;
        }
        if self.head.link_of_next(entry) != place.link {
            self.bad = Some(match self.before {
                // It fits one place further up: the one before it does not belong there.
                Some((before, id)) if before.link_of_next(entry) == place.link => {
                    Bad { number: place.number - 1, id: Some(id), fault: Fault::Inserted }
                }
                _ => Bad { number: place.number, id: Some(entry.id), fault: Fault::Altered },
            });
            return;
        }
        self.before = Some((self.head, entry.id));
        self.head = place;
        if self.known.is_some_and(|known| known.number == place.number && known.link != place.link) {
            self.rewritten_through(place.number);
        }
    }

    /// Something that is in the database and cannot be read.
    pub fn unreadable(&mut self, number: i64, what: Readable) {
        match what {
            Readable::Entry if self.out_of_place(number, None) => {}
            Readable::Entry => self.bad = Some(Bad { number, id: None, fault: Fault::Unreadable }),
            Readable::Checkpoint if self.bad.is_none() => {
                self.checkpoint_fails(number, Fault::Checkpoint(CheckpointFault::Signature))
            }
            Readable::Checkpoint => {}
        }
    }

    /// Takes a checkpoint, which stands behind the last entry that it covers.
    pub fn checkpoint(&mut self, signed: &SignedCheckpoint) {
        if self.bad.is_some() {
            return;
        }
        let at = signed.checkpoint.head;
        if let Err(why) = signed.check(&self.keys) {
            return self.checkpoint_fails(at.number, Fault::Checkpoint(why));
        }
        if at.number > self.head.number {
            let (number, fault) = (self.head.number + 1, Fault::CutOff { checkpoint: at.number });
            self.bad = Some(Bad { number, id: None, fault });
        } else if at.number < self.head.number {
            self.checkpoint_fails(at.number, Fault::CheckpointOutOfOrder);
        } else if at.link != self.head.link {
            self.rewritten_through(at.number);
        } else {
            self.checkpoint = Some(signed.checkpoint);
        }
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// The first bad entry.
    pub fn finish(self) -> Result<Whole, Bad> {
        if let Some(bad) = self.bad {
            return Err(bad);
        }
        let bad = |number, fault| Err(Bad { number, id: None, fault });
        let signed = self.checkpoint.map_or(0, |checkpoint| checkpoint.head.number);
        match self.known {
            Some(known) if known.number > self.head.number => {
                bad(self.head.number + 1, Fault::CutOff { checkpoint: known.number })
            }
            _ if signed < self.head.number => bad(signed + 1, Fault::Unsigned),
            _ => Ok(Whole { head: self.head, checkpoint: self.checkpoint }),
        }
    }

    /// Whether something is found already, or this number is not the next one.
    fn out_of_place(&mut self, number: i64, id: Option<Uuid>) -> bool {
        let next = self.head.number + 1;
        match &mut self.bad {
            Some(bad) => {
                match bad.fault {
                    // It was thought to be gone, and is only elsewhere.
                    Fault::Missing { .. } | Fault::CutOff { .. } if bad.number == number => {
                        *bad = Bad { number, id, fault: Fault::OutOfOrder };
                    }
                    Fault::CutOff { .. } if number > bad.number => {
                        bad.fault = Fault::Missing { through: number - 1 };
                    }
                    _ => {}
                }
                return true;
            }
            None if number == next => return false,
            None => {}
        }
        self.bad = Some(if number > next {
            Bad { number: next, id: None, fault: Fault::Missing { through: number - 1 } }
        } else if number > 0 && number == self.head.number {
            Bad { number, id, fault: Fault::Inserted }
        } else {
            Bad { number, id, fault: Fault::OutOfOrder }
        });
        true
    }

    fn checkpoint_fails(&mut self, number: i64, fault: Fault) {
        self.bad = Some(Bad { number, id: None, fault });
    }

    fn rewritten_through(&mut self, through: i64) {
        let signed = self.checkpoint.map_or(0, |checkpoint| checkpoint.head.number);
        self.bad = Some(Bad { number: signed + 1, id: None, fault: Fault::Rewritten { through } });
    }
}
