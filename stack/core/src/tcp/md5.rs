//! Signatures of segments (RFC 2385): one key for each local port and peer. RFC 5925 obsoletes them; who needs them has no
//! other choice.
//!
//! Keys are checked where segments enter the stack and signatures made where they leave, so that resets, which belong to no
//! connection, are signed like the rest. A key is of a local port and a peer, not of one socket: what a listener closes
//! down behind it goes on with its keys, until another socket takes the port with keys of its own, or without.

use crate::host::Fx;
use crate::rules;
use crate::wire::ip::PROTOCOL_TCP;
use crate::wire::tcp::{self, HEADER, Segment};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::IpAddr;
use md5::{Digest, Md5};

/// Octets of the option with its padding.
pub(crate) const OCTETS: u32 = 20;

/// Longest key, as in Linux.
pub(crate) const MOST_KEY: usize = 80;

/// Keys by local port and peer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keys(BTreeMap<(u16, IpAddr), Vec<u8>>);

impl Keys {
    /// Sets a key; an empty one removes it.
    pub(crate) fn set(&mut self, port: u16, peer: IpAddr, key: &[u8]) {
        if key.is_empty() {
            self.0.remove(&(port, peer));
        } else {
            self.0.insert((port, peer), key.to_vec());
        }
    }

    /// Removes every key of a port.
    pub(crate) fn clear(&mut self, port: u16) {
        self.0.retain(|(of, _), _| *of != port);
    }

    pub(crate) fn get(&self, port: u16, peer: IpAddr) -> Option<&[u8]> {
        // Hardly any stack has keys: no search then.
        if self.0.is_empty() { None } else { self.0.get(&(port, peer)).map(Vec::as_slice) }
    }
}

/// The digest of RFC 2385 2.0: pseudo-header, header without options and with checksum zero, text, key.
fn digest(src: IpAddr, dst: IpAddr, header: &[u8; HEADER], length: usize, text: [&[u8]; 2], key: &[u8]) -> [u8; 16] {
    let mut md5 = Md5::new();
    match (src, dst) {
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            md5.update(src.octets());
            md5.update(dst.octets());
            md5.update((length as u32).to_be_bytes());
            md5.update([0, 0, 0, PROTOCOL_TCP]);
        }
        (src, dst) => {
            for address in [src, dst] {
                if let IpAddr::V4(v4) = address {
                    md5.update(v4.octets());
                }
            }
            md5.update([0, PROTOCOL_TCP]);
            md5.update((length as u16).to_be_bytes());
        }
    }
    md5.update(header);
    md5.update(text[0]);
    md5.update(text[1]);
    md5.update(key);
    md5.finalize().into()
}

/// A segment that leaves, signed with the key that its port has for the peer.
pub(crate) fn signed<'a>(key: &[u8], src: IpAddr, dst: IpAddr, segment: &Segment<'a>, tail: &[u8]) -> Segment<'a> {
    let mut segment = *segment;
    segment.options.md5 = Some([0; 16]);
    let options = segment.options.octets();
    let length = HEADER + options + segment.payload.len() + tail.len();
    let header = tcp::fixed_header(&segment, options);
    segment.options.md5 = Some(digest(src, dst, &header, length, [segment.payload, tail], key));
    segment
}

/// Whether a segment may enter: signed right where there is a key, and not signed where there is none. What may not is
/// dropped without a word (RFC 2385 2.0). `octets`: the whole segment as it came.
pub(crate) fn admits(src: IpAddr, dst: IpAddr, segment: &Segment<'_>, octets: &[u8], fx: &mut Fx<'_>) -> bool {
    let Some(key) = fx.host.md5_keys.get(segment.dst_port, src) else {
        let unexpected = segment.options.md5.is_some();
        if unexpected {
            fx.host.counters.tcp_md5_unexpected += 1;
        }
        return !unexpected;
    };
    let Some(claimed) = segment.options.md5 else {
        fx.cite(rules::MD5_MISSING);
        fx.host.counters.tcp_md5_not_found += 1;
        return false;
    };
    let mut header = [0; HEADER];
    header.copy_from_slice(&octets[..HEADER]);
    header[16..18].fill(0);
    let right = digest(src, dst, &header, octets.len(), [segment.payload, &[]], key) == claimed;
    if !right {
        fx.cite(rules::MD5_WRONG);
        fx.host.counters.tcp_md5_failure += 1;
    }
    right
}
