//! Just enough of rtnetlink to address an interface and to route through it, and of generic netlink to tell a family a command.

use super::environment;
use halfopen_engine::sut::SutError;
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};
use std::net::IpAddr;
use std::os::fd::{AsRawFd as _, OwnedFd};

const HEADER: usize = 16;
/// `linux/genetlink.h`
const GENL_ID_CTRL: u16 = 0x10;
const CTRL_CMD_GETFAMILY: u8 = 3;
const CTRL_ATTR_FAMILY_ID: u16 = 1;
const CTRL_ATTR_FAMILY_NAME: u16 = 2;

/// A request under construction: header, fixed part, attributes.
pub(super) struct Message(Vec<u8>);

impl Message {
    /// A request that makes, or changes, something.
    pub(super) fn new(kind: u16, flags: i32) -> Self {
        let mut octets = vec![0; HEADER];
        octets[4..6].copy_from_slice(&kind.to_ne_bytes());
        let flags = (libc::NLM_F_REQUEST | libc::NLM_F_ACK | flags) as u16;
        octets[6..8].copy_from_slice(&flags.to_ne_bytes());
        Self(octets)
    }

    /// Attributes that go into one.
    pub(super) const fn part() -> Self {
        Self(Vec::new())
    }

    /// What was put together.
    pub(super) fn into_octets(self) -> Vec<u8> {
        self.0
    }

    pub(super) fn octets(mut self, octets: &[u8]) -> Self {
        self.0.extend_from_slice(octets);
        self
    }

    pub(super) fn word(self, word: u32) -> Self {
        self.octets(&word.to_ne_bytes())
    }

    pub(super) fn attribute(mut self, kind: u16, value: &[u8]) -> Self {
        let length = (4 + value.len()) as u16;
        self.0.extend_from_slice(&length.to_ne_bytes());
        self.0.extend_from_slice(&kind.to_ne_bytes());
        self.0.extend_from_slice(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    pub(super) fn address(self, kind: u16, address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => self.attribute(kind, &v4.octets()),
            IpAddr::V6(v6) => self.attribute(kind, &v6.octets()),
        }
    }
}

/// A socket of the calling thread's namespace.
pub(super) struct Netlink(OwnedFd);

impl Netlink {
    pub(super) fn open() -> Result<Self, SutError> {
        let fd = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute)
            .map_err(|errno| environment("netlink socket", errno))?;
        Ok(Self(fd))
    }

    /// A socket for the kernel's other families.
    pub(super) fn generic() -> Result<Self, SutError> {
        let fd = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkGeneric)
            .map_err(|errno| environment("generic netlink socket", errno))?;
        Ok(Self(fd))
    }

    /// Gives a family of generic netlink a command without attributes.
    pub(super) fn tell(&self, family: &str, command: u8) -> Result<(), SutError> {
        let what = format!("generic netlink family {family}");
        let name = [family.as_bytes(), &[0]].concat();
        // genlmsghdr: command, version, two reserved octets.
        let lookup = Message::new(GENL_ID_CTRL, 0)
            .octets(&[CTRL_CMD_GETFAMILY, 1, 0, 0])
            .attribute(CTRL_ATTR_FAMILY_NAME, &name);
        let answer = self.answer(lookup).map_err(|errno| environment(&what, errno))?;
        if let Some(errno) = error_of(&answer) {
            return Err(environment(&what, Errno::from_raw(errno)));
        }
        // The description is followed by the acknowledgment that the request asks for.
        self.receive().map_err(|errno| environment(&what, errno))?;
        let id = attribute(&answer[HEADER + 4..], CTRL_ATTR_FAMILY_ID).and_then(|id| id.first_chunk());
        let id = u16::from_ne_bytes(*id.ok_or_else(|| environment(&what, Errno::ENODATA))?);
        self.request(&what, Message::new(id, 0).octets(&[command, 1, 0, 0]))
    }

    /// Sends one request and waits for its acknowledgment.
    pub(super) fn request(&self, what: &str, message: Message) -> Result<(), SutError> {
        self.answer(message)
            .and_then(|answer| match error_of(&answer) {
                None | Some(0) => Ok(()),
                Some(errno) => Err(Errno::from_raw(errno)),
            })
            .map_err(|errno| environment(what, errno))
    }

    /// Whether the kernel delivers datagrams to `address` locally already.
    pub(super) fn is_local(&self, address: IpAddr) -> Result<bool, SutError> {
        // rtmsg: family, dst_len, six fields that a lookup leaves 0, flags.
        let (family, bits) = family_bits(address);
        let lookup = Message::new(libc::RTM_GETROUTE, 0)
            .octets(&[family, bits, 0, 0, 0, 0, 0, 0])
            .word(0)
            .address(libc::RTA_DST, address);
        let answer = self.answer(lookup).map_err(|errno| environment("route lookup", errno))?;
        // No route at all is an error message, not a failure of the lookup.
        let local = error_of(&answer).is_none() && answer.get(HEADER + 7) == Some(&libc::RTN_LOCAL);
        if error_of(&answer).is_none() {
            // The route is followed by the acknowledgment that the request asks for.
            self.receive().map_err(|errno| environment("route lookup", errno))?;
        }
        Ok(local)
    }

    fn answer(&self, Message(mut octets): Message) -> Result<Vec<u8>, Errno> {
        let length = octets.len() as u32;
        octets[..4].copy_from_slice(&length.to_ne_bytes());
        send(self.0.as_raw_fd(), &octets, MsgFlags::empty())?;
        self.receive()
    }

    fn receive(&self) -> Result<Vec<u8>, Errno> {
        let mut buffer = vec![0; 8192];
        let length = recv(self.0.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
        buffer.truncate(length);
        Ok(buffer)
    }
}

/// Linux's family number and the bits of a whole address.
pub(super) fn family_bits(address: IpAddr) -> (u8, u8) {
    match address {
        IpAddr::V4(_) => (libc::AF_INET as u8, 32),
        IpAddr::V6(_) => (libc::AF_INET6 as u8, 128),
    }
}

/// The value of an attribute.
fn attribute(mut attributes: &[u8], wanted: u16) -> Option<&[u8]> {
    while let Some((header, _)) = attributes.split_first_chunk::<4>() {
        let length = usize::from(u16::from_ne_bytes([header[0], header[1]]));
        let kind = u16::from_ne_bytes([header[2], header[3]]);
        let value = attributes.get(4..length)?;
        if kind == wanted {
            return Some(value);
        }
        attributes = attributes.get(length.next_multiple_of(4)..)?;
    }
    None
}

/// The errno of an acknowledgment, 0 for success; `None` for any other message.
fn error_of(answer: &[u8]) -> Option<i32> {
    let kind = u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?);
    let errno = i32::from_ne_bytes(answer.get(HEADER..HEADER + 4)?.try_into().ok()?);
    (i32::from(kind) == libc::NLMSG_ERROR).then_some(-errno)
}
