//! What is left when a kernel run is killed. `SIGKILL` gives no program a chance to tidy up, so nothing may need it:
//! this looks at the machine before and after, from outside.

use super::{End, conformance};
use crate::step::{self, Fault};
use std::collections::BTreeSet;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// What is killed, in turn. The first is the one whose length counts.
const RUNS: [&[&str]; 3] = [&["--sut", "linux"], &["--runner", "tun"], &["--runner", "veth"]];
/// `kill -9`.
const SIGKILL: i32 = 9;
/// How long the kernel gets to take a namespace down after its last process.
const GRACE: Duration = Duration::from_secs(5);
/// Moments are drawn from the run's own length, up to here.
const LATEST: Duration = Duration::from_secs(10);
/// In the environment of everything that a run starts: processes are known by it even if they leave the group.
const MARK: &str = "HALFOPEN_CLEAN_KILL";

/// Kills as many runs as asked for, at moments spread over the length of an undisturbed one.
pub(crate) fn clean_kill(times: u32, seed: Option<u64>) -> Result<End, Fault> {
    if let Some(why) = conformance::no_namespaces() {
        return if conformance::must_have_namespaces() { Err(why) } else { Ok(End::Skipped(why)) };
    }
    let trials = Trials { program: conformance::build()?, scratch: step::scratch("clean-kill")?, grace: GRACE };
    let seed = seed.unwrap_or_else(|| RandomState::new().hash_one(std::process::id()));
    println!("seed {seed}");
    let mut random = SplitMix(seed);
    let whole = trials.undisturbed()?;
    println!("an undisturbed run takes {:.3} s", whole.as_secs_f64());
    let latest = whole.min(LATEST);
    let (mut killed, mut early) = (0, 0);
    while killed < times {
        let after = latest.mul_f64(random.fraction());
        let trial = format!("kill {} of {times} after {:.6} s", killed + 1, after.as_secs_f64());
        match trials.kill_after(killed as usize, after)? {
            Left::Nothing => {
                killed += 1;
                println!("{trial}: nothing left");
            }
            // The run was faster this time: nothing was killed, so nothing was shown.
            Left::Finished if early < times => {
                early += 1;
                println!("{trial}: had ended by itself, does not count");
            }
            Left::Finished => return Err(format!("{trial}: the run keeps ending before its time (seed {seed})")),
            Left::These(left) => {
                for line in &left {
                    println!("left: {line}");
                }
                return Err(format!("{trial} left {} things (seed {seed})", left.len()));
            }
        }
    }
    Ok(End::Good(format!("{killed} kills left nothing, seed {seed}")))
}

/// What came of one trial.
#[derive(Debug, PartialEq, Eq)]
enum Left {
    /// Killed, and nothing is left of it.
    Nothing,
    /// It had ended by itself before the moment came.
    Finished,
    /// What was not there before.
    These(Vec<String>),
}

/// What every trial has in common.
struct Trials {
    /// `halfopen`.
    program: PathBuf,
    /// The run writes below here and nowhere else.
    scratch: PathBuf,
    /// How long what was killed may take to vanish.
    grace: Duration,
}

impl Trials {
    /// Starts a run of the whole suite: on the kernel, or on the reference stack in processes of its own, in turn.
    fn start(&self, number: usize) -> Result<Child, Fault> {
        let mut command = step::command(&self.program);
        command.arg("run").args(RUNS[number % RUNS.len()]);
        command.args(["--pcap", "never", "--out"]).arg(self.scratch.join("out"));
        command.env("TMPDIR", self.scratch.join("tmp")).env(MARK, mark());
        command.process_group(0).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().map_err(|error| format!("{}: {error}", self.program.display()))
    }

    /// Makes the run's folders, or makes them empty.
    fn clear(&self) -> Result<(), Fault> {
        let failed = |error: std::io::Error| format!("{}: {error}", self.scratch.display());
        fs::remove_dir_all(&self.scratch).map_err(failed)?;
        fs::create_dir_all(self.scratch.join("out")).map_err(failed)?;
        fs::create_dir_all(self.scratch.join("tmp")).map_err(failed)
    }

    /// How long a run takes that nobody kills.
    fn undisturbed(&self) -> Result<Duration, Fault> {
        self.clear()?;
        let begin = now();
        let status = wait(self.start(0)?)?;
        let took = now() - begin;
        // Failed tests are another job's business; a run that cannot set its namespace up would make this one worthless.
        match status.code() {
            Some(0 | 1 | 5 | 6) => Ok(took),
            _ => Err(format!("halfopen run --sut linux: {status}")),
        }
    }

    /// Starts a run, kills it after a while, and looks.
    fn kill_after(&self, number: usize, moment: Duration) -> Result<Left, Fault> {
        self.clear()?;
        let before = machine(&self.scratch, None);
        let mut child = self.start(number)?;
        let group = child.id();
        sleep(moment);
        child.kill().map_err(|error| format!("kill: {error}"))?;
        if wait(child)?.signal() != Some(SIGKILL) {
            return Ok(Left::Finished);
        }
        let deadline = now() + self.grace;
        loop {
            let after = machine(&self.scratch, Some(group));
            let left: Vec<String> = after.difference(&before).cloned().collect();
            if left.is_empty() {
                return Ok(Left::Nothing);
            }
            if now() >= deadline {
                return Ok(Left::These(left));
            }
            sleep(Duration::from_millis(20));
        }
    }
}

