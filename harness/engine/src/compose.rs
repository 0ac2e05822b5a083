//! From a script line to a live datagram for the SUT.

use crate::ip_words::ip_words;
use crate::mapping::{Mapping, offset, script_ports};
use crate::packet::outer::{BOTTOM, Gre, gre};
use crate::packet::{Body, Datagram, Icmp, Ip, Ipv4, Ipv6, Layer, Tcp, Udp, protocol, tcp::flag};
use crate::pattern::{self, Stream};
use crate::stop::Stop;
use crate::tcp_options;
use halfopen_script::ast::{
    self, Echoed, FlagSet, MplsEntry, Num, Numbers, Options, Outer, Packet, Spanned, TcpOption,
};
use halfopen_script::symbols;
use std::net::IpAddr;

/// A datagram to inject.
pub(crate) struct Composed {
    /// As it is before its header is spoilt and a fragment cut out.
    pub(crate) datagram: Datagram,
    /// What goes to the SUT.
    pub(crate) octets: Vec<u8>,
    /// The connection it belongs to.
    pub(crate) connection: Option<usize>,
    /// Offset of the urgent octet in the stream, by the pointer's older and its present meaning (RFC 6093).
    pub(crate) urgent: Option<[u64; 2]>,
}

/// Octets of the quoted transport header in an ICMP error (RFC 792).
const QUOTED: usize = 8;

/// Makes the datagram that a line asks for.
pub(crate) fn compose(mapping: &mut Mapping, packet: &Packet) -> Result<Composed, Stop> {
    runnable(packet)?;
    let (body, connection, urgent) = match &packet.body {
        ast::Body::Tcp(tcp) => {
            let index = mapping.inbound(script_ports(tcp), tcp.flags.node.set().syn && !tcp.flags.node.set().ack);
            let segment = segment(mapping, index, tcp)?;
            let urgent = segment.has(flag::URG).then(|| {
                let last = stream_offset(tcp).wrapping_add(u32::from(segment.urgent));
                [u64::from(last.wrapping_sub(1)), u64::from(last)]
            });
            (Body::Tcp(segment), Some(index), urgent)
        }
        ast::Body::Udp { ports, len } => {
            let (src_port, dst_port) = mapping.udp.inbound(udp_ports(ports.as_ref()));
            let len = len.value() as usize;
            let payload = pattern::fill(Stream::ToStack, mapping.udp.received(dst_port, len), len);
            (Body::Udp(Udp { src_port, dst_port, payload, ..Udp::default() }), None, None)
        }
        ast::Body::Icmp(icmp) => {
            let message = message(mapping, icmp)?;
            if message.rest > 0 && icmp.mtu.is_some() {
                mapping.path_mtu = mapping.path_mtu.min(message.rest);
            }
            (Body::Icmp(message), None, None)
        }
    };
    let mut datagram =
        Datagram { ip: header(mapping.remote, mapping.local, &body), body, trailer: Vec::new(), outer: Vec::new() };
    let spoil = ip_words(&mut datagram.ip, &packet.ip, mapping)?;
    datagram.outer = layers(&packet.outer, mapping)?;
    datagram.complete();
    if let ast::Body::Tcp(tcp) = &packet.body
        && is_signed(&tcp.options)
    {
        let key = mapping.md5_secret.as_ref().ok_or_else(no_key)?;
        datagram.sign(key);
    }
    let octets = spoil.apply(&mut datagram);
    Ok(Composed { datagram, octets, connection, urgent })
}

/// Refuses what no packet of the harness and of the SUTs has yet, by its word.
pub(crate) fn runnable(packet: &Packet) -> Result<(), Stop> {
    // The link to the SUT carries IP and nothing else.
    match packet.outer.first().map(|layer| &layer.node) {
        Some(Outer::Gre(_)) => return Err(Stop::Unsupported("`gre` without an IP header around it".into())),
        Some(Outer::Mpls(_)) => return Err(Stop::Unsupported("`mpls` without an IP header around it".into())),
        Some(Outer::Ip { .. }) | None => {}
    }
    if packet.psp.is_some() {
        return Err(Stop::Unsupported("`encap psp`".into()));
    }
    if packet.under_udp.is_some() {
        return Err(Stop::Unsupported("`/udp`, TCP in UDP".into()));
    }
    Ok(())
}

/// Whether a list has `md5 valid`.
pub(crate) fn is_signed(options: &Options) -> bool {
    let Options::List(list) = options else { return false };
    list.iter().any(|option| matches!(option.node, TcpOption::Md5Valid))
}

