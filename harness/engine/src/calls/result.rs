//! Compares what a call came to with what the script says.

use super::ancillary::Clocks;
use super::args::{int, is_ellipsis, option_value};
use super::{After, Descriptors, Lowered, epoll, number};
use crate::call::{Control, Reply, SysCall};
use crate::outcome::{FieldDiff, MismatchKind};
use crate::stop::Stop;
use crate::view::{bare, diff};
use halfopen_script::ast::{Arg, ArgKind, Call, Num};
use halfopen_script::symbols;

/// What a call returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Returned {
    pub(crate) value: i64,
    pub(crate) errno: i32,
    pub(crate) data: Vec<u8>,
    /// `msg_flags`, and the control data.
    pub(crate) flags: i32,
    pub(crate) control: Vec<Control>,
}

impl Returned {
    /// `None` for a call that has not returned.
    pub(crate) fn of(reply: Reply) -> Option<Self> {
        match reply {
            Reply::Done { value, errno, data } => Some(Self { value, errno, data, flags: 0, control: Vec::new() }),
            Reply::Message { value, data, flags, control } => Some(Self { value, errno: 0, data, flags, control }),
            Reply::Pending => None,
        }
    }
}

/// All differences, and what sort they are. What the reply teaches (a descriptor, a stream position) is taken in.
pub(crate) fn check(
    call: &Call,
    lowered: &Lowered<'_>,
    returned: &Returned,
    fds: &mut Descriptors,
    clocks: Clocks,
) -> Result<Option<(MismatchKind, Vec<FieldDiff>)>, Stop> {
    let mut fields = Vec::new();
    value(call, &lowered.after, returned, &mut fields)?;
    let mut kind = MismatchKind::Call;
    if fields.is_empty() && returned.value >= 0 {
        after(call, lowered, returned, fds, &mut fields)?;
        if !fields.is_empty() && matches!(lowered.after, After::Reads { .. }) {
            kind = MismatchKind::Payload;
        }
        if let After::Reads { message, .. } = &lowered.after {
            let data = fields.len();
            message.check(returned.flags, &returned.control, clocks, &mut fields);
            if fields.len() > data {
                kind = MismatchKind::Call;
            }
        }
    }
    Ok((!fields.is_empty()).then_some((kind, fields)))
}

fn value(call: &Call, after: &After<'_>, returned: &Returned, fields: &mut Vec<FieldDiff>) -> Result<(), Stop> {
    if is_ellipsis(&call.result) {
        return Ok(());
    }
    let wanted = int(&call.result)?;
    // Which descriptor it is is the SUT's business.
    let descriptor = matches!(after, After::Opens { .. } | After::OpensOther) && wanted >= 0;
    if !(wanted == returned.value || descriptor && returned.value >= 0) {
        fields.push(diff("result", wanted, returned.value));
    }
    let Some(errno) = &call.errno else {
        if !fields.is_empty() && returned.value == -1 {
            fields.push(diff("errno", "-", errno_name(returned.errno)));
        }
        return Ok(());
    };
    let number = symbols::errno(&errno.node).ok_or_else(|| Stop::Error(format!("`{}` is no errno", errno.node)))?;
    if returned.value != -1 {
        fields.push(diff("errno", &errno.node, "-"));
    } else if number != returned.errno {
        fields.push(diff("errno", &errno.node, errno_name(returned.errno)));
    }
    Ok(())
}

pub(super) fn errno_name(number: i32) -> String {
    symbols::errno_name(number).map_or_else(|| number.to_string(), str::to_owned)
}

