//! Octet rates on TUN: the stack with a kernel's TCP as its peer, next to programs that only read and write the same datagrams.
//!
//! - `bare`: the program reads datagrams of 1500 octets that the kernel makes as fast as it can, and writes one of 52 octets for
//!   every second one; or it writes them, and reads what comes. No TCP anywhere.
//! - `carried`: the program carries the datagrams of a TCP connection between the kernels of two namespaces, from one TUN device to
//!   another. It only reads and writes, and the peers are as with the stack.

use super::lab::{Device, HOST, KERNEL, Lab, Link, ip, now, patient, sleep};
use crate::step::{self, Fault};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Seconds of each measurement, and rounds of all of them in turn.
const SECONDS: f64 = 3.0;
const ROUNDS: usize = 3;
/// What the stack is to reach of each baseline.
const GOAL: f64 = 0.7;

/// Measures all in turn, and prints medians and ratios.
pub(super) fn rates(lab: &Lab) -> Result<(), Fault> {
    let mut measured: [Vec<f64>; 5] = Default::default();
    for _ in 0..ROUNDS {
        let round = [stack_in(lab)?, stack_out(lab)?, bare_in(lab)?, bare_out(lab)?, carried(lab)?];
        for (all, one) in measured.iter_mut().zip(round) {
            all.push(one);
        }
    }
    let median = |mut of: Vec<f64>| {
        of.sort_by(f64::total_cmp);
        of[of.len() / 2]
    };
    let [stack_in, stack_out, bare_in, bare_out, carried] = measured.map(median);
    println!("\nOctets on TUN, MTU 1500, Mbit/s (median of {ROUNDS} rounds of {SECONDS} s, in turn)");
    let table = [("in", stack_in, bare_in), ("out", stack_out, bare_out)];
    for (way, stack, bare) in table {
        let (of_bare, of_carried) = (stack / bare, stack / carried);
        println!(
            "{way:<4} stack {stack:>7.0}   bare {bare:>7.0} ({:.0} %)   carried {carried:>7.0} ({:.0} %, goal {:.0} %)",
            of_bare * 100.0,
            of_carried * 100.0,
            GOAL * 100.0
        );
    }
    if stack_in.min(stack_out) < GOAL * carried {
        return Err("the stack is slower than its goal on TUN".to_owned());
    }
    Ok(())
}

/// The kernel sends to the host's discard.
fn stack_in(lab: &Lab) -> Result<f64, Fault> {
    let _link = Link::make(Device::Tun)?;
    let _host = lab.host(Device::Tun, "0", HOST, KERNEL, None, &["--service", "discard:9"])?;
    push(HOST[0], 9)
}

/// The kernel receives from the host's chargen.
fn stack_out(lab: &Lab) -> Result<f64, Fault> {
    let _link = Link::make(Device::Tun)?;
    let _host = lab.host(Device::Tun, "0", HOST, KERNEL, None, &["--service", "chargen:19"])?;
    let failed = |error: std::io::Error| format!("receiving from chargen: {error}");
    let mut stream = TcpStream::connect((HOST[0], 19)).map_err(failed)?;
    let mut room = vec![0; 1 << 20];
    let (began, mut octets) = (now(), 0);
    while (now() - began).as_secs_f64() < SECONDS {
        octets += stream.read(&mut room).map_err(failed)?;
    }
    Ok(rate(octets as f64, (now() - began).as_secs_f64()))
}

/// Sends to a kernel's or a host's port for a while.
fn push(address: &str, port: u16) -> Result<f64, Fault> {
    let failed = |error: std::io::Error| format!("sending to {address}:{port}: {error}");
    let mut stream = connect(address, port).map_err(failed)?;
    let block = vec![7; 1 << 18];
    let (began, mut octets) = (now(), 0);
    while (now() - began).as_secs_f64() < SECONDS {
        octets += stream.write(&block).map_err(failed)?;
    }
    Ok(rate(octets as f64, (now() - began).as_secs_f64()))
}

/// Somebody listens soon.
fn connect(address: &str, port: u16) -> std::io::Result<TcpStream> {
    for _ in 0..50 {
        if let Ok(stream) = TcpStream::connect((address, port)) {
            return Ok(stream);
        }
        sleep(Duration::from_millis(20));
    }
    TcpStream::connect((address, port))
}

