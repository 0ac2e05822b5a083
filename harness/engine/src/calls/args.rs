//! What the arguments of a call mean.

use super::number;
use crate::stop::Stop;
use halfopen_script::ast::{Arg, ArgKind, Member};
use halfopen_script::symbols;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// A number, a symbol, `A|B`, `htons(N)`, or one of them in brackets.
pub(crate) fn int(arg: &Arg) -> Result<i64, Stop> {
    match &arg.kind {
        ArgKind::Num(num) => Ok(num.value()),
        ArgKind::Word(word) if word == "NULL" => Ok(0),
        ArgKind::Word(word) => symbols::value(word).ok_or_else(|| match symbols::elsewhere(word) {
            Some(system) => Stop::Unsupported(format!("`{word}`, which only {system} has")),
            None => Stop::Error(format!("`{word}` is no known constant")),
        }),
        ArgKind::Or(parts) => parts.iter().try_fold(0, |all, part| Ok(all | int(part)?)),
        ArgKind::Apply(name, args) => match (name.as_str(), args.as_slice()) {
            // The engine hands ports on as numbers, not as octets in network order.
            ("htons" | "htonl" | "ntohs" | "ntohl", [arg]) => int(arg),
            _ => Err(Stop::Unsupported(format!("`{name}(...)` as a number"))),
        },
        ArgKind::List(list) => match list.as_slice() {
            [one] => int(one),
            _ => Err(misfit(arg, "one number")),
        },
        ArgKind::Ellipsis | ArgKind::Text(_) | ArgKind::TextEllipsis(_) | ArgKind::Struct(_) => {
            Err(misfit(arg, "a number"))
        }
    }
}

/// A C `int`.
pub(crate) fn int32(arg: &Arg) -> Result<i32, Stop> {
    // Flags such as 0x80000000 are written without a sign.
    int(arg).map(|value| value as i32)
}

/// A number of octets.
pub(crate) fn length(arg: &Arg) -> Result<usize, Stop> {
    usize::try_from(int(arg)?).map_err(|_| misfit(arg, "a length"))
}

pub(crate) fn misfit(arg: &Arg, wanted: &str) -> Stop {
    Stop::Error(format!("`{arg}` where {wanted} belongs"))
}

pub(crate) fn is_ellipsis(arg: &Arg) -> bool {
    matches!(arg.kind, ArgKind::Ellipsis)
}

/// `NULL`, or 0 where a pointer belongs.
pub(crate) fn is_null(arg: &Arg) -> bool {
    is_word(arg, "NULL") || matches!(&arg.kind, ArgKind::Num(num) if num.value() == 0)
}

/// This very word.
pub(crate) fn is_word(arg: &Arg, word: &str) -> bool {
    matches!(&arg.kind, ArgKind::Word(known) if known == word)
}

/// Members of a structure; an error names what it should have been.
pub(crate) fn members<'a>(arg: &'a Arg, what: &str) -> Result<&'a [Member], Stop> {
    match &arg.kind {
        ArgKind::Struct(members) => Ok(members),
        ArgKind::Ellipsis
        | ArgKind::Num(_)
        | ArgKind::Word(_)
        | ArgKind::Text(_)
        | ArgKind::TextEllipsis(_)
        | ArgKind::Or(_)
        | ArgKind::List(_)
        | ArgKind::Apply(..) => Err(misfit(arg, what)),
    }
}

/// A member by name, or by its place when it has no name.
pub(crate) fn member<'a>(members: &'a [Member], name: &str, place: usize) -> Option<&'a Arg> {
    let named = members.iter().find(|member| member.name.as_ref().is_some_and(|known| known.node == name));
    let placed = || members.get(place).filter(|member| member.name.is_none());
    named.or_else(placed).map(|member| &member.value)
}

/// Elements of a list; a single one may stand without brackets.
pub(crate) fn elements(arg: &Arg) -> &[Arg] {
    match &arg.kind {
        ArgKind::List(list) => list,
        ArgKind::Ellipsis
        | ArgKind::Num(_)
        | ArgKind::Word(_)
        | ArgKind::Text(_)
        | ArgKind::TextEllipsis(_)
        | ArgKind::Or(_)
        | ArgKind::Struct(_)
        | ArgKind::Apply(..) => std::slice::from_ref(arg),
    }
}

