//! TCP options (RFC 9293 3.1, 3.2).
//!
//! Known: maximum segment size (RFC 9293 3.7.1), window scale and timestamps (RFC 7323), SACK (RFC 2018), user timeout
//! (RFC 5482), MD5 signature (RFC 2385), Fast Open (RFC 7413, and the experimental form that came before it), accurate
//! ECN (RFC 9768). Others are skipped by their length (RFC 9293 MUST-6).

use super::{u16_at, u32_at};
use crate::seq::SeqNum;

const END: u8 = 0;
const NOP: u8 = 1;
const MSS: u8 = 2;
const WINDOW_SCALE: u8 = 3;
const SACK_PERMITTED: u8 = 4;
const SACK: u8 = 5;
const TIMESTAMPS: u8 = 8;
const MD5: u8 = 19;
const USER_TIMEOUT: u8 = 28;
const FAST_OPEN: u8 = 34;
const ACCURATE_ECN_0: u8 = 172;
const ACCURATE_ECN_1: u8 = 174;
const EXPERIMENTAL: u8 = 254;

/// The experiment of Fast Open before it had a kind (RFC 6994's register).
const FAST_OPEN_EXPERIMENT: [u8; 2] = [0xf9, 0x89];

/// Octets of options that the data offset can express.
pub const MOST_OCTETS: usize = 40;

/// The options of one segment that this stack knows, each at most once. When a segment repeats one, the last stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Maximum segment size in octets, as on the wire.
    pub mss: Option<u16>,
    /// Shift count as on the wire; above 14 means 14 (RFC 7323 2.3), which is for the receiver to apply.
    pub window_scale: Option<u8>,
    /// SACK permitted.
    pub sack_permitted: bool,
    /// Timestamps.
    pub timestamps: Option<Timestamps>,
    /// SACK blocks, the most recent first as the sender ordered them.
    pub sack: SackBlocks,
    /// User timeout (RFC 5482).
    pub user_timeout: Option<UserTimeout>,
    /// Fast Open cookie, empty for a request (RFC 7413 4.1.1).
    pub fast_open: Option<Cookie>,
    /// Accurate ECN (RFC 9768 3.2.3).
    pub accurate_ecn: Option<AccurateEcn>,
    /// MD5 signature (RFC 2385); on the way out whatever stands here is replaced by the right one.
    pub md5: Option<[u8; 16]>,
    /// Some option had a length that is illegal for its kind or walks out of the header (RFC 9293 MUST-7). Not emitted.
    pub illegal: bool,
}

/// The timestamps option (RFC 7323 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timestamps {
    /// TSval.
    pub val: u32,
    /// TSecr; valid when the segment has ACK.
    pub ecr: u32,
}

/// Received octets above the acknowledgment number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SackBlock {
    /// First octet.
    pub left: SeqNum,
    /// The octet after the last.
    pub right: SeqNum,
}

/// At most four SACK blocks, in order.
#[derive(Debug, Clone, Copy, Default)]
pub struct SackBlocks {
    blocks: [SackBlock; 4],
    count: u8,
}

impl SackBlocks {
    /// None.
    pub const NONE: Self = Self { blocks: [SackBlock { left: SeqNum(0), right: SeqNum(0) }; 4], count: 0 };

    /// Adds a block at the end. `false`: there was no room and nothing changed.
    pub fn push(&mut self, left: SeqNum, right: SeqNum) -> bool {
        let Some(block) = self.blocks.get_mut(usize::from(self.count)) else { return false };
        *block = SackBlock { left, right };
        self.count += 1;
        true
    }

    /// The blocks.
    #[must_use]
    pub fn as_slice(&self) -> &[SackBlock] {
        &self.blocks[..usize::from(self.count)]
    }

    /// The blocks, one by one.
    pub fn iter(&self) -> core::slice::Iter<'_, SackBlock> {
        self.as_slice().iter()
    }

    /// How many.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Drops the blocks after the first `count`.
    pub fn truncate(&mut self, count: usize) {
        if count < self.len() {
            self.count = count as u8;
        }
    }
}

