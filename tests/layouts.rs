//! Entries of the keyspace are laid out by hand: under an allocator that holds every release and every change of size
//! against what was asked for, fills new memory and old with rubbish, and counts what is held, random commands on a small
//! keyspace leave no byte out of place and none behind.

use cachelet::bytes::number::I64_TEXT;
use cachelet::bytes::Rng;
use cachelet::keyspace::{Entry, Expiry, Keyspace, Str, Value, ValueRef};
use cachelet::structures::list::{End, Fill, List};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::HashMap;

/// In front of each block: its size and alignment, and behind it a byte that must stay.
struct Checking;

const RUBBISH: u8 = 0xA5;
thread_local! {
    /// Bytes that this thread holds: the harness beside it has some of its own.
    static HELD: Cell<usize> = const { Cell::new(0) };
}

fn front(layout: Layout) -> usize {
    layout.align().max(size_of::<(usize, usize)>())
}

fn outer(layout: Layout) -> Layout {
    let front = front(layout);
    Layout::from_size_align(layout.size() + front + 1, front).unwrap()
}

fn must(holds: bool, what: &str) {
    if !holds {
        eprintln!("{what}");
        std::process::abort();
    }
}

// SAFETY: blocks come from the system's allocator, with room for what is kept about them, at the alignment asked for.
unsafe impl GlobalAlloc for Checking {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the outer layout has a size; what is written lies in it.
        unsafe {
            let block = System.alloc(outer(layout));
            if block.is_null() {
                return block;
            }
            let at = block.add(front(layout));
            at.cast::<(usize, usize)>().sub(1).write_unaligned((layout.size(), layout.align()));
            at.write_bytes(RUBBISH, layout.size() + 1);
            HELD.set(HELD.get().wrapping_add(layout.size()));
            at
        }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: each block given out has its front, and is given back whole.
        unsafe {
            let (size, align) = at.cast::<(usize, usize)>().sub(1).read_unaligned();
            must((size, align) == (layout.size(), layout.align()), "released with another layout");
            must(at.add(size).read() == RUBBISH, "written past the end");
            HELD.set(HELD.get().wrapping_sub(size));
            let block = at.sub(front(layout));
            block.write_bytes(!RUBBISH, outer(layout).size());
            System.dealloc(block, outer(layout));
        }
    }

    // Always moves: who kept the old address finds rubbish.
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as for both, and what is copied lies in both.
        unsafe {
            let fresh = self.alloc(Layout::from_size_align(size, layout.align()).unwrap());
            if !fresh.is_null() {
                fresh.copy_from_nonoverlapping(at, size.min(layout.size()));
                self.dealloc(at, layout);
            }
            fresh
        }
    }
}

#[global_allocator]
static CHECKING: Checking = Checking;

/// What a key should hold: a string's bytes, or a list's elements; and when it expires.
type Model = HashMap<Vec<u8>, (Result<Vec<u8>, Vec<Vec<u8>>>, Option<i64>)>;

fn word(rng: &mut Rng) -> Vec<u8> {
    match rng.below(4) {
        0 => (rng.next_u64() as i64 >> rng.below(64)).to_string().into_bytes(),
        1 => vec![b'w'; rng.below(3000)],
        _ => vec![b'w'; rng.below(50)],
    }
}

fn list(elements: &[Vec<u8>]) -> Value {
    let mut list = List::new();
    elements.iter().for_each(|element| list.push(End::Back, element, Fill::default()));
    Value::List(list)
}

fn check(space: &mut Keyspace, model: &Model) {
    for (db, (key, (held, deadline))) in model.iter().map(|pair| (0, pair)) {
        let mut keys = space.keys(db);
        let entry: &Entry = keys.peek(key).expect("the key is there");
        assert_eq!((entry.key(), entry.expire_at()), (&key[..], *deadline));
        match (entry.value(), held) {
            (ValueRef::Str(string), Ok(bytes)) => assert!(string.bytes(&mut [0; I64_TEXT]) == bytes),
            (ValueRef::List(list), Err(elements)) => {
                assert!(list.iter().map(|element| element.to_vec()).eq(elements.iter().cloned()))
            }
            _ => panic!("another type"),
        }
    }
    assert_eq!(space.database(0).len(), model.len());
    assert_eq!(space.database(0).volatile(), model.values().filter(|(_, deadline)| deadline.is_some()).count());
}