pub(crate) fn no_key() -> Stop {
    Stop::Error("`md5 valid` needs a key: `--tcp_md5_secret=KEY`".into())
}

/// The headers around a datagram.
fn layers(outer: &[Spanned<Outer>], mapping: &Mapping) -> Result<Vec<Layer>, Stop> {
    let layer = |outer: &Spanned<Outer>| match &outer.node {
        Outer::Ip { words, src, dst } => {
            let mut ip = header(*src, *dst, &Body::Other(Vec::new()));
            ip_words(&mut ip, words, mapping)?;
            Ok(Layer::Ip(ip))
        }
        Outer::Gre(None) => Ok(Layer::Gre(Gre::default())),
        Outer::Gre(Some(fields)) => {
            let flags = fields.flags.value() as u16;
            let when = |flag: u16, num: &Num| if flags & flag != 0 { num.value() as u32 } else { 0 };
            Ok(Layer::Gre(Gre {
                flags,
                protocol: 0,
                checksum: when(gre::CHECKSUM, &fields.sum) as u16,
                offset: when(gre::CHECKSUM, &fields.off) as u16,
                key: when(gre::KEY, &fields.key),
                seq: when(gre::SEQUENCE, &fields.seq),
            }))
        }
        Outer::Mpls(stack) => {
            let entry = |entry: &MplsEntry| {
                let (label, tc, ttl) = (entry.label.value() as u32, entry.tc.value() as u32, entry.ttl.value() as u32);
                label << 12 | tc << 9 | if entry.bottom { BOTTOM } else { 0 } | ttl
            };
            Ok(Layer::Mpls(stack.iter().map(entry).collect()))
        }
    };
    outer.iter().map(layer).collect()
}

/// An IP header without length and checksum.
pub(crate) fn header(src: IpAddr, dst: IpAddr, body: &Body) -> Ip {
    let number = |v6: bool| match body {
        Body::Tcp(_) | Body::Other(_) => protocol::TCP,
        Body::Udp(_) => protocol::UDP,
        Body::Icmp(_) if v6 => protocol::ICMPV6,
        Body::Icmp(_) => protocol::ICMP,
    };
    match (src, dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => Ip::V4(Ipv4::new(src, dst, number(false))),
        (IpAddr::V6(src), IpAddr::V6(dst)) => Ip::V6(Ipv6::new(src, dst, number(true))),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => {
            unreachable!("the plan has both addresses of one family")
        }
    }
}

/// Stream offset of the first octet of text: the first octet after the SYN is number 1.
fn stream_offset(tcp: &ast::Tcp) -> u32 {
    // Numbers of a SYN are absolute, but its text is the beginning of the stream.
    if tcp.flags.node.set().syn { 0 } else { (tcp.seq.value() as u32).wrapping_sub(1) }
}

fn segment(mapping: &Mapping, index: usize, tcp: &ast::Tcp) -> Result<Tcp, Stop> {
    let connection = mapping.connection(index);
    let set = tcp.flags.node.set();
    // The number of a SYN is absolute on the harness's side, whichever incarnation it belongs to.
    let to_remote = if set.syn || tcp.numbers == Numbers::Absolute { 0 } else { offset(connection.remote, false) };
    let to_local = offset(connection.local, set.syn);
    let echo = |script: u32| {
        // Without ACK the field has no meaning (RFC 7323 3.2), and 0 is what stands in it.
        if !set.ack || script == 0 && connection.stamps.echo(0, mapping.ts_ecr_scaled).is_err() {
            return Ok(script);
        }
        connection.stamps.echo(script, mapping.ts_ecr_scaled).map_err(Stop::Error)
    };
    let options = tcp_options::encode(&tcp.options, |edge| edge.wrapping_add(to_local), echo)?;
    let ack = tcp.ack.as_ref().map_or(0, |ack| (ack.value() as u32).wrapping_add(to_local));
    Ok(Tcp {
        src_port: connection.live_remote,
        dst_port: connection.live_local,
        seq: (tcp.seq.value() as u32).wrapping_add(to_remote),
        ack,
        flags: flags(set),
        window: tcp.win.as_ref().map_or(0, |win| win.value() as u16),
        urgent: tcp.urg.as_ref().map_or(0, |urg| urg.value() as u16),
        options,
        payload: pattern::fill(Stream::ToStack, u64::from(stream_offset(tcp)), tcp.len.value() as usize),
        ..Tcp::default()
    })
}

