use super::*;
use rstest::rstest;

const DEFAULTS: &str = "#!/bin/bash\n# What every script begins with.\n\nip tcp_metrics flush all > /dev/null 2>&1\n\
    sysctl -q net.ipv4.tcp_rmem=\"4096 540000 $((15*1024*1024))\"\n\
    sysctl -q net.ipv4.tcp_early_retrans=4 net.ipv4.tcp_recovery=1\ntc qdisc add dev tun0 root pfifo\n\n";

fn files(path: &str) -> Option<String> {
    match path {
        "../common/defaults.sh" => Some(DEFAULTS.to_owned()),
        "./set_sysctls.py" => Some("#!/usr/bin/env python3\n".to_owned()),
        "./unknown.sh" => Some("#!/bin/sh\nsysctl -q a.b=1\nls\n".to_owned()),
        "./itself.sh" => Some("#!/bin/sh\n./itself.sh\n".to_owned()),
        "./other.pl" => Some("#!/usr/bin/perl\nsysctl -q a.b=1\n".to_owned()),
        _ => None,
    }
}

/// The commands that are run when each of them succeeds, or, for those named, fails.
fn run(text: &str, failing: &[&str]) -> (Vec<String>, Result<(), String>) {
    let mut seen = Vec::new();
    let status = Program::read(text, &files).run(&mut |command| {
        let set = |settings: &[Setting]| {
            settings.iter().map(|s| format!("{}={}", s.name(), s.value)).collect::<Vec<_>>().join(" ")
        };
        let said = match command {
            Command::Set(settings) => set(settings),
            Command::SetExisting(settings) => format!("py {}", set(settings)),
            Command::Restore(_) => "restore".to_owned(),
            Command::FlushMetrics => "flush".to_owned(),
            Command::Qdisc(qdisc) => format!("{qdisc:?}"),
            Command::Offload(offloads) => format!("{offloads:?}"),
            Command::Shell(text) => format!("sh {text}"),
        };
        seen.push(said.clone());
        if failing.iter().any(|word| said.contains(word)) { Err(said) } else { Ok(()) }
    });
    (seen, status)
}

#[rstest]
#[case("sysctl -q net.ipv4.tcp_ecn=0", &["net.ipv4.tcp_ecn=0"])]
#[case("sysctl -w net.ipv4.tcp_ecn=0 net/ipv4/tcp_sack=1", &["net.ipv4.tcp_ecn=0 net.ipv4.tcp_sack=1"])]
#[case("/sbin/sysctl -qw a.b='4096 5 6' > /dev/null 2>&1", &["a.b=4096 5 6"])]
#[case("sysctl -q a=1; sysctl a=2 && sysctl -q b=\"3 4\" >/dev/null;", &["a=1", "a=2", "b=3 4"])]
#[case("\n sysctl -q a=1   # why\n  sysctl -q \\\n  b=2 \\\n\tc=3\n", &["a=1", "b=2 c=3"])]
#[case("sysctl a=1 &>/dev/null", &["a=1"])]
#[case("sysctl net.ipv4.conf.eth0/1.rp_filter=1", &["net.ipv4.conf.eth0/1.rp_filter=1"])]
#[case("sysctl 'a = 1'", &["a=1"])]
#[case("sysctl a=$((2 * (3+4) - 0x10/4 % 3))", &["a=13"])]
#[case("sysctl a=1 ||\\\n ip tcp_metrics flush all &> /dev/null", &["a=1"])]
#[case("../common/defaults.sh", &[
    "flush", "net.ipv4.tcp_rmem=4096 540000 15728640", "net.ipv4.tcp_early_retrans=4 net.ipv4.tcp_recovery=1",
    "Add(Pfifo { limit: None })",
])]
#[case("./set_sysctls.py /proc/sys/net/ipv4/tcp_timestamps=0\\\n\t\t /proc/sys/net/ipv4/tcp_wmem=\"4096 50000 4194304\"\\\n\n",
    &["py net.ipv4.tcp_timestamps=0 net.ipv4.tcp_wmem=4096 50000 4194304"])]
#[case("/tmp/sysctl_restore_${PPID}.sh", &["restore"])]
#[case("/tmp/sysctl_restore_$PPID.sh", &["restore"])]
#[case("tc qdisc delete dev tun0 root 2>/dev/null ; tc qdisc add dev tun0 root pfifo limit 0",
    &["Delete", "Add(Pfifo { limit: Some(0) })"])]
#[case("tc qdisc replace dev tun0 root fq", &["Replace(Fq)"])]
#[case("ethtool -K tun0 tso off gso off", &["[(Tso, false), (Gso, false)]"])]
#[case("", &[])]
fn known_commands_need_no_shell(#[case] text: &str, #[case] expected: &[&str]) {
    assert_eq!(run(text, &[]), (expected.iter().map(|s| (*s).to_owned()).collect(), Ok(())));
}

