//! The chain of the audit: whatever is changed, taken out, put in, moved or cut off is named.

use grantor_core::audit_chain::{
    Checkpoint, CheckpointFault, Entry, GENESIS, Head, SignedCheckpoint, link_all,
};
use grantor_core::audit_export::{FORMAT, Line, Readable};
use grantor_core::audit_verify::{Bad, Fault, Verifier, Whole};
use grantor_core::env::UnixMillis;
use grantor_core::id::EnvironmentId;
use grantor_jose::{Algorithm, JwkSet, KeySet, SigningKey, Type};
use proptest::prelude::*;
use uuid::Uuid;

fn key() -> SigningKey {
    let made = SigningKey::generate(Algorithm::Es256).unwrap();
    SigningKey::from_pkcs8(Algorithm::Es256, made.as_bytes()).unwrap()
}

fn keys(of: &SigningKey) -> KeySet {
    KeySet::from_jwks(&JwkSet { keys: vec![of.public_jwk().clone()] })
}

fn entry(n: u8) -> Entry {
    Entry {
        id: Uuid::from_bytes([n; 16]),
        at: UnixMillis(1_700_000_000_000 + i64::from(n)),
        environment: n.is_multiple_of(2).then_some(EnvironmentId::from_bytes([7; 16])),
        actor: format!("operator:{n}"),
        action: "app.change".to_owned(),
        target: format!("app_{n}"),
        detail: format!("{{\"n\":{n}}}"),
        request_id: "r1".to_owned(),
        address: "203.0.113.9".to_owned(),
    }
}

/// One line of a chain, in its order.
#[derive(Clone)]
enum Step {
    Entry(Head, Entry),
    Checkpoint(SignedCheckpoint),
}

/// Nine entries in three batches, each with its checkpoint.
fn chain(signer: &SigningKey) -> Vec<Step> {
    let (mut head, mut steps) = (GENESIS, Vec::new());
    for batch in [1..=3, 4..=6, 7..=9] {
        let entries: Vec<Entry> = batch.map(entry).collect();
        let linked = link_all(head, &entries);
        head = linked.last().unwrap().place;
        steps.extend(linked.into_iter().zip(entries).map(|(linked, entry)| Step::Entry(linked.place, entry)));
        steps.push(checkpoint(head, signer));
    }
    steps
}

fn checkpoint(head: Head, signer: &SigningKey) -> Step {
    Step::Checkpoint(Checkpoint { head, at: UnixMillis(1_700_000_100_000) }.sign(signer).unwrap())
}

fn read(verifier: &mut Verifier, steps: &[Step]) {
    for step in steps {
        match step {
            Step::Entry(place, entry) => verifier.entry(*place, entry),
            Step::Checkpoint(signed) => verifier.checkpoint(signed),
        }
    }
}

fn verdict(steps: &[Step], signer: &SigningKey) -> Result<Whole, Bad> {
    let mut verifier = Verifier::new(keys(signer));
    read(&mut verifier, steps);
    verifier.finish()
}

/// As the database gives it: by number, checkpoints behind their entries.
fn sorted(mut steps: Vec<Step>) -> Vec<Step> {
    steps.sort_by_key(|step| match step {
        Step::Entry(place, _) => (place.number, 0),
        Step::Checkpoint(signed) => (signed.checkpoint.head.number, 1),
    });
    steps
}

fn at(steps: &[Step], number: i64) -> usize {
    steps.iter().position(|step| matches!(step, Step::Entry(place, _) if place.number == number)).unwrap()
}

fn found(number: i64, fault: Fault) -> Result<Whole, (i64, Fault)> {
    Err((number, fault))
}

fn named(result: Result<Whole, Bad>) -> Result<Whole, (i64, Fault)> {
    result.map_err(|bad| (bad.number, bad.fault))
}

#[test]
fn an_untouched_chain_is_whole_and_an_empty_one_too() {
    let signer = key();
    let whole = verdict(&chain(&signer), &signer).unwrap();
    assert_eq!(whole.head.number, 9);
    assert_eq!(whole.checkpoint.unwrap().head, whole.head);
    assert_eq!(verdict(&[], &signer), Ok(Whole { head: GENESIS, checkpoint: None }));
}

