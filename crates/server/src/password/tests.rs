//! Hashing and comparing, what it costs, and what happens when too many want it.

use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use super::*;

/// The least that argon2 can do: tests are about what is done, not about how slow it is.
fn cheap() -> Cost {
    Cost::new(8, 1).unwrap()
}

fn passwords_at(cost: Cost) -> Passwords {
    let one = NonZeroUsize::MIN;
    Passwords::start(cost, PoolSize { threads: one, queue: NonZeroUsize::new(2).unwrap() }).unwrap()
}

fn passwords() -> Passwords {
    passwords_at(cheap())
}

const RIGHT: &str = "four score and seven";

fn chosen() -> NewPassword {
    NewPassword::choose(RIGHT.to_owned(), &"ann@example.org".parse().unwrap()).ok().unwrap()
}

fn typed(text: &str) -> PresentedPassword {
    PresentedPassword::new(text.as_bytes().to_vec())
}

fn stored(text: &str) -> PasswordHash {
    PasswordHash::new(text.to_owned())
}

async fn hashed(passwords: &Passwords) -> PasswordHash {
    passwords.hash(&chosen(), Salt([7; 16])).await.unwrap()
}

fn name(verdict: Result<Verdict, PasswordError>) -> &'static str {
    match verdict {
        Ok(Verdict::Mismatch) => "mismatch",
        Ok(Verdict::Match) => "match",
        Ok(Verdict::MatchOutdated(_)) => "outdated",
        Err(PasswordError::Busy) => "busy",
        Err(PasswordError::Damaged) => "damaged",
        Err(PasswordError::Failed) => "failed",
    }
}

#[tokio::test]
async fn the_right_password_matches_and_every_other_does_not() {
    let passwords = passwords();
    let hash = hashed(&passwords).await;
    let verdict = async |text: &str| name(passwords.verify(&typed(text), Some(&hash)).await);
    assert_eq!(verdict(RIGHT).await, "match");
    for other in [
        "",
        "four score and eight",
        "Four score and seven",
        "four score and seven ",
        "four score and seven\0",
    ] {
        assert_eq!(verdict(other).await, "mismatch", "{other:?}");
    }
}

#[tokio::test]
async fn a_hash_is_an_argon2id_phc_string_of_its_salt() {
    let passwords = passwords();
    let hash = hashed(&passwords).await;
    assert!(
        hash.as_str().starts_with("$argon2id$v=19$m=8,t=1,p=1$BwcHBwcHBwcHBwcHBwcHBw$"),
        "{}",
        hash.as_str()
    );
    let other = passwords.hash(&chosen(), Salt([8; 16])).await.unwrap();
    assert_ne!(hash.as_str(), other.as_str());
}

/// `argon2` of the reference implementation: `echo -n password | argon2 somesalt -id -t 2 -m 8 -p 1 -l 32`, from its
/// test vectors (RFC 9106 9, and `src/test.c` there).
#[tokio::test]
async fn a_hash_of_another_implementation_is_verified_with_its_own_parameters() {
    let hash = stored("$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4");
    let passwords = passwords();
    assert_eq!(name(passwords.verify(&typed("password"), Some(&hash)).await), "outdated");
    assert_eq!(name(passwords.verify(&typed("Password"), Some(&hash)).await), "mismatch");
}

#[tokio::test]
async fn an_unknown_account_costs_the_same_work_as_a_wrong_password() {
    let passwords = passwords_at(Cost::new(64, 3).unwrap());
    let hash = hashed(&passwords).await;
    let work = async |hash: Option<&PasswordHash>| {
        let before = passwords.kibibytes_filled();
        assert_eq!(name(passwords.verify(&typed("wrong"), hash).await), "mismatch");
        passwords.kibibytes_filled() - before
    };
    assert_eq!(work(Some(&hash)).await, 64 * 3);
    assert_eq!(work(None).await, 64 * 3);
}

#[tokio::test]
async fn no_password_matches_where_there_is_none() {
    let passwords = passwords();
    for text in ["", RIGHT, "\0"] {
        assert_eq!(name(passwords.verify(&typed(text), None).await), "mismatch", "{text:?}");
    }
}

#[tokio::test]
async fn g17_a_megabyte_is_a_mismatch_without_any_work_for_everybody() {
    let passwords = passwords();
    let hash = hashed(&passwords).await;
    let before = passwords.kibibytes_filled();
    let megabyte = PresentedPassword::new(vec![b'a'; 1 << 20]);
    for known in [Some(&hash), None] {
        assert_eq!(name(passwords.verify(&megabyte, known).await), "mismatch");
    }
    assert_eq!(passwords.kibibytes_filled(), before);
}

