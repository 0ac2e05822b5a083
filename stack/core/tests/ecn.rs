//! ECN as it is seen on the wire: RFC 3168, and RFC 9768 in its handshake, its counters and its fallbacks.

mod common;

use common::*;
use halfopen_stack::wire::icmp::Problem;
use halfopen_stack::wire::tcp::{AccurateEcn, Flags, Options, Segment};
use halfopen_stack::{Config, SeqNum, SocketOption, State};

const ACCURATE: Flags = SETUP.with(Flags::AE);
const CE: u8 = 3;
const ECT_0: u8 = 2;

fn with_ecn(tcp_ecn: u32) -> Config {
    let mut config = plain();
    config.tcp_ecn = tcp_ecn;
    config.delayed_ack = core::time::Duration::from_millis(200);
    config
}

/// A, C and E of an ACE field.
fn ace(ace: u16) -> Flags {
    Flags::from_bits(ace << 6)
}

/// An accepted connection whose SYN had `syn`, acknowledged with `ack`.
fn accepted(config: Config, syn: Flags, ack: Flags) -> (Play, i32) {
    let mut play = Play::new(config);
    let listener = play.listen(8);
    play.inject(syn, 0, 0, b"");
    assert_eq!(play.inject(ack, 1, 1, b""), [""; 0]);
    let (fd, _) = play.stack.accept(play.now, listener).unwrap();
    (play, fd)
}

fn classic() -> (Play, i32) {
    accepted(with_ecn(2), SETUP, A)
}

#[test]
fn syn_ack_answers_what_the_syn_asks() {
    let (s, none, e, w) = (S, Flags::NONE, Flags::ECE, Flags::CWR);
    // tcp_ecn, flags of the SYN beside S, its ECN field -> flags of the SYN,ACK
    let table = [
        (0, e | w, 0, "S."),
        (1, e | w, 0, "SE."),
        (2, e | w, 0, "SE."),
        (2, none, 0, "S."),
        (2, e, 0, "S."),
        (2, w, 0, "S."),
        (2, e | w, ECT_0, "S."),
        (2, e | w | Flags::AE, 0, "SE."),
        (5, none, 0, "S."),
        (5, e | w, 0, "SE."),
        (5, ace(7), 0, "SW."),
        (5, ace(7), 1, "SEW."),
        (5, ace(7), ECT_0, "SA."),
        (5, ace(7), CE, "SWA."),
        // What has no meaning yet asks for accurate feedback.
        (4, ace(1), 0, "SW."),
        (3, ace(2), 0, "SW."),
        (3, ace(4), 0, "SW."),
        (3, ace(5), 0, "SW."),
        (3, ace(6), CE, "SWA."),
    ];
    for (tcp_ecn, asks, field, expected) in table {
        let mut play = Play::new(with_ecn(tcp_ecn));
        play.listen(1);
        play.ecn = field;
        let sent = play.inject(s | asks, 0, 0, b"");
        assert_eq!(sent, [format!("{expected} 0:0(0) ack 1")], "tcp_ecn {tcp_ecn}, {asks} with {field}");
    }
}

#[test]
fn syn_ack_decides_the_mode_of_the_client() {
    // tcp_ecn, flags of the SYN; flags of the SYN,ACK beside S and ACK -> third ACK, first data
    let table = [
        (1, "SEW", Flags::ECE, ".", "[ect0] P."),
        (1, "SEW", Flags::NONE, ".", "P."),
        (1, "SEW", Flags::ECE | Flags::CWR, ".", "P."),
        (1, "SEW", Flags::CWR, ".", "P."),
        (2, "S", Flags::ECE, ".", "P."),
        (4, "SEW", Flags::ECE, ".", "[ect0] P."),
        (3, "SEWA", ace(0), ".", "P."),
        (3, "SEWA", ace(1), ".", "[ect0] P."),
        (3, "SEWA", ace(2), "W.", "[ect0] PEA."),
        // The SYN left as Not-ECT: another field was made on the way, and ECT would not be safe.
        (3, "SEWA", ace(3), "W.", "PEA."),
        (3, "SEWA", ace(4), "W.", "PEA."),
        (3, "SEWA", ace(6), "W.", "PEA."),
        (3, "SEWA", ace(5), "W.", "[ect0] PEA."),
        // A server that reflects.
        (3, "SEWA", ace(7), ".", "P."),
    ];
    for (tcp_ecn, syn, answer, third, data) in table {
        let mut play = Play::new(with_ecn(tcp_ecn));
        let (fd, sent) = play.connect();
        assert_eq!(sent, [format!("{syn} 0:0(0)")], "tcp_ecn {tcp_ecn}");
        let flags = |line: &str| {
            line.rsplit_once(' ').unwrap().0.rsplit_once(" ").unwrap().0.rsplit_once(' ').unwrap().0.to_owned()
        };
        let sent = play.inject(SA | answer, 0, 1, b"");
        assert_eq!(flags(&sent[0]), third, "tcp_ecn {tcp_ecn}, answered {answer}");
        let sent = play.send(fd, b"text");
        // The letters are printed in packetdrill's order.
        let sorted = |text: &str| {
            let mut c: Vec<char> = text.chars().collect();
            c.sort_unstable();
            c
        };
        assert_eq!(sorted(&flags(&sent[0])), sorted(data), "tcp_ecn {tcp_ecn}, answered {answer}: {sent:?}");
    }
}