/// What a call that succeeded delivered.
fn after(
    call: &Call,
    lowered: &Lowered<'_>,
    returned: &Returned,
    fds: &mut Descriptors,
    fields: &mut Vec<FieldDiff>,
) -> Result<(), Stop> {
    match &lowered.after {
        After::Plain => {}
        After::Opens { serves } => {
            let live = returned.value as i32;
            if !is_ellipsis(&call.result) {
                fds.open(int(&call.result)?, live);
            }
            if *serves {
                fds.under_test = Some(live);
            } else {
                fds.newest = Some(live);
            }
        }
        After::OpensOther => {
            if !is_ellipsis(&call.result) {
                fds.open_other(int(&call.result)?, returned.value as i32);
            }
        }
        After::Pipes { script } => {
            let ends: Vec<i32> = returned.data.chunks_exact(4).filter_map(signed).map(|end| end as i32).collect();
            let [read, write] = ends[..] else {
                return Err(Stop::Error("the SUT's adapter reports a pipe without two ends".into()));
            };
            fds.open_pipe(*script, [read, write]);
        }
        After::Closes { script } => fds.close(*script),
        After::Reads { fd, flags, text, .. } => read(*fd, *flags, text.as_deref(), returned, fds, fields),
        After::Writes { fd } => {
            if let SysCall::Send { data, .. } = &lowered.call {
                fds.wrote(*fd, data, returned.value as usize);
            }
            if let SysCall::SendMessage { parts, .. } = &lowered.call {
                let data: Vec<u8> = parts.iter().flat_map(|part| part.data.iter().copied()).collect();
                fds.wrote(*fd, &data, returned.value as usize);
            }
        }
        After::Moves { from, to } => fds.moved(*from, *to, returned.value as u64, &returned.data),
        After::Events { expected } => epoll::check(expected, &returned.data, fields),
        After::Option { level, name, value, len } => {
            if let Some(len) = len.filter(|len| *len != returned.data.len() as i64) {
                fields.push(diff("optlen", len, returned.data.len()));
            }
            option(*level, *name, value, &returned.data, fields)?;
        }
        After::Int { value: None } => {}
        After::Int { value: Some(value) } => {
            let (wanted, got) = (int(value)?, signed(&returned.data));
            if got != Some(wanted) {
                fields.push(diff("value", wanted, got.map_or_else(|| "-".into(), |got| got.to_string())));
            }
        }
        After::Polls { revents } => {
            let got = returned.data.chunks_exact(2).map(|pair| i16::from_ne_bytes([pair[0], pair[1]]));
            let got: Vec<i16> = got.collect();
            for (index, wanted) in revents.iter().enumerate() {
                let got = got.get(index).copied();
                if let Some(wanted) = wanted.filter(|wanted| Some(*wanted) != got) {
                    let got = got.map_or_else(|| "-".into(), events);
                    fields.push(diff("revents", events(wanted), got));
                }
            }
        }
    }
    Ok(())
}

fn read(
    fd: i32,
    flags: i32,
    text: Option<&[u8]>,
    returned: &Returned,
    fds: &mut Descriptors,
    fields: &mut Vec<FieldDiff>,
) {
    if let Some(text) = text {
        if returned.data != text {
            let show = |octets: &[u8]| format!("{:?}", String::from_utf8_lossy(octets));
            fields.push(diff("data", show(text), show(&returned.data)));
        }
        return;
    }
    let len = returned.value as usize;
    if flags & (number::MSG_OOB | number::MSG_ERRQUEUE) != 0 {
        // Which octet is the urgent one is for the result to say; it has no place in the stream of reads. What the error queue
        // holds was sent and not received.
        return;
    }
    if let Some((index, wanted, got)) = fds.read_other(fd, &returned.data) {
        let show = |octet: Option<u8>| octet.map_or_else(|| "-".into(), |octet| format!("{octet:#04x}"));
        fields.push(diff("data", format!("{} at {index}", show(wanted)), show(got)));
        return;
    }
    if fds.is_other(fd) {
        return;
    }
    if returned.data.len() != len {
        if returned.data.is_empty() {
            return fds.skip(fd, len as u64);
        }
        fields.push(diff("data", format!("{len} octets"), format!("{} octets", returned.data.len())));
        return;
    }
    if let Some((index, at)) = fds.read(fd, &returned.data, flags & number::MSG_PEEK != 0) {
        let octet = crate::pattern::octet(crate::pattern::Stream::ToStack, at);
        let expected = format!("{octet:#04x}, octet {at} of the stream, at {index}");
        fields.push(diff("data", expected, format!("{:#04x}", returned.data[index])));
    }
}

