//! `halfopen doctor` on this host, with things hidden from it, and on hosts that a file describes.

#![cfg(target_os = "linux")]

mod world;

use std::fs;
use std::io::Write;
use std::process::Command;
use world::World;

/// What the doctor says from inside of a namespace that a shell prepares. `None` where this host permits no user namespaces: there is
/// nothing to hide things in.
fn hidden(flags: &[&str], prepare: &str, world: &World) -> Option<(i32, String)> {
    let permitted = Command::new("unshare").args(flags).arg("true").status().is_ok_and(|status| status.success());
    if !permitted {
        assert!(std::env::var_os("CI").is_none(), "CI is to test the doctor: unshare {flags:?} is refused");
        let _ = writeln!(std::io::stderr(), "the doctor was NOT tested: unshare {flags:?} is refused");
        return None;
    }
    let command = format!("{prepare} {} doctor", env!("CARGO_BIN_EXE_halfopen"));
    let output = Command::new("unshare").args(flags).args(["sh", "-c", &command]).current_dir(world.path()).output();
    let output = output.expect("unshare was there just now");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    Some((output.status.code().unwrap_or(-1), text))
}

#[test]
fn a_hidden_tun_is_missing() {
    let world = World::new(&[("one", "true")]);
    let hide = "mount -t tmpfs none /dev/net && exec";
    let Some((code, page)) = hidden(&["--user", "--map-root-user", "--mount"], hide, &world) else { return };
    assert_eq!(code, 9, "{page}");
    assert!(page.contains("MISSING  /dev/net/tun") && page.contains("No such file"), "{page}");
    assert!(page.contains("No test of --sut linux can run here"), "{page}");
}

#[test]
fn without_privilege_and_user_namespaces_it_is_the_privilege() {
    let world = World::new(&[("one", "true")]);
    let hide = "echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-all --inh-caps=-all";
    let Some((code, page)) = hidden(&["--user", "--map-root-user"], hide, &world) else { return };
    assert_eq!(code, 9, "{page}");
    assert!(page.contains("MISSING  privilege") && page.contains("user.max_user_namespaces"), "{page}");
}

#[test]
fn this_host_is_described_so_that_a_file_of_it_says_the_same() {
    let world = World::new(&[("one", "sysctl -q net.ipv4.tcp_no_such_thing=1"), ("two", "true")]);
    let json = world.halfopen("doctor --format json");
    let report: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!(report["exit"], json.code, "{}", json.page());
    assert_eq!(report["selected"], 2);
    if json.code == 0 {
        let checks = report["checks"].as_array().expect("a list");
        let lacking =
            checks.iter().find(|check| check["name"] == "net.ipv4.tcp_no_such_thing=1").expect("it is lacking");
        assert_eq!(lacking["state"], "absent");
        assert_eq!(lacking["untestable"].as_array().map(Vec::len), Some(1), "{lacking}");
        assert_eq!(report["testable"], 1);
    }
    world.write("host.json", &report["host"].to_string());
    let again = world.halfopen("doctor --format json --probe host.json");
    assert_eq!((again.code, again.stdout), (json.code, json.stdout));
}

#[test]
fn an_injected_finding_decides() {
    let world = World::new(&[("one", "true")]);
    let json = world.halfopen("doctor --format json");
    let mut report: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    let host = &mut report["host"];
    host["tun"] = serde_json::json!({"Err": "/dev/net/tun: it is a kettle"});
    host["runner"] = serde_json::json!({"Err": "there is a kettle"});
    host["kernel"] = serde_json::Value::Null;
    world.write("host.json", &host.to_string());
    let page = world.halfopen("doctor --probe host.json");
    assert_eq!(page.code, 9, "{}", page.page());
    assert!(page.stdout.contains("it is a kettle"), "{}", page.stdout);
    fs::write(world.path().join("host.json"), "{").expect("a scratch file");
    assert_eq!(world.halfopen("doctor --probe host.json").code, 2);
}
