//! Captures in pcapng, written by hand: one section, one raw-IP interface, one enhanced packet block per datagram with
//! the script's notation as its comment (draft-ietf-opsawg-pcapng, sections 4.1, 4.2, 4.3 and 3.5).
//!
//! Little-endian on every host, so that equal runs give equal files.

use crate::record::{Record, RunInfo};
use crate::text;
use halfopen_engine::outcome::{Entry, Lane, Mark};

/// Raw IP: the datagram begins with its version nibble.
const LINKTYPE_RAW: u16 = 101;
const SECTION_HEADER: u32 = 0x0A0D_0D0A;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
const BYTE_ORDER_MAGIC: u32 = 0x1A2B_3C4D;

const OPT_END: u16 = 0;
const OPT_COMMENT: u16 = 1;
const SHB_USERAPPL: u16 = 4;
const IF_NAME: u16 = 2;
const IF_TSRESOL: u16 = 9;
const EPB_FLAGS: u16 = 2;

/// The capture of one test as a whole file.
///
/// The section's comments say which test it is, what it came to, who was tested with which seed, and the command that repeats it. Those
/// of a packet say which line of the script injected or expected it; a packet that differs carries every field, expected and got.
/// Entries without octets (calls, segments that never came) become comments of the datagram after them; where none follows, of the last.
pub fn capture(record: &Record, run: &RunInfo) -> Vec<u8> {
    file(&run.sut, head(record, run), &record.outcome.trace, Some(record))
}

/// The capture of an exchange that no script judged, e.g. of a finding; `comment` is the section's.
pub fn exchange(interface: &str, comment: &str, trace: &[Entry]) -> Vec<u8> {
    file(interface, vec![comment.to_string()], trace, None)
}

fn file(name: &str, mut section: Vec<String>, trace: &[Entry], record: Option<&Record>) -> Vec<u8> {
    let mut packets: Vec<(&Entry, Vec<String>)> = Vec::new();
    let mut waiting = Vec::new();
    for entry in trace {
        waiting.extend(comments(entry, record));
        if !entry.octets.is_empty() {
            packets.push((entry, std::mem::take(&mut waiting)));
        }
    }
    match packets.last_mut() {
        Some((_, comments)) => comments.extend(waiting.iter().map(|comment| format!("afterwards, {comment}"))),
        None => section.extend(waiting),
    }
    let mut file = Vec::new();
    block(&mut file, SECTION_HEADER, &section_header(&section));
    block(&mut file, INTERFACE_DESCRIPTION, &interface(name));
    for (entry, comments) in packets {
        block(&mut file, ENHANCED_PACKET, &packet(entry, &comments));
    }
    file
}

/// What is to be said of the whole capture.
fn head(record: &Record, run: &RunInfo) -> Vec<String> {
    let version = if run.version.is_empty() { String::new() } else { format!(" {}", run.version) };
    let profile = run.profile.as_ref().map_or(String::new(), |profile| format!(", profile {profile}"));
    vec![
        format!("test {}", record.test),
        format!("{} {}", record.verdict, record.why()).trim_end().to_string(),
        format!("sut {}{version} ({}){profile}, seed {}", run.sut, run.runner, run.seed),
        format!("script {}", record.file),
        format!("again {}", record.again),
    ]
}

fn section_header(comments: &[String]) -> Vec<u8> {
    let mut section = Vec::new();
    section.extend(BYTE_ORDER_MAGIC.to_le_bytes());
    section.extend(1u16.to_le_bytes());
    section.extend(0u16.to_le_bytes());
    section.extend(u64::MAX.to_le_bytes()); // section length unknown
    for comment in comments {
        option(&mut section, OPT_COMMENT, comment.as_bytes());
    }
    option(&mut section, SHB_USERAPPL, concat!("halfopen ", env!("CARGO_PKG_VERSION")).as_bytes());
    option(&mut section, OPT_END, &[]);
    section
}

fn interface(name: &str) -> Vec<u8> {
    let mut interface = Vec::new();
    interface.extend(LINKTYPE_RAW.to_le_bytes());
    interface.extend(0u16.to_le_bytes());
    interface.extend(0u32.to_le_bytes()); // no snapshot limit
    option(&mut interface, IF_NAME, name.as_bytes());
    option(&mut interface, IF_TSRESOL, &[6]); // microseconds
    option(&mut interface, OPT_END, &[]);
    interface
}

/// `line 6: > . 1:1(0) ack 1`, as the script has it; then, where it differs, how.
fn comments(entry: &Entry, record: Option<&Record>) -> Vec<String> {
    let mark = match entry.mark {
        Mark::Ok => "",
        Mark::Expected => " expected, but not seen",
        Mark::Got => " not what the script asks for",
    };
    let fixture =
        entry.file.and_then(|file| record?.fixtures.get(&file)).map_or(String::new(), |name| format!("{name}:"));
    let mismatch = record.and_then(|record| record.outcome.mismatch.as_ref());
    let place = match (entry.line, mismatch.and_then(|mismatch| mismatch.line)) {
        (Some(line), _) => format!("line {fixture}{line}"),
        (None, Some(line)) if entry.mark == Mark::Got => format!("instead of line {line}"),
        (None, _) => "after the script".to_string(),
    };
    let arrow = match entry.lane {
        Lane::Peer => "< ",
        Lane::Stack => "> ",
        Lane::Call | Lane::Note => "",
    };
    let time = if entry.octets.is_empty() { format!(" at {}", text::seconds(entry.at)) } else { String::new() };
    let mut comments = vec![format!("{place}{time}: {arrow}{}{mark}", entry.text)];
    if entry.mark == Mark::Got {
        let fields = mismatch.into_iter().flat_map(|mismatch| &mismatch.fields);
        comments.extend(fields.map(|f| format!("{}: expected {}, got {}", f.field, f.expected, f.got)));
    }
    comments
}

fn packet(entry: &Entry, comments: &[String]) -> Vec<u8> {
    let mut body = Vec::new();
    let at = entry.at.max(0) as u64;
    let len = entry.octets.len() as u32;
    body.extend(0u32.to_le_bytes()); // the only interface
    body.extend(((at >> 32) as u32).to_le_bytes());
    body.extend((at as u32).to_le_bytes());
    body.extend(len.to_le_bytes());
    body.extend(len.to_le_bytes());
    body.extend(&entry.octets);
    pad(&mut body);
    for comment in comments {
        option(&mut body, OPT_COMMENT, comment.as_bytes());
    }
    // Direction as the SUT sees it: 1 inbound, 2 outbound.
    let direction: u32 = match entry.lane {
        Lane::Peer => 1,
        Lane::Stack => 2,
        Lane::Call | Lane::Note => 0,
    };
    option(&mut body, EPB_FLAGS, &direction.to_le_bytes());
    option(&mut body, OPT_END, &[]);
    body
}

/// Type, total length, body, total length again. Every body here is a multiple of four octets long.
fn block(file: &mut Vec<u8>, kind: u32, body: &[u8]) {
    let total = (body.len() + 12) as u32;
    file.extend(kind.to_le_bytes());
    file.extend(total.to_le_bytes());
    file.extend(body);
    file.extend(total.to_le_bytes());
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = &value[..value.len().min(usize::from(u16::MAX))];
    body.extend(code.to_le_bytes());
    body.extend((value.len() as u16).to_le_bytes());
    body.extend(value);
    pad(body);
}

fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}
