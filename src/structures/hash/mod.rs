//! Hash: fields with values, each of which may expire.
//!
//! Small ones are a listpack of field, value, field, value: a lookup reads through it, and it takes a fraction of a
//! table's memory. Past the limits it becomes a table for good. Limits, the table's seed among them, come with each change: they are the engine's, and a
//! small hash shall not carry them.
//!
//! A hash becomes *timed* when a field is first to expire, and stays so: its listpack then holds expiries too
//! ([`timed`]), its table the order in which fields expire ([`table`]). The clock is the owner's: it asks for
//! [`Hash::soonest`] and calls [`Hash::expire`] before it looks at anything else. Where more is due than that call
//! may remove, the rest is hidden from readers, but still counted by [`Hash::len`]; who writes a field must then
//! call [`Hash::remove_hidden`] for it first.

mod table;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod timed_tests;
mod timed;

use super::block::PackedBox;
use super::dict::{self, Keyed};
use super::listpack::{self, Item, Listpack};
use super::pair::Pair;
pub use super::pair::LATEST;
use super::stream::{IdMap, StreamId};
use super::Limits;
use crate::bytes::Rng;
use table::{shows, Table};

/// A map from field to value. See the module for its shape and costs.
#[derive(Clone, Debug)]
pub struct Hash {
    form: Form,
}

#[derive(Clone)]
enum Form {
    Pack(Listpack),
    Timed(Listpack),
    Table(PackedBox<Table>),
}

/// What putting a value does to a field that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Put {
    /// Replaces its value and takes off its expiry.
    Clear,
    /// Replaces its value.
    Keep,
    /// Nothing.
    Absent,
}

impl std::fmt::Debug for Form {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Form::Pack(pack) => pack.fmt(out),
            Form::Timed(pack) => pack.fmt(out),
            Form::Table(table) => out.debug_list().entries(table.dict.iter()).finish(),
        }
    }
}

impl Default for Hash {
    fn default() -> Self {
        Self::new()
    }
}

impl Hash {
    /// An empty hash.
    pub fn new() -> Self {
        Hash { form: Form::Pack(Listpack::new()) }
    }

    /// Takes a listpack of fields and values from outside; a table if it has more fields than the limit. `None` when
    /// a field comes twice or has no value. O(n log n).
    pub fn from_listpack(pack: Listpack, limits: Limits) -> Option<Self> {
        let (entries, fields) = (pack.len(), pack.len() / 2);
        if entries % 2 != 0 {
            return None;
        }
        let mut hash = Hash { form: Form::Pack(pack) };
        if fields > limits.entries {
            hash.make_table(fields, limits.seed);
            return (hash.len() == fields).then_some(hash);
        }
        hash.listpack().is_some_and(|pack| pack.distinct(1)).then_some(hash)
    }

    /// Takes a listpack of fields, values and expiries from outside; a table if it has more fields than the limit.
    /// `None` when a field comes twice, or one of the three is missing or no such thing. O(n log n).
    pub fn from_timed_listpack(pack: Listpack, limits: Limits) -> Option<Self> {
        let fields = pack.len() / timed::WIDTH;
        if !timed::is_sound(&pack) {
            return None;
        }
        if fields > limits.entries {
            let mut hash = Hash { form: Form::Timed(pack) };
            hash.make_table(fields, limits.seed);
            return (hash.len() == fields).then_some(hash);
        }
        let distinct = pack.distinct(timed::WIDTH - 1);
        distinct.then(|| Hash { form: Form::Timed(timed::in_order(pack)) })
    }

    /// The compact form's fields, values and expiries, 0 for none, if it has that form and fields may expire.
    pub fn timed_listpack(&self) -> Option<&Listpack> {
        match &self.form {
            Form::Timed(pack) => Some(pack),
            Form::Pack(_) | Form::Table(_) => None,
        }
    }

    /// The compact form's fields and values, if it has that form and no field was ever to expire.
    pub fn listpack(&self) -> Option<&Listpack> {
        match &self.form {
            Form::Pack(pack) => Some(pack),
            Form::Timed(_) | Form::Table(_) => None,
        }
    }

    /// Number of fields, hidden ones included. O(1).
    #[inline]
    pub fn len(&self) -> usize {
        match &self.form {
            Form::Pack(pack) => pack.len() / 2,
            Form::Timed(pack) => pack.len() / timed::WIDTH,
            Form::Table(table) => table.dict.len(),
        }
    }

