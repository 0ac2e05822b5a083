//! From a script's call to a typed one, descriptors and `...` filled in.

use super::ancillary::Expected;
use super::args::{
    elements, int, int32, is_ellipsis, is_null, is_word, length, member, members, misfit, octets, option_value,
    sockaddr,
};
use super::epoll::{self, Event};
use super::{Descriptors, number};
use crate::call::SysCall;
use crate::setup::Plan;
use crate::stop::Stop;
use halfopen_script::ast::{Arg, ArgKind, Call};
use halfopen_script::test::Family;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A call that can be made, and what its reply means.
#[derive(Debug, Clone)]
pub(crate) struct Lowered<'a> {
    pub(crate) call: SysCall,
    pub(crate) after: After<'a>,
}

/// What a reply means beyond its value.
#[derive(Debug, Clone)]
pub(crate) enum After<'a> {
    /// Nothing.
    Plain,
    /// The value is a new descriptor; it is the socket under test when `serves`.
    Opens { serves: bool },
    /// The value is a new descriptor of something that is no socket.
    OpensOther,
    /// Two new descriptors, the ends of a pipe, by the script's numbers.
    Pipes { script: [i64; 2] },
    /// The script's descriptor is gone.
    Closes { script: i64 },
    /// Octets of the stream, or of a text that the line gives; and what a message says beside them.
    Reads { fd: i32, flags: i32, text: Option<Vec<u8>>, message: Expected },
    /// Octets of the stream went out.
    Writes { fd: i32 },
    /// Octets went from one descriptor to the other.
    Moves { from: i32, to: i32 },
    /// Events that an epoll instance reports.
    Events { expected: Vec<Event> },
    /// The value of an option, and its length.
    Option { level: i32, name: i32, value: &'a Arg, len: Option<i64> },
    /// An int; `None` is not looked at.
    Int { value: Option<&'a Arg> },
    /// One `revents` per entry; `None` is not looked at.
    Polls { revents: Vec<Option<i16>> },
}

/// Lowers a call.
pub(crate) fn lower<'a>(call: &'a Call, fds: &Descriptors, plan: &Plan) -> Result<Lowered<'a>, Stop> {
    let errno = call.errno.as_ref().map(|errno| errno.node.as_str());
    let lowering = Lowering { call, fds, plan, errno };
    let (call, after) = lowering.lower()?;
    Ok(Lowered { call, after })
}

impl Lowered<'_> {
    /// The descriptor that becomes the socket under test: `connect`, and a write that opens (RFC 7413).
    pub(crate) fn connects(&self) -> Option<i32> {
        match &self.call {
            SysCall::Connect { fd, .. } => Some(*fd),
            SysCall::Send { fd, flags, .. } | SysCall::SendMessage { fd, flags, .. } => {
                (flags & number::MSG_FASTOPEN != 0).then_some(*fd)
            }
            SysCall::Socket { .. }
            | SysCall::Bind { .. }
            | SysCall::Listen { .. }
            | SysCall::Accept { .. }
            | SysCall::Disconnect { .. }
            | SysCall::Receive { .. }
            | SysCall::ReceiveMessage { .. }
            | SysCall::Shutdown { .. }
            | SysCall::Close { .. }
            | SysCall::SetSockOpt { .. }
            | SysCall::GetSockOpt { .. }
            | SysCall::Fcntl { .. }
            | SysCall::Ioctl { .. }
            | SysCall::Poll { .. }
            | SysCall::EpollCreate { .. }
            | SysCall::EpollControl { .. }
            | SysCall::EpollWait { .. }
            | SysCall::Open { .. }
            | SysCall::Pipe
            | SysCall::Splice { .. }
            | SysCall::SendFile { .. }
            | SysCall::CapSet { .. } => None,
        }
    }
}

pub(super) struct Lowering<'a, 'b> {
    pub(super) call: &'a Call,
    pub(super) fds: &'b Descriptors,
    plan: &'b Plan,
    errno: Option<&'a str>,
}