#[test]
fn new_data_alone_is_ect() {
    let (mut play, fd) = classic();
    assert_eq!(play.send(fd, b"text"), ["[ect0] P. 1:5(4) ack 1"]);
    assert_eq!(play.wait(1.0).pop().unwrap().1, "P. 1:5(4) ack 1", "a retransmission is not");
    play.inject(A, 1, 5, b"");
    assert_eq!(play.inject(P, 1, 5, b"text"), [""; 0]);
    assert_eq!(play.wait(0.2).pop().unwrap().1, ". 5:5(0) ack 5", "a pure ACK is not");
    play.window = 0;
    play.inject(A, 5, 5, b"");
    play.stack.send(play.now, fd, b"text", Default::default()).unwrap();
    assert!(play.drain().is_empty());
    let probe = play.wait(3.0).remove(0).1;
    assert_eq!(probe, ". 5:6(1) ack 5", "a probe is not");
    play.window = 10_000;
    play.inject(A, 5, 6, b"");
    play.wait(0.1);
    play.read(fd).unwrap();
    assert_eq!(play.close(fd).pop().unwrap(), "F. 9:9(0) ack 5", "a FIN without text is not");
}

#[test]
fn type_of_service_leaves_the_ecn_field_alone() {
    let (mut play, fd) = classic();
    play.stack.set_option(play.now, fd, SocketOption::Tos(0xff)).unwrap();
    play.send(fd, b"text");
    let tos = play.seen.last().unwrap().1[1];
    assert_eq!(tos, 0xfe, "DSCP of the user, ECT(0) of the stack");
}

#[test]
fn ce_is_echoed_until_cwr() {
    let (mut play, _) = classic();
    let mut ack = |field: u8, flags: Flags, seq: u32, len: usize| {
        play.ecn = field;
        play.inject(flags, seq, 1, &vec![0; len]);
        play.wait(0.2).pop().map(|(_, line)| line)
    };
    assert_eq!(ack(ECT_0, P, 1, 10).unwrap(), ". 1:1(0) ack 11");
    assert_eq!(ack(CE, A, 11, 0), None, "a pure ACK with CE says nothing");
    assert_eq!(ack(CE, P, 11, 10).unwrap(), "E. 1:1(0) ack 21");
    assert_eq!(ack(ECT_0, P, 21, 10).unwrap(), "E. 1:1(0) ack 31");
    assert_eq!(ack(CE, P | Flags::CWR, 31, 10).unwrap(), "E. 1:1(0) ack 41", "CWR and a new mark");
    assert_eq!(ack(ECT_0, P | Flags::CWR, 41, 10).unwrap(), ". 1:1(0) ack 51");
}

#[test]
fn mark_outside_the_window_is_ignored() {
    let (mut play, _) = classic();
    play.inject(P, 1, 1, b"text");
    play.wait(0.2);
    play.ecn = CE;
    assert_eq!(play.inject(P, 1, 1, b"text"), [". 1:1(0) ack 5"]);
}