/// `{sa_family = AF_INET, sin_port = htons(8080), sin_addr = inet_addr("192.0.2.1")}`
pub(crate) fn sockaddr(arg: &Arg) -> Result<SocketAddr, Stop> {
    if let ArgKind::Word(word) = &arg.kind {
        return Err(Stop::Unsupported(format!("`{word}` as an address")));
    }
    let members = members(arg, "an address structure")?;
    let family = member(members, "sa_family", 0).ok_or_else(|| misfit(arg, "an address with `sa_family`"))?;
    let (port, address) = match int32(family)? {
        number::AF_INET => (member(members, "sin_port", 1), member(members, "sin_addr", 2)),
        number::AF_INET6 => {
            // IPv6 structures have the flow information in third place; `sin6_addr` is nearly always named.
            (member(members, "sin6_port", 1), member(members, "sin6_addr", 2))
        }
        _ => return Err(Stop::Unsupported(format!("address family `{family}`"))),
    };
    let (Some(port), Some(address)) = (port, address) else {
        return Err(misfit(arg, "an address with port and address"));
    };
    let port = u16::try_from(int(port)?).map_err(|_| misfit(port, "a port"))?;
    Ok(SocketAddr::new(ip(address)?, port))
}

fn ip(arg: &Arg) -> Result<IpAddr, Stop> {
    if let ArgKind::Apply(name, args) = &arg.kind
        && let ("inet_addr" | "inet6_addr" | "inet_pton", Some(last)) = (name.as_str(), args.last())
        && let ArgKind::Text(text) = &last.kind
    {
        return text.parse().map_err(|_| misfit(last, "an address"));
    }
    let number = u32::try_from(int(arg)?).map_err(|_| misfit(arg, "an address"))?;
    Ok(IpAddr::V4(Ipv4Addr::from(number)))
}

/// Octets of a text: a character up to U+00FF is one octet.
pub(crate) fn octets(text: &str) -> Vec<u8> {
    text.chars().map(|character| character as u8).collect()
}

/// Value of a socket option in the host's layout.
pub(crate) fn option_value(level: i32, name: i32, arg: &Arg, len: Option<usize>) -> Result<Vec<u8>, Stop> {
    let mut value: Vec<u8> = match &arg.kind {
        ArgKind::Text(text) => octets(text),
        ArgKind::Ellipsis => Vec::new(),
        ArgKind::Struct(members) => structure(level, name, members)?,
        ArgKind::List(list) if matches!(list.as_slice(), [Arg { kind: ArgKind::Text(_) | ArgKind::Struct(_), .. }]) => {
            return option_value(level, name, &list[0], len);
        }
        ArgKind::List(list) => {
            let words: Result<Vec<_>, Stop> = list.iter().map(|arg| Ok(int32(arg)?.to_ne_bytes())).collect();
            words?.concat()
        }
        ArgKind::Num(_) | ArgKind::Word(_) | ArgKind::Or(_) | ArgKind::Apply(..) => int32(arg)?.to_ne_bytes().to_vec(),
        ArgKind::TextEllipsis(_) => return Err(misfit(arg, "the value of an option")),
    };
    if let Some(len) = len {
        value.resize(len, 0);
    }
    Ok(value)
}

/// `struct linger` and `struct timeval`; the rest has no notation yet.
fn structure(level: i32, name: i32, members: &[Member]) -> Result<Vec<u8>, Stop> {
    let named = members.iter().find_map(|member| member.name.as_ref()).map(|name| name.node.as_str());
    let time = level == number::SOL_SOCKET && matches!(name, number::SO_RCVTIMEO | number::SO_SNDTIMEO);
    let values = |first, second| -> Result<[i64; 2], Stop> {
        let value = |name, place| member(members, name, place).map_or(Ok(0), int);
        Ok([value(first, 0)?, value(second, 1)?])
    };
    match named {
        Some("tv_sec" | "tv_usec") => Ok(values("tv_sec", "tv_usec")?.map(i64::to_ne_bytes).concat()),
        None if time => Ok(values("tv_sec", "tv_usec")?.map(i64::to_ne_bytes).concat()),
        Some("onoff" | "linger") | None => Ok(values("onoff", "linger")?.map(|n| (n as i32).to_ne_bytes()).concat()),
        Some("l_onoff" | "l_linger") => Ok(values("l_onoff", "l_linger")?.map(|n| (n as i32).to_ne_bytes()).concat()),
        Some(other) => Err(Stop::Unsupported(format!("a structure with `{other}`"))),
    }
}