/// Control bits as on the wire.
pub(crate) fn flags(set: FlagSet) -> u16 {
    let ace = set.ace.map_or(0, u16::from);
    let bits = [
        (set.fin, flag::FIN),
        (set.syn, flag::SYN),
        (set.rst, flag::RST),
        (set.psh, flag::PSH),
        (set.ack, flag::ACK),
        (set.urg, flag::URG),
        (set.ece || ace & 1 != 0, flag::ECE),
        (set.cwr || ace & 2 != 0, flag::CWR),
        (set.ae || ace & 4 != 0, flag::AE),
    ];
    bits.iter().filter(|(set, _)| *set).fold(0, |all, (_, bit)| all | bit)
}

/// An ICMP message: an echo, or an error about a segment of the connection under test or about a datagram with its ports.
fn message(mapping: &Mapping, icmp: &ast::Icmp) -> Result<Icmp, Stop> {
    let (kind, code) = kind_and_code(mapping.local.is_ipv6(), icmp)?;
    let mtu = icmp.mtu.as_ref().map_or(0, |mtu| mtu.value() as u32);
    if is_echo(mapping.local.is_ipv6(), kind) {
        let id = icmp.id.as_ref().map_or(0, |id| id.value() as u32);
        return Ok(Icmp { kind, code, checksum: 0, rest: id << 16, body: Vec::new() });
    }
    let connection = mapping.under_test();
    let (src_port, dst_port) = (connection.live_local, connection.live_remote);
    let segment = |seq: u32, len: usize| {
        let seq = seq.wrapping_add(offset(connection.local, false));
        Body::Tcp(Tcp { src_port, dst_port, seq, payload: vec![0; len], ..Tcp::default() })
    };
    let body = match &icmp.echoed {
        None => segment(0, 0),
        Some(Echoed::Tcp { under_udp: Some(_), .. }) => return Err(Stop::Unsupported("`/udp`, TCP in UDP".into())),
        Some(Echoed::Tcp { seq, len, .. }) => segment(seq.value() as u32, len.value() as usize),
        Some(Echoed::Udp(len)) => {
            let (src_port, dst_port) = mapping.udp.flow().unwrap_or((src_port, dst_port));
            let payload = vec![0; len.value() as usize];
            Body::Udp(Udp { src_port, dst_port, payload, ..Udp::default() })
        }
        Some(Echoed::Raw(len)) => Body::Other(vec![0; len.value() as usize]),
    };
    let raw = matches!(body, Body::Other(_));
    let mut about =
        Datagram { ip: header(mapping.local, mapping.remote, &body), body, trailer: Vec::new(), outer: Vec::new() };
    match &mut about.ip {
        Ip::V4(ip) if raw => ip.protocol = protocol::RESERVED,
        Ip::V6(ip) if raw => ip.next_header = protocol::RESERVED,
        Ip::V4(_) | Ip::V6(_) => {}
    }
    about.complete();
    let mut quotation = about.encode();
    quotation.truncate(about.ip.header_len() + QUOTED);
    Ok(Icmp { kind, code, checksum: 0, rest: mtu, body: quotation })
}

/// Echo request or reply (RFC 792, RFC 4443 4).
pub(crate) fn is_echo(v6: bool, kind: u8) -> bool {
    if v6 { matches!(kind, 128 | 129) } else { matches!(kind, 0 | 8) }
}

/// Type and code that the words of a line mean.
pub(crate) fn kind_and_code(v6: bool, icmp: &ast::Icmp) -> Result<(u8, u8), Stop> {
    let code = icmp.code.as_ref().map(|code| code.node.as_str());
    symbols::icmp(v6, &icmp.kind.node, code).map_err(|(word, _)| {
        let version = if v6 { "ICMPv6" } else { "ICMP" };
        Stop::Unsupported(format!("`{word}`, which {version} does not have"))
    })
}

/// Source and destination as written.
pub(crate) fn udp_ports(ports: Option<&(Num, Num)>) -> Option<(u16, u16)> {
    ports.map(|(source, destination)| (source.value() as u16, destination.value() as u16))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::bare;

    #[test]
    fn words_that_a_family_does_not_have_are_unsupported() {
        let icmp = |kind: &str| ast::Icmp { kind: bare(kind.into()), code: None, mtu: None, id: None, echoed: None };
        assert_eq!(kind_and_code(false, &icmp("source_quench")), Ok((4, 0)));
        let Err(Stop::Unsupported(why)) = kind_and_code(true, &icmp("source_quench")) else {
            panic!("ICMPv6 has none")
        };
        assert!(why.contains("source_quench"), "{why}");
    }
}
