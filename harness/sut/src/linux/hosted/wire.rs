//! The far side of the host's device: injects and captures by a packet socket, and answers ARP and neighbour solicitations.

use super::super::capture::{Capture, Direction};
use super::super::clock::Clock;
use super::super::device::{self, Tun};
use super::super::{environment, neighbour};
use super::Attachment;
use halfopen_engine::sut::{Evidence, Setup, SutError};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::{TimeSpec, TimeValLike as _};
use std::net::IpAddr;
use std::os::fd::AsFd as _;

/// What the harness calls its end of a veth pair, and the host's.
const VETH: (&str, &str) = ("veth0", "veth1");
/// Octets of the largest datagram on either device: the stack's own MTU is the test's.
const MTU: u32 = 65_535;
/// How long the host may take to say where it is.
const PATIENCE: i64 = 5_000_000;

/// One side of a device.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) capture: Capture,
    index: u32,
    device: &'static str,
    ethernet: Option<Ethernet>,
    /// Counts of the capture at the start of the test.
    before: Evidence,
}

/// Addresses on Ethernet.
#[derive(Debug)]
struct Ethernet {
    ours: [u8; 6],
    /// Where the host is.
    host: Option<[u8; 6]>,
    /// Everybody but the host itself is us.
    local: IpAddr,
}

impl Wire {
    /// Makes the device in the calling thread's namespace.
    pub(super) fn make(attachment: Attachment) -> Result<Self, SutError> {
        let before = Evidence::default();
        match attachment {
            Attachment::Tun => {
                let tun = Tun::create(false, None)?;
                let index = tun.index;
                device::up(index, MTU)?;
                // The host attaches to it next; the namespace keeps it meanwhile.
                drop(tun.into_fd());
                let capture = Capture::open(index, Direction::Incoming, false)?;
                Ok(Self { capture, index, device: device::NAME, ethernet: None, before })
            }
            Attachment::Veth => {
                let (index, ours) = device::veth_pair(VETH.0, VETH.1, MTU)?;
                let capture = Capture::open(index, Direction::Incoming, false)?;
                let ethernet = Some(Ethernet { ours, host: None, local: IpAddr::from([0; 4]) });
                Ok(Self { capture, index, device: VETH.1, ethernet, before })
            }
        }
    }

    /// The interface that the host is to have.
    pub(super) const fn host_device(&self) -> &'static str {
        self.device
    }

    /// Before a test: nothing of the one before is left, and on Ethernet the host has said where it is.
    pub(super) fn begin(&mut self, setup: &Setup, clock: &mut Clock) -> Result<(), SutError> {
        self.before =
            Evidence { captured: self.capture.captured, dropped: self.capture.dropped, absent: 0, tickless: 0 };
        if let Some(ethernet) = &mut self.ethernet {
            (ethernet.host, ethernet.local) = (None, setup.local.0);
            let question = neighbour::question(setup.gateway, ethernet.ours, setup.local.0);
            while self.ethernet.as_ref().is_some_and(|ethernet| ethernet.host.is_none()) {
                if clock.now() > PATIENCE {
                    return Err(SutError::Broken(format!("the host does not say where {} is", setup.local.0)));
                }
                // A fresh veth pair drops frames until the kernel has noticed its carrier, so the question is repeated.
                self.capture.send(self.index, question.kind, &question.to, &question.octets).map_err(refused)?;
                let mut fds = [PollFd::new(self.capture.as_fd(), PollFlags::POLLIN)];
                // A signal ends the wait early; the loop comes back.
                let _ = ppoll(&mut fds, Some(TimeSpec::milliseconds(100)), None);
                self.fill(clock)?;
            }
        }
        self.fill(clock)?;
        self.capture.clear();
        Ok(())
    }

    /// Takes over what was captured; what is about neighbours is dealt with here.
    pub(super) fn fill(&mut self, clock: &mut Clock) -> Result<(), SutError> {
        let mut answers = Vec::new();
        let ethernet = &mut self.ethernet;
        self.capture.fill_with(clock, |kind, from, octets| {
            let Some(ethernet) = ethernet else { return true };
            match neighbour::parse(kind, octets) {
                None => kind != neighbour::ARP,
                Some(neighbour::Message::Question { asker, target }) => {
                    if target != ethernet.local {
                        answers.extend(neighbour::answer(target, ethernet.ours, asker, from));
                    }
                    false
                }
                Some(neighbour::Message::Answer { target, mac }) => {
                    if target == ethernet.local {
                        ethernet.host = Some(mac);
                    }
                    false
                }
            }
        })?;
        for answer in answers {
            self.capture.send(self.index, answer.kind, &answer.to, &answer.octets).map_err(refused)?;
        }
        Ok(())
    }

    /// Puts a datagram on the wire.
    pub(super) fn inject(&self, datagram: &[u8]) -> Result<(), SutError> {
        let kind =
            if datagram.first().is_some_and(|octet| octet >> 4 == 6) { neighbour::IPV6 } else { neighbour::IPV4 };
        let to = match &self.ethernet {
            None => &[][..],
            Some(ethernet) => ethernet.host.as_ref().map_or(&[][..], |mac| &mac[..]),
        };
        match self.capture.send(self.index, kind, to, datagram) {
            Err(Errno::EMSGSIZE | Errno::EINVAL) => {
                Err(SutError::Unsupported(format!("{} takes no datagram of {} octets", self.device, datagram.len())))
            }
            result => result.map_err(refused),
        }
    }

    /// After a test: what was captured and dropped in it.
    pub(super) fn end(&mut self, clock: &mut Clock) -> Result<Evidence, SutError> {
        self.fill(clock)?;
        self.capture.count_drops()?;
        let captured = self.capture.captured - self.before.captured;
        Ok(Evidence { captured, dropped: self.capture.dropped - self.before.dropped, absent: 0, tickless: 0 })
    }
}

fn refused(errno: Errno) -> SutError {
    environment("injecting", errno)
}