#[tokio::test]
async fn g17_the_bytes_behind_the_seventy_second_count() {
    let passwords = passwords();
    let long = |end: &str| format!("{RIGHT} {}{end}", "0q7x2k9w4z".repeat(20));
    let email = "ann@example.org".parse().unwrap();
    let chosen = NewPassword::choose(long("a"), &email).ok().unwrap();
    let hash = passwords.hash(&chosen, Salt([1; 16])).await.unwrap();
    assert_eq!(name(passwords.verify(&typed(&long("a")), Some(&hash)).await), "match");
    assert_eq!(name(passwords.verify(&typed(&long("b")), Some(&hash)).await), "mismatch");
}

#[tokio::test]
async fn a_hash_of_another_cost_is_outdated_until_it_is_made_anew() {
    let old = hashed(&passwords()).await;
    for cost in [Cost::new(16, 1).unwrap(), Cost::new(8, 2).unwrap()] {
        let passwords = passwords_at(cost);
        assert!(passwords.needs_rehash(&old));
        let Ok(Verdict::MatchOutdated(right)) = passwords.verify(&typed(RIGHT), Some(&old)).await else {
            panic!("the old hash still verifies");
        };
        let new = passwords.rehash(right, Salt([9; 16])).await.unwrap();
        assert!(!passwords.needs_rehash(&new), "{}", new.as_str());
        assert_eq!(name(passwords.verify(&typed(RIGHT), Some(&new)).await), "match");
        assert_eq!(name(passwords.verify(&typed("wrong"), Some(&old)).await), "mismatch", "outdated or not");
    }
    let weaker = stored(
        "$argon2i$v=19$m=8,t=1,p=1$BwcHBwcHBwcHBwcHBwcHBw$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    );
    assert!(passwords().needs_rehash(&weaker), "another variant");
}

#[tokio::test]
async fn a_stored_text_that_is_no_hash_or_would_take_the_machine_is_damaged() {
    let passwords = passwords();
    let tag = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let salt = "BwcHBwcHBwcHBwcHBwcHBw";
    for bad in [
        String::new(),
        RIGHT.to_owned(),
        format!("$2b$12${salt}{tag}"),
        format!("$argon2id$v=19$m=8,t=1,p=1${salt}"),
        format!("$argon2id$v=18$m=8,t=1,p=1${salt}${tag}"),
        format!("$argon2id$v=19$m=4,t=1,p=1${salt}${tag}"),
        format!("$argon2id$v=19$m=4294967295,t=1,p=1${salt}${tag}"),
        format!("$argon2id$v=19$m=8,t=4294967295,p=1${salt}${tag}"),
        format!("$argon2id$v=19$m=800,t=1,p=17${salt}${tag}"),
        format!("$argon2id$v=19$m=8,t=1,p=1${salt}$AAAAAAAAAAAAAA"),
    ] {
        let hash = stored(&bad);
        assert_eq!(name(passwords.verify(&typed(RIGHT), Some(&hash)).await), "damaged", "{bad}");
        assert!(!passwords.needs_rehash(&hash), "{bad}");
    }
}

/// Holds the only thread until the sender is used or dropped. The receiver tells that the thread is held.
fn hold(
    passwords: &Passwords,
) -> (Sender<()>, Receiver<()>, impl Future<Output = Result<(), PasswordError>>) {
    let (release, released) = channel();
    let (held, holds) = channel();
    let held = move |_: &mut Memory| {
        let _ = held.send(());
        let _ = released.recv();
    };
    (release, holds, passwords.pool.run(held))
}

/// Asks a future once.
async fn once<T>(future: &mut (impl Future<Output = T> + Unpin)) -> Option<T> {
    std::future::poll_fn(|context| {
        let asked = std::pin::Pin::new(&mut *future).poll(context);
        std::task::Poll::Ready(match asked {
            std::task::Poll::Ready(value) => Some(value),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

/// One runtime thread: if anything blocked it, this test would never end.
#[tokio::test(flavor = "current_thread")]
async fn a_full_queue_says_so_at_once_and_the_runtime_goes_on() {
    let passwords = passwords();
    let (release, holds, holder) = hold(&passwords);
    let mut holder = Box::pin(holder);
    assert!(once(&mut holder).await.is_none());
    holds.recv().unwrap();

    let wrong = typed("wrong");
    let mut first = Box::pin(passwords.verify(&wrong, None));
    let mut second = Box::pin(passwords.verify(&wrong, None));
    assert!(once(&mut first).await.is_none() && once(&mut second).await.is_none(), "both wait");
    let mut third = Box::pin(passwords.verify(&wrong, None));
    assert_eq!(once(&mut third).await.map(name), Some("busy"), "at the first question");
    let chosen = chosen();
    let mut new = Box::pin(passwords.hash(&chosen, Salt([0; 16])));
    assert!(matches!(once(&mut new).await, Some(Err(PasswordError::Busy))));
    assert_eq!(tokio::spawn(async { "others run" }).await.unwrap(), "others run");
    assert_eq!(passwords.kibibytes_filled(), 0, "nothing was hashed on this thread");

    release.send(()).unwrap();
    assert_eq!(
        (name(first.await), name(second.await)),
        ("mismatch", "mismatch"),
        "who was accepted is answered"
    );
    assert_eq!(name(passwords.verify(&wrong, None).await), "mismatch", "and there is room again");
}

#[tokio::test]
async fn who_goes_away_leaves_no_work_behind() {
    let passwords = passwords();
    let (release, holds, holder) = hold(&passwords);
    let mut holder = Box::pin(holder);
    assert!(once(&mut holder).await.is_none());
    holds.recv().unwrap();
    let wrong = typed("wrong");
    let mut waiting = Box::pin(passwords.verify(&wrong, None));
    assert!(once(&mut waiting).await.is_none());
    drop(waiting);
    release.send(()).unwrap();
    assert_eq!(name(passwords.verify(&wrong, None).await), "mismatch");
    assert_eq!(passwords.kibibytes_filled(), 8, "one of the two");
}

#[tokio::test]
async fn a_panic_is_told_to_its_caller_and_the_thread_works_on() {
    let passwords = passwords();
    let broken = passwords.pool.run(|_: &mut Memory| -> () { panic!("planted") }).await;
    assert_eq!(broken, Err(PasswordError::Failed));
    assert_eq!(name(passwords.verify(&typed("wrong"), None).await), "mismatch");
}

#[tokio::test]
async fn every_thread_ends_with_its_owner_and_finishes_what_was_accepted() {
    let three = NonZeroUsize::new(3).unwrap();
    let passwords = Passwords::start(cheap(), PoolSize::of(three)).unwrap();
    // Each thread holds the counter as long as it lives, and so does the owner.
    let counter = Arc::downgrade(&passwords.filled);
    assert_eq!(counter.strong_count(), 1 + 3);
    let (tell, told) = channel();
    let mut accepted = Box::pin(passwords.pool.run(move |_: &mut Memory| tell.send("done").unwrap()));
    let _ = once(&mut accepted).await;
    assert_eq!(told.recv_timeout(Duration::from_secs(60)), Ok("done"));
    drop(accepted);
    drop(passwords);
    let ended = (0..10_000_000).any(|_| {
        std::thread::yield_now();
        counter.strong_count() == 0
    });
    assert!(ended, "{} threads are left", counter.strong_count());
}

#[tokio::test]
async fn memory_is_kept_between_hashes_and_what_a_costlier_one_took_is_given_back() {
    let passwords = passwords();
    let kept = async || passwords.pool.run(|memory: &mut Memory| memory.kept()).await.unwrap();
    assert_eq!(kept().await, 0, "nothing before the first hash");
    let hash = hashed(&passwords).await;
    assert_eq!(kept().await, 8);
    let costlier = hashed(&passwords_at(Cost::new(64, 1).unwrap())).await;
    assert_eq!(name(passwords.verify(&typed(RIGHT), Some(&costlier)).await), "outdated");
    assert_eq!(kept().await, 8);
    assert_eq!(name(passwords.verify(&typed(RIGHT), Some(&hash)).await), "match");
}

#[test]
fn a_pool_leaves_a_core_to_everybody_else_and_waits_for_no_longer_than_two_seconds() {
    let machine = PoolSize::of_this_machine();
    let cores = std::thread::available_parallelism().unwrap().get();
    assert_eq!(machine.threads.get(), 1.max(cores - 1));
    assert_eq!(machine.queue.get(), 30 * machine.threads.get());
}

#[test]
fn a_cost_is_within_what_argon2_and_a_machine_can_do() {
    for (memory, iterations) in [(8, 1), (1_048_576, 64)] {
        assert!(Cost::new(memory, iterations).is_ok(), "{memory} {iterations}");
    }
    for (memory, iterations) in [(7, 1), (8, 0), (1_048_577, 1), (8, 65)] {
        assert_eq!(Cost::new(memory, iterations), Err(CostError), "{memory} {iterations}");
    }
}
