//! Commands that are done without a shell leave a namespace as the shell leaves it, and end as it ends.
#![cfg(target_os = "linux")]

mod support;

use halfopen_engine::sut::Sut as _;
use halfopen_script::test::Family;
use halfopen_sut::linux::{Linux, available};
use halfopen_sut::work_in;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use support::setup;

/// Files that the commands below name, each executable.
const FILES: [(&str, &str); 3] = [
    (
        "usual.sh",
        "#!/bin/bash\n# The usual parameters.\nip tcp_metrics flush all > /dev/null 2>&1\n\
         sysctl -q net.ipv4.tcp_rmem=\"4096 540000 $((15*1024*1024))\"\nsysctl -q net.ipv4.tcp_absent=1\n\
         sysctl -q net.ipv4.tcp_notsent_lowat=4294967295 > /dev/null 2>&1\n\
         sysctl -q net.ipv4.tcp_congestion_control=reno\n\
         sysctl -q net.ipv4.tcp_fastopen_key=a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4\ntc qdisc add dev tun0 root pfifo\n",
    ),
    ("bad.sh", "#!/bin/sh\nsysctl -q net.ipv4.tcp_ecn=0\nsysctl -q net.ipv4.tcp_absent=1\n"),
    (
        "set_sysctls.py",
        "#!/bin/sh\nfor one in \"$@\"; do\n  cat \"${one%%=*}\" > /dev/null || exit 1\n  echo \"${one#*=}\" > \"${one%%=*}\"\n\
         done\nexit 0\n",
    ),
];

const TEXTS: [&str; 20] = [
    "sysctl -q net.ipv4.tcp_ecn=0",
    "sysctl -q net.ipv4.tcp_wmem=\"4096 $((256*1024)) 4194304\" net/ipv4/tcp_sack=0",
    "sysctl -q net.ipv4.tcp_absent=1 net.ipv4.tcp_ecn=0",
    "sysctl -e -q net.ipv4.tcp_absent=1 net.ipv4.tcp_ecn=0",
    "sysctl -q net.ipv4.tcp_ecn=word",
    "sysctl -q net.ipv4.tcp_fastopen=0x70403 # why\n\n",
    "sysctl -q net.ipv4.tcp_absent=1 > /dev/null 2>&1 || ip tcp_metrics flush all > /dev/null",
    "sysctl -q net.ipv4.tcp_absent=1 && sysctl -q net.ipv4.tcp_ecn=0",
    "sysctl -q net.ipv4.tcp_ecn=1 && sysctl -q net.ipv4.tcp_ecn=0 || sysctl -q net.ipv4.tcp_sack=0",
    "./usual.sh",
    "./usual.sh\nsysctl -q \\\n  net.ipv4.tcp_timestamps=0 \\\n  net.ipv4.tcp_early_retrans=0",
    "./bad.sh",
    "./bad.sh\nsysctl -q net.ipv4.tcp_sack=0",
    "./bad.sh || sysctl -q net.ipv4.tcp_sack=0",
    "./set_sysctls.py /proc/sys/net/ipv4/tcp_timestamps=0\\\n /proc/sys/net/ipv4/tcp_wmem=\"4096 50000 4194304\"\\\n\n",
    "./set_sysctls.py /proc/sys/net/ipv4/tcp_ecn=word /proc/sys/net/ipv4/tcp_sack=0",
    "./set_sysctls.py /proc/sys/net/ipv4/tcp_absent=1 /proc/sys/net/ipv4/tcp_sack=0",
    "tc qdisc add dev tun0 root pfifo\ntc qdisc add dev tun0 root pfifo limit 7",
    "tc qdisc delete dev tun0 root 2>/dev/null ; tc qdisc add dev tun0 root pfifo limit 0",
    "./usual.sh\nethtool -K tun0 gso off tso off",
];

