//! Runs packetdrill as its own runner does.

use super::{Asked, Case, Cost, Verdicts};
use crate::jobs::scripts::fault_of;
use crate::step::{self, Fault};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Seconds that its runner gives a script.
const LIMIT: &str = "180";

/// In a network namespace of its own, as its runner has it. The shared object is for this program alone, not for the shell.
const SETUP: &str = r#"ip link set lo up; LD_PRELOAD="$0" exec "$@""#;

/// What every run needs.
struct Peer {
    program: PathBuf,
    scripts: PathBuf,
    /// Sets the congestion control of each socket.
    object: PathBuf,
    congestion_control: String,
}

/// Every case, as often as asked.
pub(super) fn run(asked: &Asked, cases: &[Case]) -> Result<(BTreeMap<Case, Verdicts>, Vec<Cost>), Fault> {
    step::succeed(&mut step::cargo(&["build", "-p", "halfopen-packetdrill"]))?;
    let absolute = |path: &Path| fs::canonicalize(path).map_err(|error| format!("{}: {error}", path.display()));
    let peer = Peer {
        program: absolute(&asked.packetdrill)?,
        scripts: absolute(&asked.scripts)?,
        object: step::target_dir()?.join("debug/libhalfopen_packetdrill.so"),
        congestion_control: asked.congestion_control.clone(),
    };
    let mut verdicts: BTreeMap<Case, Verdicts> = BTreeMap::new();
    let mut costs = Vec::new();
    for number in 1..=asked.repeat {
        println!("packetdrill, {} runs, time {number} of {}", cases.len(), asked.repeat);
        let (found, cost) = Cost::of(|| peer.pass(cases, usize::from(asked.parallel)))?;
        costs.push(cost);
        for (case, fault) in found {
            let word = if fault.is_none() { "pass" } else { "fail" };
            verdicts.entry(case).or_default().add(word, fault);
        }
    }
    Ok((verdicts, costs))
}

impl Peer {
    /// Every case once, some at a time; why each failed.
    fn pass(&self, cases: &[Case], parallel: usize) -> Result<Vec<(Case, Option<String>)>, Fault> {
        let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        let work = || -> Result<(), Fault> {
            while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                let fault = fault_of(&self.start(case)?);
                found.lock().map_err(|_| "a thread of this job crashed")?.push((case.clone(), fault));
            }
            Ok(())
        };
        thread::scope(|scope| {
            let threads: Vec<_> = (0..parallel).map(|_| scope.spawn(work)).collect();
            threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| Err("a thread crashed".into())))
        })?;
        found.into_inner().map_err(|_| "a thread of this job crashed".to_owned())
    }

    /// One case, in the folder of the script, because scripts name their neighbours.
    fn start(&self, case: &Case) -> Result<Output, Fault> {
        let script = self.scripts.join(&case.script);
        let mut command = step::command("timeout");
        command.args(["--kill-after=2", LIMIT, "unshare", "--net", "sh", "-c", SETUP]);
        command.arg(&self.object).arg(&self.program).arg("--send_omit_free");
        command.args(case.family.words()).args(case.family.local()).arg(case.family.remote());
        command.arg(script.file_name().unwrap_or_default()).current_dir(script.parent().unwrap_or(Path::new("/")));
        command.env("HALFOPEN_TCP_CONGESTION", &self.congestion_control);
        command.output().map_err(|error| format!("timeout: {error}"))
    }
}
