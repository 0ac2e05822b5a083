//! What the targets of the stack found once, as scripts that any SUT replays: `fuzz/regressions/scripts/TARGET/NAME.pkt` for each
//! input `fuzz/regressions/TARGET/NAME`.
//!
//! The first lines of a script, rule and sentence, are written by whoever settles the finding (`halfopen fuzz min` begins them); what follows
//! is made by `halfopen_fuzz::script::kept`, or `halfopen_fuzz::told` where inputs are no programs. `UPDATE_EXPECT=1` writes it, in the input's profile, or in `rfc9293` where the stack's profile
//! `linux` departs from the rule: the fuzzers run that profile with some rules kept (`halfopen_fuzz::profile`). What was found in another profile is
//! told of `linux` too, in a folder of that name, where that profile keeps the rule and a minute is enough: the kernel has no other.

use halfopen_cli::args::SutArgs;
use halfopen_cli::select::{Filter, select};
use halfopen_cli::specs::Specs;
use halfopen_cli::suite::Suite;
use halfopen_cli::sut::Opener;
use halfopen_engine::outcome::Verdict;
use halfopen_engine::{RunOptions, run};
use halfopen_fuzz::program::{Profile, Program, Setup};
use halfopen_fuzz::script;
use halfopen_fuzz::told::{Elsewhere, TELLERS, Teller, oracle};
use std::path::{Path, PathBuf};
use std::{env, fs};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/regressions");

/// Findings that no script can tell, and why.
const UNTOLD: [(&str, &str); 1] = [(
    "former-port-hears-late",
    "the peer acknowledges a number of another connection, which the seed of the host decides",
)];

/// The same of inputs that are no programs: target, name, why.
const UNTOLD_RUNS: [(&str, &str, &str); 1] = [(
    "reassembly",
    "text-in-order-over-what-is-held",
    "it is about octets that contradict each other, and the text of a script is a function of its place",
)];

/// Seconds that a script about `linux` takes at the most: the kernel's clock is that of whoever waits.
const MOST_SECONDS: f64 = 60.0;

/// Scripts about `linux` that the stack's profile of that name passes and the kernel does not, and why: there is none of these.
const APART: [(&str, &str); 2] = [
    (
        "peer-clock-wraps",
        "Linux 6.18 answers the SYN that follows a FIN outside the window, whose answers it limits to two in a second",
    ),
    ("text-of-the-peer-takes-the-rounds", "Linux sets PSH on what a small window has cut from a longer write"),
];

/// Those of runs: target, name, why.
const APART_RUNS: [(&str, &str, &str); 2] = [
    (
        "endpoint_pair",
        "half-open-without-a-word",
        "Linux 6.18 joins what goes again for a smaller path with what follows it",
    ),
    ("endpoint_pair", "full-windows-whose-acks-are-lost", "Linux 6.18 delays an ACK for longer than the profile"),
];

fn programs() -> Vec<(String, Program)> {
    let mut programs = Vec::new();
    for entry in fs::read_dir(Path::new(FOLDER).join("state_machine")).expect("a readable folder") {
        let path = entry.expect("a readable folder").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let program = Program::decode(&fs::read(&path).expect("a readable file"));
        programs.push((name, program.unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))));
    }
    programs.sort_by(|one, other| one.0.cmp(&other.0));
    programs
}

fn path(name: &str) -> PathBuf {
    Path::new(FOLDER).join(format!("scripts/state_machine/{name}.pkt"))
}

/// What a host of the profile `rfc9293` has in the place of one of the profile `linux`, beside which the finding was made.
const IN_PLACE_OF_LINUX: &[(&str, &str)] = &[("net.ipv4.tcp_dsack", "1")];

/// What the kernel is to leave out that no RFC asks for: joining what goes again with what follows it.
const ON_LINUX: &[(&str, &str)] = &[("net.ipv4.tcp_retrans_collapse", "0")];

