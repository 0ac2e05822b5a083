//! The words of the IP header: what they change before lengths and checksums are filled in, and what they spoil or cut afterwards.

use crate::mapping::Mapping;
use crate::packet::{Body, Datagram, Ip, Ipv4, ipv4};
use crate::stop::Stop;
use halfopen_script::ast::{Ecn, IpWord, Num, Place, Spanned};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Next header of a fragment (RFC 8200 4.5).
const FRAGMENT: u8 = 44;

/// What is done when lengths and checksums are right.
#[derive(Default)]
pub(crate) struct Spoil {
    checksum: bool,
    data_offset: Option<u8>,
    reserved: Option<u8>,
    header_checksum: bool,
    version: Option<u8>,
    header_length: Option<u8>,
    length: Option<u16>,
    /// First octet and end.
    fragment: Option<(usize, Option<usize>)>,
    /// The identification of an IPv6 fragment.
    identification: u32,
}

/// Puts what the words say into a header, and hands back what has to wait.
pub(crate) fn ip_words(ip: &mut Ip, words: &[Spanned<IpWord>], mapping: &Mapping) -> Result<Spoil, Stop> {
    let mut spoil = Spoil::default();
    for word in words {
        ip_word(ip, &word.node, &mut spoil, mapping)?;
    }
    if let (Ip::V6(_), None, true) = (&*ip, spoil.fragment, words.iter().any(|word| matches!(word.node, IpWord::Id(_))))
    {
        return Err(Stop::Unsupported("`id` in IPv6 without `frag`".into()));
    }
    Ok(spoil)
}

fn ip_word(ip: &mut Ip, word: &IpWord, spoil: &mut Spoil, mapping: &Mapping) -> Result<(), Stop> {
    let lacks = |what: &str| Err(Stop::Unsupported(what.into()));
    match word {
        IpWord::Ecn(ecn) => {
            let bits = ecn_bits(*ecn);
            tos(ip, |tos| tos & !3 | bits);
        }
        IpWord::Tos(num) => {
            let value = num.value() as u8;
            tos(ip, |_| value);
        }
        IpWord::Dscp(num) => {
            let value = num.value() as u8;
            tos(ip, |tos| tos & 3 | value << 2);
        }
        IpWord::Ttl(num) => match ip {
            Ip::V4(ip) => ip.ttl = num.value() as u8,
            Ip::V6(ip) => ip.hop_limit = num.value() as u8,
        },
        IpWord::Id(num) => match ip {
            Ip::V4(ip) => ip.id = num.value() as u16,
            Ip::V6(_) => spoil.identification = num.value() as u32,
        },
        IpWord::FlowLabel(num) => match ip {
            Ip::V4(_) => return lacks("`flowlabel` in IPv4"),
            Ip::V6(ip) => ip.flow_label = num.value() as u32,
        },
        IpWord::BadChecksum => spoil.checksum = true,
        IpWord::DataOffset(num) => spoil.data_offset = Some(num.value() as u8),
        IpWord::Reserved(num) => spoil.reserved = Some(num.value() as u8),
        IpWord::Source(place) => readdress(ip, address(*place, mapping)?, true),
        IpWord::Destination(place) => readdress(ip, address(*place, mapping)?, false),
        IpWord::IpOptions(octets) => match ip {
            Ip::V4(ip) => ip.options.clone_from(octets),
            Ip::V6(_) => return lacks("`ipopt` in IPv6"),
        },
        IpWord::Extension { kind, data } => match ip {
            Ip::V4(_) => return lacks("`ext` in IPv4"),
            Ip::V6(ip) => ip.extend(kind.value() as u8, data),
        },
        IpWord::Protocol(num) => match ip {
            Ip::V4(ip) => ip.protocol = num.value() as u8,
            Ip::V6(ip) => ip.carry(num.value() as u8),
        },
        IpWord::Fragment { from, to } => {
            spoil.fragment = Some((from.value() as usize, to.as_ref().map(|to: &Num| to.value() as usize)));
        }
        IpWord::Version(num) => spoil.version = Some(num.value() as u8),
        IpWord::HeaderLength(num) => match ip {
            Ip::V4(_) => spoil.header_length = Some(num.value() as u8),
            Ip::V6(_) => return lacks("`ihl` in IPv6"),
        },
        IpWord::BadHeaderChecksum => match ip {
            Ip::V4(_) => spoil.header_checksum = true,
            Ip::V6(_) => return lacks("`badipsum` in IPv6"),
        },
        IpWord::Length(num) => spoil.length = Some(num.value() as u16),
        IpWord::DontFragment(set) => match ip {
            Ip::V4(ip) => ip.fragment = if *set { ipv4::DONT_FRAGMENT } else { 0 },
            Ip::V6(_) => return lacks("`df` in IPv6"),
        },
    }
    Ok(())
}

/// Puts another address in the place of one of the two.
fn readdress(ip: &mut Ip, address: IpAddr, source: bool) {
    match (ip, address) {
        (Ip::V4(ip), IpAddr::V4(address)) => *(if source { &mut ip.src } else { &mut ip.dst }) = address,
        (Ip::V6(ip), IpAddr::V6(address)) => *(if source { &mut ip.src } else { &mut ip.dst }) = address,
        (Ip::V4(_), IpAddr::V6(_)) | (Ip::V6(_), IpAddr::V4(_)) => unreachable!("a place is of the family of the test"),
    }
}

