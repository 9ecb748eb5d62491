//! One node of a log: a listpack of about a hundred entries, laid out as Redis does, so that DUMP and RESTORE carry it as
//! it is. While it takes entries it is laced; a full one gives its backlens up, two fifths of a small entry.
//!
//! ```text
//! count | deleted | n | field × n | 0                    master: live entries, deleted ones, the first one's fields
//! flags | ms | seq | value × n | size                    an entry with the master's fields (flags has SAME)
//! flags | ms | seq | m | (field value) × m | size        any other
//! ```
//!
//! `ms` and `seq` are differences to the id of the node's first entry, modulo 2^64; `size` counts the listpack entries
//! before it, so that entries can be walked backwards where backlens are. A deleted entry stays, marked.

use super::id::StreamId;
use crate::structures::listpack::{Item, Iter, Listpack};

/// The entry is deleted.
const DELETED: i64 = 1;
/// The entry has the fields of the master.
const SAME: i64 = 2;

/// A live entry: its id, its fields and values.
#[derive(Clone)]
pub struct Entry<'a> {
    /// The id.
    pub id: StreamId,
    /// The fields with their values, in order.
    pub fields: Fields<'a>,
}

/// Iterator over an entry's fields and values.
#[derive(Clone)]
pub struct Fields<'a> {
    /// The master's fields, where the entry shares them.
    names: Option<Iter<'a>>,
    items: Iter<'a>,
    left: usize,
}

impl<'a> Iterator for Fields<'a> {
    type Item = (Item<'a>, Item<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let name = match &mut self.names {
            Some(names) => names.take_one()?,
            None => self.items.take_one()?,
        };
        Some((name, self.items.take_one()?))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Fields<'_> {}

fn int(item: Option<Item>) -> Option<i64> {
    match item? {
        Item::Int(value) => Some(value),
        Item::Bytes(_) => None,
    }
}

/// A number of items; none when it is not one.
fn count(item: Option<Item>) -> Option<usize> {
    usize::try_from(int(item)?).ok()
}

/// What stands before the entries.
struct Master<'a> {
    live: i64,
    deleted: i64,
    fields: usize,
    names: Iter<'a>,
    /// Behind the names and the zero.
    entries: Iter<'a>,
}

fn master(pack: &Listpack) -> Option<Master<'_>> {
    let mut items = pack.iter();
    let (live, deleted, fields) = (int(items.take_one())?, int(items.take_one())?, count(items.take_one())?);
    let names = items.clone();
    for _ in 0..fields {
        items.take_one()?;
    }
    items.take_one().filter(|item| matches!(item, Item::Int(0)))?;
    Some(Master { live, deleted, fields, names, entries: items })
}

/// An entry as it stands, deleted or not.
struct Raw<'a> {
    entry: Entry<'a>,
    flags: i64,
}

impl<'a> Master<'a> {
    /// Reads the entry at the start of `items`.
    fn read(&self, base: StreamId, mut items: Iter<'a>) -> Option<Raw<'a>> {
        let flags = int(items.take_one())?;
        let id = StreamId {
            ms: base.ms.wrapping_add(int(items.take_one())? as u64),
            seq: base.seq.wrapping_add(int(items.take_one())? as u64),
        };
        let (names, left) = match flags & SAME {
            0 => (None, count(items.take_one())?),
            _ => (Some(self.names.clone()), self.fields),
        };
        Some(Raw { entry: Entry { id, fields: Fields { names, items, left } }, flags })
    }
}

/// Entries of a node from its first on, live ones only.
pub(super) struct Forward<'a> {
    base: StreamId,
    master: Option<Master<'a>>,
    /// The sizes behind the entries walked over so far are right.
    sound: bool,
}

impl<'a> Forward<'a> {
    pub(super) fn new(base: StreamId, pack: &'a Listpack) -> Self {
        Forward { base, master: master(pack), sound: true }
    }

