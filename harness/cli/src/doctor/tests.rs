//! What is said of hosts that lack something.

use super::*;
use halfopen_script::test::Test;
use halfopen_script::{NoFixtures, Sources, expand, parse, variants};

/// A host that has everything.
fn whole() -> Host {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let kernel = Kernel {
        ipv6: true,
        namespace_wide: names(&["cubic", "reno"]),
        per_socket: Vec::new(),
        qdiscs: names(&["pfifo", "fq"]),
        sysctls: names(&["net.ipv4.tcp_ecn=3", "net.ipv4.tcp_sack=0"]),
        options: names(&["TCP_MD5SIG", "TCP_AO"]),
    };
    Host {
        release: "6.18.0".into(),
        machine: "x86_64".into(),
        cores: 2,
        privilege: Ok(Privilege::Capabilities),
        tun: Ok(()),
        runner: Ok(()),
        realtime: true,
        lateness: Some(Lateness { median: 5, p99: 60, worst: 200, timers: 200 }),
        tick: Some(1_000_000),
        kernel: Some(kernel),
        programs: names(&["sh", "ip"]),
    }
}

/// Two tests of each script: over IPv4 and IPv6.
fn demand() -> Demand {
    let scripts = [
        ("ecn", "`sysctl -q net.ipv4.tcp_ecn=3`\n"),
        ("sack", "`sysctl -q net.ipv4.tcp_sack=0`\n"),
        ("fq", "`tc qdisc replace dev tun0 root fq`\n"),
        ("plain", ""),
    ];
    let tests: Vec<(String, Test)> = scripts
        .into_iter()
        .flat_map(|(name, command)| {
            let mut sources = Sources::new();
            let file = sources.add(name, format!("{command}0 < S 0:0(0) win 1000\n+0 > R. 0:0(0) ack 1\n"));
            let script = parse(&sources, file).expect("well-formed");
            variants(&script).into_iter().map(move |variant| {
                let test = expand(name, &script, &variant, &mut sources, &NoFixtures, &[]).expect("well-formed");
                (test.id.to_string(), test)
            })
        })
        .collect();
    Demand::new(&tests)
}

/// State, detail and untestable tests of a line.
fn line<'a>(report: &'a Report<'_>, name: &str) -> &'a Check {
    report.checks.iter().find(|check| check.name == name).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn a_whole_host_lacks_nothing() {
    let (host, demand) = (whole(), demand());
    let report = diagnose(&host, &demand);
    let bad: Vec<_> = report.checks.iter().filter(|check| check.state != State::Ok).collect();
    assert!(bad.is_empty(), "{bad:?}");
    assert_eq!((report.selected, report.testable, report.exit), (8, 8, 0));
    assert!(page(&report).contains("All 8 tests"), "{}", page(&report));
}

#[test]
fn what_the_kernel_lacks_makes_those_tests_untestable_that_need_it() {
    let without = |change: fn(&mut Kernel)| {
        let mut host = whole();
        change(host.kernel.as_mut().expect("it has one"));
        host
    };
    type Case = (fn(&mut Kernel), &'static str, usize);
    let table: [Case; 6] = [
        (|kernel| kernel.sysctls.retain(|known| !known.contains("ecn")), "accurate ECN", 2),
        (|kernel| kernel.sysctls.retain(|known| !known.contains("sack")), "net.ipv4.tcp_sack=0", 2),
        (|kernel| kernel.qdiscs.retain(|known| known != "fq"), "qdisc fq", 2),
        (|kernel| kernel.ipv6 = false, "IPv6", 4),
        (|kernel| kernel.options.clear(), "TCP_MD5SIG", 0),
        (|kernel| kernel.namespace_wide.retain(|known| known != "cubic"), "congestion control cubic", 0),
    ];
    let demand = demand();
    for (change, name, untestable) in table {
        let host = without(change);
        let report = diagnose(&host, &demand);
        let check = line(&report, name);
        assert_eq!((check.state, check.untestable.len()), (State::Absent, untestable), "{name}");
        assert_eq!((report.testable, report.exit), (8 - untestable, 0), "{name}");
        let count = format!("{} of 8 tests", 8 - untestable);
        assert!(untestable == 0 || page(&report).contains(&count), "{}", page(&report));
    }
}

#[test]
fn a_socket_may_choose_what_a_namespace_may_not() {
    let mut host = whole();
    let kernel = host.kernel.as_mut().expect("it has one");
    (kernel.namespace_wide, kernel.per_socket) = (vec!["reno".into()], vec!["cubic".into()]);
    let demand = demand();
    let report = diagnose(&host, &demand);
    let check = line(&report, "congestion control cubic");
    assert_eq!((check.state, check.detail.as_str()), (State::Ok, "on each socket; refused to a namespace"));
}

#[test]
fn without_tun_or_namespaces_no_test_of_the_kernel_runs() {
    fn no_tun(host: &mut Host) {
        host.tun = Err("/dev/net/tun: No such file or directory".into());
        host.runner = Err("there is no /dev/net/tun".into());
    }
    fn no_namespaces(host: &mut Host) {
        host.privilege = Err("making a user namespace is refused (EPERM)".into());
        host.runner = Err("making a user namespace is refused (EPERM)".into());
    }
    type Case = (fn(&mut Host), &'static str, &'static str);
    let changes: [Case; 2] = [(no_tun, "/dev/net/tun", "No such file"), (no_namespaces, "privilege", "EPERM")];
    let demand = demand();
    for (change, name, why) in changes {
        let mut host = whole();
        change(&mut host);
        host.kernel = None;
        let report = diagnose(&host, &demand);
        assert_eq!((report.testable, report.exit), (0, 9), "{name}");
        let check = line(&report, name);
        assert!(check.state == State::Missing && check.detail.contains(why), "{check:?}");
        let page = page(&report);
        assert!(page.contains("MISSING") && page.contains("exit 9") && page.contains(why), "{page}");
    }
}

#[test]
fn a_slow_clock_is_poor_and_fails_nothing() {
    let mut host = whole();
    host.lateness = Some(Lateness { median: 50, p99: 1001, worst: 9000, timers: 200 });
    (host.tick, host.realtime) = (Some(10_000_000), false);
    let demand = demand();
    let report = diagnose(&host, &demand);
    for name in ["timers", "tick of the kernel", "real-time priority"] {
        assert_eq!(line(&report, name).state, State::Poor, "{name}");
    }
    assert!(line(&report, "tick of the kernel").detail.contains("HZ=100"), "{}", page(&report));
    assert_eq!(report.exit, 0);
}