impl PartialEq for SackBlocks {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for SackBlocks {}

impl<'a> IntoIterator for &'a SackBlocks {
    type Item = &'a SackBlock;
    type IntoIter = core::slice::Iter<'a, SackBlock>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The user timeout option (RFC 5482 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserTimeout {
    /// The value counts minutes, otherwise seconds.
    pub minutes: bool,
    /// 15 bits; 0 is reserved and to be ignored.
    pub value: u16,
}

/// A Fast Open cookie: empty, or 4 to 16 octets.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cookie {
    octets: [u8; 16],
    length: u8,
    experimental: bool,
}

impl Cookie {
    /// A cookie of these octets; `None` when RFC 7413 4.1.1 has no cookie of that length.
    #[must_use]
    pub fn new(octets: &[u8]) -> Option<Self> {
        if !matches!(octets.len(), 0 | 4 | 6 | 8 | 10 | 12 | 14 | 16) {
            return None;
        }
        let mut cookie = Self { octets: [0; 16], length: octets.len() as u8, experimental: false };
        cookie.octets[..octets.len()].copy_from_slice(octets);
        Some(cookie)
    }

    /// The same in the experimental option (kind 254), or in RFC 7413's.
    #[must_use]
    pub const fn experimental(mut self, experimental: bool) -> Self {
        self.experimental = experimental;
        self
    }

    /// Whether it stands in the experimental option.
    #[must_use]
    pub const fn is_experimental(&self) -> bool {
        self.experimental
    }

    /// Its octets.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.octets[..usize::from(self.length)]
    }

    /// Octets of the option with its padding.
    fn encoded_octets(&self) -> usize {
        (usize::from(self.length) + if self.experimental { 4 } else { 2 }).next_multiple_of(4)
    }

    /// Whether it asks for a cookie.
    #[must_use]
    pub const fn is_request(&self) -> bool {
        self.length == 0
    }
}

impl PartialEq for Cookie {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice() && self.experimental == other.experimental
    }
}

impl Eq for Cookie {}

/// The accurate ECN option (RFC 9768 3.2.3): counters of octets modulo 2^24, as many as its length has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccurateEcn {
    e1b_first: bool,
    fields: [u32; 3],
    count: u8,
}

impl AccurateEcn {
    /// Kind 172: octets with ECT(0), with CE, with ECT(1), from the front. More than three are cut off.
    #[must_use]
    pub fn e0b_first(fields: &[u32]) -> Self {
        Self::new(false, fields)
    }

    /// Kind 174: octets with ECT(1), with CE, with ECT(0), from the front. More than three are cut off.
    #[must_use]
    pub fn e1b_first(fields: &[u32]) -> Self {
        Self::new(true, fields)
    }

    fn new(e1b_first: bool, from: &[u32]) -> Self {
        let mut fields = [0; 3];
        for (field, value) in fields.iter_mut().zip(from) {
            *field = value & 0x00ff_ffff;
        }
        Self { e1b_first, fields, count: from.len().min(3) as u8 }
    }

    /// Octets that an option with `count` fields takes, with its padding.
    #[must_use]
    pub const fn octets_of(count: usize) -> usize {
        (2 + 3 * count).next_multiple_of(4)
    }

    /// EE0B.
    #[must_use]
    pub fn e0b(&self) -> Option<u32> {
        self.as_slice().get(if self.e1b_first { 2 } else { 0 }).copied()
    }

    /// ECEB.
    #[must_use]
    pub fn ceb(&self) -> Option<u32> {
        self.as_slice().get(1).copied()
    }

    /// EE1B.
    #[must_use]
    pub fn e1b(&self) -> Option<u32> {
        self.as_slice().get(if self.e1b_first { 0 } else { 2 }).copied()
    }

    /// The fields in the order in which they stand.
    #[must_use]
    pub fn as_slice(&self) -> &[u32] {
        &self.fields[..usize::from(self.count)]
    }

