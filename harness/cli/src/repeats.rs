//! Which tests are run again, and what their attempts come to together.
//!
//! On a real clock a verdict may be the harness's own doing: a segment that it sent late met a stack whose timers had run meanwhile.
//! Such a verdict is no evidence, so the test is run again, among few at first and then alone, and what came without lateness counts.
//! A test that fails while the harness is on time and passes later is another matter: the SUT, or the script, is flaky.

use halfopen_engine::outcome::{Mismatch, MismatchKind, Outcome, Verdict};
use halfopen_engine::sut::{ClockKind, Micros};
use halfopen_report::record::FinalVerdict;

/// The harness is late when a turn of its own came later than this, microseconds. Tests begin a little behind a tick of the kernel, and what scripts do
/// they do whole milliseconds later: a turn that is later than this may fall behind another tick, and a timer with it.
pub const LATE: Micros = 600;
/// How often a test is repeated whose verdict the harness's lateness could have caused, or that came to none.
const REPEATS: u32 = 8;
/// What it takes where only a tick is against a test: so many attempts in time make it a pass, so many that are not a failure.
const IN_TIME: u32 = 3;
const A_TICK_LATE: u32 = 7;
/// So many late failures of one kind at one place are a failure.
const COMMON: usize = 3;
/// So many late passes in a row are a pass.
const NO_LUCK: usize = 3;

/// A time that misses its tolerance by less is within the tick of a kernel at HZ=250, and a bit; seconds. A timer expires with one tick or with the next,
/// as the kernel's processors happen to race for the tick: where a third of nine attempts is in time, the stack means to be.
const TICK: f64 = 0.0045;

/// What an attempt says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// A verdict that stands.
    Settled,
    /// A failure that the harness's lateness could have caused, or no verdict: it does not count.
    Nothing,
    /// A pass with the harness or the machine late, where that may have brought it about.
    Luck,
    /// A failure by time alone, with the harness on time.
    Time,
    /// The same, by a tick at most; or by what the stack's variables are at a moment.
    Tick,
    /// Any other failure.
    Failed,
}

/// What an attempt says, given its verdict against the expectations; `doubt`: its script counts in the kernel's ticks, and late passes are no evidence either.
pub fn said(verdict: FinalVerdict, outcome: &Outcome, clock: ClockKind, doubt: bool) -> Said {
    let real = clock == ClockKind::Real;
    let timing = outcome.mismatch.as_ref().is_some_and(|mismatch| mismatch.timing);
    let asserted = outcome.mismatch.as_ref().is_some_and(|mismatch| mismatch.kind == MismatchKind::Assertion);
    match verdict {
        FinalVerdict::Pass if real && doubt && moved(outcome) => Said::Luck,
        FinalVerdict::Fail | FinalVerdict::Nonstrict if real && late(outcome, doubt) => Said::Nothing,
        FinalVerdict::Fail | FinalVerdict::Nonstrict if real && (asserted || timing && by_a_tick(outcome)) => {
            Said::Tick
        }
        FinalVerdict::Fail | FinalVerdict::Nonstrict if timing => Said::Time,
        FinalVerdict::Fail => Said::Failed,
        FinalVerdict::Inconclusive if real => Said::Nothing,
        FinalVerdict::Inconclusive
        | FinalVerdict::Pass
        | FinalVerdict::Nonstrict
        | FinalVerdict::Xfail
        | FinalVerdict::Xpass
        | FinalVerdict::Unsupported
        | FinalVerdict::Flaky
        | FinalVerdict::Error => Said::Settled,
    }
}

/// The harness was late, or the machine was, so that the stack's timers were. `doubt`: the script counts in the kernel's ticks.
fn late(outcome: &Outcome, doubt: bool) -> bool {
    let lateness = &outcome.lateness;
    let turns = if doubt { LATE / 2 } else { LATE };
    lateness.turns > turns || lateness.machine > LATE || lateness.ticks > LATE
}

/// Something may have fallen behind another tick than it was due behind: a turn by half of what is late, or the tick itself.
pub fn moved(outcome: &Outcome) -> bool {
    outcome.lateness.turns > LATE / 2 || outcome.lateness.ticks > LATE
}

