//! A stack of one's own under test: a host without listeners, which refuses whatever comes (RFC 9293 3.10.7.1).

use halfopen_cli::polled::{Micros, PolledStack};
use halfopen_cli::{Adapter, Setup, SutError, main_with};

/// The stack: it remembers nothing but what it has to send.
struct Refuser {
    leaving: Vec<Vec<u8>>,
}

/// What the tool wants to know of it. The socket calls are still to come: without them `listen` and `connect` are unsupported.
impl PolledStack for Refuser {
    type Socket = ();

    fn start(setup: &Setup) -> Result<Self, SutError> {
        if setup.local.0.is_ipv6() {
            return Err(SutError::Unsupported("the stack has no IPv6".to_owned()));
        }
        Ok(Self { leaving: Vec::new() })
    }

    fn ingress(&mut self, _now: Micros, datagram: &[u8]) {
        self.leaving.extend(refuse(datagram));
    }

    fn poll(&mut self, _now: Micros) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.leaving)
    }

    fn poll_at(&mut self, _now: Micros) -> Option<Micros> {
        None
    }
}

/// The reset that answers a segment in an IPv4 datagram without options.
fn refuse(datagram: &[u8]) -> Option<Vec<u8>> {
    let [fin, syn, rst, ack] = [1, 2, 4, 16];
    let (ip, tcp) = datagram.split_at_checked(20)?;
    let (offset, flags) = (usize::from(tcp.get(12)? >> 4) * 4, *tcp.get(13)?);
    if flags & rst != 0 {
        return None;
    }
    let number = |at: usize| u32::from_be_bytes([tcp[at], tcp[at + 1], tcp[at + 2], tcp[at + 3]]);
    let length = (tcp.len() - offset) as u32 + u32::from(flags & syn != 0) + u32::from(flags & fin != 0);
    let (seq, acked, answer) = match flags & ack {
        0 => (0, number(4).wrapping_add(length), rst | ack),
        _ => (number(8), 0, rst),
    };
    let mut reset = [&[0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0], &ip[16..20], &ip[12..16]].concat();
    reset.extend([&tcp[2..4], &tcp[0..2], &seq.to_be_bytes(), &acked.to_be_bytes()].concat());
    reset.extend([0x50, answer, 0, 0, 0, 0, 0, 0]);
    let header = checksum(0, &reset[..20]);
    reset[10..12].copy_from_slice(&header);
    let segment = checksum(6 + 20, &reset[12..]);
    reset[36..38].copy_from_slice(&segment);
    Some(reset)
}

/// RFC 1071, begun with a sum.
fn checksum(start: u32, octets: &[u8]) -> [u8; 2] {
    let words = octets.chunks(2).map(|two| u32::from(two[0]) << 8 | two.get(1).map_or(0, |low| u32::from(*low)));
    let sum = words.fold(start, |sum, word| sum + word);
    let sum = (sum & 0xffff) + (sum >> 16);
    (!((sum & 0xffff) + (sum >> 16)) as u16).to_be_bytes()
}

/// As the tool is to know it: by name, with a version for reports.
pub(crate) fn adapter() -> Adapter {
    Adapter::polled::<Refuser>("refuser", "0.1.0")
}

fn main() {
    main_with(vec![adapter()]);
}