    fn next_raw(&mut self) -> Option<Raw<'a>> {
        let master = self.master.as_mut()?;
        let raw = master.read(self.base, master.entries.clone())?;
        let mut rest = raw.entry.fields.items.clone();
        let skipped = raw.entry.fields.left * if raw.flags & SAME == 0 { 2 } else { 1 };
        for _ in 0..skipped {
            rest.skip_one()?;
        }
        self.sound &= count(rest.next()) == Some(skipped + if raw.flags & SAME == 0 { 4 } else { 3 });
        master.entries = rest;
        Some(raw)
    }
}

impl<'a> Iterator for Forward<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            let raw = self.next_raw()?;
            if raw.flags & DELETED == 0 {
                return Some(raw.entry);
            }
        }
    }
}

/// Entries of a node from its last on, live ones only.
pub(super) struct Backward<'a> {
    base: StreamId,
    pack: &'a Listpack,
    master: Option<Master<'a>>,
    /// Position of the size of the entry that comes next, in a laced node.
    at: Option<usize>,
    /// Positions of all entries that are still to come, in any other.
    stops: Vec<usize>,
}

impl<'a> Backward<'a> {
    pub(super) fn new(base: StreamId, pack: &'a Listpack) -> Self {
        let (mut stops, mut at) = (Vec::with_capacity(if pack.is_laced() { 0 } else { 128 }), None);
        if pack.is_laced() {
            at = pack.last();
        } else {
            if let Some(Master { fields, mut entries, .. }) = master(pack) {
                while let Some(at) = pass_entry(&mut entries, fields) {
                    stops.push(at);
                }
            }
        }
        Backward { base, pack, master: master(pack), at, stops }
    }

    fn next_raw(&mut self) -> Option<Raw<'a>> {
        if let Some(at) = self.stops.pop() {
            return self.master.as_ref()?.read(self.base, self.pack.iter_from(Some(at)));
        }
        let mut at = self.at?;
        let size = count(Some(self.pack.get(at)))?;
        if size == 0 {
            // The zero behind the master's fields.
            return None;
        }
        for _ in 0..size {
            at = self.pack.prev(at)?;
        }
        self.at = self.pack.prev(at);
        self.master.as_ref()?.read(self.base, self.pack.iter_from(Some(at)))
    }
}

impl<'a> Iterator for Backward<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            let raw = self.next_raw()?;
            if raw.flags & DELETED == 0 {
                return Some(raw.entry);
            }
        }
    }
}

/// Passes over the entry at the start of `items`, in a node whose master has `shared` fields; its position.
fn pass_entry(items: &mut Iter, shared: usize) -> Option<usize> {
    let at = items.place()?;
    let rest = match int(items.take_one())? & SAME {
        0 => {
            let fields = (0..3).map_while(|_| items.take_one()).last();
            count(fields)?.saturating_mul(2).saturating_add(1)
        }
        _ => shared + 3,
    };
    for _ in 0..rest {
        items.skip_one()?;
    }
    Some(at)
}

/// How many live and deleted entries a node has.
pub(super) fn counts(pack: &Listpack) -> (u64, u64) {
    let mut items = pack.iter();
    let mut next = || int(items.next()).and_then(|value| u64::try_from(value).ok()).unwrap_or(0);
    (next(), next())
}

fn set_counts(pack: &mut Listpack, live: u64, deleted: u64) {
    if let Some(at) = pack.first() {
        let at = pack.replace(at, live as i64);
        if let Some(at) = pack.next(at) {
            pack.replace(at, deleted as i64);
        }
    }
}

/// The id of the last entry, deleted or not.
pub(super) fn last_id(base: StreamId, pack: &Listpack) -> StreamId {
    Backward::new(base, pack).next_raw().map_or(base, |raw| raw.entry.id)
}

/// A node of one entry. The caller has seen to it that it fits.
pub(super) fn create<'f>(pairs: impl ExactSizeIterator<Item = (&'f [u8], &'f [u8])> + Clone) -> Listpack {
    let mut pack = Listpack::laced();
    for number in [1, 0, pairs.len() as i64] {
        pack.push_back(number);
    }
    pairs.clone().for_each(|(name, _)| pack.push_back(name));
    for number in [0, SAME, 0, 0] {
        pack.push_back(number);
    }
    let size = 3 + pairs.len() as i64;
    pairs.for_each(|(_, value)| pack.push_back(value));
    pack.push_back(size);
    pack
}