#[rstest]
#[case("./x.sh")]
#[case("./unknown.sh")]
#[case("./itself.sh")]
#[case("./other.pl")]
#[case("./absent/set_sysctls.py /proc/sys/net/ipv4/tcp_timestamps=0")]
#[case("./set_sysctls.py /proc/sys/net/ipv4/tcp_timestamps='$(ls)'")]
#[case("/tmp/other_${PPID}.sh")]
#[case("sysctl a")]
#[case("sysctl -a a=1")]
#[case("sysctl -q a=$X")]
#[case("sysctl -q a=`ls`")]
#[case("sysctl -q a=$(ls)")]
#[case("sysctl -q a=$((X))")]
#[case("sysctl -q a=1 | cat")]
#[case("sysctl -q a=1 &")]
#[case("sysctl -q a=1 > /tmp/log")]
#[case("sysctl -q a=1 > /dev/nullx")]
#[case("sysctl -q a=1 < /dev/null")]
#[case("sysctl -q a='1")]
#[case("sysctl -q a=*")]
#[case("a=1 sysctl -q a=1")]
#[case("(sysctl -q a=1)")]
#[case("{ sysctl -q a=1; }")]
#[case("tc qdisc add dev eth0 root pfifo")]
#[case("ethtool -K tun0 gro off")]
#[case("ip route add 192.0.2.0/24 dev tun0")]
fn anything_else_is_left_to_the_shell(#[case] text: &str) {
    assert_eq!(run(text, &[]), (vec![format!("sh {text}")], Ok(())));
}

#[test]
fn a_line_for_the_shell_leaves_the_others_alone() {
    let text = "sysctl -q a=1\nip route change 192.0.2.1 \\\n dev tun0 # why\nsysctl -q b=2\ngrep x y | \n grep z";
    let expected = ["a=1", "sh ip route change 192.0.2.1 \\\n dev tun0", "b=2", "sh grep x y | \n grep z"];
    assert_eq!(run(text, &[]), (expected.map(str::to_owned).to_vec(), Ok(())));
}

#[rstest]
#[case("sysctl -q a=1\ncd /tmp\n./x")]
#[case("sysctl -q a=1\nX=2\necho $X")]
#[case("sysctl -q a=1\nif true; then\nsysctl -q b=1\nfi")]
#[case("cat <<E\nsysctl -q a=1\nE")]
#[case("sysctl -q a=1\n$X")]
#[case("for i in 1 2; do sysctl -q a=$i; done")]
fn a_line_that_changes_its_neighbours_leaves_all_to_the_shell(#[case] text: &str) {
    assert_eq!(run(text, &[]), (vec![format!("sh {text}")], Ok(())));
}

//  text                                              fails        runs                     comes to
#[rstest]
#[case("./x\nsysctl a=1\nsysctl b=2",                 &["a=1"],    &["sh ./x", "a=1", "b=2"], true)]
#[case("./x\nsysctl a=1\nsysctl b=2",                 &["b=2"],    &["sh ./x", "a=1", "b=2"], false)]
#[case("sysctl a=1 && ip tcp_metrics flush all",      &["a=1"],    &["a=1"],                false)]
#[case("sysctl a=1 || ip tcp_metrics flush all",      &["a=1"],    &["a=1", "flush"],       true)]
#[case("sysctl a=1 || ip tcp_metrics flush all",      &[],         &["a=1"],                true)]
#[case("sysctl a=1 && sysctl b=1 || ip tcp_metrics flush all", &["a=1"], &["a=1", "flush"], true)]
// A test that is nothing but parameters has to get each of them.
#[case("sysctl a=1\nsysctl b=2",                      &["a=1"],    &["a=1"],                false)]
#[case("sysctl a=1; sysctl b=2",                      &["a=1"],    &["a=1"],                false)]
fn the_last_command_decides(
    #[case] text: &str,
    #[case] failing: &[&str],
    #[case] runs: &[&str],
    #[case] ends_well: bool,
) {
    let (seen, status) = run(text, failing);
    assert_eq!((seen, status.is_ok()), (runs.iter().map(|s| (*s).to_owned()).collect(), ends_well));
}

#[test]
fn a_script_comes_to_what_its_last_command_comes_to() {
    let (seen, status) = run("../common/defaults.sh", &["tcp_rmem", "flush"]);
    assert_eq!((seen.len(), status), (4, Ok(())));
    assert_eq!(run("../common/defaults.sh", &["Pfifo"]).1, Err("Add(Pfifo { limit: None })".to_owned()));
}

#[test]
fn ignored_errors_belong_to_one_command() {
    let program = Program::read("sysctl -e a=1; sysctl b=1", &files);
    let mut optional = Vec::new();
    let _ = program.run(&mut |command| -> Result<(), ()> {
        let Command::Set(settings) = command else { panic!("{command:?}") };
        optional.extend(settings.iter().map(|s| s.optional));
        Ok(())
    });
    assert_eq!(optional, [true, false]);
}
