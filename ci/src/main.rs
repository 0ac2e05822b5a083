//! What CI runs, as code: `cargo ci <job>`. Each job prints the commands that it runs, so that a person can repeat them.

mod jobs;
mod json;
mod step;
mod tally;

use clap::{Parser, Subcommand};
use jobs::{
    End, bench, cargo, clean_kill, compat, conformance, coverage, differential, editors, failures, formats, fuzz,
    fuzz_bench, fuzz_coverage, likeness, loc, miri, mutants, packetdrill, pages, peers, realtime, sample,
};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use step::Fault;
use tally::Tally;

/// Checks of this repository.
#[derive(Debug, Parser)]
#[command(name = "cargo ci", bin_name = "cargo ci")]
struct Arguments {
    #[command(subcommand)]
    job: Job,
}

#[derive(Debug, Clone, Subcommand)]
enum Job {
    /// Is everything formatted?
    Fmt,
    /// No warning of rustc or clippy, in any target
    Clippy,
    /// No warning of rustdoc
    Docs,
    /// Licences, bans and sources of the dependencies, by cargo-deny
    Deny,
    /// Every test of the workspace, counted
    Test,
    /// What other programs make of our files: captures in tshark
    Formats,
    /// The suite on the reference stack, then on this machine's Linux kernel, counted
    Conformance,
    /// The pages of docs/ that are made from the specs: are they fresh?
    Pages {
        /// Write them, and those that tell what the reference stack and this machine's kernel do
        #[arg(long)]
        write: bool,
    },
    /// Write the syntax files for editors, from the words that the parser knows
    Editors {
        /// Write nothing; fail if a file is not what would be written
        #[arg(long)]
        check: bool,
    },
    /// The same programs, always the same ones, on the reference stack and on this machine's kernel
    Diff,
    /// Build every fuzz target, run each for a while; the canary must be found
    Fuzz {
        /// How long each target runs
        #[arg(long, default_value_t = 10)]
        seconds: u32,
    },
    /// How fast the fuzz targets are on one core, alone and in the engine
    FuzzBench(fuzz_bench::Asked),
    /// What the seeds and regressions of the fuzz targets reach: lines of the stack, and state x event
    FuzzCoverage(fuzz_coverage::Asked),
    /// Put seeded bugs into a copy of the stack, one at a time, and let the fuzzers look for each
    Mutants(mutants::Asked),
    /// Run the benchmarks and hold the named figures against their targets
    Bench,
    /// The stack's unit tests under Miri, when rustup has the component
    Miri {
        /// Also as a machine of 32 bits and the other byte order
        #[arg(long)]
        thorough: bool,
    },
    /// Lines of the stack that its tests and the suite reach
    Coverage,
    /// Report files that are longer than we like
    Loc,
    /// Kill a kernel run at random moments: nothing of it may be left
    CleanKill {
        /// How often
        #[arg(long, default_value_t = 20)]
        times: u32,
        /// Seed of the moments; drawn and printed when it is not given
        #[arg(long)]
        seed: Option<u64>,
    },
    /// google/packetdrill drives the reference stack over a folder of scripts
    Packetdrill(packetdrill::Asked),
    /// google/packetdrill and halfopen run the same scripts on this machine's kernel: verdicts, wall time and CPU side by side
    ///
    /// Exit code 7 when they differ where `ci/packetdrill-differs.toml` does not say why.
    Compat(compat::Asked),
    /// A random sample of the suite, written as plain scripts by `halfopen expand`, under google/packetdrill on this machine's kernel
    ///
    /// Exit code 7 when a verdict is not ours.
    Sample(sample::Asked),
    /// packetdrill's scripts on the `linux` profile of the reference stack: docs/linux-profile.md, each run that does not pass with its reason
    LinuxProfile(likeness::Asked),
    /// Make docs/failures.md: what packetdrill and halfopen say of the same failures
    Failures(failures::Asked),
    /// Scripts on this machine's kernel, several times: wall time and CPU of each run, what an empty test costs, verdicts that change
    ///
    /// Exit code 7 when one changes.
    Realtime(realtime::Asked),
    /// The reference stack as a host against the kernel's curl and nc and a second host, each octet summed; and its rate on TUN
    Peers {
        /// How much is moved each way
        #[arg(long, default_value_t = 1024)]
        mib: u32,
        /// Only the rates
        #[arg(long)]
        rates: bool,
    },
    /// The part of `peers` that runs in the namespace
    #[command(hide = true)]
    PeersInside {
        /// As of `peers`
        #[arg(long)]
        mib: u32,
        /// As of `peers`
        #[arg(long)]
        rates: bool,
    },
    /// Everything but `bench`, `fuzz-bench`, `fuzz-coverage`, `miri`, `coverage`, `clean-kill`, `packetdrill`, `compat`, `sample`, `failures`, `linux-profile`, `realtime` and `peers`
    All,
}