/// What the commands can change, as it is in a fresh namespace after them, and whether they ended well.
fn after(text: &str) -> (BTreeMap<String, String>, bool) {
    let mut sut = Linux::new().expect("the host has /proc");
    sut.start(&setup(Family::V4)).expect("it starts");
    let status = sut.command(text);
    let mut found = BTreeMap::new();
    for entry in fs::read_dir("/proc/sys/net/ipv4").expect("a namespace has parameters").flatten() {
        let value = fs::read_to_string(entry.path()).unwrap_or_default();
        found.insert(entry.file_name().to_string_lossy().into_owned(), value);
    }
    for (program, arguments) in [("tc", ["qdisc", "show", "dev", "tun0"].as_slice()), ("ethtool", &["-k", "tun0"])] {
        let output = Command::new(program).args(arguments).output().expect("it is installed");
        // The handle is a number that the kernel counts up.
        let text = String::from_utf8_lossy(&output.stdout).split(' ').filter(|w| !w.ends_with(':')).collect::<String>();
        found.insert(program.to_owned(), text);
    }
    // What passes with time, or is drawn at random for a namespace.
    found.retain(|name, _| !name.contains("tcp_fastopen_key") || text.contains("usual.sh"));
    sut.finish().expect("it ends");
    (found, status.is_ok())
}

fn installed(program: &str) -> bool {
    Command::new("sh")
        .arg("-c")
        .arg(format!("command -v {program}"))
        .output()
        .is_ok_and(|output| output.status.success())
}

#[test]
fn they_do_what_the_shell_does() {
    if let Err(missing) = available() {
        println!("not run: {missing}");
        return;
    }
    if let Some(missing) = ["sysctl", "ip", "tc", "ethtool", "bash"].into_iter().find(|program| !installed(program)) {
        println!("not run: no {missing} to compare with");
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("commands");
    fs::create_dir_all(&folder).expect("a folder for scratch files");
    for (name, text) in FILES {
        fs::write(folder.join(name), text).expect("a scratch file");
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755)).expect("it is ours");
    }
    work_in("linux", &folder).expect("it exists");
    let (before, _) = after("");
    for text in TEXTS {
        // A variable is for a shell, and so is all that follows it.
        let by_shell = after(&format!("ANY=1\n{text}"));
        let by_us = after(text);
        assert_eq!(by_us.1, by_shell.1, "ends well:\n{text}");
        let difference: Vec<_> = by_us.0.iter().filter(|(name, value)| by_shell.0.get(*name) != Some(value)).collect();
        assert!(difference.is_empty(), "{text}\ndiffers from the shell in {difference:?}");
        let flush = text.contains("flush") || !by_us.1;
        assert!(by_us.0 != before || flush, "the command does nothing, so nothing was compared:\n{text}");
    }
}

/// What is not the namespace's, written with what it holds already: that much changes nothing even where it succeeds.
const HOST: [&str; 3] =
    ["/proc/sys/kernel/panic", "/proc/sys/vm/swappiness", "/sys/module/tcp_cubic/parameters/hystart_detect"];

#[test]
fn shells_cannot_change_the_host() {
    if let Err(missing) = available() {
        println!("not run: {missing}");
        return;
    }
    let mut sut = Linux::new().expect("the host has /proc");
    sut.start(&setup(Family::V4)).expect("it starts");
    for file in HOST.into_iter().filter(|file| Path::new(file).exists()) {
        let held = fs::read_to_string(file).expect("it can be read");
        let refused = sut.command(&format!("x=$(cat {file}); echo $x > {file}")).expect_err("the host is read-only");
        assert!(refused.to_string().contains("Read-only file system"), "{file}: {refused}");
        assert_eq!(fs::read_to_string(file).expect("it can be read"), held);
    }
    let own = "x=7; echo $x > /proc/sys/net/ipv4/tcp_syn_retries && test $(cat /proc/sys/net/ipv4/tcp_syn_retries) = 7";
    sut.command(own).expect("the namespace's own parameters can be written");
    sut.finish().expect("it ends");
}

#[test]
fn a_parameter_of_a_module_stays_as_it_is() {
    let file = "/sys/module/tcp_cubic/parameters/hystart_detect";
    if let Err(missing) = available() {
        println!("not run: {missing}");
        return;
    }
    let Ok(held) = fs::read_to_string(file) else {
        println!("not run: CUBIC is no module of this kernel");
        return;
    };
    let mut sut = Linux::new().expect("the host has /proc");
    sut.start(&setup(Family::V4)).expect("it starts");
    sut.command(&format!("echo {} > {file}", held.trim())).expect("there is nothing to change");
    let refused = sut.command(&format!("echo 1{} > {file}", held.trim())).expect_err("it belongs to the host");
    assert!(refused.to_string().contains("belongs to the whole host"), "{refused}");
    sut.finish().expect("it ends");
}
