//! What is remembered of a key's use: 24 bits beside it, which mean one of two things.
//!
//! ```text
//! LRU   | seconds since 1970, modulo 2^24: 194 days                  |
//! LFU   | minutes since 1970, modulo 2^16 | logarithmic counter, 8 bits |
//! ```
//!
//! Which it is follows from the eviction policy. As in Redis nothing is rewritten when that changes: what was remembered
//! before reads wrong until the key is used again.

use super::entry::{Entry, ACCESS_MASK};
use crate::bytes::Rng;

/// What a new key's counter starts with: not so little that it is evicted before it had a chance.
const FIRST_USE: u32 = 5;

/// What is remembered of a key's use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Seconds since it was last used, under all policies but LFU.
    pub idle: Option<u32>,
    /// How often it is used, from 0 to 255, under LFU.
    pub frequency: Option<u32>,
}

/// How use is remembered, and the clocks for it.
#[derive(Debug)]
pub(crate) struct Access {
    /// By frequency (LFU) instead of by time (LRU).
    pub(super) by_frequency: bool,
    /// `lfu-log-factor`: the higher, the more uses it takes to count one more.
    pub(super) log_factor: i64,
    /// `lfu-decay-time`: minutes without use after which a counter loses one; 0 for never.
    pub(super) decay_minutes: i64,
    /// Seconds and minutes since 1970.
    seconds: u32,
    minutes: u32,
    rng: Rng,
}

impl Access {
    pub(super) fn new(seed: u64) -> Self {
        Access { by_frequency: false, log_factor: 10, decay_minutes: 1, seconds: 0, minutes: 0, rng: Rng::new(!seed) }
    }

    /// Sets the clock, in milliseconds since 1970.
    #[inline]
    pub(super) fn set_clock(&mut self, now: i64) {
        self.seconds = (now / 1000) as u32;
        self.minutes = (self.seconds / 60) & 0xFFFF;
    }

    /// What a new key remembers.
    #[inline]
    pub(super) fn fresh(&self) -> u32 {
        if self.by_frequency {
            self.minutes << 8 | FIRST_USE
        } else {
            self.seconds
        }
    }

    /// Marks an entry as used now.
    #[inline(always)]
    pub(super) fn mark(&mut self, entry: &mut Entry) {
        let access = if self.by_frequency { self.count_use(entry.access()) } else { self.seconds };
        entry.set_access(access);
    }

    /// One use more: the counter decays for the time that passed, then grows by chance, the less likely the higher it is.
    #[inline(never)]
    fn count_use(&mut self, access: u32) -> u32 {
        let counter = self.frequency(access);
        let above = counter.saturating_sub(FIRST_USE) as f64;
        let grows = counter < 255 && self.rng.unit() < 1.0 / (above * self.log_factor as f64 + 1.0);
        self.minutes << 8 | (counter + grows as u32)
    }

    /// The counter of LFU, 0 to 255, decayed up to now.
    pub(super) fn frequency(&self, access: u32) -> u32 {
        let (then, counter) = (access >> 8, access & 0xFF);
        // As Redis has it, one minute less where the clock went round.
        let passed = if self.minutes >= then { self.minutes - then } else { 0xFFFF - then + self.minutes };
        let periods = (passed as i64).checked_div(self.decay_minutes).unwrap_or(0);
        counter.saturating_sub(periods.min(255) as u32)
    }

    /// Seconds without use, modulo 2^24.
    pub(super) fn idle(&self, access: u32) -> u32 {
        self.seconds.wrapping_sub(access) & ACCESS_MASK
    }

    /// What a key's 24 bits say.
    pub(super) fn used(&self, access: u32) -> Used {
        Used {
            idle: (!self.by_frequency).then(|| self.idle(access)),
            frequency: self.by_frequency.then(|| self.frequency(access)),
        }
    }

    /// What a key remembers that was last used so many seconds ago (194 days at most), or, under LFU, was used as often as
    /// this counter says.
    pub(super) fn imported(&self, idle: Option<u64>, frequency: Option<u8>) -> Option<u32> {
        if self.by_frequency {
            frequency.map(|counter| self.minutes << 8 | counter as u32)
        } else {
            idle.map(|idle| self.seconds.wrapping_sub(idle.min(ACCESS_MASK as u64) as u32))
        }
    }
}
