//! Whether there is memory for a command, asked before it runs: what it allocates cannot fail, or the instance ends.
//!
//! What a command needs follows from its arguments, and from the keys it names where it copies, gathers or sorts what they
//! hold. It is estimated from above, so that near the end of memory something is refused that would have had room: it is asked for
//! in one piece, and only where memory could end at all, see [`crate::memory::Usage::is_tight`]. Replies are not part of it: they are lost
//! without harm ([`crate::resp::lost`]). Strings that grow ask by themselves.
//!
//! Once the allocator's reserve is gone what would keep memory is refused, whatever Redis says of it; what removes is not.

use crate::bytes::number::parse_i64;
use crate::commands::spec::{flags, Spec};
use crate::engine::table::Command;
use crate::engine::{Engine, SessionId};
use crate::keyspace::{EncodingLimits, Entry, ValueRef};
use crate::memory::{is_room_for, promise};
use crate::resp::{Args, Fault};
use crate::structures::list::NodeRef;

/// Bytes of a request from which on it is asked beforehand whether there is memory for it.
pub(super) const LARGE: usize = 16 << 10;

/// Bytes that an element takes where it is gathered, compared or pending, beyond its own.
const ELEMENT: usize = 64;

/// Commands that need memory beyond their reply though they do not grow data: for copies of what they read, for what consumers were
/// given, for what is recorded of members that were chosen by chance.
const COPY: &str =
    " dump geosearch georadius_ro georadiusbymember_ro lcs sdiff sinter sintercard sort_ro spop sunion xautoclaim \
                    xclaim xreadgroup zdiff zinter zintercard zunion ";

/// Commands that keep some memory though they are not declared to.
const KEEP: &str = " acl|setuser client|setinfo client|setname client|tracking expire expireat getex hexpire hexpireat hpexpire \
                    hpexpireat monitor move multi pexpire pexpireat psubscribe rename renamenx smove ssubscribe subscribe watch \
                    xautoclaim xclaim xreadgroup ";

/// What a command needs memory for beyond its reply.
#[derive(Clone, Copy)]
pub(in crate::engine) struct Needs {
    /// For anything: what writes leaves effects at the least.
    pub any: bool,
    /// For what it keeps, so that it must not run where there is none.
    pub keeps: bool,
    /// For a part of what its keys hold, which it gathers.
    gathers: bool,
    /// For what its arguments are, and an index that doubles: nothing of a whole key, while compact forms are short.
    pub is_bounded: bool,
}

impl Needs {
    pub(in crate::engine) fn of(spec: &Spec) -> Self {
        let keeps = spec.has(flags::DENYOOM);
        // What is read to be written elsewhere is declared as another use of keys.
        let uses = spec.keys.as_slice();
        let reads = uses.iter().any(|keys| keys.flags.starts_with("RO"));
        Needs { any: keeps || spec.has(flags::WRITE), keeps, gathers: false, is_bounded: !reads && uses.len() <= 1 }
    }

    /// Names of commands of which their declaration does not say it all, each with what is to be added.
    pub(in crate::engine) fn told() -> impl Iterator<Item = (&'static str, fn(&mut Needs))> {
        let gather: fn(&mut Needs) = |needs| (needs.any, needs.gathers, needs.is_bounded) = (true, true, false);
        let keep: fn(&mut Needs) = |needs| (needs.any, needs.keeps) = (true, true);
        let names = |list: &'static str| list.split_ascii_whitespace();
        names(COPY).map(move |name| (name, gather)).chain(names(KEEP).map(move |name| (name, keep)))
    }
}

/// Bytes up to which a compact form is short.
const SHORT: usize = 1 << 20;

/// Whether compact forms are short, by what is configured.
fn are_short(limits: &EncodingLimits) -> bool {
    let listpacks = [limits.hash, limits.set, limits.sorted_set];
    listpacks.iter().all(|each| each.entries.saturating_mul(each.value) <= SHORT)
        && limits.intset <= SHORT / 8
        && limits.list < 0
        && limits.sparse <= SHORT
        && (1..=SHORT).contains(&limits.stream.bytes)
}

