//! The thread that makes the calls which may block, one for each SUT value, kept from test to test.
//!
//! It never makes a socket, so it does not matter in which namespace it is: a socket brings its own. Nobody but the owner hears
//! of a completion: the reply is in a slot, and an event descriptor, which the owner polls, says so.

use super::calls::Checked;
use super::clock::monotonic;
use super::{environment, priority};
use halfopen_engine::call::Reply;
use halfopen_engine::sut::SutError;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::pthread::{Pthread, pthread_kill, pthread_self};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::sys::time::{TimeSpec, TimeValLike as _};
use nix::unistd::{Pid, gettid};
use std::fs::File;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Interrupts a call. Ignored by default, so that handling it changes nothing for the rest of the process.
const INTERRUPT: Signal = Signal::SIGURG;
/// How long a call may be runnable without returning or sleeping before the host is called broken; nanoseconds.
const STUCK: i64 = 5_000_000_000;
/// How long between two looks at a call that has not returned; nanoseconds.
const LOOK: i64 = 50_000;

/// What a call came to, and when on `CLOCK_MONOTONIC`.
#[derive(Debug)]
pub(super) struct Completion {
    pub(super) at: i64,
    pub(super) reply: Reply,
}

#[derive(Debug)]
struct Shared {
    slot: Mutex<Option<Completion>>,
    /// The call is about to be made, or is being made.
    entered: AtomicBool,
    done: EventFd,
}

/// Handle of the thread.
#[derive(Debug)]
pub(super) struct Worker {
    shared: Arc<Shared>,
    jobs: Option<Sender<Checked>>,
    thread: Option<JoinHandle<()>>,
    pthread: Pthread,
    tid: Pid,
    /// `/proc/.../stat` of the thread.
    stat: File,
}

impl Worker {
    pub(super) fn spawn() -> Result<Self, SutError> {
        extern "C" fn nothing(_: nix::libc::c_int) {}
        let action = SigAction::new(SigHandler::Handler(nothing), SaFlags::empty(), SigSet::empty());
        // SAFETY: the handler does nothing at all, and the signal's default is to do nothing.
        unsafe { sigaction(INTERRUPT, &action) }.map_err(|errno| environment("handling SIGURG", errno))?;

        let done = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)
            .map_err(|errno| environment("eventfd", errno))?;
        let shared = Arc::new(Shared { slot: Mutex::new(None), entered: AtomicBool::new(false), done });
        let (jobs, work) = channel::<Checked>();
        let (hello, greeting) = channel();
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("calls".to_owned())
            .spawn(move || {
                priority::raise();
                // The receiver waits until it has both; if it has gone there is nothing to do either.
                let _ = hello.send((gettid(), pthread_self()));
                for job in work {
                    theirs.make(&job);
                }
            })
            .map_err(|error| SutError::Environment(format!("thread for system calls: {error}")))?;
        let (tid, pthread) = greeting.recv().expect("the thread greets before anything else");
        let stat = File::open(format!("/proc/self/task/{tid}/stat"))
            .map_err(|error| SutError::Environment(format!("/proc/self/task: {error}")))?;
        Ok(Self { shared, jobs: Some(jobs), thread: Some(thread), pthread, tid, stat })
    }

    /// Has the call made. The reply, or `None` when the thread sleeps in it.
    pub(super) fn submit(&self, job: Checked) -> Result<Option<Completion>, SutError> {
        let began = monotonic();
        self.jobs.as_ref().and_then(|jobs| jobs.send(job).ok()).expect("the thread lives as long as its handle");
        // Most calls that can go through take less than this; after that it is worth looking at the thread. The script's time goes on from
        // the look that finds it asleep, so looks are close together until the call has had the time of any that is not stuck.
        let mut patience = LOOK;
        loop {
            self.wait(patience);
            if let Some(completion) = self.take() {
                return Ok(Some(completion));
            }
            if self.sleeps() {
                // Between the two looks it may have returned and gone to sleep waiting for the next call.
                return Ok(self.take());
            }
            if monotonic() - began > STUCK {
                return Err(SutError::Environment("a system call neither returns nor sleeps".to_owned()));
            }
            if monotonic() - began > 20 * LOOK {
                patience = (2 * patience).min(20 * LOOK);
            }
        }
    }

    /// Whether the thread is blocked in the call, not merely waiting for a processor.
    fn sleeps(&self) -> bool {
        // First this, then the state: the other way round, the sleep before the call would look like one in it.
        if !self.shared.entered.load(Ordering::Acquire) {
            return false;
        }
        let mut stat = [0; 128];
        let length = self.stat.read_at(&mut stat, 0).unwrap_or(0);
        let stat = &stat[..length];
        // pid (name) state ...; the name is `calls`.
        let state = stat.iter().rposition(|octet| *octet == b')').and_then(|at| stat.get(at + 2));
        state == Some(&b'S')
    }

    /// The reply, when there is one.
    pub(super) fn take(&self) -> Option<Completion> {
        // An empty counter is as good as one that was read.
        let _ = self.shared.done.read();
        self.shared.slot.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The thread.
    pub(super) fn tid(&self) -> Pid {
        self.tid
    }

    /// Readable when there is a reply.
    pub(super) fn event(&self) -> BorrowedFd<'_> {
        self.shared.done.as_fd()
    }

    /// Waits until there is a reply, at most this many nanoseconds.
    fn wait(&self, nanoseconds: i64) {
        let mut fds = [PollFd::new(self.event(), PollFlags::POLLIN)];
        // A signal ends the wait early; the callers look and come back.
        let _ = ppoll(&mut fds, Some(TimeSpec::nanoseconds(nanoseconds)), None);
    }

    /// Makes the call that is under way return, whatever it waits for.
    pub(super) fn interrupt(&self) -> Result<Completion, SutError> {
        for _ in 0..5_000 {
            if let Some(completion) = self.take() {
                return Ok(completion);
            }
            // One signal may come just before the thread falls asleep, so it is repeated.
            match pthread_kill(self.pthread, INTERRUPT) {
                Ok(()) | Err(Errno::EINTR) => self.wait(1_000_000),
                Err(errno) => return Err(environment("interrupting a system call", errno)),
            }
        }
        Err(SutError::Environment("a system call cannot be interrupted".to_owned()))
    }

    /// Waits for the reply, at most this many nanoseconds.
    pub(super) fn take_within(&self, nanoseconds: i64) -> Option<Completion> {
        self.wait(nanoseconds);
        self.take()
    }
}

impl Shared {
    fn make(&self, job: &Checked) {
        self.entered.store(true, Ordering::Release);
        let reply = job.perform();
        let at = monotonic();
        self.entered.store(false, Ordering::Release);
        *self.slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(Completion { at, reply });
        self.done.write(1).expect("the counter is far from full");
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // It waits for a job that will not come, unless a call could not be interrupted: then it ends with the process.
            if !self.sleeps() {
                let _ = thread.join();
            }
        }
    }
}