#[test]
fn a_link_depends_on_the_borders_between_the_fields() {
    let mut moved = entry(2);
    moved.actor.push('a');
    moved.action = "pp.change".to_owned();
    let together = |entry: &Entry| format!("{}{}", entry.actor, entry.action);
    assert_eq!(together(&moved), together(&entry(2)));
    assert_ne!(GENESIS.link_of_next(&moved), GENESIS.link_of_next(&entry(2)));
}

#[test]
fn the_format_of_a_link_is_fixed() {
    // Exports of years ago must verify: a change of this value is a new format.
    let hex: String = GENESIS.link_of_next(&entry(2)).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "7cb947c49b69975f4aabf73cfbff4fa2242c7b800c1715c590b34e760d64a322");
}

/// The bits of every field of an entry in its place, each as its own damage. Texts that are no text any more are unreadable.
fn flips(place: Head, entry: &Entry) -> Vec<Option<(Head, Entry)>> {
    let mut all = Vec::new();
    for bit in 0..64 {
        all.push(Some((Head { number: place.number ^ (1 << bit), ..place }, entry.clone())));
        let at = UnixMillis(entry.at.0 ^ (1 << bit));
        all.push(Some((place, Entry { at, ..entry.clone() })));
    }
    let flipped = |bytes: &[u8], bit: usize| {
        let mut bytes = bytes.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    };
    for bit in 0..256 {
        let link = flipped(&place.link, bit).try_into().unwrap();
        all.push(Some((Head { link, ..place }, entry.clone())));
    }
    for bit in 0..128 {
        let id = Uuid::from_slice(&flipped(entry.id.as_bytes(), bit)).unwrap();
        all.push(Some((place, Entry { id, ..entry.clone() })));
        if let Some(environment) = entry.environment {
            let environment =
                Some(EnvironmentId::from_bytes(flipped(&environment.bytes(), bit).try_into().unwrap()));
            all.push(Some((place, Entry { environment, ..entry.clone() })));
        }
    }
    let fields: [fn(&mut Entry) -> &mut String; 6] = [
        |entry| &mut entry.actor,
        |entry| &mut entry.action,
        |entry| &mut entry.target,
        |entry| &mut entry.detail,
        |entry| &mut entry.request_id,
        |entry| &mut entry.address,
    ];
    for field in fields {
        let mut changed = entry.clone();
        let text = field(&mut changed).clone();
        for bit in 0..text.len() * 8 {
            all.push(String::from_utf8(flipped(text.as_bytes(), bit)).ok().map(|text| {
                *field(&mut changed) = text;
                (place, changed.clone())
            }));
        }
    }
    all
}

#[test]
fn every_flipped_bit_of_every_field_of_every_entry_is_named() {
    let signer = key();
    let whole = chain(&signer);
    let mut looked_at = 0;
    for number in 1..=9 {
        let index = at(&whole, number);
        let Step::Entry(place, entry) = whole[index].clone() else { panic!("an entry") };
        for flip in flips(place, &entry) {
            looked_at += 1;
            let Some((place, changed)) = flip else {
                let mut verifier = Verifier::new(keys(&signer));
                read(&mut verifier, &whole[..index]);
                verifier.unreadable(number, Readable::Entry);
                read(&mut verifier, &whole[index + 1..]);
                let bad = verifier.finish().unwrap_err();
                assert_eq!((bad.number, bad.fault), (number, Fault::Unreadable));
                continue;
            };
            let mut steps = whole.clone();
            steps[index] = Step::Entry(place, changed.clone());
            let bad = verdict(&sorted(steps), &signer).unwrap_err();
            // By its number, or by its id where the flip has made another number of its own.
            assert!(bad.number == number || bad.id == Some(changed.id), "{number}: {bad} at {place:?}");
        }
    }
    assert!(looked_at > 9 * 900, "{looked_at}");
}