/// Adds an entry to a node. The caller has seen to it that it fits.
pub(super) fn append<'f>(
    base: StreamId,
    pack: &mut Listpack,
    id: StreamId,
    pairs: impl ExactSizeIterator<Item = (&'f [u8], &'f [u8])> + Clone,
) {
    let (live, deleted) = counts(pack);
    let same = master(pack).is_some_and(|master| {
        master.fields == pairs.len()
            && pairs.clone().zip(master.names).all(|((name, _), item)| item == Item::from(name))
    });
    set_counts(pack, live + 1, deleted);
    pack.push_back(if same { SAME } else { 0 });
    pack.push_pair(id.ms.wrapping_sub(base.ms) as i64, id.seq.wrapping_sub(base.seq) as i64);
    let mut size = 3 + pairs.len() as i64;
    if !same {
        pack.push_back(pairs.len() as i64);
        size += 1 + pairs.len() as i64;
    }
    for (name, value) in pairs {
        if !same {
            pack.push_back(name);
        }
        pack.push_back(value);
    }
    pack.push_back(size);
}

/// Marks live entries as deleted, in order, while `wanted` says so; entries that are deleted already are asked about
/// too. Returns how many were marked.
pub(super) fn mark(base: StreamId, pack: &mut Listpack, mut wanted: impl FnMut(StreamId, bool) -> Mark) -> u64 {
    let (live, deleted) = counts(pack);
    let shared = master(pack).map_or(0, |master| master.fields);
    let mut at = pack.seek(4 + shared as i64);
    let mut marked = 0;
    while let Some(mut here) = at {
        let mut items = pack.iter_from(at);
        let mut number = || int(items.next());
        let (Some(flags), Some(ms), Some(seq)) = (number(), number(), number()) else { break };
        let id = StreamId { ms: base.ms.wrapping_add(ms as u64), seq: base.seq.wrapping_add(seq as u64) };
        match wanted(id, flags & DELETED != 0) {
            Mark::Stop => break,
            Mark::Delete if flags & DELETED == 0 => {
                here = pack.replace(here, flags | DELETED);
                marked += 1;
            }
            Mark::Delete | Mark::Keep => {}
        }
        let mut items = pack.iter_from(Some(here));
        at = pass_entry(&mut items, shared).and_then(|_| items.place());
    }
    if marked > 0 {
        set_counts(pack, live.saturating_sub(marked), deleted + marked);
    }
    marked
}

/// What becomes of an entry.
pub(super) enum Mark {
    Delete,
    Keep,
    Stop,
}

/// Checks a listpack from outside: a sound node, whose live ids grow. Answers the first and the last of those, none of
/// either when all are deleted. O(bytes).
pub(super) fn validate(base: StreamId, pack: &Listpack) -> Option<Option<(StreamId, StreamId)>> {
    let mut walk = Forward::new(base, pack);
    let (live, deleted) = walk.master.as_ref().map(|master| (master.live, master.deleted))?;
    let (mut seen, mut ends) = ([0i64; 2], None::<(StreamId, StreamId)>);
    while let Some(raw) = walk.next_raw() {
        let id = raw.entry.id;
        if raw.flags & !(DELETED | SAME) != 0 || (seen == [0, 0] && id != base) {
            return None;
        }
        seen[(raw.flags & DELETED) as usize] += 1;
        // Deleted ids need not grow: XSETID can go back behind one.
        if raw.flags & DELETED == 0 {
            ends = match ends {
                Some((_, last)) if id <= last => return None,
                Some((first, _)) => Some((first, id)),
                None => Some((id, id)),
            };
        }
    }
    let whole = seen == [live, deleted] && seen != [0, 0] && walk.sound && walk.master?.entries.next().is_none();
    whole.then_some(ends)
}
