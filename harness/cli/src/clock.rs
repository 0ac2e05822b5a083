//! The one place of this crate that reads this machine's clock: wall times of reports, the bound on hung tests, run ids.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Now, for measuring how long something takes.
#[expect(clippy::disallowed_methods, reason = "wall time of the harness itself, never a test's time")]
pub fn now() -> Instant {
    Instant::now()
}

/// UTC as `20260131T120000Z`.
#[expect(clippy::disallowed_methods, reason = "names the folder of a run")]
pub fn stamp() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    stamp_of(since)
}

fn stamp_of(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Days to a civil date; years begin in March so that the leap day comes last.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::stamp_of;

    #[test]
    fn dates_are_civil() {
        assert_eq!(stamp_of(0), "19700101T000000Z");
        assert_eq!(stamp_of(951_782_399), "20000228T235959Z");
        assert_eq!(stamp_of(951_782_400), "20000229T000000Z");
        assert_eq!(stamp_of(1_767_225_600), "20260101T000000Z");
    }
}
