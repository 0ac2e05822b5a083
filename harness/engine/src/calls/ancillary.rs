//! What a message says beside its octets: `msg_flags` and `msg_control`.
//!
//! ```text
//! msg_control=[{cmsg_level=SOL_TCP, cmsg_type=TCP_CM_INQ, cmsg_data=9000},
//!              {cmsg_level=SOL_SOCKET, cmsg_type=SCM_TIMESTAMPING, cmsg_data={scm_sec=0,scm_nsec=20000000}},
//!              {cmsg_level=SOL_IP, cmsg_type=IP_RECVERR, cmsg_data={ee_errno=ENOMSG, ..., ee_data=0}},
//!              {cmsg_level=SOL_SOCKET, cmsg_type=SCM_TIMESTAMPING_OPT_STATS, cmsg_data={TCP_NLA_SRTT=..., ...}}]
//! ```
//! Times are those of the script; a time of 0 is not looked at.

use super::args::{elements, int, int32, is_ellipsis, member, members, misfit};
use super::number;
use super::result::{bit_names, errno_name, leaf};
use crate::call::Control;
use crate::outcome::FieldDiff;
use crate::stop::Stop;
use crate::sut::Micros;
use crate::timing::Tolerance;
use crate::view::diff;
use halfopen_script::ast::{Arg, ArgKind, Member};
use halfopen_script::print::events::seconds;
use halfopen_script::symbols;

/// What the script's clock and the SUT's have to do with each other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clocks {
    /// The SUT's clock when the script began.
    pub(crate) origin: Micros,
    pub(crate) tolerance: Tolerance,
}

/// What comes beside the octets; what is `None` is not looked at.
#[derive(Debug, Clone, Default)]
pub(crate) struct Expected {
    flags: Option<i32>,
    control: Option<Vec<Element>>,
}

/// One element of control data.
#[derive(Debug, Clone)]
struct Element {
    level: i32,
    kind: i32,
    data: Data,
}

#[derive(Debug, Clone)]
enum Data {
    /// `...`
    Any,
    Int(i32),
    /// Microseconds on the script's clock; 0 is not looked at.
    Stamp(Micros),
    /// `struct sock_extended_err`, in the order of [`ERROR`].
    Error([Option<i64>; 6]),
    /// Attributes by their numbers.
    Attributes(Vec<(u16, Option<i64>)>),
}

/// Members of `struct sock_extended_err`: name, offset, octets.
const ERROR: [(&str, usize, usize); 6] = [
    ("ee_errno", 0, 4),
    ("ee_origin", 4, 1),
    ("ee_type", 5, 1),
    ("ee_code", 6, 1),
    ("ee_info", 8, 4),
    ("ee_data", 12, 4),
];
/// Octets of `struct sock_extended_err`, and of `struct scm_timestamping`.
const ERROR_SIZE: usize = 16;
const STAMP_SIZE: usize = 48;
/// Attributes of one octet, and of eight; the others have four.
const OCTETS: [&str; 4] = ["TCP_NLA_RECUR_RETRANS", "TCP_NLA_DELIVERY_RATE_APP_LMT", "TCP_NLA_CA_STATE", "TCP_NLA_TTL"];
#[rustfmt::skip]
const LONG: [&str; 10] = [
    "TCP_NLA_BUSY", "TCP_NLA_RWND_LIMITED", "TCP_NLA_SNDBUF_LIMITED", "TCP_NLA_DATA_SEGS_OUT", "TCP_NLA_TOTAL_RETRANS",
    "TCP_NLA_PACING_RATE", "TCP_NLA_DELIVERY_RATE", "TCP_NLA_BYTES_SENT", "TCP_NLA_BYTES_RETRANS", "TCP_NLA_EDT",
];
/// Attributes that are durations in microseconds: they depend on the clock, but for a 0, which is none at all.
const DURATIONS: [&str; 3] = ["TCP_NLA_BUSY", "TCP_NLA_RWND_LIMITED", "TCP_NLA_SNDBUF_LIMITED"];
/// Room where any control data may come, so that what is too much is seen.
const ROOM: usize = 2000;

