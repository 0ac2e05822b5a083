//! A capture as a list of segments in which nothing is left that differs from run to run: sequence numbers count from the first of their
//! direction, ports are numbered as they appear, times and values of timestamps are left out.

use halfopen_engine::packet::tcp::flag;
use halfopen_engine::packet::{Body, Datagram, RawOption, Tcp, options};
use pcap_parser::traits::{PcapNGPacketBlock, PcapReaderIterator};
use pcap_parser::{Block, OptionCode, PcapBlockOwned, PcapError, PcapNGReader};
use std::collections::BTreeMap;

/// Direction as the SUT sees it, in the flags of a packet block.
const INBOUND: u32 = 1;

/// The type of a section header block, which reads the same in both byte orders.
const SECTION: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
/// Its byte-order magic in a file of little-endian numbers.
const LITTLE: [u8; 4] = [0x4d, 0x3c, 0x2b, 0x1a];
/// Octets of a block's type and of its length, which stands at both ends.
const FRAME: u32 = 12;

/// Reads a capture of ours.
///
/// # Errors
/// Octets that are no pcapng file.
pub fn segments(capture: &[u8]) -> Result<Vec<String>, String> {
    framed(capture)?;
    let mut reader = PcapNGReader::new(1 << 16, capture).map_err(|fault| format!("no pcapng file: {fault:?}"))?;
    let mut flows = Flows::default();
    let mut found = Vec::new();
    loop {
        match reader.next() {
            Ok((read, block)) => {
                if let PcapBlockOwned::NG(Block::EnhancedPacket(packet)) = &block {
                    let flags = packet.options.iter().find(|option| option.code == OptionCode(2));
                    let flags =
                        flags.and_then(|option| option.as_bytes().ok()?.try_into().ok()).map(u32::from_le_bytes);
                    found.push(flows.spell(flags == Some(INBOUND), packet.packet_data()));
                }
                reader.consume(read);
            }
            Err(PcapError::Eof) => return Ok(found),
            Err(PcapError::Incomplete(_)) => reader.refill().map_err(|fault| format!("{fault:?}"))?,
            Err(fault) => return Err(format!("no pcapng file: {fault:?}")),
        }
    }
}

/// Walks over the blocks of a capture: pcap-parser 0.17 subtracts the 12 octets of a block's frame from whatever length one has.
fn framed(capture: &[u8]) -> Result<(), String> {
    let word = |at: usize| capture.get(at..)?.first_chunk::<4>().copied();
    let (mut at, mut little) = (0, true);
    while let (Some(kind), Some(length)) = (word(at), word(at + 4)) {
        if kind == SECTION {
            little = word(at + 8) == Some(LITTLE);
        }
        let length = if little { u32::from_le_bytes(length) } else { u32::from_be_bytes(length) };
        if length < FRAME {
            return Err(format!(
                "no pcapng file: the block at octet {at} has {length} octets, its frame alone has {FRAME}"
            ));
        }
        at = at.saturating_add(length as usize).min(capture.len());
    }
    Ok(())
}

/// The flows of a capture, by the ports of the SUT and of its peer.
#[derive(Default)]
struct Flows {
    known: BTreeMap<(u16, u16), Flow>,
}

struct Flow {
    number: usize,
    /// Where sequence numbers count from: those of the peer, those of the SUT.
    first: [Option<u32>; 2],
}

impl Flows {
    /// `< S 0:0(0) win 65535 <mss 1460>`; from the second flow on with its number in front.
    fn spell(&mut self, inbound: bool, octets: &[u8]) -> String {
        let arrow = if inbound { '<' } else { '>' };
        let text = match Datagram::decode(octets) {
            Err(fault) => format!("{fault}"),
            Ok(Datagram { body: Body::Tcp(tcp), .. }) => return self.tcp(arrow, inbound, &tcp),
            Ok(Datagram { body: Body::Udp(udp), .. }) => format!("udp ({})", udp.payload.len()),
            Ok(Datagram { body: Body::Icmp(icmp), .. }) => format!("icmp type {} code {}", icmp.kind, icmp.code),
            Ok(Datagram { body: Body::Other(octets), .. }) => format!("{} octets", octets.len()),
        };
        format!("{arrow} {text}")
    }