/// What a place is in the family of the test.
fn address(place: Place, mapping: &Mapping) -> Result<IpAddr, Stop> {
    let IpAddr::V4(local) = mapping.local else {
        return match place {
            Place::Unspecified => Ok(Ipv6Addr::UNSPECIFIED.into()),
            Place::Loopback => Ok(Ipv6Addr::LOCALHOST.into()),
            Place::Multicast => Ok(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1).into()),
            Place::Broadcast => Err(Stop::Unsupported(format!("`{}` in IPv6", place.word()))),
            Place::Own => Ok(mapping.local),
        };
    };
    Ok(IpAddr::V4(match place {
        Place::Unspecified => Ipv4Addr::UNSPECIFIED,
        Place::Loopback => Ipv4Addr::LOCALHOST,
        Place::Multicast => Ipv4Addr::new(224, 0, 0, 1),
        Place::Broadcast => Ipv4Addr::BROADCAST,
        Place::Own => local,
    }))
}

fn tos(ip: &mut Ip, change: impl Fn(u8) -> u8) {
    let field = match ip {
        Ip::V4(ip) => &mut ip.tos,
        Ip::V6(ip) => &mut ip.traffic_class,
    };
    *field = change(*field);
}

/// The ECN field (RFC 3168 5); ECT(0) for either of the two.
pub(crate) fn ecn_bits(ecn: Ecn) -> u8 {
    match ecn {
        Ecn::NoEcn => 0,
        Ecn::Ect1 => 1,
        Ecn::Ect0 | Ecn::Ect01 => 2,
        Ecn::Ce => 3,
    }
}

impl Spoil {
    /// Spoils a complete datagram: the octets that go out.
    pub(crate) fn apply(&self, datagram: &mut Datagram) -> Vec<u8> {
        self.spoil_transport(datagram);
        let mut sent = datagram.clone();
        if let Some((from, to)) = self.fragment {
            self.cut(&mut sent, from, to);
        }
        self.spoil_header(sent)
    }

    fn spoil_transport(&self, datagram: &mut Datagram) {
        if let Body::Tcp(tcp) = &mut datagram.body {
            tcp.data_offset = self.data_offset.unwrap_or(tcp.data_offset);
            tcp.reserved = self.reserved.unwrap_or(tcp.reserved);
        }
        // Reserved bits and data offset are under the checksum, which must be right for the SUT to look at them at all.
        let mut sum = datagram.computed();
        if self.checksum {
            // Neither sum 0 nor its other form 0xffff may come out by accident.
            sum = if sum == 0x5555 { 0x1234 } else { 0x5555 };
        }
        match &mut datagram.body {
            Body::Tcp(tcp) => tcp.checksum = sum,
            Body::Udp(udp) => udp.checksum = sum,
            Body::Icmp(icmp) => icmp.checksum = sum,
            Body::Other(_) => {}
        }
    }

    /// What of the fixed header is wrong. Outer headers, which may not be spoiled, stand before it.
    fn spoil_header(&self, mut datagram: Datagram) -> Vec<u8> {
        match (&mut datagram.ip, self.length) {
            (Ip::V4(ip), Some(length)) => {
                ip.total_len = length;
                ip.checksum = ip.computed();
            }
            (Ip::V6(ip), Some(length)) => ip.payload_len = length,
            (_, None) => {}
        }
        if let (Ip::V4(ip), true) = (&mut datagram.ip, self.header_checksum) {
            ip.checksum ^= 0x5555;
        }
        let mut octets = datagram.encode();
        let at = octets.len() - datagram.octets();
        if let Some(version) = self.version {
            octets[at] = octets[at] & 0x0f | version << 4;
        }
        if let Some(words) = self.header_length {
            octets[at] = octets[at] & 0xf0 | words;
        }
        if let (Ip::V4(_), true) = (&datagram.ip, self.version.is_some() || self.header_length.is_some()) {
            // The sum is right over what the header is, so that nothing but the field is wrong.
            let header = &mut octets[at..at + datagram.ip.header_len()];
            let sum = Ipv4::checksum_of(header) ^ if self.header_checksum { 0x5555 } else { 0 };
            header[10..12].copy_from_slice(&sum.to_be_bytes());
        }
        octets
    }

    /// Leaves of what the datagram carries the octets from `from` up to `to`, as a fragment (RFC 791 3.2, RFC 8200 4.5).
    fn cut(&self, datagram: &mut Datagram, from: usize, to: Option<usize>) {
        let whole = datagram.body.encode();
        let end = to.unwrap_or(whole.len()).min(whole.len());
        let piece = whole[from.min(end)..end].to_vec();
        let (offset, more) = (from as u16, end < whole.len());
        match &mut datagram.ip {
            Ip::V4(ip) => {
                ip.fragment = if more { ipv4::MORE_FRAGMENTS } else { 0 } | (offset / 8);
                ip.complete(piece.len());
            }
            Ip::V6(ip) => {
                let [a, b] = (offset | u16::from(more)).to_be_bytes();
                let [c, d, e, f] = self.identification.to_be_bytes();
                let carried = ip.carried();
                ip.append(FRAGMENT, &[carried, 0, a, b, c, d, e, f]);
                ip.payload_len = (ip.extensions.len() + piece.len()) as u16;
            }
        }
        datagram.body = Body::Other(piece);
    }
}