    /// Number of fields that [`iter`](Self::iter) shows. O(1), O(n) while some are hidden.
    pub fn shown(&self) -> usize {
        match &self.form {
            Form::Table(table) => table.dict.len() - table.count_hidden(),
            _ => self.len(),
        }
    }

    /// Whether there are no fields.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What OBJECT ENCODING says: `listpack`, `listpackex` or `hashtable`.
    pub fn encoding(&self) -> &'static str {
        match &self.form {
            Form::Pack(_) => "listpack",
            Form::Timed(_) => "listpackex",
            Form::Table(_) => "hashtable",
        }
    }

    /// Bytes of heap held, slack included. O(1), for a table O(its segments).
    pub fn heap_bytes(&self) -> usize {
        match &self.form {
            Form::Pack(pack) | Form::Timed(pack) => pack.heap_bytes(),
            Form::Table(table) => table.heap_bytes(),
        }
    }

    /// Says that a command is about to set `fields` fields (repeated ones count): more than the limit make a table
    /// at once, as in Redis, whatever the hash then holds.
    pub fn make_room(&mut self, fields: usize, limits: Limits) {
        if fields > limits.entries {
            self.make_table(fields, limits.seed);
        }
    }

    fn make_table(&mut self, fields: usize, seed: u64) {
        if matches!(self.form, Form::Table(_)) {
            return;
        }
        let mut table = Table::with_capacity(seed, fields.max(self.len()));
        if self.is_timed() {
            table.make_timed();
        }
        for (name, value, expiry) in self.entries() {
            // A listpack from outside may name a field twice: the last one stays.
            table.insert(Pair::new(name.bytes(&mut [0; 20]), value.bytes(&mut [0; 20]), expiry));
        }
        self.form = Form::Table(PackedBox::new(table));
    }

    /// Whether some field was ever to expire.
    #[inline]
    pub fn is_timed(&self) -> bool {
        match &self.form {
            Form::Pack(_) => false,
            Form::Timed(_) => true,
            Form::Table(table) => table.is_timed(),
        }
    }

    /// Makes ready for fields that expire. O(n) for a listpack, the first time.
    pub fn make_timed(&mut self) {
        match &mut self.form {
            Form::Pack(plain) => self.form = Form::Timed(timed::from_plain(plain)),
            Form::Timed(_) => {}
            Form::Table(table) => {
                table.make_timed();
            }
        }
    }

    /// When the first field expires, in milliseconds since 1970. O(1), for a table O(log n).
    #[inline]
    pub fn soonest(&self) -> Option<i64> {
        match &self.form {
            Form::Pack(_) => None,
            Form::Timed(pack) => Some(timed::soonest(pack)).filter(|&at| at != 0),
            Form::Table(table) => table.soonest(),
        }
    }

    /// Removes the fields that expire by `now`, the soonest first, and shows the name of each. A table removes about
    /// `budget` at most and hides the rest: O(budget log n). How many were removed.
    pub fn expire(&mut self, now: i64, budget: usize, gone: &mut dyn FnMut(&[u8])) -> usize {
        match &mut self.form {
            Form::Pack(_) => 0,
            Form::Timed(pack) => timed::expire(pack, now, gone),
            Form::Table(table) => table.expire(now, budget, gone),
        }
    }

    /// Whether there are fields that are due and hidden.
    #[inline]
    pub fn hides_some(&self) -> bool {
        matches!(&self.form, Form::Table(table) if table.hides_some())
    }

    /// Removes `field` if it is hidden; whether it was. Costs as [`get`](Self::get).
    pub fn remove_hidden(&mut self, field: &[u8]) -> bool {
        match &mut self.form {
            Form::Table(table) => table.remove_hidden(field),
            _ => false,
        }
    }

    /// When `field` expires, in milliseconds since 1970: `None` without such a field, `Some(None)` when it does not.
    /// Costs as [`get`](Self::get).
    pub fn expiry(&self, field: &[u8]) -> Option<Option<i64>> {
        match &self.form {
            Form::Pack(pack) => pack.find(pack.first(), field, 1).map(|_| None),
            Form::Timed(pack) => timed::find(pack, field).map(|at| Some(timed::expiry(pack, at)).filter(|&at| at != 0)),
            Form::Table(table) => table.get(field).map(Pair::expiry),
        }
    }

    /// Sets when `field` expires (at most at [`LATEST`], at least at 1), or that it does not; false without such a
    /// field. O(log n), for a listpack O(its bytes).
    pub fn set_expiry(&mut self, field: &[u8], at: Option<i64>) -> bool {
        let at = at.map(|at| at.clamp(1, LATEST));
        if at.is_some() {
            self.make_timed();
        }
        match &mut self.form {
            Form::Pack(pack) => pack.find(pack.first(), field, 1).is_some(),
            Form::Timed(pack) => timed::set_expiry(pack, field, at.unwrap_or(0)),
            Form::Table(table) => table.set_expiry(field, at),
        }
    }

    /// Position of the value that belongs to `field`.
    #[inline]
    fn find(pack: &Listpack, field: &[u8]) -> Option<usize> {
        pack.next(pack.find(pack.first(), field, 1)?)
    }

    /// The value of `field`. O(1), for a listpack O(its bytes).
    #[inline]
    pub fn get(&self, field: &[u8]) -> Option<Item<'_>> {
        match &self.form {
            Form::Pack(pack) => Hash::find(pack, field).map(|at| pack.get(at)),
            Form::Timed(pack) => timed::find(pack, field).and_then(|at| pack.next(at)).map(|at| pack.get(at)),
            Form::Table(table) => table.get(field).map(|field| Item::Bytes(field.value())),
        }
    }

    /// Whether there is such a field. Costs as [`get`](Self::get).
    #[inline]
    pub fn contains(&self, field: &[u8]) -> bool {
        match &self.form {
            Form::Pack(pack) => pack.find(pack.first(), field, 1).is_some(),
            Form::Timed(pack) => timed::find(pack, field).is_some(),
            Form::Table(table) => table.get(field).is_some(),
        }
    }

    /// Length of the value of `field` in bytes. Costs as [`get`](Self::get).
    pub fn value_len(&self, field: &[u8]) -> Option<usize> {
        self.get(field).map(|value| value.len())
    }

    /// Gives `field` the value `value` and takes off its expiry; whether the field was created. Costs as
    /// [`get`](Self::get).
    #[inline]
    pub fn set(&mut self, field: &[u8], value: &[u8], limits: Limits) -> bool {
        self.put(field, value, Put::Clear, limits)
    }

    /// [`Hash::set`] that keeps the expiry.
    pub fn set_keeping_expiry(&mut self, field: &[u8], value: &[u8], limits: Limits) -> bool {
        self.put(field, value, Put::Keep, limits)
    }

    /// Creates `field` with `value`; false, and nothing done, if it exists. Costs as [`get`](Self::get).
    pub fn set_if_absent(&mut self, field: &[u8], value: &[u8], limits: Limits) -> bool {
        self.put(field, value, Put::Absent, limits)
    }

    fn put(&mut self, name: &[u8], value: &[u8], how: Put, limits: Limits) -> bool {
        let (bytes, small) = (name.len() + value.len(), name.len() <= limits.value && value.len() <= limits.value);
        let fits = match &self.form {
            Form::Pack(pack) => small && pack.fits(bytes, 2),
            Form::Timed(pack) => small && pack.fits(bytes, timed::WIDTH),
            Form::Table(_) => true,
        };
        if !fits {
            if how == Put::Absent && self.contains(name) {
                return false;
            }
            self.make_table(0, limits.seed);
        }
        let created = match &mut self.form {
            Form::Table(table) => return table.put(name, value, how),
            Form::Timed(pack) => timed::put(pack, name, value, how),
            Form::Pack(pack) => match Hash::find(pack, name) {
                Some(_) if how == Put::Absent => return false,
                Some(at) => {
                    pack.replace(at, value);
                    false
                }
                None => {
                    pack.push_pair(name, value);
                    true
                }
            },
        };
        if self.len() > limits.entries {
            self.make_table(0, limits.seed);
        }
        created
    }

    /// Removes `field`; whether it was there. Costs as [`get`](Self::get).
    pub fn remove(&mut self, field: &[u8]) -> bool {
        let (at, pack, width) = match &mut self.form {
            Form::Pack(pack) => (pack.find(pack.first(), field, 1), pack, 2),
            Form::Timed(pack) => (timed::find(pack, field), pack, timed::WIDTH),
            Form::Table(table) => return table.remove(field),
        };
        at.is_some_and(|at| {
            pack.delete_run(at, width);
            true
        })
    }

    /// Fields with their values: in a listpack in its order, in a table in none.
    pub fn iter(&self) -> Iter<'_> {
        Iter(self.entries())
    }

    /// Fields with their values and when they expire, in the order of [`iter`](Self::iter).
    pub fn entries(&self) -> Entries<'_> {
        match &self.form {
            Form::Table(table) => Entries(Walk::Table(table.dict.iter(), table.hidden())),
            _ => self.all_entries(),
        }
    }

    /// [`Hash::entries`] with those that are hidden, [`Hash::len`] in all: for who keeps the hash elsewhere.
    pub fn all_entries(&self) -> Entries<'_> {
        Entries(match &self.form {
            Form::Pack(pack) => Walk::Pack(pack.iter()),
            Form::Timed(pack) => Walk::Timed(pack.iter()),
            Form::Table(table) => Walk::Table(table.dict.iter(), table::NOTHING),
        })
    }

    /// One step of a full iteration, with the guarantees of [`Dict::scan`](dict::Dict::scan); a listpack gives
    /// everything in one step. Returns the cursor to go on with, 0 at the end.
    pub fn scan<'a>(&'a self, cursor: u64, count: usize, visit: &mut dyn FnMut(Item<'a>, Item<'a>)) -> u64 {
        let Form::Table(table) = &self.form else {
            self.iter().for_each(|(field, value)| visit(field, value));
            return 0;
        };
        let hidden = table.hidden();
        table.dict.scan(cursor, count, &mut |field| {
            if shows(hidden, field) {
                visit(Item::Bytes(field.key()), Item::Bytes(field.value()));
            }
        })
    }

    /// A field by chance, with its value; all are equally likely, hidden ones too. O(1), for a listpack O(its bytes).
    pub fn random(&self, rng: &mut Rng) -> Option<(Item<'_>, Item<'_>)> {
        let (pack, width) = match &self.form {
            Form::Pack(pack) => (pack, 2),
            Form::Timed(pack) => (pack, timed::WIDTH),
            Form::Table(table) => {
                let field = table.dict.random(rng)?;
                return Some((Item::Bytes(field.key()), Item::Bytes(field.value())));
            }
        };
        if pack.is_empty() {
            return None;
        }
        let at = pack.seek((width * rng.below(pack.len() / width)) as i64)?;
        Some((pack.get(at), pack.get(pack.next(at)?)))
    }

    /// Visits `count` different fields by chance, all if there are no more; no field may be hidden. O(n), or O(count)
    /// where that is less than a third of a table.
    pub fn random_distinct<'a>(&'a self, count: usize, rng: &mut Rng, visit: &mut dyn FnMut(Item<'a>, Item<'a>)) {
        let mut wanted = count.min(self.len());
        match &self.form {
            Form::Table(table) if wanted < table.dict.len() / 3 => {
                // A field is known by where it lies: nothing moves while it is borrowed.
                let mut seen = IdMap::default();
                while seen.len() < wanted {
                    let Some(field) = table.dict.random(rng) else { return };
                    let place = StreamId::new(std::ptr::from_ref(field) as usize as u64, 0);
                    if seen.insert(place, ()).is_none() {
                        visit(Item::Bytes(field.key()), Item::Bytes(field.value()));
                    }
                }
            }
            _ => {
                let mut left = self.len();
                for (field, value) in self.iter() {
                    if wanted == 0 {
                        return;
                    }
                    if rng.below(left) < wanted {
                        visit(field, value);
                        wanted -= 1;
                    }
                    left -= 1;
                }
            }
        }
    }

    /// Frees about `budget` fields and says whether nothing is left: for freeing a large hash in slices.
    pub fn free_some(&mut self, budget: usize) -> bool {
        let done = match &mut self.form {
            Form::Pack(_) | Form::Timed(_) => true,
            Form::Table(table) => table.free_some(budget),
        };
        if done {
            *self = Hash::new();
        }
        done
    }
}

/// Iterator over fields and values; see [`Hash::iter`].
pub struct Iter<'a>(Entries<'a>);

impl<'a> Iterator for Iter<'a> {
    type Item = (Item<'a>, Item<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(field, value, _)| (field, value))
    }
}

/// Iterator over fields, values and expiries; see [`Hash::entries`].
pub struct Entries<'a>(Walk<'a>);

enum Walk<'a> {
    Pack(listpack::Iter<'a>),
    Timed(listpack::Iter<'a>),
    Table(dict::Iter<'a, Pair>, i64),
}

impl<'a> Iterator for Entries<'a> {
    type Item = (Item<'a>, Item<'a>, Option<i64>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Walk::Pack(pack) => Some((pack.next()?, pack.next()?, None)),
            Walk::Timed(pack) => {
                Some((pack.next()?, pack.next()?, pack.next()?.as_i64().filter(|&expiry| expiry != 0)))
            }
            Walk::Table(table, hidden) => {
                let field = table.find(|field| shows(*hidden, field))?;
                Some((Item::Bytes(field.key()), Item::Bytes(field.value()), field.expiry()))
            }
        }
    }
}