    fn tcp(&mut self, arrow: char, inbound: bool, tcp: &Tcp) -> String {
        let ports = if inbound { (tcp.dst_port, tcp.src_port) } else { (tcp.src_port, tcp.dst_port) };
        let number = self.known.len() + 1;
        let flow = self.known.entry(ports).or_insert(Flow { number, first: [None; 2] });
        let (own, other) = if inbound { (0, 1) } else { (1, 0) };
        let seq = tcp.seq.wrapping_sub(*flow.first[own].get_or_insert(tcp.seq));
        let end = seq.wrapping_add(tcp.payload.len() as u32);
        let which = if flow.number > 1 { format!("#{} ", flow.number) } else { String::new() };
        let ack = if tcp.has(flag::ACK) {
            let ack = tcp.ack.wrapping_sub(*flow.first[other].get_or_insert(tcp.ack));
            format!(" ack {ack}")
        } else {
            String::new()
        };
        let options = spelled(&tcp.options, flow.first[other].unwrap_or_default());
        let urgent = if tcp.has(flag::URG) { format!(" urg {}", tcp.urgent) } else { String::new() };
        format!(
            "{arrow} {which}{} {seq}:{end}({}){ack} win {}{urgent}{options}",
            flags(tcp),
            tcp.payload.len(),
            tcp.window
        )
    }
}

fn flags(tcp: &Tcp) -> String {
    let letters = [
        (flag::FIN, 'F'),
        (flag::SYN, 'S'),
        (flag::RST, 'R'),
        (flag::PSH, 'P'),
        (flag::ACK, '.'),
        (flag::URG, 'U'),
        (flag::ECE, 'E'),
        (flag::CWR, 'W'),
        (flag::AE, 'A'),
    ];
    let set: String = letters.iter().filter(|(bit, _)| tcp.has(*bit)).map(|(_, letter)| *letter).collect();
    if set.is_empty() { "-".into() } else { set }
}

/// ` <mss 1460,TS,sack 1:101>`; blocks of SACK count from `acked`.
fn spelled(area: &[u8], acked: u32) -> String {
    let word = |data: &[u8]| data.iter().fold(0u64, |sum, octet| sum << 8 | u64::from(*octet));
    let edges = |data: &[u8]| {
        let relative = |edge: &[u8]| (word(edge) as u32).wrapping_sub(acked);
        let blocks = data.chunks_exact(8).map(|block| format!("{}:{}", relative(&block[..4]), relative(&block[4..])));
        blocks.collect::<Vec<_>>().join(" ")
    };
    let options: Vec<String> = options::iter(area)
        .map(|option| match option {
            RawOption::Eol => "eol".into(),
            RawOption::Nop => "nop".into(),
            RawOption::Known { kind: options::kind::MSS, data } => format!("mss {}", word(data)),
            RawOption::Known { kind: options::kind::WINDOW_SCALE, data } => format!("wscale {}", word(data)),
            RawOption::Known { kind: options::kind::SACK_PERMITTED, .. } => "sackOK".into(),
            RawOption::Known { kind: options::kind::SACK, data } => format!("sack {}", edges(data)),
            RawOption::Known { kind: options::kind::TIMESTAMPS, .. } => "TS".into(),
            RawOption::Known { kind: options::kind::FAST_OPEN, data } => format!("FO ({})", data.len()),
            RawOption::Known { kind, data } => format!("{kind} ({})", data.len()),
            RawOption::Malformed(rest) => format!("malformed ({})", rest.len()),
        })
        .collect();
    if options.is_empty() { String::new() } else { format!(" <{}>", options.join(",")) }
}
