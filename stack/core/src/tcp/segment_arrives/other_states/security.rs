//! Third, check security (RFC 9293 3.10.7.4).
//!
//! Security compartments are absent, as Appendix A.1.2 allows for hosts outside multilevel-secure networks: every segment
//! matches. The check is here so that the list of eight is the RFC's.

use super::{Arriving, CONTINUE, Flow};
use crate::host::Fx;
use crate::tcp::tcb::Tcb;

pub(super) const fn check(_tcb: &Tcb, _arriving: &Arriving<'_>, _fx: &Fx<'_>) -> Flow {
    CONTINUE
}