impl<'a> Lowering<'a, '_> {
    fn lower(&self) -> Result<(SysCall, After<'a>), Stop> {
        match self.call.name.node.as_str() {
            "socket" => {
                let domain = if is_ellipsis(self.arg(0)?) { self.domain() } else { int32(self.arg(0)?)? };
                let (kind, protocol) = (int32(self.arg(1)?)?, int32(self.arg(2)?)?);
                Ok((SysCall::Socket { domain, kind, protocol }, After::Opens { serves: false }))
            }
            "bind" => {
                let addr = self.address(1, self.unspecified(), self.plan.bind_port)?;
                Ok((SysCall::Bind { fd: self.fd()?, addr }, After::Plain))
            }
            "connect" if is_word(self.arg(1)?, "AF_UNSPEC") => {
                Ok((SysCall::Disconnect { fd: self.fd()? }, After::Plain))
            }
            "connect" => {
                let (fd, addr) = (self.fd()?, self.remote(1)?);
                Ok((SysCall::Connect { fd, addr }, After::Plain))
            }
            "listen" => Ok((SysCall::Listen { fd: self.fd()?, backlog: int32(self.arg(1)?)? }, After::Plain)),
            "accept" => Ok((SysCall::Accept { fd: self.fd()? }, After::Opens { serves: true })),
            "close" => Ok((SysCall::Close { fd: self.fd()? }, After::Closes { script: int(self.arg(0)?)? })),
            "shutdown" => Ok((SysCall::Shutdown { fd: self.fd()?, how: int32(self.arg(1)?)? }, After::Plain)),
            "read" | "readv" | "recv" | "recvfrom" | "recvmsg" => self.receive(),
            "write" | "writev" | "send" | "sendto" | "sendmsg" => self.send(),
            "setsockopt" | "getsockopt" => self.socket_option(),
            "fcntl" => {
                let arg = self.call.args.get(2).map_or(Ok(0), int32)?;
                Ok((SysCall::Fcntl { fd: self.fd()?, cmd: int32(self.arg(1)?)?, arg }, After::Plain))
            }
            "ioctl" => self.ioctl(),
            "poll" => self.poll(),
            "epoll_create" => Ok((SysCall::EpollCreate { size: int32(self.arg(0)?)? }, After::OpensOther)),
            "epoll_ctl" => {
                let (fd, target) = (self.fd()?, self.fd_at(2)?);
                let event = self.arg(3)?;
                let event = if is_null(event) { None } else { Some(epoll::control(event)?) };
                Ok((SysCall::EpollControl { fd, op: int32(self.arg(1)?)?, target, event }, After::Plain))
            }
            "epoll_wait" => {
                let (most, timeout_ms) = (int32(self.arg(2)?)?, int32(self.arg(3)?)?);
                let expected = epoll::expected(self.arg(1)?)?;
                Ok((SysCall::EpollWait { fd: self.fd()?, most, timeout_ms }, After::Events { expected }))
            }
            "open" | "pipe" | "splice" | "sendfile" | "cap_set" => self.other(),
            other => Err(Stop::Unsupported(format!("system call `{other}`"))),
        }
    }

    pub(super) fn arg(&self, index: usize) -> Result<&'a Arg, Stop> {
        let missing = || Stop::Error(format!("`{}` has no argument {}", self.call.name.node, index + 1));
        self.call.args.get(index).ok_or_else(missing)
    }

    pub(super) fn fd(&self) -> Result<i32, Stop> {
        self.fds.live(int(self.arg(0)?)?, self.errno)
    }

    /// The descriptor in another place than the first.
    pub(super) fn fd_at(&self, index: usize) -> Result<i32, Stop> {
        self.fds.live(int(self.arg(index)?)?, self.errno)
    }

    fn domain(&self) -> i32 {
        match self.plan.setup.family {
            Family::V4 => number::AF_INET,
            Family::V6 | Family::V4Mapped => number::AF_INET6,
        }
    }

    fn unspecified(&self) -> IpAddr {
        match self.plan.setup.family {
            Family::V4 => Ipv4Addr::UNSPECIFIED.into(),
            Family::V6 | Family::V4Mapped => Ipv6Addr::UNSPECIFIED.into(),
        }
    }

    pub(super) fn remote(&self, index: usize) -> Result<SocketAddr, Stop> {
        let peer = self.peer();
        self.address(index, peer.ip(), peer.port())
    }

    fn address(&self, index: usize, ip: IpAddr, port: u16) -> Result<SocketAddr, Stop> {
        let arg = self.arg(index)?;
        if is_ellipsis(arg) { Ok(SocketAddr::new(ip, port)) } else { sockaddr(arg) }
    }

    pub(super) fn peer(&self) -> SocketAddr {
        let ip = match (self.plan.setup.family, self.plan.setup.remote.0) {
            (Family::V4Mapped, IpAddr::V4(v4)) => v4.to_ipv6_mapped().into(),
            (Family::V4 | Family::V6 | Family::V4Mapped, remote) => remote,
        };
        SocketAddr::new(ip, self.plan.connect_port)
    }

    fn socket_option(&self) -> Result<(SysCall, After<'a>), Stop> {
        let (fd, level, name) = (self.fd()?, int32(self.arg(1)?)?, int32(self.arg(2)?)?);
        let (value, len) = (self.arg(3)?, self.arg(4)?);
        if (level, name) == (number::SOL_TCP, number::TCP_INFO) {
            return Err(Stop::Unsupported("TCP_INFO outside %{ }%".into()));
        }
        if self.call.name.node == "setsockopt" && (level, name) == (number::SOL_TCP, number::TCP_MD5SIG) {
            let value = md5_key(value, self.peer().ip())?;
            return Ok((SysCall::SetSockOpt { fd, level, name, value }, After::Plain));
        }
        if self.call.name.node == "setsockopt" {
            let value = option_value(level, name, value, Some(length(len)?))?;
            return Ok((SysCall::SetSockOpt { fd, level, name, value }, After::Plain));
        }
        let known = if is_ellipsis(len) { None } else { Some(int(len)?) };
        let room =
            known.map_or(Ok(64), |len| usize::try_from(len).map_err(|_| misfit(&self.call.args[4], "a length")))?;
        let after = After::Option { level, name, value, len: known };
        Ok((SysCall::GetSockOpt { fd, level, name, len: room }, after))
    }

    fn ioctl(&self) -> Result<(SysCall, After<'a>), Stop> {
        let request = int(self.arg(1)?)? as u64;
        let pointed = self.call.args.get(2);
        let value = match pointed {
            // What the kernel fills in: its value before does not matter, but for those that set something.
            Some(arg) if !is_ellipsis(arg) => int32(arg)?,
            Some(_) | None => 0,
        };
        let expected = pointed.filter(|arg| !is_ellipsis(arg));
        Ok((SysCall::Ioctl { fd: self.fd()?, request, value }, After::Int { value: expected }))
    }

    fn poll(&self) -> Result<(SysCall, After<'a>), Stop> {
        let mut fds = Vec::new();
        for entry in elements(self.arg(0)?) {
            let fd = self.fds.live(int(poll_field(entry, "fd", 0)?)?, self.errno)?;
            fds.push((fd, int(poll_field(entry, "events", 1)?)? as i16));
        }
        let revents = revents(self.arg(0)?)?;
        let timeout_ms = int32(self.arg(2)?)?;
        Ok((SysCall::Poll { fds, timeout_ms }, After::Polls { revents }))
    }
}

