//! From a script's call to a typed one, descriptors and `...` filled in.

use super::args::{elements, int, int32, is_ellipsis, length, member, members, misfit, octets, option_value, sockaddr};
use super::{Descriptors, number};
use crate::call::SysCall;
use crate::pattern::{self, Stream};
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
    /// The script's descriptor is gone.
    Closes { script: i64 },
    /// Octets of the stream, or of a text that the line gives.
    Reads { fd: i32, flags: i32, text: Option<Vec<u8>> },
    /// Octets of the stream went out.
    Writes { fd: i32 },
    /// The value of an option, and its length.
    Option { level: i32, name: i32, value: &'a Arg, len: Option<i64> },
    /// An int.
    Int { value: &'a Arg },
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
            SysCall::Send { fd, flags, .. } => (flags & number::MSG_FASTOPEN != 0).then_some(*fd),
            SysCall::Socket { .. }
            | SysCall::Bind { .. }
            | SysCall::Listen { .. }
            | SysCall::Accept { .. }
            | SysCall::Receive { .. }
            | SysCall::Shutdown { .. }
            | SysCall::Close { .. }
            | SysCall::SetSockOpt { .. }
            | SysCall::GetSockOpt { .. }
            | SysCall::Fcntl { .. }
            | SysCall::Ioctl { .. }
            | SysCall::Poll { .. } => None,
        }
    }
}

