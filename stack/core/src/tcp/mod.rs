//! TCP (RFC 9293), in the order of its section 3.10.
//!
//! | section | module |
//! |---|---|
//! | 3.10.1 - 3.10.6 calls | [`open`], [`send`], [`receive`], [`close`], [`abort`], [`status`] |
//! | 3.10.7 SEGMENT ARRIVES | [`segment_arrives`] |
//! | 3.10.8 timeouts | [`timeouts`] |
//!
//! The other modules are one mechanism each, with one governing document.
//!
//! Absent: TCP-AO (RFC 5925), IP source routes and security compartments (RFC 9293 3.9.2.1, A.1.2).

pub(crate) mod abort;
pub(crate) mod account;
pub(crate) mod backlog;
pub(crate) mod challenge_ack;
pub(crate) mod close;
pub(crate) mod compact;
pub(crate) mod congestion;
pub(crate) mod delayed_ack;
pub(crate) mod duplicates;
pub(crate) mod ecn;
pub(crate) mod emit;
pub(crate) mod fast_open;
pub(crate) mod icmp;
pub(crate) mod isn;
pub(crate) mod keep_alive;
pub(crate) mod md5;
pub(crate) mod mss;
pub(crate) mod open;
pub(crate) mod output;
pub(crate) mod path_mtu;
pub(crate) mod paws;
pub(crate) mod persist;
pub(crate) mod ports;
pub(crate) mod reassembly;
pub(crate) mod receive;
pub(crate) mod receive_buffer;
pub(crate) mod receive_tuning;
pub(crate) mod recovery;
pub(crate) mod reports;
pub(crate) mod retransmission_queue;
pub(crate) mod rto;
pub(crate) mod runs;
pub(crate) mod segment_arrives;
mod segment_tree;
pub(crate) mod send;
pub(crate) mod send_buffer;
pub(crate) mod snapshot;
pub(crate) mod state;
pub(crate) mod status;
pub(crate) mod steps;
pub(crate) mod syn_cookies;
pub(crate) mod tcb;
pub(crate) mod timeouts;
pub(crate) mod timers;
pub(crate) mod timestamps;
pub(crate) mod user_timeout;
pub(crate) mod window;
pub(crate) mod write_queue;

pub use state::State;
