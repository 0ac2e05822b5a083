//! The fuzz targets of this crate on the stable compiler: their seeds, what was once found, and the files of the repository.

use halfopen_cli::fuzzed::{TARGETS, target};
use halfopen_report::pcapng::exchange;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// The folder of corpora and regressions.
const FUZZ: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz");

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() { files.extend(self::files(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

fn replay(name: &str, files: &[PathBuf]) {
    let run = target(name).run;
    for file in files {
        let octets = fs::read(file).expect("a readable file");
        assert!(catch_unwind(|| run(&octets)).is_ok(), "{}: the finding is printed above", file.display());
    }
}

#[test]
fn seeds_and_what_was_found_once_violate_no_oracle() {
    for target in TARGETS {
        let seeds = files(&Path::new(FUZZ).join("corpus").join(target.name));
        assert!(!seeds.is_empty(), "{} has no seeds", target.name);
        replay(target.name, &seeds);
        replay(target.name, &files(&Path::new(FUZZ).join("regressions").join(target.name)));
    }
}

/// What the tool reads of this repository is the best seed there is.
#[test]
fn files_of_the_repository_violate_no_oracle() {
    let specs = files(&Path::new(FUZZ).join("../specs"));
    let ends = |end: &'static str| {
        let some: Vec<PathBuf> =
            specs.iter().filter(|file| file.extension().is_some_and(|e| e == end)).cloned().collect();
        assert!(!some.is_empty(), "no {end} file");
        some
    };
    replay("data_files", &ends("toml"));
    replay("evaluator", &ends("pkt"));
}

#[test]
fn targets_of_this_crate_are_those_that_the_other_one_names() {
    assert_eq!(TARGETS.map(|target| target.name), halfopen_fuzz::ELSEWHERE);
}

#[test]
fn committed_seeds_are_what_this_test_makes() {
    let update = env::var_os("UPDATE_EXPECT").is_some();
    for (target, name, octets) in seeds() {
        let folder = Path::new(FUZZ).join("corpus").join(target);
        let file = folder.join(name);
        if update {
            fs::create_dir_all(&folder).and_then(|()| fs::write(&file, &octets)).expect("a writable folder");
        }
        assert!(fs::read(&file).is_ok_and(|there| there == octets), "{}: UPDATE_EXPECT=1 writes it", file.display());
    }
}

fn seeds() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let text = |target, name, text: &str| (target, name, text.as_bytes().to_vec());
    vec![
        text("evaluator", "block", BLOCK),
        text("evaluator", "sums", "15*1024*1024\n2 * (3+4) - 0x10/4 % 3\n-(-1)\n(1+2)*3-4\n1 << 3 >> 1\n"),
        text("evaluator", "commands", COMMANDS),
        text("data_files", "register", REGISTER),
        text("data_files", "expectations", EXPECTATIONS),
        text("data_files", "complete", "complete = [1, 9293]\n"),
        text("data_files", "headlines", HEADLINES),
        text("data_files", "textbooks", TEXTBOOKS),
        text("stored_runs", "failed", FAILED),
        text("stored_runs", "passed", PASSED),
        text("stored_runs", "campaign", CAMPAIGN),
        ("pcapng_reader", "empty", exchange("fuzz", "nothing", &[])),
        ("pcapng_reader", "datagrams", datagrams()),
    ]
}

/// A SYN as a datagram, twice, and one of nonsense.
fn datagrams() -> Vec<u8> {
    use halfopen_engine::outcome::{Entry, Lane, Mark};
    let syn = [
        0x45, 0, 0, 44, 0, 1, 0x40, 0, 64, 6, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, 0x13, 0x88, 0, 80, 0, 0, 0, 1, 0, 0, 0,
        0, 0x60, 2, 0xff, 0xff, 0, 0, 0, 0, 2, 4, 5, 0xb4,
    ];
    let entry = |at, lane, octets: &[u8]| Entry {
        at,
        line: Some(3),
        file: None,
        lane,
        text: "S 0:0(0) win 65535 <mss 1460>".to_owned(),
        octets: octets.to_vec(),
        cited: Vec::new(),
        mark: Mark::Ok,
    };
    exchange(
        "fuzz",
        "two",
        &[entry(0, Lane::Peer, &syn), entry(9, Lane::Stack, &syn), entry(9, Lane::Stack, &[0xff; 9])],
    )
}

const BLOCK: &str = "\
n = 3
n += 4 * (2 - 1) // 3
assert tcpi_state == 10 and not n < 2, tcpi_rtt
print('%d of %-5s|%05x' % (n, \"a\" 'b', 255), (1, True))
t = 1, 2
assert -n ** 1 != 0 or 1 < n <= 9 \\
  | 4, 'no'
";

const COMMANDS: &str = "\
sysctl -q net.ipv4.tcp_rmem=\"4096 540000 $((15*1024*1024))\"
./set_sysctls.py /proc/sys/net/ipv4/tcp_sack=1 && true
ip tcp_metrics flush all > /dev/null 2>&1 || true
tc qdisc replace dev tun0 root pfifo limit 10; ethtool -K tun0 tso off
";

const REGISTER: &str = "\
rfc = 1
title = \"One\"
[[rule]]
id = \"rfc1/1/one\"
label = \"MUST-1\"
level = \"must\"
section = \"1\"
observable = \"wire\"
text = \"Something holds.\"
[[rule]]
id = \"rfc1/1/two\"
level = \"spec\"
section = \"1\"
observable = \"internal\"
text = \"So does this.\"
restated_in = [\"rfc1/1/one\"]
";

const EXPECTATIONS: &str = "\
[[xfail]]
test = \"a/*[v4,*]\"
kind = \"missing\"
reason = \"It is late.\"
rfc = \"RFC 9293 3.5\"
[[unsupported]]
test = [\"b\", \"c?\"]
kind = \"call\"
got = \"ENOPROTOOPT\"
reason = \"It has none.\"
link = \"https://example.org/\"
versions = \"1.0\"
";

const HEADLINES: &str = "\
[[page]]
slug = \"one\"
title = \"One\"
intro = \"Words.\"
[[page.step]]
title = \"Step\"
text = \"More words.\"
rule = \"rfc1/1/one\"
test = \"rfc1/1/one[v4]\"
";

const TEXTBOOKS: &str = "\
[[claim]]
number = 1
claim = \"It is so.\"
tests = [\"rfc1/1/one[v4]\"]
verdict = \"outdated\"
says = \"It was.\"
";

const CAMPAIGN: &str = "\
{\"kind\":\"start\",\"target\":\"x\",\"commit\":\"\",\"at\":\"20260131T120000Z\",\"jobs\":1,\"sanitizer\":\"none\",\"seconds\":5}
{\"kind\":\"progress\",\"seconds\":1,\"executions\":2,\"per_second\":2,\"coverage\":3,\"features\":4,\"corpus\":5}
{\"kind\":\"finding\",\"file\":\"crash-1\",\"seconds\":1,\"oracle\":\"O1\",\"text\":\"O1: no\"}
#4096: cov: 101 ft: 202 corp: 30 exec/s: 1000 oom/timeout/crash: 0/0/0 time: 4s job: 3 dft_time: 0
";

/// What `halfopen run --format jsonl` printed of a script that fails.
const FAILED: &str = include_str!("samples/failed.jsonl");
/// As [`FAILED`], of two tests that pass.
const PASSED: &str = include_str!("samples/passed.jsonl");