/// `struct tcp_md5sig` (RFC 2385): `{tcpm_addr=..., tcpm_key="secret"}`; `...` is the harness's address.
fn md5_key(arg: &Arg, peer: IpAddr) -> Result<Vec<u8>, Stop> {
    const KEY: usize = 80;
    let fields = members(arg, "a `tcp_md5sig` structure")?;
    let field = |name, place| member(fields, name, place).ok_or_else(|| misfit(arg, name));
    let address = field("tcpm_addr", 0)?;
    let address = if is_ellipsis(address) { peer } else { sockaddr(address)?.ip() };
    let key = field("tcpm_key", 1)?;
    let ArgKind::Text(text) = &key.kind else { return Err(misfit(key, "a key in quotation marks")) };
    let octets = octets(text);
    // struct sockaddr_storage, then flags, prefix length, key length, interface, key.
    let mut value = vec![0; 136 + KEY];
    match address {
        IpAddr::V4(v4) => {
            value[..2].copy_from_slice(&(number::AF_INET as u16).to_ne_bytes());
            value[4..8].copy_from_slice(&v4.octets());
        }
        IpAddr::V6(v6) => {
            value[..2].copy_from_slice(&(number::AF_INET6 as u16).to_ne_bytes());
            value[8..24].copy_from_slice(&v6.octets());
        }
    }
    value[130..132].copy_from_slice(&(octets.len() as u16).to_ne_bytes());
    let room = octets.len().min(KEY);
    value[136..136 + room].copy_from_slice(&octets[..room]);
    Ok(value)
}

fn poll_field<'a>(entry: &'a Arg, name: &str, place: usize) -> Result<&'a Arg, Stop> {
    let fields = members(entry, "a `pollfd` structure")?;
    member(fields, name, place).ok_or_else(|| misfit(entry, name))
}

/// The events that a poll has to return; `None` is not looked at.
pub(crate) fn revents(list: &Arg) -> Result<Vec<Option<i16>>, Stop> {
    let wanted = |entry| {
        // As in packetdrill an entry without `revents` expects none.
        let Some(wanted) = member(members(entry, "a `pollfd` structure")?, "revents", 2) else { return Ok(Some(0)) };
        Ok(if is_ellipsis(wanted) { None } else { Some(int(wanted)? as i16) })
    };
    elements(list).iter().map(wanted).collect()
}