impl Expected {
    /// Reads `msg_flags` and `msg_control` of a `msghdr`.
    pub(crate) fn new(header: &[Member]) -> Result<Self, Stop> {
        let field = |name| member(header, name, usize::MAX).filter(|field| !is_ellipsis(field));
        let list = |list| elements(list).iter().map(Element::new).collect::<Result<Vec<_>, _>>();
        let flags = field("msg_flags").map(int32).transpose()?;
        Ok(Self { flags, control: field("msg_control").map(list).transpose()? })
    }

    /// Octets of room for control data: none for a line that says nothing of it, and where it has to be cut off
    /// (MSG_CTRUNC) what the line shows.
    pub(crate) fn room(&self) -> usize {
        let Some(control) = &self.control else { return 0 };
        if self.flags.is_none_or(|flags| flags & number::MSG_CTRUNC == 0) {
            return ROOM;
        }
        control.iter().map(|element| 16 + element.encode(0).len().next_multiple_of(8)).sum()
    }

    /// As the SUT would deliver it.
    pub(crate) fn encode(&self, origin: Micros) -> (i32, Vec<Control>) {
        let control = self.control.iter().flatten().map(|element| Control {
            level: element.level,
            kind: element.kind,
            data: element.encode(origin),
        });
        (self.flags.unwrap_or(0), control.collect())
    }

    /// Every difference.
    pub(crate) fn check(&self, flags: i32, control: &[Control], clocks: Clocks, fields: &mut Vec<FieldDiff>) {
        if let Some(wanted) = self.flags.filter(|wanted| *wanted != flags) {
            let show = |bits: i32| bit_names("MSG_", i64::from(bits) & 0xffff_ffff);
            fields.push(diff("msg_flags", show(wanted), show(flags)));
        }
        let Some(expected) = &self.control else { return };
        for index in 0..expected.len().max(control.len()) {
            match (expected.get(index), control.get(index)) {
                (Some(expected), Some(got)) => expected.check(index, got, clocks, fields),
                (expected, got) => {
                    let expected = expected.map_or_else(|| "-".into(), |expected| name(expected.level, expected.kind));
                    let got = got.map_or_else(|| "-".into(), |got| name(got.level, got.kind));
                    fields.push(diff(&format!("msg_control[{index}]"), expected, got));
                }
            }
        }
    }
}

impl Element {
    fn new(arg: &Arg) -> Result<Self, Stop> {
        let fields = members(arg, "a `cmsghdr` structure")?;
        let field = |name, place| member(fields, name, place).ok_or_else(|| misfit(arg, name));
        let (level, kind) = (int32(field("cmsg_level", 0)?)?, int32(field("cmsg_type", 1)?)?);
        Ok(Self { level, kind, data: Data::new(field("cmsg_data", 2)?)? })
    }

    fn encode(&self, origin: Micros) -> Vec<u8> {
        match &self.data {
            Data::Any => Vec::new(),
            Data::Int(value) => value.to_ne_bytes().to_vec(),
            Data::Stamp(at) => {
                let at = if *at == 0 { 0 } else { at + origin };
                let mut octets = [(at / 1_000_000).to_ne_bytes(), (at % 1_000_000 * 1000).to_ne_bytes()].concat();
                octets.resize(STAMP_SIZE, 0);
                octets
            }
            Data::Error(values) => {
                // The address of who is at fault follows.
                let address = if self.level == number::SOL_IP { 16 } else { 28 };
                let mut octets = vec![0; ERROR_SIZE + address];
                for ((_, at, size), value) in ERROR.iter().zip(values) {
                    octets[*at..at + size].copy_from_slice(&value.unwrap_or(0).to_ne_bytes()[..*size]);
                }
                octets
            }
            Data::Attributes(attributes) => {
                attributes.iter().flat_map(|(kind, value)| attribute(*kind, *value)).collect()
            }
        }
    }

