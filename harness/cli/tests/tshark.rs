//! Captures, read by Wireshark's own programs. `cargo ci formats` runs these where they are installed; a plain `cargo test` counts them as ignored.

mod world;

use std::process::Command;
use world::World;

fn output(program: &str, words: &[&str]) -> String {
    let output = Command::new(program).args(words).output().unwrap_or_else(|fault| panic!("{program}: {fault}"));
    let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).expect("UTF-8");
    assert!(output.status.success(), "{program} {words:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
#[ignore = "needs tshark: cargo ci formats"]
fn tshark_reads_packets_with_their_lines_of_the_script() {
    let world = World::new(&[("late", "late")]);
    world.fake("--out run");
    let file = world.path().join("run/rfc9293/3.10.7.1/late@v4.pcapng").display().to_string();
    let fields = ["frame.time_relative", "ip.src", "tcp.flags", "tcp.checksum.status", "frame.comment"];
    let wanted: Vec<&str> = fields.iter().flat_map(|field| ["-e", field]).collect();
    let options = ["-r", &file, "-o", "tcp.check_checksum:TRUE", "-T", "fields"];
    let text = output("tshark", &[options.as_slice(), &wanted].concat());
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(rows.len(), 2, "{text}");
    // Checksums are good (1) in both directions.
    assert_eq!(rows[0][..4], ["0.000000000", "192.0.2.1", "0x0002", "1"], "{text}");
    assert_eq!(rows[1][..4], ["0.050000000", "192.168.0.2", "0x0014", "1"], "{text}");
    assert_eq!(rows[0][4], "line 5 at 0.000000: `late`,line 6: < S 0:0(0) win 65535");
    assert!(
        rows[1][4].contains(
            "instead of line 7: > R. 0:0(0) ack 1 win 0 not what the script asks for,time: expected 0, got 0.05"
        ),
        "{text}"
    );
}

#[test]
#[ignore = "needs capinfos, of tshark: cargo ci formats"]
fn capinfos_reads_what_the_capture_is_of() {
    let world = World::new(&[("late", "late")]);
    world.fake("--out run --seed 9");
    let file = world.path().join("run/rfc9293/3.10.7.1/late@v4.pcapng").display().to_string();
    let text = output("capinfos", &["-k", "-c", "-E", &file]);
    for line in [
        "test rfc9293/3.10.7.1/late[v4]",
        "fail line 7: time expected 0, got 0.05",
        "sut fake (sim), seed 9",
        "again halfopen run 'rfc9293/3.10.7.1/late[v4]' --sut fake --seed 9 -vv",
        "Raw IP",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}
