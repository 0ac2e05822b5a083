//! What the harness itself costs. `cargo bench -p halfopen --bench harness` prints divan's table, then the figures that
//! have a target, plainly.

use halfopen_cli::args::SutArgs;
use halfopen_cli::clock;
use halfopen_cli::select::{Case, Filter, select};
use halfopen_cli::specs::Specs;
use halfopen_cli::suite::Suite;
use halfopen_cli::sut::Opener;
use halfopen_engine::outcome::{Outcome, Verdict};
use halfopen_engine::sut::Sut;
use halfopen_engine::{RunOptions, run};
use std::time::Duration;

/// Longest time that the median test of the suite may take: expand and run, parsing not counted.
const TEST_TARGET: Duration = Duration::from_micros(200);
/// Longest time that two idle hours may take.
const IDLE_TARGET: Duration = Duration::from_millis(5);

/// A connection that is idle for two hours and still there.
const IDLE: &str = "
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 65535 <mss 1460>
+0 > S. 0:0(0) ack 1 <...>
+.1 < . 1:1(0) ack 1 win 65535
+0 accept(3, ..., ...) = 4
+7200 silent
+.1 < P. 1:101(100) ack 1 win 65535
+0~+.5 > . 1:1(0) ack 101
";

/// Parsed scripts, and the reference stack.
struct Bench {
    suite: Suite,
    cases: Vec<Case>,
    sut: Box<dyn Sut>,
    next: usize,
}

impl Bench {
    fn suite() -> Self {
        Self::new(Suite::load(&Specs::locate(None).expect("the specs are readable")), &[])
    }

    fn idle() -> Self {
        let file = std::env::temp_dir().join(format!("halfopen-idle-{}.pkt", std::process::id()));
        std::fs::write(&file, IDLE).expect("the folder for temporary files is writable");
        let path = file.display().to_string();
        let bench = Self::new(Suite::load(&Specs::embedded()), &[format!("{path}[v4]")]);
        std::fs::remove_file(&file).expect("it was just written");
        bench
    }

    fn new(mut suite: Suite, arguments: &[String]) -> Self {
        let filter = Filter { sut: Some("reference".into()), ..Filter::default() };
        let cases = select(&mut suite, arguments, &filter).expect("something is selected").cases;
        let sut = Opener::new(&SutArgs::reference()).map(|opener| opener.open().expect("it opens"));
        Self { suite, cases, sut: sut.expect("the reference stack is always there"), next: 0 }
    }

    /// Expands and runs the next test, round and round.
    fn step(&mut self) -> Outcome {
        let case = &self.cases[self.next];
        self.next = (self.next + 1) % self.cases.len();
        let params = self.sut.describe().params.clone();
        let test = self.suite.expand(case.script, &case.variant, &params).expect("the suite has no faults");
        run(&test, &self.suite.sources, self.sut.as_mut(), &RunOptions::default())
    }

    /// Times of the next `n` steps, in order of length.
    fn times(&mut self, n: usize) -> Vec<Duration> {
        let time = |bench: &mut Self| {
            let start = clock::now();
            let outcome = bench.step();
            let time = start.elapsed();
            drop(outcome);
            time
        };
        let mut times: Vec<_> = (0..n).map(|_| time(self)).collect();
        times.sort();
        times
    }
}

/// One test of the suite per sample, so that the median is that of the suite.
#[divan::bench(sample_count = 1000, sample_size = 1)]
fn virtual_time_test(bencher: divan::Bencher<'_, '_>) {
    let mut bench = Bench::suite();
    bencher.bench_local(|| bench.step());
}

/// Two idle hours.
#[divan::bench]
fn idle_7200_s(bencher: divan::Bencher<'_, '_>) {
    let mut bench = Bench::idle();
    assert_eq!(bench.step().verdict, Verdict::Pass, "{:?}", bench.step().mismatch);
    bencher.bench_local(|| bench.step());
}

fn main() {
    divan::main();
    let mut suite = Bench::suite();
    let n = suite.cases.len();
    let times = suite.times(n);
    let median = times[n / 2];
    println!("\n{:>12} {:>12}  what", "measured", "target");
    figure(median, Some(TEST_TARGET), &format!("median of the {n} tests of the suite: expand and run"));
    figure(times[n * 95 / 100], None, "95 of 100 tests take at most this");
    figure(times[n - 1], None, "the longest test");
    figure(Bench::idle().times(99)[49], Some(IDLE_TARGET), "a connection that is idle for 7,200 s");
}

fn figure(measured: Duration, target: Option<Duration>, what: &str) {
    let met = target.is_none_or(|target| measured <= target);
    let target = target.map_or(String::new(), |target| format!("{target:.1?}"));
    println!("{:>12} {target:>12}  {what}{}", format!("{measured:.1?}"), if met { "" } else { "  MISSED" });
}
