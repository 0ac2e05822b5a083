//! Initial sequence numbers (RFC 9293 3.4.1, RFC 6528): `ISN = M + F(local, remote, secret)`.

use crate::host::Host;
use crate::random::Random;
use crate::seq::SeqNum;
use crate::time::Instant;
use core::hash::Hasher;
use core::net::{IpAddr, SocketAddr};
use siphasher::sip::SipHasher24;

/// Key of the pseudorandom function, drawn once per stack.
#[derive(Debug, Clone)]
pub(crate) struct Secret(u64, u64);

impl Secret {
    pub(crate) const fn draw(random: &mut Random) -> Self {
        Self(random.next_u64(), random.next_u64())
    }

    /// F of a four-tuple. `label` separates uses of one secret.
    pub(crate) fn hash(&self, label: u8, local: SocketAddr, remote: SocketAddr) -> u64 {
        let mut hasher = SipHasher24::new_with_keys(self.0, self.1);
        hasher.write_u8(label);
        finish(hasher, local, remote)
    }

    /// F of a four-tuple and a number.
    pub(crate) fn hash_with(&self, number: u64, local: SocketAddr, remote: SocketAddr) -> u64 {
        let mut hasher = SipHasher24::new_with_keys(self.0, self.1);
        hasher.write_u64(number);
        finish(hasher, local, remote)
    }
}

fn finish(mut hasher: SipHasher24, local: SocketAddr, remote: SocketAddr) -> u64 {
    for socket in [local, remote] {
        match socket.ip() {
            IpAddr::V4(v4) => hasher.write(&v4.octets()),
            IpAddr::V6(v6) => hasher.write(&v6.octets()),
        }
        hasher.write(&socket.port().to_be_bytes());
    }
    hasher.finish()
}

/// Label of ISNs in [`Secret::hash`].
const ISN: u8 = 0;
/// Label of flow labels in [`Secret::hash`].
const FLOW: u8 = 2;
/// Label of timestamp offsets in [`Secret::hash`].
const TIMESTAMP: u8 = 1;

/// The initial sequence number of a connection that is opened now. M is a clock of one unit per 4 microseconds.
pub(crate) fn initial_sequence_number(secret: &Secret, local: SocketAddr, remote: SocketAddr, now: Instant) -> SeqNum {
    let m = (now.micros() / 4) as u32;
    SeqNum(m.wrapping_add(secret.hash(ISN, local, remote) as u32))
}

/// Where a connection's timestamp clock starts, so that it tells nothing of the host's uptime (RFC 7323 5.4, 7). The
/// same for each connection of a tuple, which RFC 6191 needs; and for all connections of two hosts, if so configured: what one host
/// sees of the clock is monotonic then.
pub(crate) fn timestamp_offset(host: &Host, local: SocketAddr, remote: SocketAddr) -> u32 {
    let shared = host.config.timestamp_offset_of_host;
    let of = |socket: SocketAddr| if shared { SocketAddr::new(socket.ip(), 0) } else { socket };
    host.isn_secret.hash(TIMESTAMP, of(local), of(remote)) as u32
}

/// A connection's IPv6 flow label (RFC 6437 3): the same for all its datagrams, and never 0 if there is to be one.
pub(crate) fn flow_label(host: &Host, local: SocketAddr, remote: SocketAddr) -> u32 {
    if remote.is_ipv4() || host.config.auto_flowlabels == 0 {
        return 0;
    }
    (host.isn_secret.hash(FLOW, local, remote) as u32 & 0xf_ffff).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    #[test]
    fn one_tuple_advances_one_unit_per_4_microseconds() {
        let secret = Secret::draw(&mut Random::new(1));
        let at = |micros| initial_sequence_number(&secret, socket(1), socket(2), Instant(micros));
        for (micros, distance) in [(3, 0), (4, 1), (4_000_000, 1_000_000), (4 << 32, 0)] {
            assert_eq!(at(0).distance(at(micros)), distance, "{micros} us");
        }
    }

    #[test]
    fn tuples_and_secrets_have_unrelated_offsets() {
        let one = Secret::draw(&mut Random::new(1));
        let other = Secret::draw(&mut Random::new(2));
        let of = |secret: &Secret, local, remote| {
            initial_sequence_number(secret, socket(local), socket(remote), Instant(0)).0
        };
        let all = [of(&one, 1, 2), of(&one, 2, 1), of(&one, 1, 3), of(&other, 1, 2)];
        for (i, a) in all.iter().enumerate() {
            for b in &all[i + 1..] {
                assert!(a.abs_diff(*b) > 1_000_000, "{all:?}");
            }
        }
    }
}