/// What `all` runs, in this order. What is quick to fail comes first; `test` reuses what `clippy` had built for build scripts.
const ALL: [Job; 12] = [
    Job::Fmt,
    Job::Loc,
    Job::Editors { check: true },
    Job::Deny,
    Job::Clippy,
    Job::Docs,
    Job::Test,
    Job::Formats,
    Job::Conformance,
    Job::Pages { write: false },
    Job::Diff,
    Job::Fuzz { seconds: 10 },
];

impl Job {
    /// Its name on the command line.
    fn name(&self) -> &'static str {
        match self {
            Self::Fmt => "fmt",
            Self::Clippy => "clippy",
            Self::Docs => "docs",
            Self::Deny => "deny",
            Self::Test => "test",
            Self::Conformance => "conformance",
            Self::Formats => "formats",
            Self::Editors { .. } => "editors",
            Self::Pages { .. } => "pages",
            Self::Diff => "diff",
            Self::Fuzz { .. } => "fuzz",
            Self::FuzzBench(_) => "fuzz-bench",
            Self::FuzzCoverage(_) => "fuzz-coverage",
            Self::Mutants(_) => "mutants",
            Self::Bench => "bench",
            Self::Miri { .. } => "miri",
            Self::Coverage => "coverage",
            Self::Loc => "loc",
            Self::Peers { .. } => "peers",
            Self::PeersInside { .. } => "peers-inside",
            Self::CleanKill { .. } => "clean-kill",
            Self::Packetdrill(_) => "packetdrill",
            Self::Compat(_) => "compat",
            Self::Sample(_) => "sample",
            Self::Realtime(_) => "realtime",
            Self::LinuxProfile(_) => "linux-profile",
            Self::Failures(_) => "failures",
            Self::All => "all",
        }
    }

    /// Runs it. Tests that it runs are added to `tally`, also when it ends in a fault.
    fn run(&self, tally: &mut Tally) -> Result<End, Fault> {
        match self {
            Self::Fmt => cargo::fmt(),
            Self::Clippy => cargo::clippy(),
            Self::Docs => cargo::docs(),
            Self::Deny => cargo::deny(),
            Self::Test => cargo::test(tally),
            Self::Formats => formats::formats(tally),
            Self::Conformance => conformance::conformance(tally),
            Self::Editors { check } => editors::editors(*check),
            Self::Pages { write } => pages::pages(*write),
            Self::Diff => differential::differential(),
            Self::Fuzz { seconds } => fuzz::fuzz(*seconds),
            Self::FuzzBench(asked) => fuzz_bench::fuzz_bench(asked),
            Self::FuzzCoverage(asked) => fuzz_coverage::fuzz_coverage(asked),
            Self::Mutants(asked) => mutants::mutants(asked),
            Self::Bench => bench::bench(),
            Self::Miri { thorough } => miri::miri(*thorough),
            Self::Coverage => coverage::coverage(),
            Self::Loc => loc::loc(),
            Self::CleanKill { times, seed } => clean_kill::clean_kill(*times, *seed),
            Self::Packetdrill(asked) => packetdrill::packetdrill(asked),
            Self::Compat(asked) => compat::compat(asked),
            Self::Sample(asked) => sample::sample(asked),
            Self::Realtime(asked) => realtime::realtime(asked),
            Self::LinuxProfile(asked) => likeness::likeness(asked),
            Self::Failures(asked) => failures::failures(asked),
            Self::Peers { mib, rates } => peers::peers(*mib, *rates),
            Self::PeersInside { mib, rates } => peers::inside(*mib, *rates),
            Self::All => unreachable!("`all` is a list of jobs, not one of them"),
        }
    }
}