/// Whether there is another attempt after these; `asked` is `--retries`.
pub fn again(history: &[Said], asked: Option<u32>) -> bool {
    let Some(last) = history.last() else { return true };
    let counted = |said: &[Said]| history.iter().filter(|one| said.contains(one)).count() as u32;
    let undecided = asked.is_none() && only_ticks(history);
    let undecided = undecided && counted(&[Said::Settled]) < IN_TIME && counted(&[Said::Tick]) < A_TICK_LATE;
    match last {
        Said::Settled => undecided,
        Said::Luck if asked.is_some() || history.ends_with(&[Said::Luck; NO_LUCK]) => false,
        Said::Luck => counted(&[Said::Nothing, Said::Luck]) <= REPEATS,
        Said::Nothing => counted(&[Said::Nothing, Said::Luck]) <= asked.unwrap_or(REPEATS),
        Said::Tick if asked.is_none() && only_ticks(history) => undecided,
        Said::Time | Said::Tick => counted(&[Said::Time, Said::Tick, Said::Failed]) <= asked.unwrap_or(1),
        Said::Failed => counted(&[Said::Time, Said::Tick, Said::Failed]) <= asked.unwrap_or(0),
    }
}

/// Nothing but ticks was against the test.
pub fn only_ticks(history: &[Said]) -> bool {
    history.contains(&Said::Tick) && !history.iter().any(|said| matches!(said, Said::Time | Said::Failed))
}

/// Whether every time that differs misses by a tick at most.
fn by_a_tick(outcome: &Outcome) -> bool {
    let fields = outcome.mismatch.iter().flat_map(|mismatch| &mismatch.fields);
    let mut missed =
        fields.filter(|field| field.field == "time").map(|field| missed(&field.expected, &field.got)).peekable();
    missed.peek().is_some() && missed.all(|by| by.is_some_and(|by| by <= TICK))
}

/// By how much a time misses `a +-t` or `a~b +-t`; seconds.
fn missed(expected: &str, got: &str) -> Option<f64> {
    let (range, tolerance) = expected.split_once(" +-")?;
    let (from, to) = range.split_once('~').unwrap_or((range, range));
    let number = |text: &str| text.trim().parse::<f64>().ok();
    let (from, to, tolerance, got) = (number(from)?, number(to)?, number(tolerance)?, number(got)?);
    Some((from - tolerance - got).max(got - to - tolerance).max(0.0))
}

/// Failures of one kind at one place, whatever the times.
pub fn alike(a: &Outcome, b: &Outcome) -> bool {
    let place = |outcome: &Outcome| {
        let place = |mismatch: &Mismatch| (mismatch.kind, mismatch.line);
        (outcome.verdict, outcome.mismatch.as_ref().map(place))
    };
    place(a) == place(b)
}

/// The same failure twice, to the letter, and time has no part in it: lateness does not do that.
pub fn confirmed(a: &Outcome, b: &Outcome) -> bool {
    let what = |outcome: &Outcome| {
        let what = |mismatch: &Mismatch| (!mismatch.timing).then(|| (mismatch.line, mismatch.got.clone()));
        (outcome.verdict, outcome.mismatch.as_ref().and_then(what))
    };
    alike(a, b) && what(a).1.is_some() && what(a) == what(b)
}

/// The last of three failures of one kind at one place, where there are so many.
pub fn most_alike(outcomes: &[&Outcome]) -> Option<usize> {
    let fails = |outcome: &Outcome| matches!(outcome.verdict, Verdict::Fail | Verdict::Nonstrict);
    let others = |one: &Outcome| outcomes.iter().filter(|other| alike(one, other)).count();
    outcomes.iter().rposition(|outcome| fails(outcome) && others(outcome) >= COMMON)
}

/// A failure that was another one each time, with the harness late each time, is none.
pub fn undecided(outcome: Outcome, attempts: u32) -> Outcome {
    let late = outcome.lateness.turns.max(outcome.lateness.machine);
    let reason = format!(
        "host too slow: {attempts} attempts failed in different ways, and the harness or the machine was late each time ({late} us at last)"
    );
    Outcome { verdict: Verdict::Inconclusive, mismatch: None, reason: Some(reason), ..outcome }
}

#[cfg(test)]
mod tests {
    use super::*;
    use halfopen_engine::outcome::Lateness;