/// A program reads what the kernel makes of a UDP socket.
fn bare_in(lab: &Lab) -> Result<f64, Fault> {
    let _link = Link::make(Device::Tun)?;
    let over = Arc::new(AtomicBool::new(false));
    let (_taker, reply) = taker(24)?;
    let frames = lab.frames(&["sink", "tun0", &SECONDS.to_string(), &reply])?;
    let failed = |error: std::io::Error| format!("UDP: {error}");
    let socket = UdpSocket::bind((KERNEL[0], 0)).map_err(failed)?;
    let to: SocketAddr = (HOST[0].parse::<std::net::IpAddr>().expect("an address"), 9).into();
    let theirs = Arc::clone(&over);
    let blaster = std::thread::spawn(move || {
        let datagram = [7; 1472];
        while !theirs.load(Ordering::Relaxed) {
            // A full queue drops it; that is what makes it as fast as it can be.
            let _ = socket.send_to(&datagram, to);
        }
    });
    let result = measured(frames);
    over.store(true, Ordering::Relaxed);
    blaster.join().map_err(|_| "the blaster panicked".to_owned())?;
    result
}

/// A program writes datagrams to a UDP socket that nobody reads.
fn bare_out(lab: &Lab) -> Result<f64, Fault> {
    let _link = Link::make(Device::Tun)?;
    let (_taker, datagram) = taker(1472)?;
    measured(lab.frames(&["source", "tun0", &SECONDS.to_string(), &datagram])?)
}

/// A program carries a connection between two kernels.
fn carried(lab: &Lab) -> Result<f64, Fault> {
    let _link = Link::make(Device::Tun)?;
    ip("tuntap add dev tun1 mode tun")?;
    let _frames = lab.frames(&["forward", "tun0", "tun1", "20"])?;
    let mut other = patient(Command::new("unshare"));
    other.args(["--net", "--", "sleep", "60"]);
    let other = Guard(other.spawn().map_err(|error| format!("unshare: {error}"))?);
    sleep(Duration::from_millis(300));
    // `setpriv` and `unshare` become what they start; `timeout` does not.
    let children = format!("/proc/{0}/task/{0}/children", other.0.id());
    let process = std::fs::read_to_string(&children).map_err(|error| format!("{children}: {error}"))?;
    let process = process.trim();
    ip(&format!("link set tun1 netns {process}"))?;
    for words in [format!("addr add {}/24 dev tun1", HOST[0]), "link set tun1 up".to_owned()] {
        let mut inside = Command::new("nsenter");
        inside.args(["-t", process, "-n", "ip"]).args(words.split(' '));
        step::succeed(&mut inside)?;
    }
    let mut receiver = patient(Command::new("nsenter"));
    receiver.args(["-t", process, "-n", "nc", "-l", "-p", "9"]).stdout(Stdio::null());
    let _receiver = Guard(receiver.spawn().map_err(|error| format!("nc: {error}"))?);
    push(HOST[0], 9)
}

/// A UDP socket of the kernel's that takes and forgets, and the datagram to it in hexadecimal.
fn taker(payload: usize) -> Result<(UdpSocket, String), Fault> {
    let socket = UdpSocket::bind((KERNEL[0], 0)).map_err(|error| format!("UDP: {error}"))?;
    let port = socket.local_addr().map_err(|error| format!("UDP: {error}"))?.port();
    let (total, udp) = ((28 + payload) as u16, (8 + payload) as u16);
    let mut datagram = vec![0x45, 0];
    datagram.extend(total.to_be_bytes());
    datagram.extend([0, 0, 0x40, 0, 64, 17, 0, 0, 10, 9, 0, 2, 10, 9, 0, 1]);
    let sum: u32 = datagram.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    datagram[10..12].copy_from_slice(&sum.to_be_bytes());
    datagram.extend(9_u16.to_be_bytes());
    datagram.extend(port.to_be_bytes());
    datagram.extend(udp.to_be_bytes());
    // Checksum zero: none was made.
    datagram.extend([0, 0]);
    datagram.resize(28 + payload, 7);
    Ok((socket, datagram.iter().map(|octet| format!("{octet:02x}")).collect()))
}

impl Lab {
    fn frames(&self, words: &[&str]) -> Result<Guard, Fault> {
        let mut command = patient(Command::new(&self.frames));
        command.args(words).stdout(Stdio::piped());
        command.spawn().map(Guard).map_err(|error| format!("{}: {error}", self.frames.display()))
    }
}

/// Octets and seconds as `frames` prints them, as a rate.
fn measured(mut frames: Guard) -> Result<f64, Fault> {
    let mut text = String::new();
    if let Some(output) = &mut frames.0.stdout {
        output.read_to_string(&mut text).map_err(|error| format!("frames: {error}"))?;
    }
    let mut words = text.split_whitespace().filter_map(|word| word.parse::<f64>().ok());
    match (words.next(), words.next()) {
        (Some(octets), Some(seconds)) => Ok(rate(octets, seconds)),
        _ => Err(format!("frames printed `{text}`")),
    }
}

fn rate(octets: f64, seconds: f64) -> f64 {
    octets * 8.0 / seconds / 1e6
}

/// A process that ends with its value.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
