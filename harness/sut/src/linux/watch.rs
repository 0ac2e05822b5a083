//! A watch on the processors while tests run. A timer of the kernel expires when its processor gets to it: where the host of a virtual machine
//! has taken the processor away, what the kernel sends is late, and neither the kernel nor the harness is at fault. A thread on each processor, which
//! wants to be woken once in a millisecond and sleeps in between, sees that.

use super::{clock, priority, seat};
use halfopen_engine::sut::Micros;
use nix::errno::Errno;
use nix::unistd::Pid;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;

/// From one waking to the next, nanoseconds.
const PERIOD: i64 = 1_000_000;
/// A waking that is late by less is none; nanoseconds.
const LEAST: i64 = 200_000;
/// So many absences are remembered.
const REMEMBERED: usize = 1_000;

/// A time in which a processor did nothing for the tests, from and to on `CLOCK_MONOTONIC`, nanoseconds.
type Absence = (i64, i64);

/// The absences of each processor. The watch ends when nobody holds it any more.
#[derive(Debug)]
pub(super) struct Watch {
    absences: Vec<(usize, Mutex<VecDeque<Absence>>)>,
}

impl Watch {
    /// The watch of this process; it begins when there is none.
    pub(super) fn share() -> Arc<Self> {
        static SHARED: Mutex<Weak<Watch>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(watch) = shared.upgrade() {
            return watch;
        }
        let watch = Arc::new(Self { absences: seat::allowed_cpus().map(|cpu| (cpu, Mutex::default())).collect() });
        *shared = Arc::downgrade(&watch);
        for at in 0..watch.absences.len() {
            let watch = Arc::downgrade(&watch);
            // Without the thread its processor counts as always there, as it did before there was a watch.
            let _ =
                thread::Builder::new().name("watch".to_owned()).stack_size(64 << 10).spawn(move || keep(&watch, at));
        }
        watch
    }

    /// The longest absence of a processor that reaches beyond a time on `CLOCK_MONOTONIC` in nanoseconds.
    pub(super) fn longest(&self, cpu: Option<usize>, since: i64) -> Micros {
        let absences = self.absences.iter().filter(|(of, _)| cpu.is_none_or(|cpu| cpu == *of));
        let longest = absences.filter_map(|(_, absences)| {
            let absences = absences.lock().unwrap_or_else(PoisonError::into_inner);
            absences.iter().filter(|(_, to)| *to > since).map(|(from, to)| to - from).max()
        });
        longest.max().unwrap_or(0) / 1_000
    }
}

/// Watches one processor until the watch is over.
fn keep(watch: &Weak<Watch>, at: usize) {
    let Some(cpu) = watch.upgrade().map(|watch| watch.absences[at].0) else { return };
    seat::bind(Pid::from_raw(0), cpu);
    priority::above_tests();
    let mut due = clock::monotonic() + PERIOD;
    while clock::sleep_until(due) == Ok::<(), Errno>(()) {
        let Some(watch) = watch.upgrade() else { return };
        let now = clock::monotonic();
        if now - due > LEAST {
            let mut absences = watch.absences[at].1.lock().unwrap_or_else(PoisonError::into_inner);
            if absences.len() == REMEMBERED {
                absences.pop_front();
            }
            absences.push_back((due, now));
        }
        due = now + PERIOD;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absence_is_seen_by_who_was_there_at_its_end() {
        let absences = [(0, [(10_000, 5_010_000)]), (3, [(40_000, 940_000)])];
        let absences = absences.into_iter().map(|(cpu, seen)| (cpu, Mutex::new(VecDeque::from(seen))));
        let watch = Watch { absences: absences.collect() };
        assert_eq!(watch.longest(Some(0), 0), 5_000);
        assert_eq!(watch.longest(Some(0), 5_010_000), 0, "it was over by then");
        assert_eq!((watch.longest(Some(3), 900_000), watch.longest(Some(3), 940_000)), (900, 0));
        assert_eq!(watch.longest(None, 0), 5_000, "who has no processor of its own is on any");
        assert_eq!(watch.longest(Some(1), 0), 0);
    }

    #[test]
    fn the_watch_sees_a_processor_that_is_kept_from_it() {
        let watch = Watch::share();
        super::super::pause(20_000_000);
        let began = clock::monotonic();
        let cpu = watch.absences[0].0;
        // The kernel preempts for the watch whatever has a lower priority; this has a higher one, for 20 ms.
        let busy = thread::spawn(move || {
            seat::bind(Pid::from_raw(0), cpu);
            if !priority::above_watch() {
                return false;
            }
            let until = clock::monotonic() + 20_000_000;
            while clock::monotonic() < until {}
            true
        });
        if !busy.join().expect("it only counts") {
            eprintln!("not tried: no permission for real-time priority");
            return;
        }
        super::super::pause(5_000_000);
        assert!(watch.longest(Some(cpu), began) >= 15_000, "{:?}", watch.absences[0]);
    }
}