/// The same of `retransmission`, whose model is that of RFC 5681 and 6582.
const ON_LINUX_BY_RENO: Parameters = &[
    ("net.ipv4.tcp_retrans_collapse", "0"),
    ("net.ipv4.tcp_congestion_control", "reno"),
    ("net.ipv4.tcp_recovery", "0"),
];

type Parameters = &'static [(&'static str, &'static str)];

/// The lines of a script that stay, its profile, and its parameters.
fn head(text: &str) -> (String, Option<(Profile, Parameters)>) {
    let stays = |line: &&str| line.starts_with("//= ") || line.starts_with("// ");
    let head = text.lines().take_while(stays).map(|line| format!("{line}\n")).collect();
    let profile = match text.lines().find_map(|line| line.strip_prefix("//: profile ")) {
        Some("rfc9293") => Some(Profile::Rfc9293),
        Some("rfc793") => Some(Profile::Rfc793),
        Some("linux") => Some(Profile::Linux),
        Some(_) | None => None,
    };
    let parameters = if text.contains("\n`sysctl ") { IN_PLACE_OF_LINUX } else { &[] };
    (head, profile.map(|profile| (profile, parameters)))
}

fn made(head: &str, program: &Program, (profile, parameters): (Profile, Parameters)) -> String {
    let setup = Setup { profile, ..program.setup };
    script::kept(head, &Program { setup, events: program.events.clone() }, parameters)
}

/// Runs a script on the reference stack: what is wrong, if anything is.
fn failure(name: &str, text: &str) -> Option<String> {
    let specs = Specs::of([(format!("{name}.pkt"), text.to_owned())]);
    let mut suite = Suite::load(&specs);
    let faults = suite.scripts[0].faults.clone();
    if !faults.is_empty() {
        return Some(suite.script_fault(faults).to_string());
    }
    let cases = select(&mut suite, &[], &Filter::default()).expect("it stands for a test").cases;
    let opener = Opener::new(&SutArgs::reference()).expect("in-process needs nothing");
    let mut sut = opener.open().expect("in-process needs nothing");
    for case in cases {
        let expanded = suite.expand(case.script, &case.variant, &sut.describe().params.clone());
        let expanded = expanded.unwrap_or_else(|faults| panic!("{}", suite.script_fault(faults)));
        let outcome = run(&expanded, &suite.sources, sut.as_mut(), &RunOptions::default());
        if outcome.verdict != Verdict::Pass {
            return Some(format!("{}: {:?}", case.id, outcome));
        }
    }
    None
}

fn path_of_linux(name: &str) -> PathBuf {
    Path::new(FOLDER).join(format!("scripts/state_machine/linux/{name}.pkt"))
}

/// The script about `linux` of what was found in another profile, if that profile keeps the rule.
fn of_linux(name: &str, program: &Program, head: &str) -> Option<String> {
    let text = made(head, program, (Profile::Linux, ON_LINUX));
    let is_apart = APART.iter().any(|(apart, _)| *apart == name);
    let is_asked = program.setup.profile != Profile::Linux && !is_apart && seconds(&text) <= MOST_SECONDS;
    (is_asked && failure(name, &text).is_none()).then_some(text)
}

/// The same of a run.
fn of_linux_run(teller: Teller, name: &str, octets: &[u8], head: &str) -> Option<String> {
    let parameters = if teller.target == "retransmission" { ON_LINUX_BY_RENO } else { ON_LINUX };
    let text = made_of_run(teller, octets, head, Some((Profile::Linux, parameters)))?;
    let is_apart = APART_RUNS.iter().any(|(target, apart, _)| (*target, *apart) == (teller.target, name));
    (!is_apart && seconds(&text) <= MOST_SECONDS && failure(name, &text).is_none()).then_some(text)
}

/// How long a script takes.
fn seconds(text: &str) -> f64 {
    text.lines().filter_map(|line| line.strip_prefix('+')?.split([' ', '~']).next()?.parse::<f64>().ok()).sum()
}

