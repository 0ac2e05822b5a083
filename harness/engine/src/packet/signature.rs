//! Signatures of segments (RFC 2385): an MD5 digest over pseudo-header, header without options and with a checksum of zero, text and
//! key, in an option of its own.

use super::{Body, Datagram, Ip, options, protocol};
use md5::{Digest, Md5};

/// Octets of the digest.
const DIGEST: usize = 16;

impl Datagram {
    /// The digest that a segment signed with `key` has; `None` for what is no TCP segment.
    pub fn signature(&self, key: &[u8]) -> Option<[u8; DIGEST]> {
        let Body::Tcp(tcp) = &self.body else { return None };
        let len = self.body.len();
        let mut md5 = Md5::new();
        match &self.ip {
            Ip::V4(ip) => {
                md5.update(ip.src.octets());
                md5.update(ip.dst.octets());
                md5.update([0, protocol::TCP]);
                md5.update((len as u16).to_be_bytes());
            }
            Ip::V6(ip) => {
                md5.update(ip.src.octets());
                md5.update(ip.dst.octets());
                md5.update((len as u32).to_be_bytes());
                md5.update([0, 0, 0, protocol::TCP]);
            }
        }
        md5.update(tcp.fixed(0));
        md5.update(&tcp.payload);
        md5.update(key);
        Some(md5.finalize().into())
    }

    /// Puts the digest into each signature option of a datagram that is otherwise complete.
    pub fn sign(&mut self, key: &[u8]) {
        let Some(digest) = self.signature(key) else { return };
        let Body::Tcp(tcp) = &mut self.body else { return };
        let mut at = 0;
        while let Some(kind) = tcp.options.get(at).copied() {
            let len = match kind {
                0 => break,
                1 => 1,
                _ => tcp.options.get(at + 1).map_or(0, |len| usize::from(*len)),
            };
            if len == 0 || at + len > tcp.options.len() {
                break;
            }
            if kind == options::kind::MD5 && len == 2 + DIGEST {
                tcp.options[at + 2..at + len].copy_from_slice(&digest);
            }
            at += len;
        }
        self.complete();
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Ipv4, Ipv6, Tcp};
    use super::*;

    /// The digest of octets laid out by hand.
    fn by_hand(octets: &[u8]) -> [u8; DIGEST] {
        Md5::digest(octets).into()
    }

    fn segment() -> Tcp {
        let options = [&[1, 1, 19, 18][..], &[0; 16]].concat();
        Tcp {
            src_port: 1,
            dst_port: 2,
            seq: 3,
            ack: 4,
            flags: 0x18,
            window: 5,
            options,
            payload: vec![7, 8],
            ..Tcp::default()
        }
    }

    #[test]
    fn digest_is_over_what_rfc_2385_lists() {
        // Header: ports, SEQ, ACK, offset 10 and flags, window, no checksum, no urgent pointer; then text and key.
        let rest = [&[0, 1, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0xa0, 0x18, 0, 5, 0, 0, 0, 0][..], &[7, 8], b"key"].concat();
        let (a, b) = ([10, 0, 0, 1], [10, 0, 0, 2]);
        let ip = Ip::V4(Ipv4::new(a.into(), b.into(), protocol::TCP));
        let mut v4 = Datagram { ip, body: Body::Tcp(segment()), trailer: vec![], outer: vec![] };
        v4.complete();
        v4.sign(b"key");
        let expected = by_hand(&[&a[..], &b, &[0, 6, 0, 42], &rest].concat());
        let Body::Tcp(signed) = &v4.body else { unreachable!() };
        assert_eq!(signed.options[4..20], expected);
        assert_eq!((signed.checksum, v4.signature(b"key")), (v4.computed(), Some(expected)));

        let (a, b) = ([1_u8; 16], [2_u8; 16]);
        let ip = Ip::V6(Ipv6::new(a.into(), b.into(), protocol::TCP));
        let mut v6 = Datagram { ip, body: Body::Tcp(segment()), trailer: vec![], outer: vec![] };
        v6.complete();
        v6.sign(b"key");
        let expected = by_hand(&[&a[..], &b, &[0, 0, 0, 42, 0, 0, 0, 6], &rest].concat());
        let Body::Tcp(signed) = &v6.body else { unreachable!() };
        assert_eq!(signed.options[4..20], expected);
    }
}
