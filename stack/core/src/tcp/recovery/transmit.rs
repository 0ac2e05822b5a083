//! What the window admits, and what is sent again (RFC 5681 3.2, RFC 6675 4 and 5: Pipe and NextSeg; RFC 3042).

use super::{AgainForPath, Phase, Reduction, forward_rto};
use crate::config::Config;
use crate::host::Fx;
use crate::rules;
use crate::seq::SeqNum;
use crate::tcp::emit;
use crate::tcp::output;
use crate::tcp::retransmission_queue::{Psh, Sent};
use crate::tcp::tcb::Tcb;
use crate::tcp::write_queue::Train;
use crate::time::Sometime;

/// Duplicates on which new text goes out (RFC 3042 2).
const LIMITED: u32 = 2;

impl Tcb {
    /// The unit of the congestion window: an octet, or a segment.
    pub(crate) fn window_unit(&self, config: &Config) -> u32 {
        if config.window_in_segments { self.smss(config).max(1) } else { 1 }
    }

    /// Octets in flight as the window counts them: a window of segments takes every one for a whole one.
    pub(crate) fn in_flight(&self, config: &Config) -> u32 {
        let pipe = self.queue.pipe();
        let smss = self.smss(config);
        let octets = if config.window_in_segments { pipe.segments.saturating_mul(smss) } else { pipe.octets };
        let octets = octets.saturating_sub(self.arrived_by_duplicates(config).saturating_mul(smss));
        octets.saturating_sub(self.syn_ack_in_flight(config))
    }

    /// An ACK brings news of what was sent: whether the window was in use until now.
    pub(crate) fn note_flight(&mut self, config: &Config) {
        if !config.window_in_segments {
            self.congestion.note_flight(self.snd.una, self.snd.nxt, self.flight());
        }
    }

    /// Text that waited was sent, or some of it, or the window was full (Linux).
    pub(crate) fn note_use(&mut self, sent: bool, config: &Config) {
        let full = self.in_flight(config).saturating_add(self.smss(config)) > self.congestion.cwnd;
        if sent || full {
            let out = (self.queue.len() as u32).saturating_mul(self.smss(config));
            self.congestion.note_use((self.snd.una, self.snd.nxt), out, full);
        }
    }

    /// The SYN,ACK of a Fast Open that is in use, as far as the window counts it as a segment: the window is for text.
    fn syn_ack_in_flight(&self, config: &Config) -> u32 {
        let waits = self.is_fast_open_child() && self.queue.front().is_some_and(|front| front.syn);
        if waits && config.window_in_segments { self.smss(config) } else { 0 }
    }

    /// Segments that have left the network as the duplicates tell, when that is how they are counted.
    fn arrived_by_duplicates(&self, config: &Config) -> u32 {
        if self.sack || self.reduction(config) != Reduction::Proportional {
            return 0;
        }
        self.most_arrived().min(self.recovery.duplicates)
    }

    /// Segments that duplicates may stand for: what is lost, a segment if it is not known, has not arrived.
    pub(crate) fn most_arrived(&self) -> u32 {
        (self.queue.len() as u32).saturating_sub(self.queue.lost().max(1))
    }

    /// Octets of new text that the congestion window has room for.
    pub(crate) fn window_room(&self, config: &Config) -> u32 {
        let smss = self.smss(config);
        let mut used = self.in_flight(config);
        let mut window = self.congestion.cwnd;
        if matches!(self.recovery.phase, Phase::Open | Phase::Disorder) {
            let counted = self.sack || self.reduction(config) == Reduction::Proportional;
            if !config.tcp_limited_transmit {
                // What has left the network by duplicates lets nothing out.
                used = used.saturating_add(self.sacked().saturating_mul(if counted { smss } else { 0 }));
            } else if !counted {
                window = window.saturating_add(self.recovery.duplicates.min(LIMITED).saturating_mul(smss));
            }
        }
        window.saturating_sub(used)
    }

    /// Whether the congestion window has room for `octets` of new text; always, if nothing is in flight.
    pub(crate) fn window_admits(&self, octets: u32, fx: &mut Fx<'_>) -> bool {
        let config = &fx.host.config;
        // After a timeout the window is for what was lost (RFC 5681 3.1): new text does not overtake what waits for being larger.
        if !config.window_in_segments && self.recovery.phase == Phase::Loss && self.queue.waits_behind_front() {
            return false;
        }
        let size = if config.window_in_segments { self.smss(config) } else { octets };
        let admits = self.in_flight(config) == 0 || size <= self.window_room(config);
        let out = self.flight().saturating_add(octets);
        if admits && self.recovery.phase == Phase::Disorder && out > self.congestion.cwnd {
            fx.cite(rules::LIMITED_TRANSMIT);
        }
        admits
    }

    /// The next train of segments that were sent before, from `seq` on, as long as the congestion window, the rate and the peer's window
    /// allow: as many whole ones of `size` as that has room for, or a part of one.
    fn train_again(&self, (seq, size): (SeqNum, u32), config: &Config) -> Train {
        if !config.segment_trains {
            return Train::of(1);
        }
        let room = self.congestion.cwnd.saturating_sub(self.in_flight(config)) / self.smss(config);
        let edge = self.snd.una.plus(self.snd.wnd);
        let fit = if edge.gt(seq) { seq.distance(edge) / size } else { 0 };
        Train::of(room.min(self.longest_train(config)).min(fit))
    }

