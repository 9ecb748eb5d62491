//! Hash: fields with values.
//!
//! Small ones are a listpack of field, value, field, value: a lookup reads through it, and it takes a fraction of a
//! table's memory. Past the limits it becomes a table for good. Limits, the table's seed among them, come with each change: they are the engine's, and a
//! small hash shall not carry them.

mod field;
#[cfg(test)]
mod tests;

use super::dict::{self, Dict, Keyed};
use super::listpack::{self, Item, Listpack};
use super::Limits;
use crate::bytes::Rng;
use field::Field;
use std::collections::BTreeSet;

/// A map from field to value. See the module for its shape and costs.
#[derive(Clone, Debug)]
pub struct Hash {
    form: Form,
}

#[derive(Clone)]
enum Form {
    Pack(Listpack),
    Table(Box<Table>),
}

#[derive(Clone)]
struct Table {
    dict: Dict<Field>,
    /// Heap bytes of all fields.
    bytes: usize,
}

impl std::fmt::Debug for Form {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Form::Pack(pack) => pack.fmt(out),
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

    /// The compact form's fields and values, if it has that form.
    pub fn listpack(&self) -> Option<&Listpack> {
        match &self.form {
            Form::Pack(pack) => Some(pack),
            Form::Table(_) => None,
        }
    }

    /// Number of fields. O(1).
    #[inline]
    pub fn len(&self) -> usize {
        match &self.form {
            Form::Pack(pack) => pack.len() / 2,
            Form::Table(table) => table.dict.len(),
        }
    }