struct Lowering<'a, 'b> {
    call: &'a Call,
    fds: &'b Descriptors,
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
            other => Err(Stop::Unsupported(format!("system call `{other}`"))),
        }
    }

    fn arg(&self, index: usize) -> Result<&'a Arg, Stop> {
        let missing = || Stop::Error(format!("`{}` has no argument {}", self.call.name.node, index + 1));
        self.call.args.get(index).ok_or_else(missing)
    }

    fn fd(&self) -> Result<i32, Stop> {
        self.fds.live(int(self.arg(0)?)?, self.errno)
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

    fn remote(&self, index: usize) -> Result<SocketAddr, Stop> {
        let peer = self.peer();
        self.address(index, peer.ip(), peer.port())
    }

    fn address(&self, index: usize, ip: IpAddr, port: u16) -> Result<SocketAddr, Stop> {
        let arg = self.arg(index)?;
        if is_ellipsis(arg) { Ok(SocketAddr::new(ip, port)) } else { sockaddr(arg) }
    }

    fn receive(&self) -> Result<(SysCall, After<'a>), Stop> {
        let fd = self.fd()?;
        let (len, flags, text) = match self.call.name.node.as_str() {
            "read" => (length(self.arg(2)?)?, 0, text(self.arg(1)?)?),
            "readv" => (vectors(self.arg(1)?)?.iter().map(|(_, len)| len).sum(), 0, None),
            "recvmsg" => {
                let parts = self.message(&["msg_flags"])?;
                (parts.iter().map(|(_, len)| len).sum(), int32(self.arg(2)?)?, None)
            }
            _ => (length(self.arg(2)?)?, int32(self.arg(3)?)?, text(self.arg(1)?)?),
        };
        if flags & number::MSG_ERRQUEUE != 0 {
            return Err(Stop::Unsupported("MSG_ERRQUEUE".into()));
        }
        Ok((SysCall::Receive { fd, len, flags }, After::Reads { fd, flags, text }))
    }

    fn send(&self) -> Result<(SysCall, After<'a>), Stop> {
        let fd = self.fd()?;
        let one = |index| -> Result<_, Stop> { Ok(vec![(self.arg(index)?, length(self.arg(index + 1)?)?)]) };
        let (parts, flags, to) = match self.call.name.node.as_str() {
            "write" => (one(1)?, 0, None),
            "writev" => (vectors(self.arg(1)?)?, 0, None),
            "sendmsg" => (self.message(&[])?, int32(self.arg(2)?)?, self.message_name()?),
            "send" => (one(1)?, int32(self.arg(3)?)?, None),
            _ => {
                let null = matches!(&self.arg(4)?.kind, ArgKind::Word(word) if word == "NULL");
                let null = null || matches!(&self.arg(4)?.kind, ArgKind::Num(num) if num.value() == 0);
                let to = if null { None } else { Some(self.remote(4)?) };
                (one(1)?, int32(self.arg(3)?)?, to)
            }
        };
        let mut offset = self.fds.write_offset(fd);
        let mut data = Vec::new();
        for (arg, len) in parts {
            data.extend(content(arg, len, offset)?);
            offset += len as u64;
        }
        Ok((SysCall::Send { fd, data, flags, to }, After::Writes { fd }))
    }

    /// Buffers of a `msghdr`. Control data, and flags that come back (`refused`), are not carried yet.
    fn message(&self, refused: &[&str]) -> Result<Vec<(&'a Arg, usize)>, Stop> {
        let header = members(self.arg(1)?, "a message structure")?;
        for name in ["msg_control"].iter().chain(refused) {
            // Fields that the script does not look at may stand there.
            if member(header, name, usize::MAX).is_some_and(|value| !is_ellipsis(value) && !empty(value)) {
                return Err(Stop::Unsupported((*name).to_owned()));
            }
        }
        let vector = member(header, "msg_iov", usize::MAX).ok_or_else(|| misfit(&self.call.args[1], "`msg_iov`"))?;
        vectors(vector)
    }

    fn message_name(&self) -> Result<Option<SocketAddr>, Stop> {
        let header = members(self.arg(1)?, "a message structure")?;
        match member(header, "msg_name", usize::MAX) {
            None => Ok(None),
            // On a connected socket the name is not looked at; `...` is the peer all the same.
            Some(arg) if is_ellipsis(arg) => Ok(Some(self.peer())),
            Some(arg) => sockaddr(arg).map(Some),
        }
    }

    fn peer(&self) -> SocketAddr {
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
        if request == number::FIONBIO {
            return Err(Stop::Unsupported("FIONBIO".into()));
        }
        Ok((SysCall::Ioctl { fd: self.fd()?, request }, After::Int { value: self.arg(2)? }))
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

/// An empty list, or `NULL`.
fn empty(arg: &Arg) -> bool {
    matches!(&arg.kind, ArgKind::List(list) if list.is_empty())
        || matches!(&arg.kind, ArgKind::Word(word) if word == "NULL")
}

/// Text that a read has to deliver, when the line gives one.
fn text(arg: &Arg) -> Result<Option<Vec<u8>>, Stop> {
    match &arg.kind {
        ArgKind::Text(text) => Ok(Some(octets(text))),
        ArgKind::Ellipsis => Ok(None),
        // A pointer that leads nowhere: `NULL` or a number, for EFAULT.
        ArgKind::Num(_)
        | ArgKind::Word(_)
        | ArgKind::Or(_)
        | ArgKind::List(_)
        | ArgKind::Struct(_)
        | ArgKind::Apply(..)
        | ArgKind::TextEllipsis(_) => Err(Stop::Unsupported(format!("`{arg}` as a buffer"))),
    }
}

/// Octets to write: the pattern for `...`, otherwise the text, filled up with zeros or repeated.
fn content(arg: &Arg, len: usize, offset: u64) -> Result<Vec<u8>, Stop> {
    match &arg.kind {
        ArgKind::Ellipsis => Ok(pattern::fill(Stream::FromStack, offset, len)),
        ArgKind::Text(text) => {
            let mut octets = octets(text);
            octets.resize(len, 0);
            Ok(octets)
        }
        ArgKind::TextEllipsis(text) if !text.is_empty() => Ok(octets(text).into_iter().cycle().take(len).collect()),
        ArgKind::Num(_)
        | ArgKind::Word(_)
        | ArgKind::Or(_)
        | ArgKind::List(_)
        | ArgKind::Struct(_)
        | ArgKind::Apply(..)
        | ArgKind::TextEllipsis(_) => Err(Stop::Unsupported(format!("`{arg}` as a buffer"))),
    }
}

/// `[{..., 1000}, {"text", 4}]`
fn vectors(arg: &Arg) -> Result<Vec<(&Arg, usize)>, Stop> {
    let entry = |entry| {
        let fields = members(entry, "an `iovec` structure")?;
        let field = |name, place| member(fields, name, place).ok_or_else(|| misfit(entry, name));
        Ok((field("iov_base", 0)?, length(field("iov_len", 1)?)?))
    };
    elements(arg).iter().map(entry).collect()
}

fn poll_field<'a>(entry: &'a Arg, name: &str, place: usize) -> Result<&'a Arg, Stop> {
    let fields = members(entry, "a `pollfd` structure")?;
    member(fields, name, place).ok_or_else(|| misfit(entry, name))
}

/// The events that a poll has to return; `None` is not looked at.
pub(crate) fn revents(list: &Arg) -> Result<Vec<Option<i16>>, Stop> {
    let wanted = |entry| {
        let wanted = poll_field(entry, "revents", 2)?;
        Ok(if is_ellipsis(wanted) { None } else { Some(int(wanted)? as i16) })
    };
    elements(list).iter().map(wanted).collect()
}
