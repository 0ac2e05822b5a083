//! Captures, read back by another implementation.

mod samples;

use halfopen_report::pcapng::capture;
use halfopen_report::record::RunInfo;
use pcap_parser::traits::{PcapNGPacketBlock, PcapReaderIterator};
use pcap_parser::{Block, Linktype, OptionCode, PcapBlockOwned, PcapError, PcapNGReader};

/// `(microseconds, octets, comments)` of every packet block.
fn read(file: &[u8]) -> Vec<(u64, Vec<u8>, Vec<String>)> {
    let mut reader = PcapNGReader::new(65536, file).expect("a section header");
    let mut packets = Vec::new();
    loop {
        match reader.next() {
            Ok((read, block)) => {
                if let PcapBlockOwned::NG(Block::EnhancedPacket(packet)) = &block {
                    let comments = packet.options.iter().filter(|o| o.code == OptionCode::Comment);
                    let comments = comments.map(|o| String::from_utf8_lossy(o.as_bytes().unwrap()).into_owned());
                    let at = (u64::from(packet.ts_high) << 32) | u64::from(packet.ts_low);
                    packets.push((at, packet.packet_data().to_vec(), comments.collect()));
                } else if let PcapBlockOwned::NG(Block::InterfaceDescription(interface)) = &block {
                    assert_eq!(interface.linktype, Linktype(101));
                    assert_eq!(interface.if_tsresol, 6);
                    assert!(
                        interface.options.iter().any(
                            |o| o.code == OptionCode::IfName && o.as_bytes().is_ok_and(|name| name == b"reference")
                        )
                    );
                }
                reader.consume(read);
            }
            Err(PcapError::Eof) => return packets,
            Err(PcapError::Incomplete(_)) => reader.refill().expect("memory can be read"),
            Err(fault) => panic!("{fault:?}"),
        }
    }
}

/// The comments of the section header.
fn section(file: &[u8]) -> Vec<String> {
    let mut reader = PcapNGReader::new(65536, file).expect("a section header");
    let (_, block) = reader.next().expect("a block");
    let PcapBlockOwned::NG(Block::SectionHeader(section)) = &block else { panic!("no section header first") };
    let comments = section.options.iter().filter(|o| o.code == OptionCode::Comment);
    comments.map(|o| String::from_utf8_lossy(o.as_bytes().unwrap()).into_owned()).collect()
}

#[test]
fn every_datagram_carries_its_line_of_the_script() {
    let record = samples::failing();
    let file = capture(&record, &samples::run());
    let packets = read(&file);
    let octets: Vec<_> = packets.iter().map(|(at, octets, _)| (*at, octets.as_slice())).collect();
    assert_eq!(octets, [(12_000, &[0x45, 0, 0, 40, 1][..]), (12_000, &[0x45, 0, 0, 40][..])]);
    assert_eq!(
        packets[0].2,
        ["line 3 at 0.000000: socket(..., SOCK_STREAM, IPPROTO_TCP) = 3", "line 5: < R 101:101(0)"]
    );
    assert_eq!(
        packets[1].2,
        [
            "line 6 at 0.012000: > . 1:1(0) ack 1 expected, but not seen",
            "instead of line 6: > R 0:0(0) not what the script asks for",
            "flags: expected ., got R",
            "seq: expected 1, got 0"
        ]
    );
}

#[test]
fn times_beyond_32_bits_survive() {
    let mut record = samples::failing();
    record.outcome.trace[1].at = 7_200_000_000_123;
    let file = capture(&record, &samples::run());
    assert_eq!(read(&file)[0].0, 7_200_000_000_123);
}

#[test]
fn a_capture_without_datagrams_is_a_capture_all_the_same() {
    let mut record = samples::failing();
    record.outcome.trace.retain(|entry| entry.octets.is_empty());
    let file = capture(&record, &samples::run());
    assert!(read(&file).is_empty());
    let told = section(&file);
    assert!(told.contains(&"line 6 at 0.012000: > . 1:1(0) ack 1 expected, but not seen".to_string()), "{told:?}");
}

#[test]
fn a_segment_that_never_came_is_told_with_the_last_packet() {
    let mut record = samples::failing();
    record.outcome.trace.pop();
    let packets = read(&capture(&record, &samples::run()));
    let last = &packets.last().expect("one packet").2;
    assert_eq!(
        last[1..],
        ["line 5: < R 101:101(0)", "afterwards, line 6 at 0.012000: > . 1:1(0) ack 1 expected, but not seen"]
    );
}

#[test]
fn the_section_says_what_was_tested_and_how_to_do_it_again() {
    let record = samples::failing();
    let run = RunInfo { version: "0.1.0".into(), ..samples::run() };
    assert_eq!(
        section(&capture(&record, &run)),
        [
            "test rfc9293/3.10.7.4/rst/in-window[v4,FIN-WAIT-1]",
            "fail line 6: flags expected ., got R; seq expected 1, got 0",
            "sut reference 0.1.0 (sim), profile rfc9293, seed 7",
            "script specs/rfc9293/3.10.7.4/rst/in-window.pkt",
            "again halfopen run 'rfc9293/3.10.7.4/rst/in-window[v4,FIN-WAIT-1]' -vv",
        ]
    );
}
