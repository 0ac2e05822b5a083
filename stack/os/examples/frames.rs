//! What a TUN device costs without a stack: a program that only reads and writes datagrams. `cargo ci peers` compares the stack with it.
//!
//! `frames sink DEVICE SECONDS REPLY...` reads whatever comes and writes one reply for every second datagram; `frames source
//! DEVICE SECONDS DATAGRAM...` writes a datagram again and again and reads whatever comes; `frames forward DEVICE DEVICE SECONDS`
//! carries datagrams between two devices. Datagrams are given in hexadecimal. Each prints octets and seconds.

#[cfg(target_os = "linux")]
fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["sink", device, seconds, reply] => linux::sink(device, seconds, reply),
        ["source", device, seconds, datagram] => linux::source(device, seconds, datagram),
        ["forward", one, other, seconds] => linux::forward(one, other, seconds),
        _ => Err("sink DEVICE SECONDS REPLY | source DEVICE SECONDS DATAGRAM | forward DEVICE DEVICE SECONDS".into()),
    };
    if let Err(why) = result {
        eprintln!("{why}");
        std::process::exit(1);
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
mod linux {
    use halfopen_stack_os::clock::monotonic;
    use halfopen_stack_os::device::{Device, LONGEST};
    use nix::poll::{PollFd, PollFlags, ppoll};
    use nix::sys::time::{TimeSpec, TimeValLike as _};
    use std::error::Error;
    use std::os::fd::AsFd as _;

    type Outcome = Result<(), Box<dyn Error>>;

    /// Octets of a data datagram; those that are shorter are acknowledgments.
    const DATA: usize = 1000;

    pub(super) fn sink(device: &str, seconds: &str, reply: &str) -> Outcome {
        let (mut device, reply) = (Device::tun(device)?, octets(reply)?);
        let mut odd = false;
        measure(seconds, |room| {
            let mut read = 0;
            while let Some(length) = device.read(room)? {
                read += if length >= DATA { length as u64 } else { 0 };
                odd = !odd;
                if odd {
                    device.write(&[], &reply)?;
                }
            }
            wait(&[&device])?;
            Ok(read)
        })
    }

    pub(super) fn source(device: &str, seconds: &str, datagram: &str) -> Outcome {
        let (mut device, datagram) = (Device::tun(device)?, octets(datagram)?);
        measure(seconds, |room| {
            for _ in 0..64 {
                device.write(&[], &datagram)?;
                // As often as a receiver acknowledges.
                device.write(&[], &datagram)?;
                device.read(room)?;
            }
            Ok(128 * datagram.len() as u64)
        })
    }

    pub(super) fn forward(one: &str, other: &str, seconds: &str) -> Outcome {
        let (mut one, mut other) = (Device::tun(one)?, Device::tun(other)?);
        measure(seconds, |room| {
            let mut carried = 0;
            carried += carry(&mut one, &mut other, room)?;
            carried += carry(&mut other, &mut one, room)?;
            if carried == 0 {
                wait(&[&one, &other])?;
            }
            Ok(carried)
        })
    }

    fn carry(from: &mut Device, to: &mut Device, room: &mut [u8]) -> Result<u64, Box<dyn Error>> {
        let mut carried = 0;
        for _ in 0..64 {
            let Some(length) = from.read(room)? else { break };
            to.write(&[], &room[..length])?;
            carried += if length >= DATA { length as u64 } else { 0 };
        }
        Ok(carried)
    }

    /// Repeats until the time is over; prints the octets and the seconds from the first ones on.
    fn measure(seconds: &str, mut turn: impl FnMut(&mut [u8]) -> Result<u64, Box<dyn Error>>) -> Outcome {
        let length = (seconds.parse::<f64>()? * 1e9) as i64;
        let mut room = vec![0; LONGEST];
        let (mut octets, mut began) = (0, None);
        let started = monotonic();
        while began.map_or(monotonic() - started < 30_000_000_000, |began| monotonic() - began < length) {
            let moved = turn(&mut room)?;
            if moved > 0 {
                began.get_or_insert_with(monotonic);
            }
            octets += moved;
        }
        println!("{octets} {:.6}", (monotonic() - began.ok_or("nothing came")?) as f64 / 1e9);
        Ok(())
    }

    fn wait(devices: &[&Device]) -> Outcome {
        let mut fds: Vec<PollFd<'_>> = devices.iter().map(|one| PollFd::new(one.as_fd(), PollFlags::POLLIN)).collect();
        ppoll(&mut fds, Some(TimeSpec::milliseconds(100)), None)?;
        Ok(())
    }

    fn octets(hex: &str) -> Result<Vec<u8>, Box<dyn Error>> {
        let digits = |at: usize| u8::from_str_radix(hex.get(at..at + 2).unwrap_or_default(), 16);
        Ok((0..hex.len()).step_by(2).map(digits).collect::<Result<_, _>>()?)
    }
}
