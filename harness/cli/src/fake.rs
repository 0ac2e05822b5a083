//! A SUT that exists to test the harness: it keeps silent (but for the engine's control), and backtick commands of the script tell it to misbehave.
//!
//! `reset` answer the next segment with RST,ACK; `late` the same, 50 ms late; `flake` the same, but only from the second
//! time on in this process; `crash` panic; `hang` never come back; `drop` lose a datagram; `lack` declare something
//! missing; `deaf` answer nothing more, not even the control; `hear` end that; `oversleep` make the harness 10 ms late for its next turn and answer nothing, but the second time on in this process be as
//! `reset`; `refuse` be an environment that does not work. Its clock only pretends to be real with the runner `real`.

use halfopen_engine::call::{Reply, SysCall};
use halfopen_engine::sut::{Capability, ClockKind, Description, Evidence, Happening, Micros, Setup, Sut, SutError};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// A SUT has flaked in this process.
static FLAKED: AtomicBool = AtomicBool::new(false);

/// The SUT.
#[derive(Debug)]
pub struct Fake {
    description: Description,
    now: Micros,
    /// How long after the next segment it is answered, when it is.
    answer: Option<Micros>,
    /// Datagrams under way to the harness.
    out: VecDeque<(Micros, Vec<u8>)>,
    evidence: Evidence,
    /// The next deadline is missed.
    oversleeps: bool,
    /// Nothing reaches it any more, or nothing leaves it.
    deaf: bool,
    /// It has crashed: whoever goes on using it is at fault.
    dead: bool,
}

impl Fake {
    /// `sim` has a virtual clock; `real` says that its clock is real.
    pub fn new(runner: Option<&str>) -> Result<Self, SutError> {
        let (runner, clock) = match runner {
            None | Some("sim") => ("sim", ClockKind::Virtual),
            Some("real") => ("real", ClockKind::Real),
            Some(other) => return Err(SutError::Unsupported(format!("the SUT `fake` has no runner `{other}`"))),
        };
        let description = Description {
            name: "fake".into(),
            runner: runner.into(),
            version: String::new(),
            clock,
            params: vec![("time_wait".into(), 240_000_000)],
        };
        Ok(Self {
            description,
            now: 0,
            answer: None,
            out: VecDeque::new(),
            evidence: Evidence::default(),
            oversleeps: false,
            deaf: false,
            dead: false,
        })
    }
}

impl Sut for Fake {
    fn describe(&self) -> &Description {
        &self.description
    }

    fn capability(&self, name: &str) -> Capability {
        match name {
            "md5" => Capability::Lacked,
            "kernel" => Capability::Version(vec![6, 1]),
            _ => Capability::Untold,
        }
    }

    fn start(&mut self, _: &Setup) -> Result<(), SutError> {
        if self.dead {
            return Err(SutError::Environment("this SUT has crashed before".into()));
        }
        (self.now, self.answer, self.deaf) = (0, None, false);
        self.out.clear();
        self.evidence = Evidence::default();
        Ok(())
    }

    fn now(&mut self) -> Micros {
        self.now
    }

    fn inject(&mut self, datagram: &[u8]) -> Result<Micros, SutError> {
        if self.deaf {
            return Ok(self.now);
        }
        let answered = if is_control(datagram) { Some(0) } else { self.answer.take() };
        if let Some(after) = answered {
            self.out.push_back((self.now + after, reset(datagram)));
        }
        Ok(self.now)
    }

    fn next(&mut self, deadline: Micros) -> Result<Happening, SutError> {
        match self.out.pop_front_if(|(at, _)| *at <= deadline) {
            Some((at, octets)) => {
                self.now = self.now.max(at);
                self.evidence.captured += 1;
                Ok(Happening::Datagram { at, octets })
            }
            None => {
                let late = if std::mem::take(&mut self.oversleeps) { 10_000 } else { 0 };
                self.now = self.now.max(deadline) + late;
                Ok(Happening::Deadline)
            }
        }
    }

    fn call(&mut self, _: &SysCall) -> Result<Reply, SutError> {
        Err(SutError::Unsupported("no system calls".into()))
    }

    fn command(&mut self, line: &str) -> Result<(), SutError> {
        match line.trim() {
            "reset" => self.answer = Some(0),
            "late" => self.answer = Some(50_000),
            "flake" => self.answer = FLAKED.swap(true, Ordering::Relaxed).then_some(0),
            "oversleep" => match FLAKED.swap(true, Ordering::Relaxed) {
                true => self.answer = Some(0),
                false => self.oversleeps = true,
            },
            "deaf" => self.deaf = true,
            "hear" => self.deaf = false,
            "crash" => {
                self.dead = true;
                panic!("told to crash");
            }
            "hang" => loop {
                thread::park();
            },
            "drop" => self.evidence.dropped += 1,
            "lack" => return Err(SutError::Unsupported("no such feature".into())),
            "refuse" => return Err(SutError::Environment("no such device".into())),
            other => return Err(SutError::Environment(format!("`{other}` is no command of the SUT `fake`"))),
        }
        Ok(())
    }

    fn tcp_info(&mut self, _: i32) -> Result<Vec<(String, i64)>, SutError> {
        Err(SutError::Unsupported("no tcp_info".into()))
    }

    fn finish(&mut self) -> Result<Evidence, SutError> {
        Ok(self.evidence)
    }
}

/// A segment to the port that the engine's positive control uses (IPv4 alone).
fn is_control(datagram: &[u8]) -> bool {
    let header = usize::from(datagram[0] & 15) * 4;
    datagram[0] >> 4 == 4 && datagram.get(header + 2..header + 4) == Some(&[0, 9])
}

/// RFC 9293 3.10.7.1: what a closed port answers to a segment without ACK and without text, here over IPv4 alone.
fn reset(datagram: &[u8]) -> Vec<u8> {
    let segment = &datagram[usize::from(datagram[0] & 15) * 4..];
    let ack = u32::from_be_bytes([segment[4], segment[5], segment[6], segment[7]]).wrapping_add(1);
    let mut octets = vec![0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0];
    octets.extend(&datagram[16..20]);
    octets.extend(&datagram[12..16]);
    octets.extend(&segment[2..4]);
    octets.extend(&segment[0..2]);
    octets.extend([0; 4]);
    octets.extend(ack.to_be_bytes());
    octets.extend([0x50, 0x14, 0, 0, 0, 0, 0, 0]);
    let header = checksum(0, &octets[..20]);
    octets[10..12].copy_from_slice(&header.to_be_bytes());
    let pseudo: u32 = octets[12..20].chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
    let tcp = checksum(pseudo + 6 + 20, &octets[20..]);
    octets[36..38].copy_from_slice(&tcp.to_be_bytes());
    octets
}

/// RFC 1071, over an even number of octets.
fn checksum(start: u32, octets: &[u8]) -> u16 {
    let sum: u32 = start + octets.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum::<u32>();
    let sum = (sum & 0xffff) + (sum >> 16);
    !(((sum & 0xffff) + (sum >> 16)) as u16)
}
