//! The event loop: a stack, a device, a clock, and an application that makes the socket calls.
//!
//! It sleeps until the device has something, a timer of the stack is due ([`Stack::poll_at`]), or a descriptor of the
//! application is ready; it never spins. Frames are read in batches, so that one round of everything else serves many.

use crate::clock::Clock;
use crate::device::{Device, LONGEST, Written};
use crate::impair::{Counts, Impairer, Impairment};
use crate::link::Link;
use halfopen_stack::{Instant, Stack};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::{TimeSpec, TimeValLike as _};
use std::os::fd::{AsFd as _, BorrowedFd};

/// Frames that are read before anything else gets its turn.
const BATCH: usize = 64;

/// Who uses the sockets.
pub trait Application {
    /// Makes calls as far as they go without waiting. Whether it got anything done: then it is asked again at once.
    ///
    /// # Errors
    /// Whatever ends the host.
    fn run(&mut self, host: &mut Host) -> Result<bool, Errno>;

    /// Descriptors that wake the host when they are readable.
    fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        Vec::new()
    }

    /// When it wants to be asked again, whatever happens.
    fn poll_at(&self) -> Option<Instant> {
        None
    }

    /// Whether it has nothing more to do; the loop then ends.
    fn done(&self) -> bool;
}

/// Frames at the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeviceCounts {
    /// Read.
    pub read: u64,
    /// Written.
    pub written: u64,
    /// Refused by the kernel: interface down, or too long.
    pub refused: u64,
}

/// A stack on a device.
#[derive(Debug)]
pub struct Host {
    /// The stack; calls on it take the time from [`Host::now`].
    pub stack: Stack,
    device: Device,
    link: Link,
    clock: Clock,
    /// Incoming and outgoing.
    impairers: Option<Box<[Impairer; 2]>>,
    counts: DeviceCounts,
    room: Vec<u8>,
    /// The device takes nothing until it says so.
    full: bool,
}

impl Host {
    /// A host whose clock starts at `origin`.
    #[must_use]
    pub fn new(stack: Stack, device: Device, link: Link, origin: Instant) -> Self {
        let clock = Clock::start(origin);
        let (counts, room) = (DeviceCounts::default(), vec![0; LONGEST]);
        Self { stack, device, link, clock, impairers: None, counts, room, full: false }
    }

    /// Makes the way between stack and link worse, each direction by itself.
    pub fn impair(&mut self, what: Impairment) {
        self.impairers = Some(Box::new([Impairer::new(what, 0), Impairer::new(what, 1)]));
    }

    /// The present time, on the host's clock.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// The device.
    #[must_use]
    pub const fn device(&self) -> &Device {
        &self.device
    }

    /// The link.
    #[must_use]
    pub const fn link(&self) -> &Link {
        &self.link
    }

    /// Frames so far.
    #[must_use]
    pub const fn counts(&self) -> DeviceCounts {
        self.counts
    }

    /// What was done to datagrams coming in and going out, if anything was to be.
    #[must_use]
    pub fn impaired(&self) -> Option<[Counts; 2]> {
        self.impairers.as_ref().map(|both| [both[0].counts(), both[1].counts()])
    }

    /// Another stack takes over, with a link and a clock of its own; what the device holds is thrown away.
    ///
    /// # Errors
    /// The device has gone.
    pub fn replace(&mut self, stack: Stack, link: Link, origin: Instant) -> Result<(), Errno> {
        while self.device.read(&mut self.room)?.is_some() {}
        (self.stack, self.link, self.clock) = (stack, link, Clock::start(origin));
        Ok(())
    }

    /// Serves an application until it is done.
    ///
    /// # Errors
    /// The device has gone, or what the application says.
    pub fn run(&mut self, application: &mut impl Application) -> Result<(), Errno> {
        loop {
            let mut busy = self.take_in(BATCH)?;
            busy |= application.run(self)?;
            self.send_out()?;
            if application.done() {
                return Ok(());
            }
            if !busy {
                self.wait(application)?;
            }
        }
    }

    /// Fires due timers and takes in up to `most` frames. Whether there were any.
    ///
    /// # Errors
    /// The device has gone.
    pub fn take_in(&mut self, most: usize) -> Result<bool, Errno> {
        self.advance();
        let mut any = false;
        for _ in 0..most {
            let Some(length) = self.device.read(&mut self.room)? else { break };
            any = true;
            self.counts.read += 1;
            let now = self.clock.now();
            let Some(datagram) = self.link.receive(&self.room[..length], now) else { continue };
            match &mut self.impairers {
                None => self.stack.receive(now, datagram),
                Some(both) => both[0].offer(datagram.to_vec(), now),
            }
        }
        self.take_impaired();
        Ok(any)
    }

    /// Sends what the stack and the link have.
    ///
    /// # Errors
    /// The device has gone.
    pub fn send_out(&mut self) -> Result<(), Errno> {
        let now = self.clock.now();
        while let Some(datagram) = self.stack.transmit() {
            match &mut self.impairers {
                None => self.link.send(datagram, now),
                Some(both) => both[1].offer(datagram, now),
            }
        }
        if let Some(both) = &mut self.impairers {
            while let Some(datagram) = both[1].take(now) {
                self.link.send(datagram, now);
            }
        }
        self.full = false;
        while let Some(outgoing) = self.link.transmit() {
            match self.device.write(outgoing.header(), &outgoing.payload)? {
                Written::Yes => self.counts.written += 1,
                Written::Refused => self.counts.refused += 1,
                Written::Full => {
                    self.link.put_back(outgoing);
                    self.full = true;
                    break;
                }
            }
        }
        Ok(())
    }

    /// Time passes for stack and link.
    fn advance(&mut self) {
        let now = self.clock.now();
        if self.stack.poll_at().is_some_and(|at| at <= now) {
            self.stack.advance(now);
        }
        if self.link.poll_at().is_some_and(|at| at <= now) {
            self.link.advance(now);
        }
        self.take_impaired();
    }

    /// Hands the stack what was delayed on its way in until now.
    fn take_impaired(&mut self) {
        let Some(both) = &mut self.impairers else { return };
        let now = self.clock.now();
        while let Some(datagram) = both[0].take(now) {
            self.stack.receive(now, &datagram);
        }
    }

    /// When anything but the device wants attention.
    fn poll_at(&self) -> Option<Instant> {
        let impairers = self.impairers.as_ref().and_then(|both| both.iter().filter_map(Impairer::poll_at).min());
        [self.stack.poll_at(), self.link.poll_at(), impairers].into_iter().flatten().min()
    }

    /// Sleeps until something happens.
    fn wait(&self, application: &impl Application) -> Result<(), Errno> {
        let at = self.poll_at().into_iter().chain(application.poll_at()).min();
        let timeout = at.map(|at| TimeSpec::nanoseconds(self.clock.until(at)));
        let wanted = if self.full { PollFlags::POLLIN | PollFlags::POLLOUT } else { PollFlags::POLLIN };
        let mut fds = vec![PollFd::new(self.device.as_fd(), wanted)];
        fds.extend(application.descriptors().into_iter().map(|fd| PollFd::new(fd, PollFlags::POLLIN)));
        match ppoll(&mut fds, timeout, None) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(errno) => Err(errno),
        }
    }
}
