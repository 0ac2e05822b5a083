//! Backtick commands that need a shell. They run in the namespace of the thread that starts them.
//!
//! Scripts name their scratch files by the shell's parent, `${PPID}`, and find it in `PACKETDRILL_PID` too. Here all tests share
//! one parent, so a number of the test's own takes its place.
//!
//! They are started by a thread that shares no descriptors with the others. Between fork and exec a child holds all that its
//! parent has: a socket that a test closes just then would stay open until the child gets a processor, and its FIN would be late.
//!
//! What is the host's and not the namespace's they see read-only.
//!
//! When the harness is killed the kernel ends the shell; what the shell itself has started may outlive both.

use super::environment;
use super::scratch::Scratch;
use super::shelter::shelter;
use halfopen_engine::sut::SutError;
use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::{Pid, chdir, gettid};
use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::os::fd::{AsFd as _, AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

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
    scratch: Option<Scratch>,
}

impl Shells {
    pub(super) fn new() -> Self {
        static TESTS: AtomicU32 = AtomicU32::new(0);
        let test = TESTS.fetch_add(1, Ordering::Relaxed);
        Self { children: Vec::new(), parent: format!("{}{test:06}", std::process::id()), scratch: None }
    }

    /// Runs a command to its end.
    ///
    /// # Errors
    /// `Environment` with the status and what it said, when it fails or takes too long.
    pub(super) fn run(&mut self, line: &str) -> Result<(), SutError> {
        let failed = |what: &str| SutError::Environment(format!("`{line}` {what}"));
        if self.scratch.is_none() && Scratch::is_named_in(line) {
            self.scratch = Scratch::take(Duration::from_millis(LIMIT.into()));
            if self.scratch.is_none() {
                return Err(failed("has to wait for another test's files in /tmp for too long"));
            }
        }
        // A file and not a pipe: what the command leaves in the background may hold it open.
        let mut said = scratch().map_err(|errno| environment("memfd", errno))?;
        let order = Order {
            line: line.replace("${PPID}", &self.parent).replace("$PPID", &self.parent),
            parent: self.parent.clone(),
            folder: std::env::current_dir().map_err(|error| failed(&error.to_string()))?,
            thread: gettid(),
            output: said.as_raw_fd(),
        };
        let child = started(order).map_err(|error| failed(&format!("could not be started: {error}")))?;
        let pid = Pid::from_raw(child.id().cast_signed());
        self.children.push(child);
        let ended = wait(pid).map_err(|errno| environment("waiting for a command", errno))?;
        let mut text = String::new();
        let _ = said.rewind().and_then(|()| said.read_to_string(&mut text));
        let text = text.trim();
        match ended {
            Some(WaitStatus::Exited(_, 0)) => Ok(()),
            Some(WaitStatus::Exited(_, status)) if text.is_empty() => {
                Err(failed(&format!("exited with status {status} and said nothing")))
            }
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
            // What packetdrill's helper and nstat leave behind under these names.
            let _ = std::fs::remove_file(format!("/tmp/sysctl_restore_{}.sh", self.parent));
            let _ = std::fs::remove_file(history(&self.parent));
        }
        self.scratch = None;
    }
}

impl Drop for Shells {
    fn drop(&mut self) {
        self.end();
    }
}

/// Where `nstat` keeps what it has shown: without a place of their own, tests would show each other's counts.
fn history(parent: &str) -> String {
    format!("/tmp/.nstat.{parent}")
}

/// A command to be started for a test, which a thread of this process runs.
struct Order {
    line: String,
    parent: String,
    folder: PathBuf,
    thread: Pid,
    /// A descriptor of that thread's.
    output: RawFd,
}

impl Order {
    fn start(&self) -> io::Result<Child> {
        let task = format!("/proc/self/task/{}", self.thread);
        let output = File::options().append(true).open(format!("{task}/fd/{}", self.output))?;
        let namespace = File::open(format!("{task}/ns/net"))?;
        let mut command = Command::new("sh");
        command
            .arg("-c")
            .arg(&self.line)
            .env("PACKETDRILL_PID", &self.parent)
            .env("NSTAT_HISTORY", history(&self.parent))
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(output)
            .process_group(0);
        let prepare = move || {
            setns(&namespace, CloneFlags::CLONE_NEWNET)?;
            set_pdeathsig(Signal::SIGKILL).map_err(Into::into)
        };
        // SAFETY: between fork and exec only two system calls are made.
        unsafe { command.pre_exec(prepare) };
        command.spawn()
    }
}

/// Has the thread for it start a command.
fn started(order: Order) -> io::Result<Child> {
    let starter = STARTER.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let starter = starter.ok_or_else(|| io::Error::other("no thread to start it"))?;
    let (reply, answer) = channel();
    starter.send((order, reply)).map_err(io::Error::other)?;
    answer.recv().map_err(io::Error::other)?
}

type Started = Sender<io::Result<Child>>;
static STARTER: Mutex<Option<Sender<(Order, Started)>>> = Mutex::new(None);

/// Makes the thread that starts commands, unless there is one.
pub(super) fn prepare() -> Result<(), SutError> {
    let mut starter = STARTER.lock().unwrap_or_else(PoisonError::into_inner);
    if starter.is_some() {
        return Ok(());
    }
    let (sender, orders) = channel::<(Order, Started)>();
    let (hello, greeting) = channel();
    let work = move || {
        let ready = without_descriptors().and_then(|()| shelter());
        let serves = ready.is_ok();
        if hello.send(ready).is_err() || !serves {
            return;
        }
        for (order, reply) in orders {
            // Whoever asked waits for the answer.
            let _ = reply.send(order.start());
        }
    };
    let thread = std::thread::Builder::new().name("shells".to_owned()).spawn(work);
    thread.map_err(|error| SutError::Environment(format!("thread for shells: {error}")))?;
    let greeted = greeting.recv().unwrap_or(Err(Errno::ESRCH));
    greeted.map_err(|errno| environment("descriptors and mounts of a thread's own", errno))?;
    *starter = Some(sender);
    Ok(())
}

/// Leaves the calling thread with a table of descriptors of its own in which there are standard input, output and error alone.
fn without_descriptors() -> Result<(), Errno> {
    unshare(CloneFlags::CLONE_FILES)?;
    // SAFETY: takes numbers only. Nothing on this thread owns a descriptor, and the table is no one else's.
    Errno::result(unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) }).map(drop)
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
