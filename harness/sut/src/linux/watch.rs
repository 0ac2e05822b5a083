//! A watch on the processors while tests run. A timer of the kernel expires when its processor gets to it: where the host of a virtual machine
//! has taken the processor away, what the kernel sends is late, and neither the kernel nor the harness is at fault. A thread on each processor, which
//! wants to be woken once in a millisecond and sleeps in between, sees that. It wakes right behind each of the kernel's ticks, so that it knows of which of
//! its absences a tick was a part: timers move by those alone.

use super::clock::Ticks;
use super::{clock, priority, seat};
use halfopen_engine::sut::Micros;
use nix::errno::Errno;
use nix::unistd::Pid;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;

/// From one waking to the next at most, nanoseconds.
const PERIOD: i64 = 1_000_000;
/// From a tick to the waking behind it; nanoseconds.
const BEHIND: i64 = 100_000;
/// A waking that is late by less is none; nanoseconds.
const LEAST: i64 = 200_000;
/// So many absences are remembered.
const REMEMBERED: usize = 1_000;

/// A time in which a processor did nothing for the tests, from and to on `CLOCK_MONOTONIC`, nanoseconds.
#[derive(Debug, Clone, Copy)]
struct Absence {
    from: i64,
    to: i64,
    /// The kernel had a tick meanwhile, or just before.
    tick: bool,
}

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
        let wakings = Wakings::new(clock::ticks().unwrap_or(Ticks { length: PERIOD, edge: 0 }));
        for at in 0..watch.absences.len() {
            let watch = Arc::downgrade(&watch);
            // Without the thread its processor counts as always there, as it did before there was a watch.
            let _ = thread::Builder::new()
                .name("watch".to_owned())
                .stack_size(64 << 10)
                .spawn(move || keep(&watch, at, wakings));
        }
        watch
    }

    /// The longest absence of a processor that reaches beyond a time on `CLOCK_MONOTONIC` in nanoseconds; microseconds.
    pub(super) fn longest(&self, cpu: Option<usize>, since: i64) -> Micros {
        self.most(|of, absence| absence.to > since && cpu.is_none_or(|cpu| cpu == of))
    }

    /// The same of any processor, where the kernel had a tick meanwhile: one of them counts ticks for all.
    pub(super) fn longest_of_a_tick(&self, since: i64) -> Micros {
        self.most(|_, absence| absence.to > since && absence.tick)
    }

    fn most(&self, which: impl Fn(usize, &Absence) -> bool) -> Micros {
        let longest = self.absences.iter().filter_map(|(cpu, absences)| {
            let absences = absences.lock().unwrap_or_else(PoisonError::into_inner);
            let those = absences.iter().filter(|absence| which(*cpu, absence));
            those.map(|absence| absence.to - absence.from).max()
        });
        longest.max().unwrap_or(0) / 1_000
    }
}

/// When the watch wakes: right behind each tick, and often enough in between.
#[derive(Debug, Clone, Copy)]
struct Wakings {
    ticks: Ticks,
    /// So many for each tick.
    each: i64,
}

impl Wakings {
    fn new(ticks: Ticks) -> Self {
        Self { ticks, each: (ticks.length + PERIOD - 1) / PERIOD }
    }

    /// The first after a time, and whether it is the one behind a tick.
    fn next(self, after: i64) -> (i64, bool) {
        let first = self.ticks.edge + BEHIND;
        // Divided anew each time, since a third of a tick is no whole number of nanoseconds.
        let number = ((after - first) * self.each).div_euclid(self.ticks.length) + 1;
        let at = |number: i64| first + (number * self.ticks.length).div_euclid(self.each);
        let number = if at(number) > after { number } else { number + 1 };
        (at(number), number.rem_euclid(self.each) == 0)
    }
}

/// Watches one processor until the watch is over.
fn keep(watch: &Weak<Watch>, at: usize, wakings: Wakings) {
    let Some(cpu) = watch.upgrade().map(|watch| watch.absences[at].0) else { return };
    seat::bind(Pid::from_raw(0), cpu);
    priority::above_tests();
    let (mut due, mut behind_a_tick) = wakings.next(clock::monotonic());
    while clock::sleep_until(due) == Ok::<(), Errno>(()) {
        let Some(watch) = watch.upgrade() else { return };
        let now = clock::monotonic();
        if now - due > LEAST {
            let mut absences = watch.absences[at].1.lock().unwrap_or_else(PoisonError::into_inner);
            if absences.len() == REMEMBERED {
                absences.pop_front();
            }
            absences.push_back(Absence { from: due, to: now, tick: behind_a_tick || wakings.ticks.between(due, now) });
        }
        (due, behind_a_tick) = wakings.next(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absence_is_seen_by_who_was_there_at_its_end() {
        let absences = [(0, (10_000, 5_010_000, false)), (3, (40_000, 940_000, true))];
        let absences =
            absences.map(|(cpu, (from, to, tick))| (cpu, Mutex::new(VecDeque::from([Absence { from, to, tick }]))));
        let watch = Watch { absences: absences.into() };
        assert_eq!(watch.longest(Some(0), 0), 5_000);
        assert_eq!(watch.longest(Some(0), 5_010_000), 0, "it was over by then");
        assert_eq!((watch.longest(Some(3), 900_000), watch.longest(Some(3), 940_000)), (900, 0));
        assert_eq!(watch.longest(None, 0), 5_000, "who has no processor of its own is on any");
        assert_eq!(watch.longest(Some(1), 0), 0);
        assert_eq!((watch.longest_of_a_tick(0), watch.longest_of_a_tick(940_000)), (900, 0));
    }

    #[test]
    fn the_watch_wakes_behind_every_tick_and_each_millisecond() {
        for (length, each) in [(1_000_000, 1), (3_333_333, 4), (4_000_000, 4), (10_000_000, 10)] {
            let ticks = Ticks { length, edge: 777_777 };
            let wakings = Wakings::new(ticks);
            let (mut at, mut behind) = wakings.next(50_000_000);
            let mut ticked = 0;
            for _ in 0..10 * each {
                let (next, is_behind) = wakings.next(at);
                assert!((0..=PERIOD).contains(&(next - at)), "{length}: {at} to {next}");
                assert_eq!(is_behind, (next - BEHIND - ticks.edge).rem_euclid(length) == 0, "{length}: {next}");
                assert_eq!(is_behind, ticks.between(at - BEHIND, next - BEHIND), "{length}: {next}");
                ticked += i32::from(is_behind);
                (at, behind) = (next, is_behind);
            }
            assert_eq!(ticked, 10, "{length} {behind}");
        }
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
