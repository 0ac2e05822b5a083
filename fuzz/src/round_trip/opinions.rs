//! What four codecs read from the same octets, in words that all four have.

use etherparse::{NetSlice, SlicedPacket, TcpOptionElement, TransportSlice};
use halfopen_stack::wire::{ip, tcp};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{IpAddress, Ipv4Packet, Ipv6Packet, TcpControl, TcpPacket, TcpRepr};
use std::net::IpAddr;

/// A segment, as far as all can say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) ports: (u16, u16),
    pub(super) seq: u32,
    pub(super) ack: u32,
    /// AE highest.
    pub(super) flags: u16,
    pub(super) window: u16,
    pub(super) urgent: u16,
    pub(super) options: Options,
    pub(super) text: Vec<u8>,
}

/// Options that all know.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Options {
    pub(super) mss: Option<u16>,
    pub(super) scale: Option<u8>,
    pub(super) sack_permitted: bool,
    pub(super) timestamps: Option<(u32, u32)>,
    pub(super) sack: Vec<(u32, u32)>,
    /// Something in the list was refused.
    pub(super) illegal: bool,
}

/// The stack's.
pub(super) fn stack(octets: &[u8]) -> Result<Read, String> {
    let datagram = ip::parse(octets).map_err(|fault| fault.to_string())?;
    let segment = tcp::parse(datagram.src, datagram.dst, datagram.payload).map_err(|fault| fault.to_string())?;
    let options = &segment.options;
    Ok(Read {
        ports: (segment.src_port, segment.dst_port),
        seq: segment.seq.0,
        ack: segment.ack.0,
        flags: segment.flags.bits(),
        window: segment.window,
        urgent: segment.urgent,
        options: Options {
            mss: options.mss,
            scale: options.window_scale,
            sack_permitted: options.sack_permitted,
            timestamps: options.timestamps.map(|timestamps| (timestamps.val, timestamps.ecr)),
            sack: options.sack.iter().map(|block| (block.left.0, block.right.0)).collect(),
            illegal: options.illegal,
        },
        text: segment.payload.to_vec(),
    })
}

/// etherparse's.
pub(super) fn etherparse(octets: &[u8]) -> Result<Read, String> {
    let packet = SlicedPacket::from_ip(octets).map_err(|error| error.to_string())?;
    let Some(TransportSlice::Tcp(tcp)) = &packet.transport else { return Err("no segment".into()) };
    let checksum = match packet.net.as_ref().ok_or("no network layer")? {
        NetSlice::Ipv4(v4) => tcp.calc_checksum_ipv4(v4.header().source(), v4.header().destination()),
        NetSlice::Ipv6(v6) => tcp.calc_checksum_ipv6(v6.header().source(), v6.header().destination()),
        NetSlice::Arp(_) => return Err("ARP".into()),
    };
    if checksum.map_err(|error| error.to_string())? != tcp.checksum() {
        return Err("checksum".into());
    }
    let mut options = Options::default();
    for option in tcp.options_iterator() {
        match option {
            Ok(TcpOptionElement::Noop) => {}
            Ok(TcpOptionElement::MaximumSegmentSize(mss)) => options.mss = Some(mss),
            Ok(TcpOptionElement::WindowScale(shift)) => options.scale = Some(shift),
            Ok(TcpOptionElement::SelectiveAcknowledgementPermitted) => options.sack_permitted = true,
            Ok(TcpOptionElement::Timestamp(val, ecr)) => options.timestamps = Some((val, ecr)),
            Ok(TcpOptionElement::SelectiveAcknowledgement(first, rest)) => {
                options.sack = [first].into_iter().chain(rest.into_iter().flatten()).collect();
            }
            Err(_) => options.illegal = true,
        }
    }
    let bits = [tcp.fin(), tcp.syn(), tcp.rst(), tcp.psh(), tcp.ack(), tcp.urg(), tcp.ece(), tcp.cwr(), tcp.ns()];
    Ok(Read {
        ports: (tcp.source_port(), tcp.destination_port()),
        seq: tcp.sequence_number(),
        ack: tcp.acknowledgment_number(),
        flags: bits.iter().enumerate().map(|(bit, set)| u16::from(*set) << bit).sum(),
        window: tcp.window_size(),
        urgent: tcp.urgent_pointer(),
        options,
        text: tcp.payload().to_vec(),
    })
}

/// smoltcp's: the packet that shows the fields, and the segment as its socket would get it.
pub(super) fn smoltcp(octets: &[u8]) -> Result<Read, String> {
    let refused = |_| "refused".to_string();
    let (payload, from, to): (&[u8], IpAddr, IpAddr) = if octets[0] >> 4 == 4 {
        let packet = Ipv4Packet::new_checked(octets).map_err(refused)?;
        if !packet.verify_checksum() {
            return Err("header checksum".into());
        }
        (packet.payload(), packet.src_addr().into(), packet.dst_addr().into())
    } else {
        let packet = Ipv6Packet::new_checked(octets).map_err(refused)?;
        (packet.payload(), packet.src_addr().into(), packet.dst_addr().into())
    };
    let packet = TcpPacket::new_checked(payload).map_err(refused)?;
    let (from, to) = (IpAddress::from(from), IpAddress::from(to));
    let repr = TcpRepr::parse(&packet, &from, &to, &ChecksumCapabilities::default()).map_err(refused)?;
    let bits = [
        packet.fin(),
        packet.syn(),
        packet.rst(),
        packet.psh(),
        packet.ack(),
        packet.urg(),
        packet.ece(),
        packet.cwr(),
        packet.ns(),
    ];
    assert_eq!(repr.control == TcpControl::Syn, packet.syn(), "smoltcp's own two views");
    Ok(Read {
        ports: (repr.src_port, repr.dst_port),
        seq: packet.seq_number().0.cast_unsigned(),
        ack: packet.ack_number().0.cast_unsigned(),
        flags: bits.iter().enumerate().map(|(bit, set)| u16::from(*set) << bit).sum(),
        window: repr.window_len,
        urgent: packet.urgent_at(),
        options: Options {
            mss: repr.max_seg_size,
            scale: repr.window_scale,
            sack_permitted: repr.sack_permitted,
            timestamps: repr.timestamp.map(|stamps| (stamps.tsval, stamps.tsecr)),
            sack: repr.sack_ranges.into_iter().flatten().collect(),
            illegal: false,
        },
        text: repr.payload.to_vec(),
    })
}