fn change(space: &mut Keyspace, model: &mut Model, rng: &mut Rng) {
    let key = match rng.below(20) {
        0 => vec![b'k'; 130 + rng.below(3)],
        name => format!("key:{name}").into_bytes(),
    };
    let deadline = if rng.below(2) == 0 { None } else { Some(2_000_000 + rng.below(1000) as i64) };
    let expiry = deadline.map_or(Expiry::Never, Expiry::At);
    let mut keys = space.keys(0);
    match rng.below(12) {
        0..=2 => {
            let value = word(rng);
            keys.put_string(&key, &value, expiry);
            model.insert(key, (Ok(value), deadline));
        }
        3 => {
            let value = word(rng);
            keys.put_string(&key, &value, Expiry::Keep);
            model.entry(key).or_insert((Ok(Vec::new()), None)).0 = Ok(value);
        }
        4 => {
            let value = word(rng);
            keys.put_keeping_expiry(&key, Value::Str(Str::Growing(value.clone())));
            model.entry(key).or_insert((Ok(Vec::new()), None)).0 = Ok(value);
        }
        5 => {
            let elements: Vec<_> = (0..1 + rng.below(120)).map(|_| word(rng)).collect();
            keys.put(&key, list(&elements));
            model.insert(key, (Err(elements), None));
        }
        6 => match (keys.string_mut(&key), model.get_mut(&key)) {
            (Ok(None), None) | (Err(_), Some((Err(_), _))) => {}
            (Ok(Some(string)), Some((Ok(held), _))) => match rng.below(3) {
                0 => {
                    let number = rng.next_u64() as i64 >> rng.below(64);
                    string.set_int(number);
                    *held = number.to_string().into_bytes();
                }
                1 => {
                    *held = word(rng);
                    string.set_text(held);
                }
                _ => {
                    let more = word(rng);
                    string.into_bytes().extend_from_slice(&more);
                    held.extend_from_slice(&more);
                }
            },
            _ => panic!("another type"),
        },
        7 => {
            assert_eq!(keys.set_expiry(&key, deadline), model.contains_key(&key));
            if let Some(held) = model.get_mut(&key) {
                held.1 = deadline;
            }
        }
        8 => assert_eq!(keys.delete(&key), model.remove(&key).is_some()),
        9 => {
            // Under another name, and in another database and back.
            let taken = keys.take(&key);
            assert_eq!(taken.is_some(), model.contains_key(&key));
            if let Some((value, deadline)) = taken {
                let mut other = keys.other(1);
                other.put(b"moved", value);
                let copied = other.peek(b"moved").map(Entry::to_value).expect("just put");
                other.put(b"moved", copied);
                let (value, _) = other.take(b"moved").expect("just put");
                keys.put(&key, value);
                keys.set_expiry(&key, deadline);
            }
        }
        10 => drop(space.free_some(50)),
        _ if rng.below(40) == 0 => {
            space.flush(0, rng.below(2) == 0);
            model.clear();
        }
        _ => {}
    }
}

#[test]
fn random_changes_keep_every_layout_and_leave_nothing_behind() {
    let before = HELD.get();
    for seed in 0..30 {
        let (mut rng, mut model) = (Rng::new(seed), Model::new());
        let mut space = Keyspace::new(2, seed);
        space.set_clock(1_000_000);
        for step in 0..2000 {
            change(&mut space, &mut model, &mut rng);
            if step % 20 == 0 {
                check(&mut space, &model);
            }
        }
        check(&mut space, &model);
        // All that has an expiry goes.
        space.set_clock(3_000_000_000);
        while space.expire_some(100) {}
        model.retain(|_, (_, deadline)| deadline.is_none());
        check(&mut space, &model);
    }
    assert_eq!(HELD.get(), before);
}