#[test]
fn window_probe_with_a_mark_is_echoed() {
    let mut config = with_ecn(2);
    config.tcp_rmem[1] = 1000;
    let (mut play, _) = accepted(config, SETUP, A);
    play.inject(P, 1, 1, &[0; 1000]);
    play.wait(0.2);
    play.ecn = CE;
    assert_eq!(play.inject(A, 1001, 1, b"x"), ["E. 1:1(0) ack 1001"]);
}

/// Fills the window twice and has it acknowledged, so that it is four times the initial one. What is acknowledged.
fn warmed_up(play: &mut Play, fd: i32, flags: Flags) -> u32 {
    play.stack.set_option(play.now, fd, SocketOption::NoDelay(true)).unwrap();
    let mut una = 1;
    for octets in [4000, 8000] {
        play.send(fd, &vec![0; octets]);
        play.wait(0.1);
        for _ in 0..octets / 1000 {
            una += 1000;
            play.inject(flags, 1, una, b"");
        }
    }
    una
}

#[test]
fn echo_reduces_the_window_once_and_is_told_by_cwr() {
    let (mut play, fd) = classic();
    play.window = 60_000;
    let una = warmed_up(&mut play, fd, A);
    let sent = play.send(fd, &[0; 40_000]);
    let flight = sent.len() as u32;
    assert_eq!(flight, 16, "{sent:?}");
    play.wait(0.1);
    let e = A | Flags::ECE;
    // Half of the flight has to leave before anything new goes; every ACK of this window has ECE.
    let mut new = Vec::new();
    for segment in 1..=flight {
        new.extend(play.inject(e, 1, una + 1000 * segment, b""));
    }
    assert_eq!(new.len() as u32, flight / 2, "{new:?}");
    let cwr: Vec<bool> = new.iter().map(|line| line.contains('W')).collect();
    assert!(cwr[0] && cwr[1..].iter().all(|cwr| !cwr), "{new:?}");
    assert!(new.iter().all(|line| line.starts_with("[ect0]")), "{new:?}");
    // The echo of what the CWR answers is no new one; after it, it is.
    let before = play.stack.tcp_info(fd).unwrap();
    play.inject(A, 1, una + 1000 * (flight + 1), b"");
    assert!(play.stack.tcp_info(fd).unwrap().snd_ssthresh == before.snd_ssthresh);
    play.inject(e, 1, una + 1000 * (flight + 2), b"");
    let after = play.stack.tcp_info(fd).unwrap();
    assert!(after.snd_ssthresh < before.snd_ssthresh, "{before:?} {after:?}");
}

#[test]
fn loss_is_told_by_cwr_on_new_data_only() {
    let (mut play, fd) = classic();
    play.send(fd, b"text");
    assert_eq!(play.wait(1.0).pop().unwrap().1, "P. 1:5(4) ack 1");
    play.inject(A, 1, 5, b"");
    assert_eq!(play.send(fd, b"text"), ["[ect0] PW. 5:9(4) ack 1"]);
    play.inject(A, 1, 9, b"");
    assert_eq!(play.send(fd, b"text"), ["[ect0] P. 9:13(4) ack 1"]);
}

#[test]
fn syn_that_is_not_answered_asks_no_more() {
    // Classic ECN is dropped at the first repetition, accurate feedback at the second.
    for (tcp_ecn, expected) in [(1, ["S", "S", "S"]), (3, ["SEWA", "S", "S"])] {
        let mut play = Play::new(with_ecn(tcp_ecn));
        let (fd, _) = play.connect();
        let sent: Vec<String> = play.wait(7.5).into_iter().map(|(_, line)| line).collect();
        assert_eq!(sent, expected.map(|flags| format!("{flags} 0:0(0)")), "tcp_ecn {tcp_ecn}");
        // A late answer to the first one still settles the mode, but one plain SYN forbids ECT to a classic sender.
        play.inject(SA | if tcp_ecn == 1 { Flags::ECE } else { ace(2) }, 0, 1, b"");
        let sent = play.send(fd, b"text");
        assert_eq!(sent, [if tcp_ecn == 1 { "P. 1:5(4) ack 1" } else { "[ect0] PEA. 1:5(4) ack 1" }]);
    }
}

