//! Captures in pcapng, written by hand: one section, one raw-IP interface, one enhanced packet block per datagram with
//! the script's notation as its comment (draft-ietf-opsawg-pcapng, sections 4.1, 4.2, 4.3 and 3.5).
//!
//! Little-endian on every host, so that equal runs give equal files.

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

/// What stands at the head of a capture.
#[derive(Debug, Clone, Copy)]
pub struct Title<'a> {
    /// Name of the interface: who was tested.
    pub interface: &'a str,
    /// Comment of the section: test id and verdict.
    pub comment: &'a str,
}

/// The capture of one exchange as a whole file. Entries without octets (calls, segments that never came) become comments
/// of the datagram after them, or are left out when none follows.
pub fn capture(title: Title<'_>, trace: &[Entry]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut section = Vec::new();
    section.extend(BYTE_ORDER_MAGIC.to_le_bytes());
    section.extend(1u16.to_le_bytes());
    section.extend(0u16.to_le_bytes());
    section.extend(u64::MAX.to_le_bytes()); // section length unknown
    option(&mut section, OPT_COMMENT, title.comment.as_bytes());
    option(&mut section, SHB_USERAPPL, concat!("halfopen ", env!("CARGO_PKG_VERSION")).as_bytes());
    option(&mut section, OPT_END, &[]);
    block(&mut file, SECTION_HEADER, &section);

    let mut interface = Vec::new();
    interface.extend(LINKTYPE_RAW.to_le_bytes());
    interface.extend(0u16.to_le_bytes());
    interface.extend(0u32.to_le_bytes()); // no snapshot limit
    option(&mut interface, IF_NAME, title.interface.as_bytes());
    option(&mut interface, IF_TSRESOL, &[6]); // microseconds
    option(&mut interface, OPT_END, &[]);
    block(&mut file, INTERFACE_DESCRIPTION, &interface);

    let mut comments = Vec::new();
    for entry in trace {
        comments.push(comment(entry));
        if !entry.octets.is_empty() {
            block(&mut file, ENHANCED_PACKET, &packet(entry, &comments));
            comments.clear();
        }
    }
    file
}

/// `line 6: > . 1:1(0) ack 1`, as the script has it.
fn comment(entry: &Entry) -> String {
    let mark = match entry.mark {
        Mark::Ok => "",
        Mark::Expected => " expected, but not seen",
        Mark::Got => " not what the script asks for",
    };
    let place = entry.line.map_or("after the script".to_string(), |line| format!("line {line}"));
    let arrow = match entry.lane {
        Lane::Peer => "< ",
        Lane::Stack => "> ",
        Lane::Call | Lane::Note => "",
    };
    let time = if entry.octets.is_empty() { format!(" at {}", text::seconds(entry.at)) } else { String::new() };
    format!("{place}{time}: {arrow}{}{mark}", entry.text)
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