fn main() -> ExitCode {
    let asked = Arguments::parse().job;
    let listed: &[Job] = if matches!(asked, Job::All) { &ALL } else { std::slice::from_ref(&asked) };
    let mut tally = Tally::default();
    let mut lines = Vec::new();
    let (mut good, mut same) = (true, true);
    for job in listed {
        println!("\n==> {}", job.name());
        let start = now();
        let result = counted(&mut tally, |tally| job.run(tally));
        good &= result.is_ok();
        same &= !matches!(result, Ok(End::Differs(_)));
        lines.push(closing_line(job.name(), &result, now() - start));
    }
    println!();
    for line in lines {
        println!("{line}");
    }
    println!("{tally}");
    match (good, same) {
        (false, _) => ExitCode::FAILURE,
        // As of `halfopen compare`.
        (true, false) => ExitCode::from(7),
        (true, true) => ExitCode::SUCCESS,
    }
}

/// Runs a job. One that fails without a failed test to show for it (it did not compile, say) counts as one failed test:
/// a closing line that says `0 failed` is a promise.
fn counted(tally: &mut Tally, job: impl FnOnce(&mut Tally) -> Result<End, Fault>) -> Result<End, Fault> {
    let before = tally.failed;
    let result = job(tally);
    if result.is_err() && tally.failed == before {
        tally.failed += 1;
    }
    result
}

/// One job in the closing list.
fn closing_line(name: &str, result: &Result<End, Fault>, took: Duration) -> String {
    let (word, why) = match result {
        Ok(End::Good(note)) => ("ok", note),
        Ok(End::Differs(note)) => ("differs", note),
        Ok(End::Skipped(why)) => ("skipped", why),
        Err(why) => ("FAILED", why),
    };
    format!("{word:<8} {name:<12} {:>4} s  {why}", took.as_secs()).trim_end().to_owned()
}

/// Wall-clock time, for how long a job took.
#[expect(clippy::disallowed_methods, reason = "CI measures programs from outside; no SUT's clock is involved")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn command_line_is_consistent_and_names_are_its_own() {
        Arguments::command().debug_assert();
        let others = [
            Job::Bench,
            Job::Miri { thorough: false },
            Job::Coverage,
            Job::CleanKill { times: 1, seed: None },
            Job::All,
        ];
        for job in ALL.iter().chain(&others) {
            let parsed = Arguments::try_parse_from(["cargo ci", job.name()]).unwrap();
            assert_eq!(parsed.job.name(), job.name());
        }
    }

    #[test]
    fn fault_without_a_failed_test_counts_as_one() {
        let cases: [(u64, bool, u64); 4] = [(0, true, 0), (0, false, 1), (2, false, 2), (2, true, 2)];
        for (failed, good, expected) in cases {
            let mut tally = Tally { passed: 1, failed: 5, skipped: 0 };
            let result = counted(&mut tally, |tally| {
                tally.failed += failed;
                if good { Ok(End::Good(String::new())) } else { Err("did not compile".to_owned()) }
            });
            assert_eq!(result.is_ok(), good);
            assert_eq!(tally, Tally { passed: 1, failed: 5 + expected, skipped: 0 });
        }
    }

    #[test]
    fn closing_list_says_why() {
        let took = Duration::from_millis(61_200);
        let cases = [
            (Ok(End::Good(String::new())), "ok       test           61 s"),
            (Ok(End::Skipped("not installed".to_owned())), "skipped  test           61 s  not installed"),
            (Err("exit status: 101".to_owned()), "FAILED   test           61 s  exit status: 101"),
        ];
        for (result, expected) in cases {
            assert_eq!(closing_line("test", &result, took), expected);
        }
    }
}