#[test]
fn plain_repetition_of_a_syn_forbids_ect() {
    let (mut play, fd) = {
        let mut play = Play::new(with_ecn(2));
        let listener = play.listen(1);
        play.inject(SETUP, 0, 0, b"");
        play.inject(S, 0, 0, b"");
        play.inject(A, 1, 1, b"");
        let (fd, _) = play.stack.accept(play.now, listener).unwrap();
        (play, fd)
    };
    assert_eq!(play.send(fd, b"text"), ["P. 1:5(4) ack 1"]);
    play.ecn = CE;
    play.inject(P, 1, 5, b"text");
    assert_eq!(play.wait(0.2).pop().unwrap().1, "E. 5:5(0) ack 5", "marks are echoed all the same");
}

// RFC 9768.

fn accurate() -> (Play, i32) {
    accepted(with_ecn(5), ACCURATE, A | ace(2))
}

/// An ACK with ACE `counter`, acknowledging `ack`.
fn told(counter: u16) -> Flags {
    A | ace(counter)
}

#[test]
fn ace_counts_segments_with_ce() {
    let (mut play, _) = accurate();
    let mut seq = 1;
    let mut ack = |field: u8, len: usize| {
        play.ecn = field;
        let sent = play.inject(P | ace(5), seq, 1, &vec![0; len]);
        seq += len as u32;
        sent.into_iter().chain(play.wait(0.2).into_iter().map(|(_, line)| line)).collect::<Vec<_>>()
    };
    let ace_of = |lines: &[String]| {
        let (flags, _) = lines[0].split_once(' ').unwrap();
        u8::from(flags.contains('A')) << 2 | u8::from(flags.contains('W')) << 1 | u8::from(flags.contains('E'))
    };
    assert_eq!(ace_of(&ack(0, 10)), 5);
    assert_eq!(ace_of(&ack(ECT_0, 10)), 5);
    for expected in [6, 7, 0, 1, 2, 3, 4, 5, 6] {
        assert_eq!(ace_of(&ack(CE, 10)), expected);
    }
    // Outside the window it does not count, and the answer has the newest count.
    play.ecn = CE;
    let sent = play.inject(P | ace(5), 1, 1, b"old");
    assert_eq!(ace_of(&sent), 6);
}

#[test]
fn first_mark_is_acknowledged_at_once_and_acks_of_acks_every_third() {
    let (mut play, _) = accurate();
    play.ecn = CE;
    assert_eq!(play.inject(P | ace(5), 1, 1, b"text"), ["WA. 1:1(0) ack 5"]);
    assert_eq!(play.inject(P | ace(5), 5, 1, b"text"), [""; 0]);
    assert_eq!(play.inject(P | ace(5), 9, 1, b"text"), [". 1:1(0) ack 13"], "the second since the last ACK");
    for expected in [vec![], vec![], vec!["EW. 1:1(0) ack 13"]] {
        assert_eq!(play.inject(A | ace(5), 13, 1, b""), expected);
    }
}

#[test]
fn mark_on_the_syn_ack_is_told_on_the_third_ack_and_counted_once() {
    // ECN field of the SYN,ACK -> third ACK, counter afterwards
    for (field, third, counter) in [(0, "W.", "EA."), (1, "EW.", "EA."), (ECT_0, "A.", "EA."), (CE, "WA.", "WA.")] {
        let mut play = Play::new(with_ecn(3));
        let (fd, _) = play.connect();
        play.ecn = field;
        assert_eq!(play.inject(SA | ace(2), 0, 1, b""), [format!("{third} 1:1(0) ack 1")]);
        assert_eq!(play.inject(SA | ace(2), 0, 1, b""), [format!("{third} 1:1(0) ack 1")], "again for a repeated one");
        play.ecn = 0;
        play.inject(P | ace(5), 1, 1, b"text");
        assert_eq!(play.wait(0.2).pop().unwrap().1, format!("{counter} 1:1(0) ack 5"));
        assert_eq!(play.state(fd), State::Established);
    }
}

#[test]
fn server_reads_the_third_ack() {
    // ACE of the third ACK -> flags and field of the first data; window after it, in segments
    let table = [
        (0, "P", false, 4),
        (1, "P", true, 4),
        (2, "P", true, 4),
        (3, "P", false, 4),
        (4, "P", false, 4),
        (5, "P", true, 4),
        (6, "P", false, 1),
        (7, "P", true, 4),
    ];
    for (third, _, ect, window) in table {
        let (mut play, fd) = accepted(with_ecn(5), ACCURATE, A | ace(third));
        assert_eq!(play.stack.tcp_info(fd).unwrap().snd_cwnd, window, "ACE {third}");
        let sent = play.send(fd, b"text");
        assert_eq!(sent, [format!("{}PEA. 1:5(4) ack 1", if ect { "[ect0] " } else { "" })], "ACE {third}");
    }
}