    /// Whether there are no fields.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What OBJECT ENCODING says: `listpack` or `hashtable`.
    pub fn encoding(&self) -> &'static str {
        match &self.form {
            Form::Pack(_) => "listpack",
            Form::Table(_) => "hashtable",
        }
    }

    /// Bytes of heap held, slack included. O(1), for a table O(its segments).
    pub fn heap_bytes(&self) -> usize {
        match &self.form {
            Form::Pack(pack) => pack.heap_bytes(),
            Form::Table(table) => size_of::<Table>() + table.bytes + table.dict.table_bytes(),
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
        if let Form::Pack(pack) = &self.form {
            let mut dict = Dict::with_capacity(seed, fields.max(pack.len() / 2));
            let mut bytes = 0;
            for (name, value) in self.iter() {
                let field = Field::new(name.bytes(&mut [0; 20]), value.bytes(&mut [0; 20]));
                bytes += field.heap_bytes();
                // A listpack from outside may name a field twice: the last one stays.
                if let Some(replaced) = dict.insert(field) {
                    bytes -= replaced.heap_bytes();
                }
            }
            self.form = Form::Table(Box::new(Table { dict, bytes }));
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
            Form::Table(table) => table.dict.get(field).map(|field| Item::Bytes(field.value())),
        }
    }

    /// Whether there is such a field. Costs as [`get`](Self::get).
    #[inline]
    pub fn contains(&self, field: &[u8]) -> bool {
        match &self.form {
            Form::Pack(pack) => pack.find(pack.first(), field, 1).is_some(),
            Form::Table(table) => table.dict.contains(field),
        }
    }

    /// Length of the value of `field` in bytes. Costs as [`get`](Self::get).
    pub fn value_len(&self, field: &[u8]) -> Option<usize> {
        self.get(field).map(|value| value.len())
    }

    /// Gives `field` the value `value`; whether the field was created. Costs as [`get`](Self::get).
    #[inline]
    pub fn set(&mut self, field: &[u8], value: &[u8], limits: Limits) -> bool {
        self.put(field, value, true, limits)
    }

    /// Creates `field` with `value`; false, and nothing done, if it exists. Costs as [`get`](Self::get).
    pub fn set_if_absent(&mut self, field: &[u8], value: &[u8], limits: Limits) -> bool {
        self.put(field, value, false, limits)
    }

    fn put(&mut self, name: &[u8], value: &[u8], replace: bool, limits: Limits) -> bool {
        if let Form::Pack(pack) = &mut self.form {
            let small = name.len() <= limits.value && value.len() <= limits.value;
            if small && pack.fits(name.len() + value.len(), 2) {
                match Hash::find(pack, name) {
                    Some(at) if replace => {
                        pack.replace(at, value);
                        return false;
                    }
                    Some(_) => return false,
                    None => {
                        pack.push_back(name);
                        pack.push_back(value);
                    }
                }
                if self.len() > limits.entries {
                    self.make_table(0, limits.seed);
                }
                return true;
            }
            if !replace && Hash::find(pack, name).is_some() {
                return false;
            }
            self.make_table(0, limits.seed);
        }
        let Form::Table(table) = &mut self.form else { unreachable!("a listpack was turned into a table") };
        let (field, created) = table.dict.get_or_insert_with(name, || Field::new(name, value));
        if created {
            table.bytes += field.heap_bytes();
        } else if replace {
            table.bytes -= field.heap_bytes();
            field.set_value(value);
            table.bytes += field.heap_bytes();
        }
        created
    }

    /// Removes `field`; whether it was there. Costs as [`get`](Self::get).
    pub fn remove(&mut self, field: &[u8]) -> bool {
        match &mut self.form {
            Form::Pack(pack) => match pack.find(pack.first(), field, 1) {
                Some(at) => {
                    pack.delete_run(at, 2);
                    true
                }
                None => false,
            },
            Form::Table(table) => match table.dict.remove(field) {
                Some(field) => {
                    table.bytes -= field.heap_bytes();
                    true
                }
                None => false,
            },
        }
    }

    /// Fields with their values: in a listpack in the order they were created, in a table in none.
    pub fn iter(&self) -> Iter<'_> {
        match &self.form {
            Form::Pack(pack) => Iter(Walk::Pack(pack.iter())),
            Form::Table(table) => Iter(Walk::Table(table.dict.iter())),
        }
    }

    /// One step of a full iteration, with the guarantees of [`Dict::scan`]; a listpack gives everything in one step.
    /// Returns the cursor to go on with, 0 at the end.
    pub fn scan<'a>(&'a self, cursor: u64, count: usize, visit: &mut dyn FnMut(Item<'a>, Item<'a>)) -> u64 {
        match &self.form {
            Form::Pack(_) => {
                self.iter().for_each(|(field, value)| visit(field, value));
                0
            }
            Form::Table(table) => {
                table.dict.scan(cursor, count, &mut |field| visit(Item::Bytes(field.key()), Item::Bytes(field.value())))
            }
        }
    }

    /// A field by chance, with its value; all are equally likely. O(1), for a listpack O(its bytes).
    pub fn random(&self, rng: &mut Rng) -> Option<(Item<'_>, Item<'_>)> {
        match &self.form {
            Form::Pack(_) if self.is_empty() => None,
            Form::Pack(pack) => {
                let at = pack.seek(2 * rng.below(pack.len() / 2) as i64)?;
                Some((pack.get(at), pack.get(pack.next(at)?)))
            }
            Form::Table(table) => {
                let field = table.dict.random(rng)?;
                Some((Item::Bytes(field.key()), Item::Bytes(field.value())))
            }
        }
    }

    /// Visits `count` different fields by chance, all if there are no more. O(n), or O(count) where that is less
    /// than a third of a table.
    pub fn random_distinct<'a>(&'a self, count: usize, rng: &mut Rng, visit: &mut dyn FnMut(Item<'a>, Item<'a>)) {
        let mut wanted = count.min(self.len());
        match &self.form {
            Form::Table(table) if wanted < table.dict.len() / 3 => {
                // A field is known by where it lies: nothing moves while it is borrowed.
                let mut seen = BTreeSet::new();
                while seen.len() < wanted {
                    let Some(field) = table.dict.random(rng) else { return };
                    if seen.insert(std::ptr::from_ref(field) as usize) {
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
            Form::Pack(_) => true,
            Form::Table(table) => {
                let (held, fields) = (table.bytes, table.dict.len().max(1));
                let done = table.dict.free_some(budget);
                // What went is not weighed one by one; the rest is taken to be as heavy on average.
                table.bytes = (held as u64 * table.dict.len() as u64 / fields as u64) as usize;
                done
            }
        };
        if done {
            *self = Hash::new();
        }
        done
    }
}

/// Iterator over fields and values; see [`Hash::iter`].
pub struct Iter<'a>(Walk<'a>);

enum Walk<'a> {
    Pack(listpack::Iter<'a>),
    Table(dict::Iter<'a, Field>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = (Item<'a>, Item<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Walk::Pack(pack) => Some((pack.next()?, pack.next()?)),
            Walk::Table(table) => {
                let field = table.next()?;
                Some((Item::Bytes(field.key()), Item::Bytes(field.value())))
            }
        }
    }
}
