//! The listpack of a small hash in which fields may expire: field, value, expiry, field, value, expiry.
//!
//! An expiry is an integer, 0 for none. Fields that expire stand first, the soonest in front, so that what is due is a
//! run at the front; the others follow. This is Redis' `listpackex`, byte for byte. Everything is O(bytes).

use super::{Put, LATEST};
use crate::structures::listpack::{Item, Listpack};
use crate::structures::order::sort_by_key;

/// Entries of a field.
pub(super) const WIDTH: usize = 3;

/// The same fields as a plain pack holds, none of which expires.
pub(super) fn from_plain(plain: &Listpack) -> Listpack {
    let mut pack = Listpack::new();
    let mut entries = plain.iter();
    while let (Some(name), Some(value)) = (entries.next(), entries.next()) {
        push(&mut pack, name, value, 0);
    }
    pack
}

fn push(pack: &mut Listpack, name: Item, value: Item, at: i64) {
    pack.push_back(name);
    pack.push_back(value);
    pack.push_back(at);
}

/// Whether every field of a listpack from outside has a value and an expiry that is one.
pub(super) fn is_sound(pack: &Listpack) -> bool {
    let expiries = pack.iter().skip(WIDTH - 1).step_by(WIDTH);
    pack.len() % WIDTH == 0
        && expiries.map(|item| item.as_i64()).all(|at| at.is_some_and(|at| (0..=LATEST).contains(&at)))
}

/// A sound listpack with its fields in the order of this module. O(n log n).
pub(super) fn in_order(pack: Listpack) -> Listpack {
    let mut entries = pack.iter();
    let mut fields = Vec::with_capacity(pack.len() / WIDTH);
    let mut proper = true;
    while let (Some(name), Some(value), Some(expiry)) = (entries.next(), entries.next(), entries.next()) {
        proper &= matches!(expiry, Item::Int(_));
        fields.push((name, value, expiry.as_i64().unwrap_or(0)));
    }
    let rank = |&(_, _, at): &(Item, Item, i64)| if at == 0 { i64::MAX } else { at };
    if proper && fields.is_sorted_by_key(rank) {
        return pack;
    }
    sort_by_key(&mut fields, rank);
    let mut ordered = Listpack::new();
    fields.into_iter().for_each(|(name, value, at)| push(&mut ordered, name, value, at));
    ordered
}

/// Position of the name.
#[inline]
pub(super) fn find(pack: &Listpack, name: &[u8]) -> Option<usize> {
    pack.find(pack.first(), name, WIDTH - 1)
}

/// The expiry of the field whose name stands at `at`, 0 for none.
pub(super) fn expiry(pack: &Listpack, at: usize) -> i64 {
    let third = pack.next(at).and_then(|at| pack.next(at));
    third.and_then(|at| pack.get(at).as_i64()).unwrap_or(0)
}

/// When the first field expires, 0 for never.
pub(super) fn soonest(pack: &Listpack) -> i64 {
    pack.first().map_or(0, |at| expiry(pack, at))
}

/// Adds a field in its place: before the first that expires no sooner, or not at all.
fn add(pack: &mut Listpack, name: &[u8], value: &[u8], at: i64) {
    let mut place = if at == 0 { None } else { pack.first() };
    while let Some(here) = place {
        let other = expiry(pack, here);
        if other == 0 || other >= at {
            let here = pack.insert_before(here, name);
            let here = pack.insert_after(here, value);
            pack.insert_after(here, at);
            return;
        }
        place = pack.next(here).and_then(|at| pack.next(at)).and_then(|at| pack.next(at));
    }
    push(pack, Item::from(name), Item::from(value), at);
}

/// Puts a value; whether that created the field.
pub(super) fn put(pack: &mut Listpack, name: &[u8], value: &[u8], how: Put) -> bool {
    let Some(here) = find(pack, name) else {
        push(pack, Item::from(name), Item::from(value), 0);
        return true;
    };
    match how {
        Put::Absent => {}
        Put::Clear if expiry(pack, here) != 0 => {
            pack.delete_run(here, WIDTH);
            push(pack, Item::from(name), Item::from(value), 0);
        }
        Put::Clear | Put::Keep => {
            if let Some(at) = pack.next(here) {
                pack.replace(at, value);
            }
        }
    }
    false
}

/// Sets the expiry of a field, 0 for none; false when there is no such field.
pub(super) fn set_expiry(pack: &mut Listpack, name: &[u8], at: i64) -> bool {
    let Some(here) = find(pack, name) else { return false };
    let value = pack.next(here).map_or(Vec::new(), |at| pack.get(at).to_vec());
    pack.delete_run(here, WIDTH);
    add(pack, name, &value, at);
    true
}

/// Removes the fields that are due and shows the name of each; how many there were.
pub(super) fn expire(pack: &mut Listpack, now: i64, gone: &mut dyn FnMut(&[u8])) -> usize {
    let (mut count, mut here) = (0, pack.first());
    while let Some(at) = here {
        let due = expiry(pack, at);
        if due == 0 || due > now {
            break;
        }
        gone(pack.get(at).bytes(&mut [0; 20]));
        count += 1;
        here = pack.next(at).and_then(|at| pack.next(at)).and_then(|at| pack.next(at));
    }
    if count > 0 {
        pack.delete_range(0, count * WIDTH);
    }
    count
}
