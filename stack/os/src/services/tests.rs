use super::*;
use crate::client::{Client, Report, Source, pattern};
use halfopen_stack::Config;
use rstest::rstest;
use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

/// A file in memory that two hands hold.
#[derive(Clone, Default)]
struct Shared(Rc<RefCell<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Two hosts on one wire: a client of `service` that sends `source`, until it is over or ten minutes have passed.
fn exchange(service: &str, source: Source) -> (Report, Vec<u8>) {
    let service: Service = service.parse().expect("a service");
    let ip = |last| IpAddr::from([192, 0, 2, last]);
    let [mut server, mut user] = [1, 2].map(|last| {
        let mut stack = Stack::new(Config::rfc9293(), last.into());
        stack.add_address(ip(last));
        stack
    });
    let mut now = Instant(1_000_000);
    let port = service.port;
    let mut services = Services::open(&mut server, &[service]).expect("opens");
    let sink = Shared::default();
    let connected =
        Client::connect(&mut user, now, (ip(1), port).into(), source, Some(Box::new(sink.clone()))).expect("connects");
    let mut client = connected;
    while client.report().is_none() && now < Instant(600_000_000) {
        let mut busy = services.run(&mut server, now) | client.run(&mut user, now);
        for (from, to) in [(&mut server, &mut user)] {
            while let Some(datagram) = from.transmit() {
                to.receive(now, &datagram);
                busy = true;
            }
            while let Some(datagram) = to.transmit() {
                from.receive(now, &datagram);
                busy = true;
            }
        }
        if !busy {
            now = [server.poll_at(), user.poll_at()].into_iter().flatten().min().expect("a timer runs");
            server.advance(now);
            user.advance(now);
        }
    }
    let received = sink.0.take();
    (client.report().expect("it came to an end").clone(), received)
}

#[rstest]
#[case("echo:7", 1_000_000, true)]
#[case("discard:9", 1_000_000, false)]
#[case("echo:7", 0, true)]
fn what_is_sent_comes_back_from_echo_and_not_from_discard(
    #[case] service: &str,
    #[case] octets: u64,
    #[case] back: bool,
) {
    let (report, received) = exchange(service, Source::Pattern(octets));
    let expected: Vec<u8> = (0..if back { octets } else { 0 }).map(pattern).collect();
    assert_eq!((report.failed, report.sent, report.received), (None, octets, expected.len() as u64));
    assert!(received == expected);
}

#[test]
fn chargen_sends_rotating_lines_until_the_peer_closes() {
    let (report, received) = exchange("chargen:19", Source::Read(Box::new(io::Cursor::new(b"x".repeat(10)))));
    assert_eq!(report.failed, None);
    let lines: Vec<&[u8]> = received.chunks(74).take(2).collect();
    assert!(lines[0].starts_with(b" !\"#$") && lines[0].ends_with(b"\r\n"), "{lines:?}");
    assert!(lines[1].starts_with(b"!\"#$%"), "the second line begins one further");
    assert!(received.iter().zip(pattern_of_rfc864()).all(|(got, expected)| *got == expected));
}

fn pattern_of_rfc864() -> impl Iterator<Item = u8> {
    super::pattern().into_iter().take(PATTERN).collect::<Vec<_>>().into_iter().cycle()
}

#[rstest]
#[case("GET /file HTTP/1.0", "200 OK", Some(300_000))]
#[case("HEAD /file HTTP/1.0", "200 OK", Some(0))]
#[case("GET /absent HTTP/1.0", "404 Not Found", None)]
#[case("GET /../file HTTP/1.0", "404 Not Found", None)]
#[case("POST /file HTTP/1.0", "405 Method Not Allowed", None)]
#[case("nonsense", "400 Bad Request", None)]
fn http_serves_files_of_its_folder_only(#[case] line: &str, #[case] status: &str, #[case] body: Option<usize>) {
    let folder = tempfile::tempdir().expect("a folder");
    let file: Vec<u8> = (0..300_000).map(pattern).collect();
    std::fs::write(folder.path().join("file"), &file).expect("a file");
    let request = format!("{line}\r\nHost: x\r\n\r\n").into_bytes();
    let service = format!("http:80={}", folder.path().display());
    let (report, received) = exchange(&service, Source::Read(Box::new(io::Cursor::new(request))));
    assert_eq!(report.failed, None);
    let end = received.windows(4).position(|octets| octets == b"\r\n\r\n").expect("a header") + 4;
    let header = String::from_utf8_lossy(&received[..end]);
    assert!(header.starts_with(&format!("HTTP/1.0 {status}\r\n")), "{header}");
    if let Some(octets) = body {
        assert!(header.contains("Content-Length: 300000\r\n"), "{header}");
        assert!(received[end..] == file[..octets]);
    }
}

#[rstest]
#[case("echo")]
#[case("echo:0")]
#[case("echo:7=x")]
#[case("http:80")]
#[case("ftp:21")]
fn bad_services_are_refused(#[case] text: &str) {
    assert_eq!(text.parse::<Service>(), Err(BadService(text.to_owned())));
}
