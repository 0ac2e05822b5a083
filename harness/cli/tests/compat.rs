//! `--compat packetdrill` and `-D`: scripts that were written for another tool, on the reference stack.

mod world;

use world::World;

/// The last ACK of the stack is not in the script, and the address is packetdrill's.
const LAX: &str = "--tolerance_usecs=4000
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, BACKLOG) = 0
+0 < S 0:0(0) win 65535 <mss 1460>
+0 > S. 0:0(0) ack 1 <...>
+.1 < . 1:1(0) ack 1 win 65535
+0 accept(3, ..., ...) = 4
+.1 < P. 1:11(10) ack 1 win 65535
+.1 < P. 1:11(10) ack 1 win 65535
";

#[test]
fn segments_after_the_last_line_fail_unless_packetdrill_judges() {
    let world = World::new(&[]);
    world.write("lax.pkt", LAX);
    let strict = world.halfopen("run lax.pkt --sut reference --family v4 -D BACKLOG=1");
    assert_eq!(strict.code, 1, "{}", strict.page());
    assert!(strict.stdout.contains("after the last line"), "{}", strict.stdout);
    let named =
        "packetdrill would let this pass: it looks at nothing after the last line; run with --compat packetdrill";
    assert!(strict.stdout.contains(named), "{}", strict.stdout);
    assert!(strict.stdout.contains("-D BACKLOG=1"), "the command that repeats it: {}", strict.stdout);
    let lax = world.halfopen("run lax.pkt --sut reference --family v4 -D BACKLOG=1 --compat packetdrill");
    assert_eq!(lax.code, 0, "{}", lax.page());
}

#[test]
fn a_definition_goes_before_the_scripts_own_and_is_needed() {
    let world = World::new(&[]);
    let script = LAX.replace("(0) ack 1 <...>", "(0) ack ONE <...>");
    world.write("own.pkt", &format!("--define=ONE=2\n--define=BACKLOG=1\n{script}"));
    let run = |flags: &str| world.halfopen(&format!("run own.pkt --sut reference --family v4 {flags}"));
    assert_eq!(run("--compat packetdrill").code, 1, "the script's own value is wrong");
    assert_eq!(run("--compat packetdrill -D ONE=1").code, 0);
    world.write("own.pkt", &script);
    let none = run("-D ONE=1");
    assert_eq!(none.code, 2, "{}", none.page());
    assert!(none.stderr.contains("-D BACKLOG=VALUE"), "{}", none.stderr);
    assert_eq!(run("-D ONE").code, 2);
}

#[test]
fn packetdrills_runner_gives_the_addresses_and_symbols() {
    let world = World::new(&[]);
    world.write("address.pkt", "0 < S 0:0(0) win 1000\n+0 > R. 0:0(0) ack 1 <FO TFO_COOKIE,nop,nop>\n");
    let failed = world.halfopen("run address.pkt --sut reference --compat packetdrill --format jsonl");
    for cookie in ["3021b9d889017eeb", "c1d1e9742a47a9bc"] {
        assert!(failed.stdout.contains(cookie), "{}", failed.page());
    }
    assert_eq!(world.halfopen("run address.pkt --sut reference").code, 2, "an unknown symbol");
}

#[test]
fn families_are_those_of_packetdrills_runner_or_as_asked() {
    let world = World::new(&[]);
    for path in ["d/a.pkt", "d/b-v4.pkt", "d/c-v6.pkt"] {
        world.write(path, "0 < S 0:0(0) win 1000\n+0 > R. 0:0(0) ack 1\n");
    }
    let list = |flags: &str| world.halfopen(&format!("list d --format ids {flags}")).stdout;
    let all = "d/a.pkt[v4]\nd/a.pkt[mapped]\nd/a.pkt[v6]\nd/b-v4.pkt[v4]\nd/b-v4.pkt[mapped]\nd/c-v6.pkt[v6]\n";
    assert_eq!(list("--compat packetdrill"), all);
    assert_eq!(list("--compat packetdrill --ip-version ipv6"), "d/a.pkt[v6]\nd/c-v6.pkt[v6]\n");
    let mapped = "d/a.pkt[mapped]\nd/b-v4.pkt[mapped]\nd/c-v6.pkt[mapped]\n";
    assert_eq!(list("--ip-version ipv4-mapped-ipv6"), mapped);
    assert_eq!(list("--family mapped"), mapped);
    let run = world.halfopen("run d --compat packetdrill --sut reference");
    assert_eq!((run.code, run.stdout.contains("6 pass")), (0, true), "{}", run.page());
}

#[test]
fn the_command_that_repeats_a_test_names_its_family() {
    let world = World::new(&[]);
    world.write("a.pkt", "0 < S 0:0(0) win 1000\n+0 > R. 0:0(0) ack 2\n");
    let failed = world.halfopen("run a.pkt --sut reference --ip-version ipv4-mapped-ipv6 --congestion-control reno");
    let again = "halfopen run 'a.pkt[mapped]' --congestion-control reno --family mapped -vv";
    assert!(failed.stdout.contains(again), "{}", failed.page());
    assert_eq!(world.halfopen("run a.pkt[mapped] --family mapped --congestion-control reno").code, 1);
}

#[test]
fn a_congestion_control_that_the_sut_lacks_is_named() {
    let world = World::new(&[]);
    world.write("a.pkt", "0 < S 0:0(0) win 1000\n+0 > R. 0:0(0) ack 1\n");
    assert_eq!(world.halfopen("run a.pkt --sut reference --congestion-control cubic").code, 0);
    let none = world.halfopen("run a.pkt --sut reference --congestion-control nonesuch -v");
    assert!(none.stdout.contains("nonesuch"), "{}", none.page());
    assert_eq!(world.halfopen("run a.pkt --sut reference --congestion-control a=b").code, 2);
}
