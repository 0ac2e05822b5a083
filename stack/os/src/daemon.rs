//! `halfopen stack`: services, an active client, the control socket and signals on one host.

use crate::address::InterfaceAddress;
use crate::client::Client;
use crate::control::Control;
use crate::host::{Application, Host};
use crate::services::{Services, lingers};
use crate::status::{self, NeighbourStatus, Status};
use halfopen_stack::Instant;
use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::time::Duration;

/// How long connections may say goodbye when the host stops.
const GOODBYE: Duration = Duration::from_secs(2);

/// The application of `halfopen stack`.
#[derive(Debug)]
pub struct Daemon {
    services: Services,
    client: Option<Client>,
    control: Option<Control>,
    signals: SignalFd,
    addresses: Vec<InterfaceAddress>,
    mtu: usize,
    /// With services it stays when the client is done.
    stays: bool,
    /// When it stops for good; `None` while nobody has asked for that.
    ends: Option<Instant>,
    over: bool,
}

impl Daemon {
    /// Puts it together. SIGINT and SIGTERM are its own from now on: call it before there is a second thread.
    ///
    /// # Errors
    /// The kernel refuses a descriptor for signals.
    pub fn new(
        services: Services,
        client: Option<Client>,
        control: Option<Control>,
        addresses: Vec<InterfaceAddress>,
        mtu: usize,
    ) -> Result<Self, Errno> {
        let mut mask = SigSet::empty();
        mask.add(Signal::SIGINT);
        mask.add(Signal::SIGTERM);
        mask.thread_block()?;
        let signals = SignalFd::with_flags(&mask, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
        let stays = services.listeners().next().is_some() || client.is_none();
        Ok(Self { services, client, control, signals, addresses, mtu, stays, ends: None, over: false })
    }

    /// The client, if there is one.
    #[must_use]
    pub const fn client(&self) -> Option<&Client> {
        self.client.as_ref()
    }

    /// Everything about the host.
    #[must_use]
    pub fn status(&self, host: &Host) -> Status {
        let now = host.now();
        let mut status = status::of_stack(&host.stack, now, self.services.listeners());
        let (counts, (unroutable, unresolved)) = (host.counts(), host.link().dropped());
        status.device = status::DeviceStatus {
            name: host.device().name().to_owned(),
            mac: host.link().mac().map(|mac| mac.to_string()),
            mtu: self.mtu,
            read: counts.read,
            written: counts.written,
            refused: counts.refused,
            unroutable,
            unresolved,
        };
        status.addresses = self.addresses.iter().map(ToString::to_string).collect();
        let neighbour =
            |(address, mac, state): (std::net::IpAddr, Option<crate::ethernet::Mac>, &str)| NeighbourStatus {
                address: address.to_string(),
                mac: mac.map(|mac| mac.to_string()),
                state: state.to_owned(),
            };
        status.neighbours = host.link().neighbours(now).into_iter().map(neighbour).collect();
        status.impaired = host.impaired();
        status
    }

    /// Stops: what is open is closed, and may say goodbye for a while. Asked twice, it stops at once.
    fn stop(&mut self, host: &mut Host, now: Instant) {
        if self.ends.is_some() {
            self.over = true;
            return;
        }
        self.ends = Some(now + GOODBYE);
        self.services.close(&mut host.stack, now);
        if let Some(fd) = self.client.as_ref().and_then(Client::descriptor) {
            // A client that was interrupted is not done: its report stays absent.
            let _ = host.stack.close(now, fd);
            self.client = None;
        }
    }
}

impl Application for Daemon {
    fn run(&mut self, host: &mut Host) -> Result<bool, Errno> {
        let now = host.now();
        if let Ok(Some(_)) = self.signals.read_signal() {
            self.stop(host, now);
        }
        if let Some(control) = &self.control {
            control.run(|| serde_json::to_string(&self.status(host)).expect("plain data"));
        }
        let mut busy = self.services.run(&mut host.stack, now);
        if let Some(client) = &mut self.client {
            busy |= client.run(&mut host.stack, now);
            if client.report().is_some() && !self.stays && self.ends.is_none() {
                self.ends = Some(now + GOODBYE);
            }
        }
        if let Some(ends) = self.ends {
            self.over |= ends <= now || !lingers(&host.stack);
        }
        Ok(busy)
    }

    fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        let control = self.control.iter().map(|control| control.as_fd());
        std::iter::once(self.signals.as_fd()).chain(control).collect()
    }

    fn poll_at(&self) -> Option<Instant> {
        self.ends
    }

    fn done(&self) -> bool {
        self.over
    }
}
