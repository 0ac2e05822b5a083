//! Files in `/tmp` that the commands of a script write and its calls open.
//!
//! They bear the names that the script gives them, and the script's other families give them the same ones at the same time. So
//! the tests whose commands name such files run one at a time.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

static TAKEN: Mutex<bool> = Mutex::new(false);
static FREED: Condvar = Condvar::new();

/// The test that holds it has `/tmp` to itself, among tests that ask.
#[derive(Debug)]
pub(super) struct Scratch(());

impl Scratch {
    /// Whether a command names files there by names that are not the test's own: those have `$PPID` or `$PACKETDRILL_PID` in them.
    pub(super) fn is_named_in(line: &str) -> bool {
        let shared = |rest: &str| {
            let name = rest.split(|c: char| c.is_whitespace() || ";&|<>".contains(c)).next().unwrap_or_default();
            !name.contains("PPID") && !name.contains("PACKETDRILL_PID")
        };
        line.split("/tmp/").skip(1).any(shared)
    }

    /// Waits until no other test has it; `None` when that takes longer.
    pub(super) fn take(patience: Duration) -> Option<Self> {
        let taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = FREED.wait_timeout_while(taken, patience, |taken| *taken);
        let (mut taken, _) = waited.unwrap_or_else(PoisonError::into_inner);
        (!std::mem::replace(&mut *taken, true)).then(|| Self(()))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        *TAKEN.lock().unwrap_or_else(PoisonError::into_inner) = false;
        FREED.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::Scratch;
    use std::time::Duration;

    #[test]
    fn one_test_has_it_at_a_time() {
        let first = Scratch::take(Duration::ZERO).expect("nobody has it");
        assert!(Scratch::take(Duration::ZERO).is_none(), "the first one has it");
        let second = std::thread::spawn(|| Scratch::take(Duration::from_secs(60)).is_some());
        drop(first);
        assert!(second.join().expect("it does not panic"), "it waits for the first one to leave it");
        assert!(Scratch::take(Duration::ZERO).is_some(), "the second one has left it");
    }

    #[test]
    fn names_of_a_tests_own_do_not_count() {
        assert!(Scratch::is_named_in("dd if=/dev/zero of=/tmp/testfile bs=1 count=5"));
        assert!(!Scratch::is_named_in("/tmp/sysctl_restore_${PPID}.sh"));
        assert!(!Scratch::is_named_in("touch /tmp/mine-$PPID; rm /tmp/mine-$PPID"));
        assert!(Scratch::is_named_in("touch /tmp/mine-$PPID; rm /tmp/testfile"));
        assert!(!Scratch::is_named_in("nstat > /dev/null"));
    }
}