#[test]
fn every_flipped_bit_of_a_checkpoint_is_named() {
    let signer = key();
    let whole = chain(&signer);
    let index = at(&whole, 6) + 1;
    let Step::Checkpoint(signed) = &whole[index] else { panic!("a checkpoint") };
    let mut bent: Vec<SignedCheckpoint> = Vec::new();
    for bit in 0..64 {
        let (mut number, mut time) = (signed.clone(), signed.clone());
        number.checkpoint.head.number ^= 1 << bit;
        time.checkpoint.at.0 ^= 1 << bit;
        bent.extend([number, time]);
    }
    for bit in 0..256 {
        let mut link = signed.clone();
        link.checkpoint.head.link[bit / 8] ^= 1 << (bit % 8);
        bent.push(link);
    }
    for bit in 0..signed.jws.len() * 8 {
        let mut bytes = signed.jws.clone().into_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bent.extend(String::from_utf8(bytes).ok().map(|jws| SignedCheckpoint { jws, ..signed.clone() }));
    }
    assert!(bent.len() > 2000, "{}", bent.len());
    for signed in bent {
        let mut steps = whole.clone();
        steps[index] = Step::Checkpoint(signed);
        let bad = verdict(&steps, &signer).unwrap_err();
        assert!(matches!(bad.fault, Fault::Checkpoint(_)), "{bad}");
    }
}

#[test]
fn a_checkpoint_of_another_key_or_another_kind_of_thing_proves_nothing() {
    let (signer, other) = (key(), key());
    let whole = chain(&signer);
    assert_eq!(
        named(verdict(&whole, &other)),
        found(3, Fault::Checkpoint(CheckpointFault::ForeignKey)),
        "the pinned key is another one"
    );
    let Step::Checkpoint(mut signed) = whole[3].clone() else { panic!("a checkpoint") };
    let payload = grantor_jose::jws::verify(&signed.jws, &keys(&signer)).unwrap().payload;
    signed.jws = signer.sign(Type::Jwt, &payload).unwrap();
    assert_eq!(signed.check(&keys(&signer)), Err(CheckpointFault::Signature));
}

#[test]
fn whoever_computes_the_links_anew_cannot_sign_them() {
    let signer = key();
    let mut steps = chain(&signer);
    let mut head = GENESIS;
    for step in &mut steps {
        if let Step::Entry(place, entry) = step {
            if place.number == 5 {
                entry.actor = "operator:somebody else".to_owned();
            }
            *place = head.after(entry);
            head = *place;
        }
    }
    let fault = Fault::Rewritten { through: 6 };
    assert_eq!(named(verdict(&steps, &signer)), found(4, fault), "the first behind the last good checkpoint");
    let unsigned: Vec<Step> = steps.iter().filter(|step| matches!(step, Step::Entry(..))).cloned().collect();
    assert_eq!(named(verdict(&unsigned, &signer)), found(1, Fault::Unsigned), "without any checkpoint");
}

#[test]
fn an_inserted_entry_is_named_whether_the_others_move_up_or_not() {
    let signer = key();
    let whole = chain(&signer);
    let index = at(&whole, 5);
    let Step::Entry(four, _) = whole[index - 1].clone() else { panic!("an entry") };
    let forged = Step::Entry(four.after(&entry(99)), entry(99));
    let mut doubled = whole.clone();
    doubled.insert(index, forged.clone());
    assert_eq!(verdict(&doubled, &signer).unwrap_err().number, 5);
    let mut moved_up = doubled.clone();
    for step in &mut moved_up[index + 1..] {
        if let Step::Entry(place, _) = step {
            place.number += 1;
        }
    }
    let bad = verdict(&moved_up, &signer).unwrap_err();
    assert_eq!((bad.number, bad.id, bad.fault), (5, Some(entry(99).id), Fault::Inserted));
}

#[test]
fn an_entry_that_lost_its_place_and_one_that_took_it_over_are_named() {
    let signer = key();
    let whole = chain(&signer);
    let mut closed_up: Vec<Step> = whole.clone();
    closed_up.remove(at(&whole, 5));
    for step in &mut closed_up {
        match step {
            Step::Entry(place, _) if place.number > 5 => place.number -= 1,
            _ => {}
        }
    }
    let bad = verdict(&sorted(closed_up), &signer).unwrap_err();
    assert_eq!((bad.number, bad.fault), (5, Fault::Altered));
}

