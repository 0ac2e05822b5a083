//! Backtick commands that need a shell. They run in the namespace of the thread that starts them.
//!
//! Scripts name their scratch files by the shell's parent, `${PPID}`, and find it in `PACKETDRILL_PID` too. Here all tests share
//! one parent, so a number of the test's own takes its place.
//!
//! When the harness is killed the kernel ends the shell; what the shell itself has started may outlive both.

use super::environment;
use halfopen_engine::sut::SutError;
use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::{Pid, chdir};
use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::os::fd::{AsFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Has the commands of this thread start in a directory.
pub(crate) fn work_in(directory: &Path) -> Result<(), SutError> {
    // A thread that shares its working directory with nobody may change it.
    unshare(CloneFlags::CLONE_FS).map_err(|errno| environment("a working directory of the thread's own", errno))?;
    chdir(directory).map_err(|errno| environment(&directory.display().to_string(), errno))
}

/// A command that runs longer is ended; milliseconds.
const LIMIT: u16 = 60_000;

/// The shells of a test. Each stays unreaped until the end, so that its process group, in which it may have left others
/// behind, keeps its number.
#[derive(Debug)]
pub(super) struct Shells {
    children: Vec<Child>,
    /// Stands for the shells' parent.
    parent: String,
}

impl Shells {
    pub(super) fn new() -> Self {
        static TESTS: AtomicU32 = AtomicU32::new(0);
        let test = TESTS.fetch_add(1, Ordering::Relaxed);
        Self { children: Vec::new(), parent: format!("{}{test:06}", std::process::id()) }
    }

    /// Runs a command to its end.
    ///
    /// # Errors
    /// `Environment` with the status and what it said, when it fails or takes too long.
    pub(super) fn run(&mut self, line: &str) -> Result<(), SutError> {
        let failed = |what: &str| SutError::Environment(format!("`{line}` {what}"));
        // A file and not a pipe: what the command leaves in the background may hold it open.
        let mut said = scratch().map_err(|errno| environment("memfd", errno))?;
        let output = said.try_clone().map_err(|error| failed(&error.to_string()))?;
        let mut command = Command::new("sh");
        command.arg("-c").arg(line.replace("${PPID}", &self.parent).replace("$PPID", &self.parent));
        command
            .env("PACKETDRILL_PID", &self.parent)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(output)
            .process_group(0);
        // SAFETY: between fork and exec only one system call is made.
        unsafe { command.pre_exec(|| set_pdeathsig(Signal::SIGKILL).map_err(Into::into)) };
        let child = command.spawn().map_err(|error| failed(&format!("could not be started: {error}")))?;
        let pid = Pid::from_raw(child.id().cast_signed());
        self.children.push(child);
        let ended = wait(pid).map_err(|errno| environment("waiting for a command", errno))?;
        let mut text = String::new();
        let _ = said.rewind().and_then(|()| said.read_to_string(&mut text));
        let text = text.trim();
        match ended {
            Some(WaitStatus::Exited(_, 0)) => Ok(()),
            Some(WaitStatus::Exited(_, status)) => Err(failed(&format!("exited with status {status}: {text}"))),
            Some(status) => Err(failed(&format!("was ended by {status:?}: {text}"))),
            None => Err(failed(&format!("took longer than {} s", LIMIT / 1000))),
        }
    }

    /// Ends every process that the commands left behind, as far as it stayed in its group.
    pub(super) fn end(&mut self) {
        for mut child in self.children.drain(..) {
            // The group exists at least as long as its unreaped leader.
            let _ = killpg(Pid::from_raw(child.id().cast_signed()), Signal::SIGKILL);
            let _ = child.wait();
        }
    }
}

impl Drop for Shells {
    fn drop(&mut self) {
        self.end();
    }
}

/// How the process ended, without reaping it; `None` when it did not in time.
fn wait(pid: Pid) -> Result<Option<WaitStatus>, Errno> {
    // SAFETY: takes numbers only.
    let fd = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) })?;
    // SAFETY: the kernel just returned this descriptor, nobody else has it.
    let fd = unsafe { OwnedFd::from_raw_fd(fd as i32) };
    let ready = loop {
        match poll(&mut [PollFd::new(fd.as_fd(), PollFlags::POLLIN)], LIMIT) {
            Err(Errno::EINTR) => {}
            other => break other?,
        }
    };
    if ready == 0 {
        return Ok(None);
    }
    waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT).map(Some)
}

fn scratch() -> Result<File, Errno> {
    // SAFETY: the name is a C string.
    let fd = Errno::result(unsafe { libc::memfd_create(c"output".as_ptr(), libc::MFD_CLOEXEC) })?;
    // SAFETY: the kernel just returned this descriptor, nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) }.into())
}
