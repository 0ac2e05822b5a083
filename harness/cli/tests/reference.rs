//! Every script is an ordinary test: all its variants, on the reference stack, in-process, must be as expected.

use halfopen_cli::args::SutArgs;
use halfopen_cli::commands::run::record;
use halfopen_cli::expect::Expectations;
use halfopen_cli::schedule::Finished;
use halfopen_cli::select::{Filter, select};
use halfopen_cli::specs::Specs;
use halfopen_cli::suite::Suite;
use halfopen_cli::sut::Opener;
use halfopen_engine::sut::ClockKind;
use halfopen_engine::{RunOptions, run};
use halfopen_report::ladder;
use halfopen_report::record::{FinalVerdict, RunInfo};
use rstest::rstest;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

static SPECS: LazyLock<Specs> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../specs");
    Specs::read(&folder).expect("the specs are readable")
});

#[rstest]
fn script_is_as_expected(
    #[files("../../specs/**/*.pkt")]
    #[exclude("/fixtures/")]
    path: PathBuf,
) {
    let id = SPECS.id_of(&path).expect("it is below the specs");
    let mut suite = Suite::only(&SPECS, &id);
    let filter = Filter { sut: Some("reference".into()), ..Filter::default() };
    let script = &suite.scripts[0];
    assert!(script.faults.is_empty(), "{}", suite.script_fault(script.faults.clone()));
    if !script.is_for("reference") {
        return;
    }
    let cases = select(&mut suite, &[], &filter).expect("it stands for a test").cases;
    let expectations = SPECS.text("expect/reference.toml").unwrap_or_default();
    let expectations = Expectations::parse("specs/expect/reference.toml", expectations).expect("it is well");
    let opener = Opener::new(&SutArgs::reference()).expect("in-process needs nothing");
    let mut sut = opener.open().expect("in-process needs nothing");
    let info = info();
    let mut wrong = Vec::new();
    for (test, case) in cases.iter().enumerate() {
        let expanded = suite.expand(case.script, &case.variant, &sut.describe().params.clone());
        let expanded = expanded.unwrap_or_else(|faults| panic!("{}", suite.script_fault(faults)));
        let outcome = run(&expanded, &suite.sources, sut.as_mut(), &RunOptions::default());
        let finished = Finished { test, outcome, script_fault: false, wall: Duration::ZERO };
        let record = record(&suite, case, &expectations, finished, format!("halfopen run '{}' -vv", case.id));
        match record.verdict {
            FinalVerdict::Pass | FinalVerdict::Xfail => {}
            // The reference does what it SHOULD, and has what its own suite needs.
            FinalVerdict::Nonstrict
            | FinalVerdict::Unsupported
            | FinalVerdict::Fail
            | FinalVerdict::Error
            | FinalVerdict::Flaky
            | FinalVerdict::Xpass
            | FinalVerdict::Inconclusive => wrong.push(ladder::failure(&record, &info)),
        }
    }
    assert!(wrong.is_empty(), "{} of {} not as expected\n\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

fn info() -> RunInfo {
    RunInfo {
        sut: "reference".into(),
        runner: "sim".into(),
        version: String::new(),
        profile: None,
        clock: ClockKind::Virtual,
        tests: 0,
        seed: halfopen_cli::args::SEED,
    }
}
