//! The host against this machine's kernel, a few MiB each way: on TUN and on veth, IPv4 and IPv6, clean and impaired.
//!
//! Everything happens in a network namespace that a thread of the test makes and that goes with it. `cargo ci peers` is the long
//! version, with curl, nc and a second host.
#![cfg(target_os = "linux")]

use halfopen_stack::{Config, Instant, Stack};
use halfopen_stack_os::client::pattern;
use halfopen_stack_os::device::Device;
use halfopen_stack_os::host::{Application, Host};
use halfopen_stack_os::link::Link;
use halfopen_stack_os::services::{Service, Services};
use halfopen_stack_os::{InterfaceAddress, Routes};
use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use rstest::rstest;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

const OCTETS: u64 = 2 << 20;

/// Services until the test is over.
struct Until {
    services: Services,
    over: Arc<AtomicBool>,
    now: Instant,
}

impl Application for Until {
    fn run(&mut self, host: &mut Host) -> Result<bool, Errno> {
        self.now = host.now();
        Ok(self.services.run(&mut host.stack, self.now))
    }

    fn poll_at(&self) -> Option<Instant> {
        Some(self.now + Duration::from_millis(20))
    }

    fn done(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

fn ip(words: &str) {
    let status = Command::new("ip").args(words.split(' ')).status().expect("`ip` is installed (iproute2)");
    assert!(status.success(), "ip {words}: {status}");
}

fn kernel_side(device: &str) {
    ip(&format!("addr add 10.9.0.1/24 dev {device}"));
    ip(&format!("-6 addr add fd09::1/64 dev {device} nodad"));
    ip(&format!("link set {device} up"));
}

fn host(device: Device, impair: Option<&str>) -> Host {
    let addresses: Vec<InterfaceAddress> =
        ["10.9.0.2/24", "fd09::2/64"].iter().map(|text| text.parse().expect("an address")).collect();
    let mut stack = Stack::new(Config::linux(), 1);
    stack.set_mtu(device.mtu().expect("an MTU"));
    addresses.iter().for_each(|one| stack.add_address(one.address));
    let routes = Routes { addresses, gateways: Vec::new() };
    let link = device.host_mac().map_or_else(Link::direct, |mac| Link::ethernet(mac, routes));
    let mut host = Host::new(stack, device, link, Instant(3_600_000_000));
    if let Some(what) = impair {
        host.impair(what.parse().expect("an impairment"));
    }
    host
}

/// Sends to echo and reads what comes back, on the kernel's sockets.
fn echoed(address: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect((address, 7)).expect("connects");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
    let mut sender = stream.try_clone().expect("another handle");
    let writer = thread::spawn(move || {
        let sent: Vec<u8> = (0..OCTETS).map(pattern).collect();
        sender.write_all(&sent).expect("all is sent");
        sender.shutdown(Shutdown::Write).expect("half-closes");
    });
    let mut received = Vec::new();
    stream.read_to_end(&mut received).expect("all comes back");
    writer.join().expect("the writer does not panic");
    received
}

/// The body of a test, on a thread whose namespace is new.
fn exchange(veth: bool, impair: Option<&'static str>) {
    unshare(CloneFlags::CLONE_NEWNET).expect("root may make a network namespace");
    let device = if veth {
        ip("link add veth0 type veth peer name veth1");
        ip("link set veth1 up");
        kernel_side("veth0");
        Device::ethernet("veth1").expect("opens")
    } else {
        let device = Device::tun("tun0").expect("opens");
        kernel_side("tun0");
        device
    };
    let mut host = host(device, impair);
    let service: Service = "echo:7".parse().expect("a service");
    let services = Services::open(&mut host.stack, &[service]).expect("opens");
    let over = Arc::new(AtomicBool::new(false));
    let mut until = Until { services, over: Arc::clone(&over), now: host.now() };
    let peer = thread::spawn(move || {
        // Their panics are told after the host was stopped.
        let results = ["10.9.0.2", "fd09::2"].map(|address| thread::spawn(move || echoed(address)).join());
        over.store(true, Ordering::Relaxed);
        let expected: Vec<u8> = (0..OCTETS).map(pattern).collect();
        for result in results {
            let received = result.expect("the exchange went through");
            assert_eq!(received.len() as u64, OCTETS);
            assert!(received == expected, "the octets are the same");
        }
    });
    host.run(&mut until).expect("the device stays");
    peer.join().expect("both families");
    if impair.is_some() {
        let [incoming, outgoing] = host.impaired().expect("it was impaired");
        assert!(incoming.lost > 0 && outgoing.lost > 0, "{incoming:?} {outgoing:?}");
    }
}

#[rstest]
#[case(false, None)]
#[case(true, None)]
#[case(false, Some("loss=1%,dup=1%,reorder=1%,seed=7"))]
#[case(true, Some("loss=1%,dup=1%,reorder=1%,seed=7"))]
fn kernel_gets_back_what_it_sent(#[case] veth: bool, #[case] impair: Option<&'static str>) {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("not run: a network namespace needs root");
        return;
    }
    thread::spawn(move || exchange(veth, impair)).join().expect("the exchange does not panic");
}