#[test]
fn feedback_reduces_once_per_window_and_sets_no_cwr() {
    let (mut play, fd) = accurate();
    play.window = 60_000;
    let una = warmed_up(&mut play, fd, told(5));
    let flight = play.send(fd, &[0; 40_000]).len() as u32;
    play.wait(0.1);
    let mut new = Vec::new();
    for segment in 1..=flight {
        // A mark on each segment: the counter wraps.
        new.extend(play.inject(told((5 + segment as u16) % 8), 1, una + 1000 * segment, b""));
    }
    assert_eq!(new.len() as u32, flight / 2, "{new:?}");
    assert!(new.iter().all(|line| line.starts_with("[ect0]") && line.contains("EA.")), "ACE stays 5: {new:?}");
}

#[test]
fn first_counter_of_zero_switches_ect_off_and_is_not_believed() {
    let (mut play, fd) = accurate();
    assert_eq!(play.send(fd, b"text"), ["[ect0] PEA. 1:5(4) ack 1"]);
    play.inject(told(0), 1, 5, b"");
    assert_eq!(play.send(fd, b"text"), ["PEA. 5:9(4) ack 1"]);
    let (mut play, fd) = accurate();
    play.send(fd, b"text");
    play.inject(told(3), 1, 5, b"");
    assert_eq!(play.send(fd, b"text"), ["[ect0] PEA. 5:9(4) ack 1"], "no other first value is looked for");
}

#[test]
fn octets_with_ce_without_a_segment_with_ce_switch_ect_off() {
    let (mut play, fd) = accurate();
    let ack = |play: &mut Play, una: u32, ceb: u32| {
        let segment = Segment {
            src_port: play.remote.port(),
            dst_port: play.local.port(),
            seq: SeqNum(0xffff_fff1),
            ack: play.last().0.seq.plus(una),
            flags: told(5),
            window: 10_000,
            options: Options { accurate_ecn: Some(AccurateEcn::e0b_first(&[1, ceb, 1])), ..Options::default() },
            ..Segment::default()
        };
        play.inject_raw(&segment);
    };
    play.send(fd, b"text");
    ack(&mut play, 4, 0);
    assert_eq!(play.send(fd, b"text"), ["[ect0] PEA. 5:9(4) ack 1"]);
    ack(&mut play, 4, 4);
    assert_eq!(play.send(fd, b"text"), ["PEA. 9:13(4) ack 1"]);
}

/// The options of what the stack sent last.
fn option(play: &Play) -> Option<AccurateEcn> {
    play.last().0.options.accurate_ecn
}

#[test]
fn option_tells_octets_by_codepoint() {
    let mut config = with_ecn(5);
    config.tcp_ecn_option = 1;
    let (mut play, _) = {
        let mut play = Play::new(config);
        let listener = play.listen(8);
        play.inject(ACCURATE, 0, 0, b"");
        assert_eq!(option(&play), Some(AccurateEcn::e0b_first(&[1, 0, 1])), "on the SYN,ACK");
        play.inject(A | ace(2), 1, 1, b"");
        let (fd, _) = play.stack.accept(play.now, listener).unwrap();
        (play, fd)
    };
    let mut seq = 1;
    let mut after = |field: u8, len: usize| {
        play.ecn = field;
        play.inject(P | ace(5), seq, 1, &vec![0; len]);
        play.wait(0.2);
        seq += len as u32;
        option(&play)
    };
    // The first segment after the handshake has all three.
    assert_eq!(after(ECT_0, 100), Some(AccurateEcn::e0b_first(&[101, 0, 1])));
    assert_eq!(after(ECT_0, 100), Some(AccurateEcn::e0b_first(&[201])));
    assert_eq!(after(0, 100), None, "nothing has changed");
    assert_eq!(after(CE, 50), Some(AccurateEcn::e0b_first(&[201, 50])));
    assert_eq!(after(1, 7), Some(AccurateEcn::e0b_first(&[201, 50, 8])));
    assert_eq!(after(0, 100), None);
}

