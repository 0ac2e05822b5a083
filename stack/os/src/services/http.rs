//! Files over HTTP/1.0 (RFC 1945): GET and HEAD, one request on a connection. Absent: ranges, listings, anything but files.

use super::{Got, Socket, Turn};
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

/// Octets of the longest request header.
const LONGEST: usize = 8192;

/// One request and its response.
#[derive(Debug)]
pub(super) struct Exchange {
    folder: PathBuf,
    request: Vec<u8>,
    /// What is to be sent, and how much of it was.
    waiting: Vec<u8>,
    sent: usize,
    /// The rest of the body.
    body: Option<File>,
    answered: bool,
    /// Everything was sent; the peer has yet to close, so that nothing of it is lost.
    shut: bool,
}

impl Exchange {
    pub(super) fn new(folder: PathBuf) -> Self {
        let (request, waiting) = (Vec::new(), Vec::new());
        Self { folder, request, waiting, sent: 0, body: None, answered: false, shut: false }
    }

    pub(super) fn run(&mut self, socket: &mut Socket<'_>, room: &mut [u8]) -> Turn {
        match socket.read(room) {
            // Whatever comes after the request is of no interest.
            Got::Octets(_) if self.answered => return Turn::Busy,
            Got::Octets(octets) => self.request.extend_from_slice(&room[..octets]),
            Got::Nothing => {}
            Got::End if self.answered && !self.shut => {}
            Got::End | Got::Failed => return Turn::Over,
        }
        if !self.answered {
            let end = self.request.windows(4).position(|octets| octets == b"\r\n\r\n");
            match end {
                Some(end) => self.answer(end),
                None if self.request.len() > LONGEST => self.refuse("400 Bad Request", ""),
                None => return Turn::Waits,
            }
        }
        if self.shut { Turn::Waits } else { self.send(socket, room) }
    }

    fn send(&mut self, socket: &mut Socket<'_>, room: &mut [u8]) -> Turn {
        if self.sent == self.waiting.len() {
            let Some(file) = &mut self.body else {
                self.shut = true;
                let gone = socket.stack.shutdown(socket.now, socket.fd, halfopen_stack::Shutdown::Write).is_err();
                return if gone { Turn::Over } else { Turn::Busy };
            };
            match file.read(room) {
                Ok(0) => {
                    self.body = None;
                    return Turn::Busy;
                }
                Ok(octets) => {
                    self.waiting.clear();
                    self.waiting.extend_from_slice(&room[..octets]);
                    self.sent = 0;
                }
                // The length was promised: only a broken connection tells that it is not kept.
                Err(_) => return Turn::Over,
            }
        }
        match socket.write(&self.waiting[self.sent..]) {
            Some(0) => Turn::Waits,
            Some(octets) => {
                self.sent += octets;
                Turn::Busy
            }
            None => Turn::Over,
        }
    }

    fn answer(&mut self, end: usize) {
        let line = self.request[..end].split(|octet| *octet == b'\r').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line).into_owned();
        let mut words = line.split(' ');
        let (method, target, version) = (words.next(), words.next(), words.next());
        let (Some(method), Some(target), Some(version), None) = (method, target, version, words.next()) else {
            return self.refuse("400 Bad Request", "");
        };
        if !version.starts_with("HTTP/") {
            return self.refuse("400 Bad Request", "");
        }
        if method != "GET" && method != "HEAD" {
            return self.refuse("405 Method Not Allowed", "Allow: GET, HEAD\r\n");
        }
        let found = path_of(&self.folder, target).and_then(|path| {
            let length = fs::metadata(&path).ok().filter(fs::Metadata::is_file)?.len();
            Some((File::open(&path).ok()?, length))
        });
        match found {
            Some((file, length)) => {
                self.head("200 OK", &format!("Content-Type: application/octet-stream\r\nContent-Length: {length}\r\n"));
                self.body = (method == "GET").then_some(file);
            }
            None => self.refuse("404 Not Found", ""),
        }
    }

    fn refuse(&mut self, status: &str, fields: &str) {
        let text = format!("{status}\r\n");
        self.head(status, &format!("{fields}Content-Type: text/plain\r\nContent-Length: {}\r\n", text.len()));
        if !self.request.starts_with(b"HEAD ") {
            self.waiting.extend_from_slice(text.as_bytes());
        }
    }

    fn head(&mut self, status: &str, fields: &str) {
        self.answered = true;
        self.waiting = format!("HTTP/1.0 {status}\r\nServer: halfopen\r\n{fields}\r\n").into_bytes();
    }
}

/// The file that a request target names. `None`: it leads out of the folder, or is no path at all.
fn path_of(folder: &Path, target: &str) -> Option<PathBuf> {
    let path = target.split(['?', '#']).next()?.strip_prefix('/')?;
    let path = PathBuf::from(decoded(path)?);
    path.components().all(|part| matches!(part, Component::Normal(_))).then(|| folder.join(path))
}

/// Percent-encoding undone (RFC 3986 2.1).
fn decoded(text: &str) -> Option<String> {
    let mut octets = Vec::new();
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        if octet != b'%' {
            octets.push(octet);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        octets.push(u8::from_str_radix(str::from_utf8(&digits).ok()?, 16).ok()?);
    }
    String::from_utf8(octets).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("/a.txt", Some("root/a.txt"))]
    #[case("/sub/a%20b?x=1", Some("root/sub/a b"))]
    #[case("/../secret", None)]
    #[case("/%2e%2e/secret", None)]
    #[case("/a/../../secret", None)]
    #[case("//etc/passwd", None)]
    #[case("a.txt", None)]
    #[case("/%4", None)]
    fn targets_stay_in_the_folder(#[case] target: &str, #[case] path: Option<&str>) {
        assert_eq!(path_of(Path::new("root"), target), path.map(PathBuf::from));
    }
}