    fn check(&self, index: usize, got: &Control, clocks: Clocks, fields: &mut Vec<FieldDiff>) {
        if (self.level, self.kind) != (got.level, got.kind) {
            let at = format!("msg_control[{index}]");
            return fields.push(diff(&at, name(self.level, self.kind), name(got.level, got.kind)));
        }
        let field = |field: &str| leaf("msg_control", index, field);
        match &self.data {
            Data::Any => {}
            Data::Int(wanted) => {
                let value = got.data.as_slice().try_into().map(i32::from_ne_bytes).ok();
                if value != Some(*wanted) {
                    let value = value.map_or_else(|| format!("{} octets", got.data.len()), |value| value.to_string());
                    fields.push(diff(&field("cmsg_data"), wanted, value));
                }
            }
            Data::Stamp(wanted) => {
                let at = stamp(&got.data).map(|at| at - clocks.origin);
                let slack = clocks.tolerance.of(0);
                if *wanted != 0 && at.is_none_or(|at| (at - wanted).abs() > slack) {
                    let slack = if slack > 0 { format!(" +-{}", seconds(slack)) } else { String::new() };
                    let expected = format!("{}{slack}", seconds(*wanted));
                    fields.push(diff(&field("scm_sec.scm_nsec"), expected, at.map_or_else(|| "-".into(), seconds)));
                }
            }
            Data::Error(wanted) => {
                for ((name, at, size), wanted) in ERROR.iter().zip(wanted) {
                    let got = got.data.get(*at..at + size).map(unsigned);
                    if let Some(wanted) = wanted.filter(|wanted| Some(*wanted) != got) {
                        let got = got.map_or_else(|| "-".into(), |got| error_value(name, got));
                        fields.push(diff(&field(name), error_value(name, wanted), got));
                    }
                }
            }
            Data::Attributes(wanted) => check_attributes(wanted, &got.data, &field, clocks.tolerance, fields),
        }
    }
}

impl Data {
    fn new(arg: &Arg) -> Result<Self, Stop> {
        match &arg.kind {
            ArgKind::Ellipsis => Ok(Self::Any),
            ArgKind::Num(_) | ArgKind::Word(_) | ArgKind::Or(_) | ArgKind::Apply(..) => int32(arg).map(Self::Int),
            ArgKind::Struct(members) => Self::structure(arg, members),
            ArgKind::Text(_) | ArgKind::TextEllipsis(_) | ArgKind::List(_) => {
                Err(Stop::Unsupported(format!("`{arg}` as `cmsg_data`")))
            }
        }
    }

    fn structure(arg: &Arg, list: &[Member]) -> Result<Self, Stop> {
        let names = || list.iter().filter_map(|member| member.name.as_ref()).map(|name| name.node.as_str());
        let value = |name| member(list, name, usize::MAX).filter(|value| !is_ellipsis(value)).map(int).transpose();
        if names().any(|name| name.starts_with("scm_")) {
            let (whole, rest) = (value("scm_sec")?.unwrap_or(0), value("scm_nsec")?.unwrap_or(0));
            return Ok(Self::Stamp(whole * 1_000_000 + rest / 1000));
        }
        if names().any(|name| name.starts_with("ee_")) {
            let mut values = [None; 6];
            for ((name, _, size), slot) in ERROR.iter().zip(&mut values) {
                *slot = value(*name)?.map(|value| value & ((1 << (8 * size)) - 1));
            }
            return Ok(Self::Error(values));
        }
        let attribute = |member: &Member| {
            let name = member.name.as_ref().filter(|name| name.node.starts_with("TCP_NLA_"));
            let number = name.and_then(|name| symbols::value(&name.node)).and_then(|value| u16::try_from(value).ok());
            let number = number.ok_or_else(|| Stop::Unsupported(format!("`{arg}` as `cmsg_data`")))?;
            let value = Some(&member.value).filter(|value| !is_ellipsis(value)).map(int).transpose()?;
            Ok((number, value))
        };
        list.iter().map(attribute).collect::<Result<_, Stop>>().map(Self::Attributes)
    }
}