/// Makes the script of a program anew.
fn update(name: &str, program: &Program) {
    let (head, _) = head(&fs::read_to_string(path(name)).unwrap_or_default());
    let hosts: [(Profile, Parameters); 2] = [(program.setup.profile, &[]), (Profile::Rfc9293, IN_PLACE_OF_LINUX)];
    let passes = hosts.map(|host| made(&head, program, host)).into_iter().find(|text| failure(name, text).is_none());
    let text = passes.unwrap_or_else(|| panic!("{name}: no script of it passes on the reference stack"));
    fs::write(path(name), text).expect("a writable folder");
    match of_linux(name, program, &head) {
        Some(text) => fs::write(path_of_linux(name), text).expect("a writable folder"),
        None => drop(fs::remove_file(path_of_linux(name))),
    }
}

#[test]
fn each_program_has_the_script_that_is_made_of_it_and_it_passes() {
    let mut wrong = Vec::new();
    for (name, program) in programs() {
        if UNTOLD.iter().any(|(untold, _)| *untold == name) {
            assert!(!path(&name).exists(), "{name} is said to have no script");
            continue;
        }
        if env::var_os("UPDATE_EXPECT").is_some() {
            update(&name, &program);
        }
        let text = fs::read_to_string(path(&name)).unwrap_or_default();
        let (head, host) = head(&text);
        let Some(host) = host.filter(|_| names_its_oracle(&head)) else {
            wrong.push(format!(
                "{}: `//= RULE LEVEL` and `// ON: what was found` of the oracle are not there",
                path(&name).display()
            ));
            continue;
        };
        if made(&head, &program, host) != text {
            wrong.push(format!("{}: out of date, UPDATE_EXPECT=1 writes it", path(&name).display()));
        }
        wrong.extend(failure(&name, &text));
        if fs::read_to_string(path_of_linux(&name)).ok() != of_linux(&name, &program, &head) {
            wrong
                .push(format!("{}: out of date, UPDATE_EXPECT=1 writes or removes it", path_of_linux(&name).display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether the rule is that of the oracle whose number begins the sentence.
fn names_its_oracle(head: &str) -> bool {
    let mut lines = head.lines();
    let rule = lines.next().and_then(|line| line.strip_prefix("//= ")?.split(' ').next());
    let number = lines.next().and_then(|line| line.strip_prefix("// O")?.split_once(": ")?.0.parse().ok());
    number.and_then(oracle).is_some_and(|oracle| Some(oracle.rule) == rule)
}

#[test]
fn each_script_has_its_program() {
    let names: Vec<String> = programs().into_iter().map(|(name, _)| name).collect();
    let folders = ["scripts/state_machine", "scripts/state_machine/linux"];
    let entries =
        folders.iter().flat_map(|folder| fs::read_dir(Path::new(FOLDER).join(folder)).expect("a readable folder"));
    for path in entries.map(|entry| entry.expect("a readable folder").path()).filter(|path| path.is_file()) {
        let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
        assert!(path.extension().is_some_and(|end| end == "pkt") && names.contains(&stem), "{}", path.display());
    }
    for (untold, why) in UNTOLD.into_iter().chain(APART) {
        assert!(names.iter().any(|name| name == untold), "{untold} ({why})");
    }
    let runs: Vec<PathBuf> = runs().iter().map(|(teller, name, _)| path_of_run(teller.target, name)).collect();
    for (target, untold, why) in UNTOLD_RUNS.into_iter().chain(APART_RUNS) {
        assert!(runs.contains(&path_of_run(target, untold)), "{untold} ({why})");
    }
    for teller in TELLERS {
        // A target may have no script.
        let entries = fs::read_dir(Path::new(FOLDER).join("scripts").join(teller.target)).into_iter().flatten();
        let linux = fs::read_dir(Path::new(FOLDER).join("scripts").join(teller.target).join("linux"));
        for entry in entries.chain(linux.into_iter().flatten()) {
            let path = entry.expect("a readable folder").path();
            let file = path.file_name().expect("a name");
            let outside = path.parent().and_then(Path::parent).map(|folder| folder.join(file));
            let known = path.is_dir() || runs.contains(&path) || outside.is_some_and(|path| runs.contains(&path));
            assert!(known, "{}", path.display());
        }
    }
}

/// Inputs that are no programs.
fn runs() -> Vec<(Teller, String, Vec<u8>)> {
    let mut runs = Vec::new();
    for teller in TELLERS {
        for entry in fs::read_dir(Path::new(FOLDER).join(teller.target)).expect("a readable folder") {
            let path = entry.expect("a readable folder").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            runs.push((teller, name, fs::read(&path).expect("a readable file")));
        }
    }
    runs.sort_by(|one, other| (one.0.target, &one.1).cmp(&(other.0.target, &other.1)));
    runs
}

fn path_of_run(target: &str, name: &str) -> PathBuf {
    Path::new(FOLDER).join(format!("scripts/{target}/{name}.pkt"))
}

/// The script of a run on a host: of two, the one that its first lines name.
fn made_of_run(teller: Teller, octets: &[u8], head: &str, host: Option<(Profile, Parameters)>) -> Option<String> {
    let told = match host {
        Some((profile, parameters)) => teller.tell_on(octets, Some(Elsewhere { profile, parameters })),
        None => teller.tell(octets),
    };
    let which = usize::from(head.contains("this is B"));
    told.found.is_none().then(|| told.kept(head, which))
}

/// The first host on which the script passes that is made of the run there, and the script.
fn told(teller: Teller, name: &str, octets: &[u8], head: &str) -> Result<String, String> {
    let mut wrong = format!("{}/{name}:", teller.target);
    for host in [None, Some((Profile::Rfc9293, IN_PLACE_OF_LINUX))] {
        let Some(text) = made_of_run(teller, octets, head, host) else { continue };
        match failure(name, &text) {
            None => return Ok(text),
            Some(failure) => wrong += &format!("\n{failure}"),
        }
    }
    Err(wrong)
}

#[test]
fn each_run_has_the_script_that_is_made_of_it_and_it_passes() {
    let mut wrong = Vec::new();
    for (teller, name, octets) in runs() {
        let path = path_of_run(teller.target, &name);
        if UNTOLD_RUNS.iter().any(|(target, untold, _)| (*target, *untold) == (teller.target, &*name)) {
            assert!(!path.exists(), "{name} is said to have no script");
            continue;
        }
        let text = fs::read_to_string(&path).unwrap_or_default();
        let (head, _) = head(&text);
        if !names_its_oracle(&head) {
            wrong.push(format!("{}: `//= RULE LEVEL` and `// ON: what was found` are not there", path.display()));
        }
        match told(teller, &name, &octets, &head) {
            Err(failure) => wrong.push(failure),
            Ok(made) if env::var_os("UPDATE_EXPECT").is_some() => {
                fs::create_dir_all(path.parent().expect("a folder")).expect("a writable folder");
                fs::write(&path, made).expect("a writable folder");
                update_linux(teller, &name, &octets, &head);
            }
            Ok(made) if made != text => {
                wrong.push(format!("{}: out of date, UPDATE_EXPECT=1 writes it", path.display()))
            }
            Ok(made) => {
                let path = path_of_run(&format!("{}/linux", teller.target), &name);
                let of_linux = of_linux_run(teller, &name, &octets, &head).filter(|_| !made.contains(OF_LINUX));
                if fs::read_to_string(&path).ok() != of_linux {
                    wrong.push(format!("{}: out of date, UPDATE_EXPECT=1 writes or removes it", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a script that the kernel takes as it is says of its profile.
const OF_LINUX: &str = "//: profile linux";

fn update_linux(teller: Teller, name: &str, octets: &[u8], head: &str) {
    let path = path_of_run(&format!("{}/linux", teller.target), name);
    let own = fs::read_to_string(path_of_run(teller.target, name)).unwrap_or_default();
    match of_linux_run(teller, name, octets, head).filter(|_| !own.contains(OF_LINUX)) {
        Some(text) => {
            fs::create_dir_all(path.parent().expect("a folder")).expect("a writable folder");
            fs::write(path, text).expect("a writable folder");
        }
        None => drop(fs::remove_file(path)),
    }
}
