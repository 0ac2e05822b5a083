//! One program for each way through the states. Octets as `state_machine::program` numbers them.

use super::Seed;

/// Set-up: `rfc9293`, IPv4, timestamps, scaling, SACK, segment size 1460.
const MODERN: [u8; 2] = [0b0011_1000, 0];
/// `linux`, IPv6, the same options.
const LINUX_V6: [u8; 2] = [0b0011_1110, 0x10];
/// `rfc793`, no options at all, sequence numbers about to wrap.
const PLAIN: [u8; 2] = [0b1100_0001, 0x08];
/// Segment size 1, a small buffer.
const SMALL: [u8; 2] = [0b1000_0000, 0x05];

const SYN: &[u8] = &[9];
const SYN_ACK_ACTIVE: &[u8] = &[0x80 | 0x10 | 9];
const ACK: &[u8] = &[2, 0];
const ACK_ACTIVE: &[u8] = &[0x80 | 2, 0];
const ACK_ZERO_WINDOW: &[u8] = &[2, 1];
const ACCEPT: &[u8] = &[11];
const CONNECT: &[u8] = &[12];
const TEXT: &[u8] = &[1, 20];
const SEND: &[u8] = &[5, 100];
const SEND_MUCH: &[u8] = &[5, 255];
const RECEIVE: &[u8] = &[6, 255];
const FIN: &[u8] = &[10];
const FIN_ACTIVE: &[u8] = &[0x80 | 10];
const RST: &[u8] = &[0x10 | 10];
const SHUTDOWN: &[u8] = &[7];
const CLOSE: &[u8] = &[8];
const ABORT: &[u8] = &[0x10 | 8];
const TIMER: &[u8] = &[4];
const SECOND: &[u8] = &[0x70 | 3];
const AGAIN: &[u8] = &[15];
const DAMAGED: &[u8] = &[0x10 | 15];
const UNREACHABLE: &[u8] = &[14, 1];
const TOO_BIG: &[u8] = &[14, 2];
const CORK: &[u8] = &[13, 1, 1];
const KEEP_ALIVE: &[u8] = &[13, 2, 1];

/// A segment: flags, sequence number, acknowledgment number, window and extras, length.
const fn segment(flags: u8, seq: u8, ack: u8, bits: u8, length: u8) -> [u8; 6] {
    [0, flags, seq, ack, bits, length]
}

const RST_IN_WINDOW: [u8; 6] = segment(0x04, 5, 0, 0, 0);
const SYN_IN_WINDOW: [u8; 6] = segment(0x02, 5, 0, 0, 0);
const OUT_OF_ORDER: [u8; 6] = segment(0x10, 20, 0, 0, 10);
/// Five octets ahead of what is acknowledged, ten octets; and the octets before it, reaching into it.
const AHEAD: [u8; 6] = segment(0x10, 0x45, 0, 0, 10);
const OVERLAPPING: [u8; 6] = segment(0x10, 0x40, 0, 0, 7);
/// From before what is acknowledged to behind it, with FIN.
const BACKWARD_FIN: [u8; 6] = segment(0x11, 0x7c, 0, 0, 20);
const BEYOND_WINDOW: [u8; 6] = segment(0x10, 0x80, 0, 0, 50);
const ACK_OF_UNSENT: [u8; 6] = segment(0x10, 0, 9, 0, 0);
const OLD_ACK: [u8; 6] = segment(0x10, 0, 0xff, 0, 0);
const URGENT: [u8; 6] = segment(0x38, 0, 0, 0, 4);
const ILLEGAL_OPTION: [u8; 6] = segment(0x10, 0, 0, 0x40, 1);
const BROKEN: [u8; 6] = segment(0x11, 0, 0, 0x20, 9);
const SACK: [u8; 6] = segment(0x10, 0, 0x40, 0x80, 0);

