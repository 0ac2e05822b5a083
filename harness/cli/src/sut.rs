//! SUTs by name, as worker threads open them.

use crate::adapter::Adapters;
use crate::args::SutArgs;
use crate::fake::Fake;
use crate::fault::Fault;

use halfopen_engine::sut::{Description, Sut, SutError};
use std::path::Path;
use std::thread;

/// Name of the SUT that exists to test the harness: it is in no help text.
const FAKE: &str = "fake";

/// How to open a SUT; every worker has its own.
#[derive(Debug, Clone)]
pub struct Opener {
    args: SutArgs,
}

impl Opener {
    /// Prepares this process for a SUT. Call it while there is one thread.
    pub fn new(args: &SutArgs) -> Result<Self, Fault> {
        if args.sut == "linux" || matches!(args.runner.as_deref(), Some("tun" | "veth")) {
            prepare_linux()?;
        }
        Ok(Self { args: args.clone() })
    }

    /// Opens it. The value belongs to the calling thread.
    pub fn open(&self) -> Result<Box<dyn Sut>, SutError> {
        let SutArgs { sut, runner, profile, adapters } = &self.args;
        if sut == FAKE {
            return Ok(Box::new(Fake::new(runner.as_deref())?));
        }
        if let Some(opened) = adapters.open(sut, runner.as_deref(), profile.as_deref()) {
            return opened;
        }
        halfopen_sut::open(sut, runner.as_deref(), profile.as_deref()).map_err(|error| match error {
            // Who may be meant is told where this is refused.
            SutError::Unsupported(ref why) if why.starts_with("no SUT") => {
                SutError::Unsupported(format!("{why}{}", adapters.listed()))
            }
            SutError::Unsupported(_) | SutError::Environment(_) | SutError::Broken(_) => error,
        })
    }

    /// Has the backtick commands of tests that this thread runs from now on start in a folder.
    pub fn work_in(&self, folder: &Path) -> Result<(), SutError> {
        halfopen_sut::work_in(&self.args.sut, folder)
    }

    /// Who it is. It is asked on a thread that ends at once, as a kernel SUT moves its thread to another namespace.
    pub fn describe(&self) -> Result<Description, Fault> {
        let opener = self.clone();
        let asked = thread::spawn(move || opener.open().map(|sut| sut.describe().clone()));
        match asked.join() {
            Ok(Ok(description)) => Ok(description),
            Ok(Err(SutError::Unsupported(why))) => Err(Fault::Usage(why)),
            Ok(Err(SutError::Environment(why) | SutError::Broken(why))) => {
                Err(Fault::Environment(format!("{} cannot be tested here: {why}", self.args.sut)))
            }
            Err(_) => Err(Fault::Environment(format!("{} crashed before any test", self.args.sut))),
        }
    }
}

/// Whether a script may say `//: sut NAME`: a SUT of this tool or one that was added to it.
pub fn is_known(name: &str, adapters: &Adapters) -> bool {
    name == FAKE || adapters.has(name) || halfopen_sut::names().iter().any(|(known, _)| *known == name)
}

/// Gets what a kernel test needs: root, or a user namespace, which a process with more than one thread cannot enter.
#[cfg(target_os = "linux")]
pub fn prepare_linux() -> Result<(), Fault> {
    use halfopen_sut::linux::{available, enter_user_namespace};
    // Asked before any test runs: a thousand tests that say the same say less than one sentence.
    enter_user_namespace()
        .and_then(|()| available())
        .map_err(|why| Fault::Environment(format!("linux cannot be tested here: {why}")))
}

/// Elsewhere there is nothing to prepare: opening the SUT says that it is not to be had.
#[cfg(not(target_os = "linux"))]
fn prepare_linux() -> Result<(), Fault> {
    Ok(())
}