fn option(level: i32, name: i32, value: &Arg, data: &[u8], fields: &mut Vec<FieldDiff>) -> Result<(), Stop> {
    let inner = if let ArgKind::List(list) = &value.kind
        && let [one] = list.as_slice()
    {
        one
    } else {
        value
    };
    if is_ellipsis(inner) {
        return Ok(());
    }
    if let ArgKind::Text(text) = &inner.kind {
        let got: String = data.iter().take_while(|octet| **octet != 0).map(|octet| char::from(*octet)).collect();
        if got != *text {
            fields.push(diff("value", text, got));
        }
        return Ok(());
    }
    if option_value(level, name, value, Some(data.len()))? != data {
        let got = signed(data).filter(|_| data.len() <= 8).map(|got| got.to_string());
        let words =
            || data.chunks_exact(4).map(|word| signed(word).unwrap_or_default().to_string()).collect::<Vec<_>>();
        let errno = (level, name) == (number::SOL_SOCKET, number::SO_ERROR);
        let named = signed(data).filter(|_| errno).and_then(|got| symbols::errno_name(i32::try_from(got).ok()?));
        let got = named.map(str::to_owned).or(got).unwrap_or_else(|| words().join(", "));
        fields.push(diff("value", inner, got));
    }
    Ok(())
}

/// An integer of 1, 4 or 8 octets in the host's order.
fn signed(data: &[u8]) -> Option<i64> {
    match data.len() {
        1 => Some(data[0].into()),
        4 => Some(i32::from_ne_bytes(data.try_into().ok()?).into()),
        8 => Some(i64::from_ne_bytes(data.try_into().ok()?)),
        _ => None,
    }
}

/// Poll events by name.
fn events(bits: i16) -> String {
    bit_names("POLL", i64::from(bits) & 0xffff)
}

/// Bits by the names that begin so.
pub(super) fn bit_names(prefix: &str, bits: i64) -> String {
    let mut left = bits;
    let mut names = Vec::new();
    for bit in (0..63).map(|shift| 1i64 << shift).filter(|bit| bits & bit != 0) {
        if let Some(name) = symbols::name_of(prefix, bit) {
            names.push(name.to_owned());
            left &= !bit;
        }
    }
    if left != 0 || names.is_empty() {
        names.push(left.to_string());
    }
    names.join("|")
}

/// A member of an element of a list.
pub(super) fn leaf(list: &str, index: usize, member: &str) -> String {
    format!("{list}[{index}].{member}")
}

/// The line as it would have to be for what the call returned.
pub(crate) fn as_returned(call: &Call, returned: &Returned, fields: &[FieldDiff]) -> String {
    let kind = ArgKind::Num(Num::literal(returned.value));
    let result = Arg { kind, span: call.result.span };
    let failed = returned.value == -1 && returned.errno != 0;
    let errno = failed.then(|| bare(errno_name(returned.errno)));
    let note = symbols::errno_text(returned.errno).filter(|_| failed).map(str::to_owned);
    let line = Call { result, errno, note, ..call.clone() }.to_string();
    fields.iter().fold(line, |line, field| {
        let name = field.field.rsplit('.').next().unwrap_or_default();
        let (from, to) = match name {
            "value" => (format!("[{}]", field.expected), format!("[{}]", field.got)),
            _ => (format!("{name}={}", field.expected), format!("{name}={}", field.got)),
        };
        // A list may hold the same member several times: then the fields below say which one it was.
        if line.matches(&from).count() == 1 { line.replacen(&from, &to, 1) } else { line }
    })
}

/// The line without a result: a call that has not returned.
pub(crate) fn as_pending(call: &Call) -> String {
    let text = call.to_string();
    let end = text.rfind(" = ").unwrap_or(text.len());
    format!("{} ...", &text[..end])
}