    /// Whole fields are read, the rest of a length that has none is padding (RFC 9768 3.2.3).
    fn parse(kind: u8, value: &[u8]) -> Self {
        let mut fields = [0; 3];
        let chunks = value.chunks_exact(3).take(3);
        let count = chunks.len();
        for (field, octets) in fields.iter_mut().zip(chunks) {
            *field = u32::from_be_bytes([0, octets[0], octets[1], octets[2]]);
        }
        Self { e1b_first: kind == ACCURATE_ECN_1, fields, count: count as u8 }
    }
}

/// Parses the octets between the fixed header and the data. Total: a fault costs options, never the segment.
///
/// A length that cannot be walked (below 2, beyond the header) ends the options there; a known kind with a length that is
/// not its own is skipped as if unknown. Both set [`Options::illegal`].
#[must_use]
pub fn parse(octets: &[u8]) -> Options {
    let mut options = Options::default();
    let mut rest = octets;
    while let [kind, tail @ ..] = rest {
        match *kind {
            END => break,
            NOP => rest = tail,
            kind => {
                let length = tail.first().map_or(0, |length| usize::from(*length));
                if length < 2 || length > rest.len() {
                    options.illegal = true;
                    break;
                }
                if !options.take(kind, &rest[2..length]) {
                    options.illegal = true;
                }
                rest = &rest[length..];
            }
        }
    }
    options
}

impl Options {
    /// Takes one option's value. `false`: its length is not one that its kind has.
    fn take(&mut self, kind: u8, value: &[u8]) -> bool {
        match (kind, value.len()) {
            (MSS, 2) => self.mss = Some(u16_at(value, 0)),
            (WINDOW_SCALE, 1) => self.window_scale = Some(value[0]),
            (SACK_PERMITTED, 0) => self.sack_permitted = true,
            (TIMESTAMPS, 8) => self.timestamps = Some(Timestamps { val: u32_at(value, 0), ecr: u32_at(value, 4) }),
            (SACK, 8 | 16 | 24 | 32) => {
                self.sack = SackBlocks::NONE;
                for block in value.chunks_exact(8) {
                    self.sack.push(SeqNum(u32_at(block, 0)), SeqNum(u32_at(block, 4)));
                }
            }
            (MD5, 16) => {
                let mut digest = [0; 16];
                digest.copy_from_slice(value);
                self.md5 = Some(digest);
            }
            (USER_TIMEOUT, 2) => {
                let field = u16_at(value, 0);
                self.user_timeout = Some(UserTimeout { minutes: field & 0x8000 != 0, value: field & 0x7fff });
            }
            (FAST_OPEN, _) => match Cookie::new(value) {
                Some(cookie) => self.fast_open = Some(cookie),
                None => return false,
            },
            (ACCURATE_ECN_0 | ACCURATE_ECN_1, _) => self.accurate_ecn = Some(AccurateEcn::parse(kind, value)),
            (EXPERIMENTAL, 2..) if value[..2] == FAST_OPEN_EXPERIMENT => match Cookie::new(&value[2..]) {
                Some(cookie) => self.fast_open = Some(cookie.experimental(true)),
                None => return false,
            },
            (MSS | WINDOW_SCALE | SACK_PERMITTED | TIMESTAMPS | SACK | MD5 | USER_TIMEOUT, _) => return false,
            _ => {}
        }
        true
    }

    /// Whether there are none but those that every segment of a connection has: timestamps and the MD5 signature.
    pub(crate) fn are_those_of_each(&self) -> bool {
        *self == Self { timestamps: self.timestamps, md5: self.md5, ..Self::default() }
    }

    /// Octets that these options take on the wire: a multiple of 4, at most [`MOST_OCTETS`].
    #[must_use]
    pub fn octets(&self) -> usize {
        self.encode().as_slice().len()
    }