#[test]
fn syn_ack_that_is_not_acknowledged_loses_its_option_then_its_flags() {
    let mut play = Play::new(with_ecn(5));
    let listener = play.listen(1);
    assert_eq!(play.inject(ACCURATE, 0, 0, b""), ["SW. 0:0(0) ack 1"]);
    assert!(option(&play).is_some());
    assert_eq!(play.wait(1.5).pop().unwrap().1, "SW. 0:0(0) ack 1");
    assert!(option(&play).is_none());
    assert_eq!(play.wait(3.0).pop().unwrap().1, "S. 0:0(0) ack 1");
    play.inject(A | ace(2), 1, 1, b"");
    let (fd, _) = play.stack.accept(play.now, listener).unwrap();
    assert_eq!(play.send(fd, b"text"), ["PEA. 1:5(4) ack 1"], "counts are told, ECT is not set");
}

#[test]
fn repeated_syn_changes_the_feedback_and_never_the_mode() {
    let start = || {
        let mut play = Play::new(with_ecn(5));
        play.listen(1);
        play.inject(ACCURATE, 0, 0, b"");
        play
    };
    let mut play = start();
    play.ecn = CE;
    assert_eq!(play.inject(ACCURATE, 0, 0, b""), ["SWA. 0:0(0) ack 1"], "the newest field");
    assert_eq!(start().inject(S, 0, 0, b""), ["SW. 0:0(0) ack 1"], "a plain one is answered in the mode that stands");
    assert_eq!(start().inject(SETUP, 0, 0, b""), ["R. 1:1(0) ack 1"], "both kinds in one handshake");
}

#[test]
fn crossing_syns_answer_as_listeners_do() {
    let mut play = Play::new(with_ecn(3));
    play.connect();
    play.ecn = ECT_0;
    assert_eq!(play.inject(ACCURATE, 0, 0, b""), ["SA. 0:0(0) ack 1"]);
}

#[test]
fn ece_on_the_ack_of_what_told_of_a_reduction_asks_for_another() {
    for mut config in [with_ecn(1), Config::linux()] {
        (config.tcp_timestamps, config.tcp_sack) = (0, false);
        let mut play = Play::new(config);
        let fd = play.passive_open_by(SETUP);
        let mut tells = |ack: u32| {
            play.send(fd, b"x");
            let tells = play.last().0.flags.cwr();
            play.inject(A | Flags::ECE, 1, ack, b"");
            tells
        };
        // CWR has reached the peer with the second octet, and the third is of the window after.
        assert_eq!([tells(2), tells(3), tells(4)], [false, true, true]);
    }
}

#[test]
fn ece_on_the_ack_that_ends_a_repair_begins_a_reduction_in_linux() {
    // with SACK, up to where the peer acknowledges with ECE, and whether CWR tells of a reduction
    for (sack, ack, tells) in [(true, 1449, true), (true, 1001, false), (false, 1449, false)] {
        let mut config = Config::linux();
        config.tcp_timestamps = 0;
        let mut play = Play::new(config);
        play.options.sack_permitted = sack;
        let fd = play.passive_open_by(SETUP);
        play.send(fd, &[0; 1448]);
        // It goes again, and the window stays.
        assert!(!play.icmp(Problem::PacketTooBig { mtu: 600 }).is_empty());
        play.inject(A | Flags::ECE, 1, ack, b"");
        play.send(fd, b"x");
        assert_eq!(play.last().0.flags.cwr(), tells, "{sack} {ack}");
    }
}

#[test]
fn probes_of_a_closed_window_back_off_while_ece_holds_text_back() {
    for flags in [A, A | Flags::ECE] {
        let mut play = Play::new(with_ecn(2));
        let listener = play.listen(8);
        play.inject(SETUP, 0, 0, b"");
        // A lost SYN,ACK leaves a window of one segment, and a timeout of 3 s.
        play.wait(1.0);
        play.window = 0;
        play.inject(A, 1, 1, b"");
        play.inject(flags, 1, 1, b"");
        let (fd, _) = play.stack.accept(play.now, listener).unwrap();
        play.send(fd, &[0; 1000]);
        let times: Vec<_> = play.wait(30.0).into_iter().map(|(at, _)| at.round()).collect();
        assert_eq!(times, [3.0, 9.0, 21.0], "{flags}");
    }
}