/// Name, set-up, how the connection begins, and what follows.
type Outline = (&'static str, [u8; 2], &'static [&'static [u8]], &'static [&'static [u8]]);

pub(super) fn seeds() -> Vec<Seed> {
    let open: &[&[u8]] = &[SYN, ACK, ACCEPT];
    let programs: Vec<Outline> = vec![
        ("passive-close", MODERN, open, &[TEXT, RECEIVE, FIN, SEND, ACK, CLOSE, ACK]),
        ("active-close", MODERN, open, &[SEND, ACK, CLOSE, ACK, FIN, TIMER, SECOND, AGAIN]),
        ("simultaneous-close", LINUX_V6, open, &[SHUTDOWN, FIN, ACK, RECEIVE, AGAIN]),
        (
            "active-open",
            MODERN,
            &[CONNECT, SYN_ACK_ACTIVE, CONNECT],
            &[SEND, ACK_ACTIVE, FIN_ACTIVE, CLOSE, ACK_ACTIVE],
        ),
        ("simultaneous-open", PLAIN, &[CONNECT, &[0x80 | 9], ACK_ACTIVE], &[SEND, ACK_ACTIVE, RECEIVE]),
        ("refused", LINUX_V6, &[CONNECT, &[0x80 | 0x10 | 10]], &[CONNECT]),
        ("syn-lost", MODERN, &[CONNECT, TIMER, TIMER, TIMER], &[SYN_ACK_ACTIVE, SEND]),
        ("syn-ack-lost", LINUX_V6, &[SYN, TIMER, TIMER, ACK], &[ACCEPT, TEXT, RECEIVE]),
        ("data-lost", PLAIN, open, &[SEND_MUCH, TIMER, TIMER, ACK, TIMER]),
        ("fast-retransmit", MODERN, open, &[SEND_MUCH, ACK, SEND_MUCH, &SACK, &SACK, &SACK, ACK]),
        ("zero-window", MODERN, open, &[ACK_ZERO_WINDOW, SEND, TIMER, TIMER, ACK]),
        ("zero-window-forever", LINUX_V6, open, &[ACK_ZERO_WINDOW, SEND_MUCH, CLOSE]),
        ("small-segments", SMALL, open, &[SEND_MUCH, ACK, TEXT, TEXT, TEXT, RECEIVE]),
        ("reassembly", PLAIN, open, &[&OUT_OF_ORDER, &OUT_OF_ORDER, TEXT, RECEIVE, &BEYOND_WINDOW]),
        ("overlap", MODERN, open, &[&AHEAD, &OVERLAPPING, RECEIVE, &AHEAD, &BACKWARD_FIN, RECEIVE, CLOSE]),
        ("reset", MODERN, open, &[TEXT, RST, RECEIVE, SEND]),
        ("reset-in-window", LINUX_V6, open, &[&RST_IN_WINDOW, &SYN_IN_WINDOW, SEND]),
        ("abort", MODERN, open, &[SEND, ABORT, AGAIN]),
        ("unread", MODERN, open, &[TEXT, CLOSE, TEXT]),
        ("bad-acks", MODERN, open, &[SEND, &ACK_OF_UNSENT, &OLD_ACK, ACK]),
        ("urgent", PLAIN, open, &[&URGENT, RECEIVE, &[0x20 | 5, 9], ACK]),
        ("nonsense", MODERN, open, &[&ILLEGAL_OPTION, &BROKEN, DAMAGED, SECOND, RECEIVE]),
        ("icmp", LINUX_V6, open, &[SEND_MUCH, TOO_BIG, UNREACHABLE, TIMER, ACK]),
        ("cork", MODERN, open, &[CORK, SEND, TIMER, ACK]),
        ("keep-alive", LINUX_V6, open, &[KEEP_ALIVE, TIMER, TIMER, ACK, TIMER]),
        ("backlog", MODERN, &[SYN, &[0x40 | 9], ACK, &[0x40 | 2, 0]], &[CLOSE, SYN]),
    ];
    let octets = |setup: [u8; 2], open: &[&[u8]], rest: &[&[u8]]| [&setup[..], &open.concat(), &rest.concat()].concat();
    programs.into_iter().map(|(name, setup, open, rest)| (name, octets(setup, open, rest))).collect()
}