    /// The options on the wire, padded with NOP to words of four octets, in this order:
    /// `nop nop md5`, `mss`, `sackOK TS` (or `nop nop TS`, or `nop nop sackOK`), `nop wscale`, Fast Open, user timeout, accurate
    /// ECN, `nop nop sack`.
    ///
    /// What finds no room is left out; of SACK blocks, the last ones.
    #[must_use]
    pub fn encode(&self) -> Encoded {
        let mut out = Encoded::default();
        if let Some(digest) = &self.md5 {
            out.put(&[NOP, NOP, MD5, 18]);
            out.put(digest);
        }
        if let Some(mss) = self.mss {
            let [a, b] = mss.to_be_bytes();
            out.put(&[MSS, 4, a, b]);
        }
        match (self.sack_permitted, self.timestamps) {
            (permitted, Some(timestamps)) => {
                out.put(if permitted { &[SACK_PERMITTED, 2, TIMESTAMPS, 10] } else { &[NOP, NOP, TIMESTAMPS, 10] });
                out.put(&timestamps.val.to_be_bytes());
                out.put(&timestamps.ecr.to_be_bytes());
            }
            (true, None) => out.put(&[NOP, NOP, SACK_PERMITTED, 2]),
            (false, None) => {}
        }
        if let Some(shift) = self.window_scale {
            out.put(&[NOP, WINDOW_SCALE, 3, shift]);
        }
        if let Some(cookie) = self.fast_open.as_ref().filter(|cookie| out.room() >= cookie.encoded_octets()) {
            out.put_cookie(cookie);
        }
        if let (Some(timeout), true) = (self.user_timeout, out.room() >= 4) {
            let [a, b] = (timeout.value & 0x7fff | if timeout.minutes { 0x8000 } else { 0 }).to_be_bytes();
            out.put(&[USER_TIMEOUT, 4, a, b]);
        }
        if let Some(accurate) = &self.accurate_ecn
            && out.room() >= AccurateEcn::octets_of(accurate.as_slice().len())
        {
            out.put_accurate_ecn(accurate);
        }
        out.put_sack(self.sack.as_slice());
        out
    }
}

/// Options as octets.
#[derive(Debug, Clone, Copy)]
pub struct Encoded {
    octets: [u8; MOST_OCTETS],
    length: usize,
}

impl Default for Encoded {
    fn default() -> Self {
        Self { octets: [0; MOST_OCTETS], length: 0 }
    }
}

impl Encoded {
    /// The octets.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.octets[..self.length]
    }

    fn room(&self) -> usize {
        MOST_OCTETS - self.length
    }

    /// Appends; the caller has made sure of the room.
    fn put(&mut self, octets: &[u8]) {
        self.octets[self.length..self.length + octets.len()].copy_from_slice(octets);
        self.length += octets.len();
    }

    /// The caller has made sure of the room, padding included.
    fn put_cookie(&mut self, cookie: &Cookie) {
        let octets = cookie.as_slice();
        if cookie.experimental {
            let [a, b] = FAST_OPEN_EXPERIMENT;
            self.put(&[EXPERIMENTAL, 4 + octets.len() as u8, a, b]);
        } else {
            self.put(&[FAST_OPEN, 2 + octets.len() as u8]);
        }
        self.put(octets);
        while !self.length.is_multiple_of(4) {
            self.put(&[NOP]);
        }
    }

    fn put_accurate_ecn(&mut self, option: &AccurateEcn) {
        let fields = option.as_slice();
        let kind = if option.e1b_first { ACCURATE_ECN_1 } else { ACCURATE_ECN_0 };
        self.put(&[kind, 2 + 3 * fields.len() as u8]);
        for field in fields {
            self.put(&field.to_be_bytes()[1..]);
        }
        while !self.length.is_multiple_of(4) {
            self.put(&[NOP]);
        }
    }

    fn put_sack(&mut self, blocks: &[SackBlock]) {
        let fitting = blocks.len().min(self.room().saturating_sub(4) / 8);
        if fitting == 0 {
            return;
        }
        self.put(&[NOP, NOP, SACK, 2 + 8 * fitting as u8]);
        for block in &blocks[..fitting] {
            self.put(&block.left.0.to_be_bytes());
            self.put(&block.right.0.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests;