/// Everything on this machine that a run could leave behind, one line each.
fn machine(scratch: &Path, group: Option<u32>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    list("interface", Path::new("/sys/class/net"), |_| true, &mut found);
    list("named namespace", Path::new("/run/netns"), |_| true, &mut found);
    list("file", &std::env::temp_dir(), |name| name.contains("halfopen"), &mut found);
    list("file", &scratch.join("out"), |_| true, &mut found);
    list("file", &scratch.join("tmp"), |_| true, &mut found);
    sysctls(Path::new("/proc/sys/net/ipv4"), &mut found);
    sysctls(Path::new("/proc/sys/net/ipv6"), &mut found);
    processes(group, &mut found);
    found
}

/// The entries of a folder; a folder that is not there has none.
fn list(sort: &str, folder: &Path, wanted: impl Fn(&str) -> bool, into: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if wanted(&entry.file_name().to_string_lossy()) {
            into.insert(format!("{sort} {}", entry.path().display()));
        }
    }
}

/// Every setting below a folder with its value; the unreadable ones (secrets not yet set) have none.
fn sysctls(folder: &Path, into: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|sort| sort.is_dir()) {
            sysctls(&entry.path(), into);
        } else if let Ok(value) = fs::read_to_string(entry.path()) {
            into.insert(format!("setting {} = {}", entry.path().display(), value.trim()));
        }
    }
}

/// Network namespaces that a process is in, and processes that belong to a run of ours.
fn processes(group: Option<u32>, into: &mut BTreeSet<String>) {
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let folder: PathBuf = entry.path();
        let Ok(stat) = fs::read_to_string(folder.join("stat")) else { continue };
        let Some((state, of_group)) = state_and_group(&stat) else { continue };
        if let Ok(namespace) = fs::read_link(folder.join("ns/net")) {
            into.insert(format!("namespace {}", namespace.display()));
        }
        // A zombie holds nothing, and it is for whoever runs as process 1 to reap it.
        let marked = || fs::read(folder.join("environ")).is_ok_and(|environment| has_mark(&environment));
        if state != 'Z' && (Some(of_group) == group || marked()) {
            let (name, _) = stat.rsplit_once(')').unwrap_or_default();
            into.insert(format!("process {name})"));
        }
    }
}

/// State and process group of a line of `/proc/PID/stat`; the name in it may hold spaces and parentheses.
fn state_and_group(stat: &str) -> Option<(char, u32)> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut words = rest.split_whitespace();
    let state = words.next()?.chars().next()?;
    let group = words.nth(1)?.parse().ok()?;
    Some((state, group))
}

/// Of this run of `cargo ci`, so that two at a time do not find each other's.
fn mark() -> String {
    std::process::id().to_string()
}

fn has_mark(environment: &[u8]) -> bool {
    let wanted = format!("{MARK}={}", mark());
    environment.split(|octet| *octet == 0).any(|variable| variable == wanted.as_bytes())
}

fn wait(mut child: Child) -> Result<ExitStatus, Fault> {
    child.wait().map_err(|error| format!("wait: {error}"))
}

#[expect(clippy::disallowed_methods, reason = "CI kills a program at a moment of the machine's clock")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "CI kills a program at a moment of the machine's clock")]
fn sleep(time: Duration) {
    std::thread::sleep(time);
}

/// Vigna's SplitMix64: enough for moments, and reproducible from a printed number.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In `0.0..1.0`.
    fn fraction(&mut self) -> f64 {
        f64::from((self.next() >> 32) as u32) / (f64::from(u32::MAX) + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn group_is_read_past_any_name() {
        let cases = [
            ("12 (halfopen) S 1 34 34 0 -1", Some(('S', 34))),
            ("12 (a) b) R 1 7) Z 1 99 34 0 -1", Some(('Z', 99))),
            ("12 (halfopen) S", None),
            ("", None),
        ];
        for (stat, expected) in cases {
            assert_eq!(state_and_group(stat), expected, "{stat}");
        }
    }

    #[test]
    fn moments_repeat_with_their_seed_and_stay_below_one() {
        let draw = |seed| {
            let mut random = SplitMix(seed);
            std::array::from_fn::<f64, 100, _>(|_| random.fraction())
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert!(draw(3).iter().all(|f| (0.0..1.0).contains(f)));
        assert!(draw(3).iter().any(|f| *f < 0.2) && draw(3).iter().any(|f| *f > 0.8));
    }

    /// Runs a shell script in place of `halfopen` and kills it.
    fn left_by(name: &str, script: &str, moment: Duration) -> Vec<String> {
        let folder = step::scratch(name).unwrap();
        let program = folder.with_extension("sh");
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let trials = Trials { program, scratch: folder, grace: Duration::from_millis(200) };
        match trials.kill_after(0, moment).unwrap() {
            Left::Nothing => Vec::new(),
            Left::Finished => vec!["finished".to_owned()],
            // The rest of the machine lives on while this test runs.
            Left::These(left) => {
                left.into_iter().filter(|line| line.contains("(sleep)") || line.contains("rest")).collect()
            }
        }
    }

    #[test]
    fn what_a_killed_program_leaves_is_seen() {
        let cases: [(&str, &str, &[&str]); 5] = [
            ("clean-kill-test-1", "exec sleep 60", &[]),
            ("clean-kill-test-2", "touch $TMPDIR/rest; exec sleep 60", &["tmp/rest"]),
            ("clean-kill-test-3", "sleep 3 & exec sleep 60", &["(sleep)"]),
            ("clean-kill-test-4", "setsid sleep 3 & exec sleep 60", &["(sleep)"]),
            ("clean-kill-test-5", "exit 0", &["finished"]),
        ];
        for (name, script, expected) in cases {
            let left = left_by(name, script, Duration::from_millis(300));
            assert_eq!(left.len(), expected.len(), "{script}: {left:?}");
            assert!(left.iter().zip(expected).all(|(line, part)| line.contains(part)), "{script}: {left:?}");
        }
    }
}