/// What a value's structure may take at once when it grows by an element: small ones are copied and may become tables,
/// of large ones the indices double. O(1).
fn growth(entry: &Entry) -> usize {
    let value = entry.value();
    match value {
        ValueRef::List(list) if value.encoding() == "quicklist" => {
            // What moves from one list to another is at an end.
            let ends = [list.nodes().next(), list.nodes().next_back()].into_iter().flatten();
            let ends = ends.map(|node| match node {
                NodeRef::Pack(pack) => pack.byte_len(),
                NodeRef::Plain(element) => element.len(),
            });
            64 * list.nodes().len() + 4 * ends.max().unwrap_or(0)
        }
        ValueRef::Stream(stream) => stream.log.node_count() + 3 * stream.log.last_node_bytes() + LARGE,
        // Strings ask by themselves, but for one that lies in its entry, which moves.
        ValueRef::Str(_) => entry.block_bytes(),
        _ if matches!(value.encoding(), "hashtable" | "skiplist") => 4 * value.len(),
        _ => 2 * entry.footprint(1) + ELEMENT * value.len(),
    }
}

impl Engine {
    /// Takes down whether compact forms may be long: what was made so stays.
    pub(in crate::engine) fn note_limits(&mut self) {
        self.memory.has_long_forms |= !are_short(&self.keyspace.limits);
    }

    /// Refuses a command for which there is no memory. Whether it may grow data at all is not asked here.
    #[inline]
    pub(crate) fn check_room(&mut self, id: SessionId, command: Command, args: Args) -> Result<(), Fault> {
        match command.needs.any && self.memory_usage().is_some() && !self.is_room_for(id, command, args, None) {
            true => Err(Fault::NO_MEMORY),
            false => Ok(()),
        }
    }

    /// Whether there is memory for a command; where it is queued, or runs what is, beside so many bytes in the queue.
    pub(super) fn is_room_for(&mut self, id: SessionId, command: Command, args: Args, queued: Option<usize>) -> bool {
        let Some(usage) = self.memory_usage() else { return true };
        let (keeps, writes) = (command.needs.keeps || queued.is_some(), command.spec.has(flags::WRITE));
        if usage.exhausted && keeps {
            return false;
        }
        let (size, tight) = (args.size() + queued.unwrap_or(0), usage.is_tight());
        let mut need = 0;
        if keeps || command.spec.flags & (flags::BLOCKING | flags::PUBSUB) != 0 {
            // A copy where it is kept, another while a value takes another form, and what grows doubles.
            need += 4 * size + ELEMENT * args.len();
        }
        if tight {
            need += self.need_of_keys(id, command, args);
        }
        if tight && writes && !self.persist.is_room_in_log(2 * size + 16 * args.len() + need / 4) {
            return false;
        }
        need = if self.wants_effects() && need > 0 { need + 2 * size } else { need };
        promise(need);
        is_room_for(need) && (need == 0 || !usage.exhausted || crate::memory::can_reserve(need + LARGE))
    }

    /// What a command may need for the sake of the keys that it names.
    #[cold]
    fn need_of_keys(&mut self, id: SessionId, command: Command, args: Args) -> usize {
        let db = self.session(id).map_or(0, |session| session.db);
        let Needs { keeps, gathers, .. } = command.needs;
        if !keeps && !gathers {
            return 0;
        }
        let mut keys = self.keyspace.keys(db);
        // SPOP says how many members it takes.
        let most = match (command.spec.name, args.get(2)) {
            ("spop", None) => 1,
            ("spop", Some(count)) => parse_i64(count).map_or(1, |count| count.max(0) as usize),
            _ => usize::MAX,
        };
        let mut need = 0;
        command.spec.visit_keys(args, &mut |index, kind| {
            let Some(entry) = args.get(index).and_then(|key| keys.peek(key)) else { return };
            need += match kind.starts_with("RO") {
                // What is dumped doubles as it is written.
                true => 3 * entry.footprint(1) + ELEMENT * entry.value().len(),
                false if gathers => ELEMENT * entry.value().len().min(most) + growth(entry),
                false => growth(entry),
            };
        });
        need
    }
}