    #[test]
    fn lateness_costs_attempts_and_failures_cost_the_verdict() {
        use Said::{Failed as F, Luck as L, Nothing as N, Settled as S, Tick as K, Time as T};
        #[rustfmt::skip]
        let table: [(&[Said], Option<u32>, bool); 33] = [
            (&[S],             None,    false),
            (&[F],             None,    false),
            (&[T],             None,    true),
            (&[T, T],          None,    false),
            (&[T, S],          None,    false),
            (&[N],             None,    true),
            (&[N; 8],          None,    true),
            (&[N; 9],          None,    false),
            // What was late does not count against the test, and what failed on time does.
            (&[N, N, T],       None,    true),
            (&[T, N],          None,    true),
            (&[T, N, T],       None,    false),
            (&[N, F],          None,    false),
            (&[N],             Some(0), false),
            (&[T],             Some(0), false),
            (&[F],             Some(2), true),
            (&[F, F],          Some(2), true),
            (&[F, F, F],       Some(2), false),
            // Three of nine.
            (&[K],             None,    true),
            (&[K, S, S],       None,    true),
            (&[K, S, S, S],    None,    false),
            (&[K; 6],          None,    true),
            (&[K; 7],          None,    false),
            (&[K, N, S, K],    None,    true),
            (&[K, T],          None,    false),
            (&[K],             Some(0), false),
            // A late pass is one when it comes three times, or when nothing better comes.
            (&[L, L],          None,    true),
            (&[L, L, L],       None,    false),
            (&[L, S],          None,    false),
            (&[L, F],          None,    false),
            (&[L, N, L],       None,    true),
            (&[L, N, L, N, L], None,    true),
            (&[K, L],          None,    true),
            (&[L],             Some(2), false),
        ];
        for (history, asked, expected) in table {
            assert_eq!(again(history, asked), expected, "{history:?} {asked:?}");
        }
    }

    fn outcome(verdict: Verdict, line: u32) -> Outcome {
        let mismatch = Mismatch {
            kind: MismatchKind::Time,
            span: None,
            line: Some(line),
            expected: String::new(),
            got: String::new(),
            fields: Vec::new(),
            cited: None,
            cited_line: None,
            timing: true,
            packetdrill: None,
        };
        let mismatch = (verdict != Verdict::Pass).then_some(mismatch);
        let (trace, snapshot) = (Vec::new(), Vec::new());
        Outcome { verdict, mismatch, reason: None, trace, snapshot, elapsed: 0, lateness: Lateness::default() }
    }

    #[test]
    fn lateness_takes_the_evidence_away() {
        let says = |verdict, is: FinalVerdict, late: fn(&mut Lateness), doubt| {
            let mut outcome = outcome(verdict, 1);
            late(&mut outcome.lateness);
            said(is, &outcome, ClockKind::Real, doubt)
        };
        let fail = |late, doubt| says(Verdict::Fail, FinalVerdict::Fail, late, doubt);
        let pass = |late, doubt| says(Verdict::Pass, FinalVerdict::Pass, late, doubt);
        assert_eq!((fail(|_| {}, true), pass(|_| {}, true)), (Said::Time, Said::Settled));
        // A processor that is away between two ticks may keep a segment, and carries no timer behind another tick.
        let machine = |late: &mut Lateness| late.machine = LATE + 1;
        assert_eq!(
            (fail(machine, false), fail(machine, true), pass(machine, true)),
            (Said::Nothing, Said::Nothing, Said::Settled)
        );
        let ticks = |late: &mut Lateness| late.ticks = LATE + 1;
        assert_eq!(
            (fail(ticks, false), pass(ticks, false), pass(ticks, true)),
            (Said::Nothing, Said::Settled, Said::Luck)
        );
        let turns = |late: &mut Lateness| late.turns = LATE / 2 + 1;
        assert_eq!((fail(turns, false), fail(turns, true), pass(turns, true)), (Said::Time, Said::Nothing, Said::Luck));
    }

    #[test]
    fn three_late_failures_of_one_kind_are_a_failure_and_two_are_not() {
        let of = |lines: &[u32]| {
            let outcomes: Vec<Outcome> = lines.iter().map(|line| outcome(Verdict::Fail, *line)).collect();
            most_alike(&outcomes.iter().collect::<Vec<_>>())
        };
        assert_eq!(of(&[1, 2, 1, 3, 1, 2]), Some(4));
        assert_eq!(of(&[1, 2, 1, 3, 2]), None);
        let nothing: Vec<Outcome> = (0..3).map(|_| undecided(outcome(Verdict::Fail, 1), 3)).collect();
        assert_eq!(most_alike(&nothing.iter().collect::<Vec<_>>()), None, "no verdict is no failure");
    }

    #[test]
    fn a_time_misses_by_what_is_beyond_its_tolerance() {
        let by = |expected: &str, got: &str| missed(expected, got).map(|by| (by * 1e6).round() as i64);
        assert_eq!(by("0.227474 +-0.004", "0.231717"), Some(243));
        assert_eq!(by("0.240542 +-0.005", "0.231745"), Some(3_797));
        assert_eq!(by("0.1~0.2 +-0.004", "0.21"), Some(6_000));
        assert_eq!(by("0.1~0.2 +-0.004", "0.15"), Some(0));
        assert_eq!(by("any time", "0.15"), None);
    }
}