/// `ee_errno` and `ee_origin` by name.
fn error_value(field: &str, value: i64) -> String {
    let named = match field {
        "ee_errno" if value != 0 => i32::try_from(value).ok().map(errno_name),
        "ee_origin" => symbols::name_of("SO_EE_ORIGIN_", value).map(str::to_owned),
        _ => None,
    };
    named.unwrap_or_else(|| value.to_string())
}

/// Level and type by name.
fn name(level: i32, kind: i32) -> String {
    let (level, prefix) = match level {
        number::SOL_SOCKET => ("SOL_SOCKET", "SCM_"),
        number::SOL_TCP => ("SOL_TCP", "TCP_CM_"),
        number::SOL_IP if kind == number::IP_RECVERR => return "SOL_IP IP_RECVERR".into(),
        number::SOL_IPV6 if kind == number::IPV6_RECVERR => return "SOL_IPV6 IPV6_RECVERR".into(),
        _ => return format!("{level} {kind}"),
    };
    let kind = symbols::name_of(prefix, kind.into()).map_or_else(|| kind.to_string(), str::to_owned);
    format!("{level} {kind}")
}

/// A number in the host's order.
fn unsigned(octets: &[u8]) -> i64 {
    let mut word = [0; 8];
    let at = if cfg!(target_endian = "big") { 8 - octets.len() } else { 0 };
    word[at..at + octets.len()].copy_from_slice(octets);
    i64::from_ne_bytes(word)
}

/// The first of the three times that is there, microseconds.
fn stamp(data: &[u8]) -> Option<Micros> {
    let mut times = data.chunks_exact(16).map(|time| unsigned(&time[..8]) * 1_000_000 + unsigned(&time[8..]) / 1000);
    times.next().filter(|at| *at != 0)
}

fn attribute(kind: u16, value: Option<i64>) -> Vec<u8> {
    let name = symbols::name_of("TCP_NLA_", kind.into()).unwrap_or_default();
    let size = if OCTETS.contains(&name) {
        1
    } else if LONG.contains(&name) {
        8
    } else {
        4
    };
    let mut octets = [(4 + size as u16).to_ne_bytes(), kind.to_ne_bytes()].concat();
    octets.extend(&value.unwrap_or(0).to_ne_bytes()[..size]);
    octets.resize(octets.len().next_multiple_of(4), 0);
    octets
}

/// Number and value of each attribute.
fn attributes(mut data: &[u8]) -> Vec<(u16, i64)> {
    let mut list = Vec::new();
    while data.len() >= 4 {
        let len = usize::from(u16::from_ne_bytes([data[0], data[1]]));
        let Some(value) = data.get(4..len).filter(|value| value.len() <= 8) else { break };
        list.push((u16::from_ne_bytes([data[2], data[3]]), unsigned(value)));
        data = data.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    list
}

/// Attributes in their order; one that the script does not name is a difference too.
fn check_attributes(
    wanted: &[(u16, Option<i64>)],
    data: &[u8],
    field: &dyn Fn(&str) -> String,
    tolerance: Tolerance,
    fields: &mut Vec<FieldDiff>,
) {
    let got = attributes(data);
    let name = |kind: u16| symbols::name_of("TCP_NLA_", kind.into()).map_or_else(|| kind.to_string(), str::to_owned);
    for index in 0..wanted.len().max(got.len()) {
        match (wanted.get(index), got.get(index)) {
            (Some((kind, wanted)), Some((found, value))) if kind == found => {
                let name = name(*kind);
                let slack = if DURATIONS.contains(&name.as_str()) && *wanted != Some(0) { tolerance.of(0) } else { 0 };
                if let Some(wanted) = wanted.filter(|wanted| wanted.abs_diff(*value) > slack.unsigned_abs()) {
                    fields.push(diff(&field(&name), wanted, value));
                }
            }
            (wanted, got) => {
                let show = |kind: Option<u16>| kind.map_or_else(|| "-".into(), name);
                let (wanted, got) = (show(wanted.map(|one| one.0)), show(got.map(|one| one.0)));
                fields.push(diff(&field(&format!("[{index}]")), wanted, got));
            }
        }
    }
}
