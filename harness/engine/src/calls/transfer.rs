//! Calls that read and write.

use super::ancillary::Expected;
use super::args::{elements, int32, is_ellipsis, is_null, is_word, length, member, members, misfit, octets, sockaddr};
use super::lower::{After, Lowering};
use crate::call::{Part, Room, SysCall, Target};
use crate::pattern::{self, Stream};
use crate::stop::Stop;
use halfopen_script::ast::{Arg, ArgKind, Member};

impl<'a> Lowering<'a, '_> {
    pub(super) fn receive(&self) -> Result<(SysCall, After<'a>), Stop> {
        let fd = self.fd()?;
        let (mut message, mut control) = (Expected::default(), 0);
        let (parts, flags) = match self.call.name.node.as_str() {
            "read" => (vec![(self.arg(1)?, length(self.arg(2)?)?)], 0),
            "readv" => (vectors(self.arg(1)?)?, 0),
            "recvmsg" => {
                let header = self.header()?;
                message = Expected::new(header)?;
                control = message.room();
                (self.vector(header)?, int32(self.arg(2)?)?)
            }
            _ => (vec![(self.arg(1)?, length(self.arg(2)?)?)], int32(self.arg(3)?)?),
        };
        let after = |text| After::Reads { fd, flags, text, message };
        if let [(arg, len)] = parts[..]
            && !is_null(arg)
            && self.call.name.node != "recvmsg"
        {
            return Ok((SysCall::Receive { fd, len, flags }, after(text(arg)?)));
        }
        let rooms = parts.iter().map(|(arg, len)| Room { len: *len, null: is_null(arg) }).collect();
        Ok((SysCall::ReceiveMessage { fd, rooms, control, flags }, after(None)))
    }

    pub(super) fn send(&self) -> Result<(SysCall, After<'a>), Stop> {
        let fd = self.fd()?;
        let mut control = Vec::new();
        let one = |index| -> Result<_, Stop> { Ok(vec![(self.arg(index)?, length(self.arg(index + 1)?)?)]) };
        let (arguments, flags, to) = match self.call.name.node.as_str() {
            "write" => (one(1)?, 0, None),
            "writev" => (vectors(self.arg(1)?)?, 0, None),
            "sendmsg" => {
                let header = self.header()?;
                (_, control) = Expected::new(header)?.encode(0);
                (self.vector(header)?, int32(self.arg(2)?)?, self.message_name(header)?)
            }
            "send" => (one(1)?, int32(self.arg(3)?)?, None),
            _ => {
                let to = self.arg(4)?;
                let to = match to {
                    to if is_null(to) => None,
                    to if is_word(to, "AF_UNSPEC") => Some(Target::Unspecified),
                    _ => Some(Target::Address(self.remote(4)?)),
                };
                (one(1)?, int32(self.arg(3)?)?, to)
            }
        };
        let mut offset = self.fds.write_offset(fd);
        let mut parts = Vec::new();
        for (arg, len) in arguments {
            let null = is_null(arg);
            let data = if null { vec![0; len] } else { content(arg, len, offset)? };
            parts.push(Part { data, null });
            offset += len as u64;
        }
        let plain = parts.len() == 1 && control.is_empty() && parts.iter().all(|part| !part.null);
        let call = match to {
            Some(Target::Address(to)) if plain => {
                SysCall::Send { fd, data: parts.swap_remove(0).data, flags, to: Some(to) }
            }
            None if plain => SysCall::Send { fd, data: parts.swap_remove(0).data, flags, to: None },
            to => SysCall::SendMessage { fd, parts, flags, to, control },
        };
        Ok((call, After::Writes { fd }))
    }

    /// The members of the `msghdr`.
    fn header(&self) -> Result<&'a [Member], Stop> {
        members(self.arg(1)?, "a message structure")
    }

    /// The buffers of a `msghdr`.
    fn vector(&self, header: &'a [Member]) -> Result<Vec<(&'a Arg, usize)>, Stop> {
        let misfit = || misfit(&self.call.args[1], "`msg_iov`");
        let found = header.iter().find(|member| member.name.as_ref().is_some_and(|name| name.node == "msg_iov"));
        let found = found.ok_or_else(misfit)?;
        let buffers = vectors(&found.value)?;
        match &found.length {
            Some(declared) if !is_ellipsis(declared) && length(declared)? != buffers.len() => {
                Err(Stop::Error(format!("`msg_iov({declared})` has {} elements", buffers.len())))
            }
            Some(_) | None => Ok(buffers),
        }
    }

    fn message_name(&self, header: &'a [Member]) -> Result<Option<Target>, Stop> {
        match member(header, "msg_name", usize::MAX) {
            None => Ok(None),
            Some(arg) if is_null(arg) => Ok(None),
            // On a connected socket the name is not looked at; `...` is the peer all the same.
            Some(arg) if is_ellipsis(arg) => Ok(Some(Target::Address(self.peer()))),
            Some(arg) => Ok(Some(Target::Address(sockaddr(arg)?))),
        }
    }
}

/// Text that a read has to deliver, when the line gives one.
fn text(arg: &Arg) -> Result<Option<Vec<u8>>, Stop> {
    match &arg.kind {
        ArgKind::Text(text) => Ok(Some(octets(text))),
        ArgKind::Ellipsis => Ok(None),
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

/// `[{..., 1000}, {"text", 4}, {NULL, 8}]`
fn vectors(arg: &Arg) -> Result<Vec<(&Arg, usize)>, Stop> {
    let entry = |entry| {
        let fields = members(entry, "an `iovec` structure")?;
        let field = |name, place| member(fields, name, place).ok_or_else(|| misfit(entry, name));
        Ok((field("iov_base", 0)?, length(field("iov_len", 1)?)?))
    };
    elements(arg).iter().map(entry).collect()
}