    /// Whether the congestion window has room for a retransmission. Each counts as a full segment: a loss window of one
    /// segment is one segment, however small (RFC 6298 5.4, RFC 5681 3.1).
    fn window_admits_again(&self, config: &Config) -> bool {
        let smss = self.smss(config);
        let used = match self.reduction(config) {
            Reduction::Proportional => self.in_flight(config),
            Reduction::Pipe | Reduction::Inflated => self.queue.pipe().segments.saturating_mul(smss),
        };
        used == 0 || used.saturating_add(smss) <= self.congestion.cwnd
    }
}

/// Sends again what is taken for lost, as far as the congestion window and the peer's window let it.
pub(crate) fn lost(tcb: &mut Tcb, fx: &mut Fx<'_>) {
    if forward_rto::holds_back(tcb) {
        return;
    }
    let smss = tcb.smss(fx.config()).saturating_sub(tcb.sack_reserve(fx.config())).max(1);
    let edge = tcb.snd.una.plus(tcb.snd.wnd);
    // A proportional reduction lets the first retransmission out by itself.
    let counted = tcb.recovery.is_reducing() && tcb.reduction(fx.config()) == Reduction::Proportional;
    // Linux cuts what the peer's window does not hold, and what has become too large only when it goes.
    let cuts = fx.config().segment_trains;
    let (mut train, mut first, mut report) = (Train::default(), tcb.snd.una, None);
    while let Some(sent) = tcb.queue.first_lost(if cuts { u32::MAX } else { smss }) {
        if tcb.recovery.again_for_path == AgainForPath::Wait {
            return;
        }
        let front = sent.seq == tcb.snd.una;
        if !front && tcb.queue.front().is_some_and(|front| front.syn) {
            // The text of a Fast Open waits until the handshake is over.
            return;
        }
        let free = front && !counted;
        let fits = if cuts { sent.seq.lt(edge) } else { sent.end().le(edge) };
        if !free && ((!front && !fits) || !tcb.window_admits_again(fx.config())) {
            return;
        }
        if sent.probe {
            output::grow_probe(tcb, smss);
        }
        if cuts && train.is_over() {
            tcb.queue.join_waiting(smss);
        }
        let most = if cuts && fits { smss.min(sent.seq.distance(edge)) } else { smss };
        let Some(sent) = tcb.queue.first_lost(most) else { return };
        if train.is_over() {
            train = tcb.train_again((sent.seq, smss), fx.config());
            first = sent.seq;
            report.clone_from(&tcb.duplicate);
        } else {
            // All segments of a train have the options of the first.
            tcb.duplicate.clone_from(&report);
        }
        train.step();
        // It goes no further than the train that was, and what waits.
        let goes_on = sent.psh == Psh::No && tcb.queue.waits_at(sent.end());
        if !goes_on {
            train.end();
        }
        let up = tcb.snd.up;
        if fx.config().train_has_one_urgent_pointer {
            tcb.snd.up = up.map(|up| up.plus(first.distance(sent.seq)));
        }
        again(tcb, sent, train.is_over() && train.is_long(), fx);
        tcb.snd.up = up;
        if train.is_over() {
            tcb.queue.end_train(sent.seq);
            if cuts && goes_on {
                tcb.queue.count_rest(sent.end(), smss);
            }
        }
    }
}

/// Sends `sent` again, and counts it. `ends_train`: it is the last one of several.
pub(crate) fn again(tcb: &mut Tcb, sent: Sent, ends_train: bool, fx: &mut Fx<'_>) {
    let front = sent.seq == tcb.snd.una;
    if tcb.recovery.again_for_path == AgainForPath::One {
        tcb.recovery.again_for_path = AgainForPath::Wait;
    }
    emit::again(tcb, sent, ends_train, fx);
    if let Some(episode) = &mut tcb.recovery.episode {
        episode.undo.repeated(fx.now);
    }
    counted(tcb, sent.len(), fx.config());
    if sent.text > 0 {
        // Idle is who sends nothing at all (RFC 5681 4.1).
        tcb.snd.last_sent = Sometime::at(fx.now);
    }
    if front && fx.config().restart_rto_on_fast_retransmit {
        tcb.recovery.watch.restart = true;
    }
}

/// `octets` were sent, again or for the first time: prr_out.
pub(crate) fn counted(tcb: &mut Tcb, octets: u32, config: &Config) {
    let size = octets.max(if config.window_in_segments { tcb.smss(config) } else { 0 });
    if tcb.recovery.is_reducing()
        && let Some(episode) = &mut tcb.recovery.episode
    {
        episode.proportional.out = episode.proportional.out.saturating_add(size);
    }
}

/// What goes out in RFC 6675's recovery when nothing is known to be lost and no new text may go: NextSeg rules 3 and 4.
pub(crate) fn holes(tcb: &mut Tcb, fx: &mut Fx<'_>) {
    let config = fx.config();
    if tcb.recovery.phase != Phase::Recovery || tcb.reduction(config) != Reduction::Pipe || config.rack() {
        return;
    }
    let smss = tcb.smss(config);
    while let Some(edge) = tcb.queue.runs().highest()
        && tcb.window_admits_again(fx.config())
        && let Some(sent) = tcb.queue.first_in_hole(edge)
    {
        if sent.text > smss {
            return;
        }
        fx.cite(rules::NEXT_SEG);
        again(tcb, sent, false, fx);
    }
    let rescued = tcb.recovery.episode.as_ref().is_none_or(|episode| episode.rescued);
    if !rescued
        && tcb.window_admits_again(fx.config())
        && let Some(last) = tcb.queue.last_missing()
        && !last.again
        && last.text <= smss
    {
        if let Some(episode) = &mut tcb.recovery.episode {
            episode.rescued = true;
        }
        again(tcb, last, false, fx);
    }
}