#[test]
fn a_tail_that_was_cut_off_shows_by_the_checkpoint_or_by_one_that_is_known_from_before() {
    let signer = key();
    let whole = chain(&signer);
    let Step::Entry(six, _) = whole[at(&whole, 6)].clone() else { panic!("an entry") };
    for kept in 0..9 {
        let steps: Vec<Step> = whole
            .iter()
            .filter(|step| !matches!(step, Step::Entry(place, _) if place.number > kept))
            .cloned()
            .collect();
        let checkpoint = [3, 6, 9].into_iter().find(|number| *number > kept).unwrap();
        assert_eq!(named(verdict(&steps, &signer)), found(kept + 1, Fault::CutOff { checkpoint }));
    }
    let beginning = &whole[..4];
    assert!(verdict(beginning, &signer).is_ok(), "nothing in it shows that it was longer");
    let mut verifier = Verifier::new(keys(&signer));
    verifier.expect(six);
    read(&mut verifier, beginning);
    assert_eq!(named(verifier.finish()), found(4, Fault::CutOff { checkpoint: 6 }));
    let mut verifier = Verifier::new(keys(&signer));
    verifier.expect(Head { link: [1; 32], ..six });
    read(&mut verifier, &whole);
    assert_eq!(named(verifier.finish()), found(4, Fault::Rewritten { through: 6 }));
    let mut verifier = Verifier::new(keys(&signer));
    verifier.expect(six);
    read(&mut verifier, &whole);
    assert!(verifier.finish().is_ok());
}

#[test]
fn lines_say_what_the_chain_says_and_every_fault_has_words() {
    let signer = key();
    let mut verifier = Verifier::new(keys(&signer));
    let jwks = JwkSet { keys: vec![signer.public_jwk().clone()] };
    let mut lines = vec![Line::Audit { format: FORMAT, keys: jwks }];
    lines.extend(chain(&signer).into_iter().map(|step| match step {
        Step::Entry(place, entry) => Line::entry(place, entry),
        Step::Checkpoint(signed) => Line::checkpoint(signed),
    }));
    lines.extend([Line::Unlinked { entry: entry(10) }, Line::End { entries: 9, unlinked: 1 }]);
    for line in lines {
        let text = serde_json::to_string(&line).unwrap();
        verifier.line(serde_json::from_str(&text).unwrap());
    }
    assert_eq!(verifier.finish().unwrap().head.number, 9);
    let bad = |fault| Bad { number: 4, id: Some(Uuid::from_bytes([1; 16])), fault }.to_string();
    let of_one = bad(Fault::Altered);
    assert!(of_one.starts_with("entry 4 (01010101-0101-0101-0101-010101010101) was altered"), "{of_one}");
    assert!(bad(Fault::Missing { through: 6 }).starts_with("entries 4 to 6 "));
    assert!(bad(Fault::Checkpoint(CheckpointFault::Signature)).starts_with("checkpoint 4 "));
}

proptest! {
    #[test]
    fn a_dropped_entry_is_missing_and_two_that_changed_places_are_named(first in 1i64..=9, second in 1i64..=9) {
        let signer = key();
        let whole = chain(&signer);
        let mut dropped = whole.clone();
        dropped.remove(at(&whole, first));
        let bad = verdict(&dropped, &signer).unwrap_err();
        prop_assert_eq!(bad.number, first);
        let cut_off = first == 9;
        prop_assert_eq!(matches!(bad.fault, Fault::CutOff { .. }), cut_off, "{}", bad);
        prop_assert_eq!(matches!(bad.fault, Fault::Missing { .. }), !cut_off, "{}", bad);
        if first == second {
            return Ok(());
        }
        let (low, high) = (first.min(second), first.max(second));
        let mut lines = whole.clone();
        lines.swap(at(&whole, low), at(&whole, high));
        let bad = verdict(&lines, &signer).unwrap_err();
        prop_assert_eq!((bad.number, bad.fault), (low, Fault::OutOfOrder));
        let mut contents = whole.clone();
        let (Step::Entry(place_low, entry_low), Step::Entry(place_high, entry_high)) =
            (whole[at(&whole, low)].clone(), whole[at(&whole, high)].clone()) else { panic!("entries") };
        contents[at(&whole, low)] = Step::Entry(place_low, entry_high);
        contents[at(&whole, high)] = Step::Entry(place_high, entry_low);
        let bad = verdict(&contents, &signer).unwrap_err();
        prop_assert_eq!((bad.number, bad.fault), (low, Fault::Altered));
    }
}
