//! Lists: pushing and popping at both ends, access by index, moving between lists, waiting for elements.

mod ends;
mod inside;
#[cfg(test)]
mod tests;

use super::{Context, DataHandler};
use crate::keyspace::Class;
use crate::resp::Fault;
use crate::structures::list::{End, Fill, List};
use ends::*;
use inside::*;

crate::commands! {
    /// The list commands.
    pub static TABLE: DataHandler, group "list";

    /// Adds elements at the head of a list, one after the other, and makes the list if there is none.
    "lpush" {
        since "1.0.0", cost "O(1) per element", flags [DENYOOM FAST WRITE],
        args "key@RW.insert element...",
        reply "int",
        run lpush,
    }
    /// Adds elements at the tail of a list and makes the list if there is none.
    "rpush" {
        since "1.0.0", cost "O(1) per element", flags [DENYOOM FAST WRITE],
        args "key@RW.insert element...",
        reply "int",
        run rpush,
    }
    /// Adds elements at the head of a list that exists.
    "lpushx" {
        since "2.2.0", cost "O(1) per element", flags [DENYOOM FAST WRITE],
        args "key@RW.insert element...",
        reply "int",
        run lpushx,
    }
    /// Adds elements at the tail of a list that exists.
    "rpushx" {
        since "2.2.0", cost "O(1) per element", flags [DENYOOM FAST WRITE],
        args "key@RW.insert element...",
        reply "int",
        run rpushx,
    }
    /// Removes and answers the first element of a list, or as many as asked for.
    "lpop" {
        since "1.0.0", cost "O(N) in the elements answered", flags [FAST WRITE],
        args "key@RW.access.delete [count:int]",
        reply "bytes? | [bytes]?",
        run lpop,
    }
    /// Removes and answers the last element of a list, or as many as asked for.
    "rpop" {
        since "1.0.0", cost "O(N) in the elements answered", flags [FAST WRITE],
        args "key@RW.access.delete [count:int]",
        reply "bytes? | [bytes]?",
        run rpop,
    }
    /// Answers how many elements a list has.
    "llen" {
        since "1.0.0", cost "O(1)", flags [FAST READONLY],
        args "key@RO",
        reply "int",
        run llen,
    }
    /// Answers the element at an index; negative indexes count from the tail.
    "lindex" {
        since "1.0.0", cost "O(N) in the list's nodes up to the index, O(1) at both ends", flags [READONLY],
        args "key@RO.access index:int",
        reply "bytes?",
        run lindex,
    }
    /// Replaces the element at an index.
    "lset" {
        since "1.0.0", cost "O(N) in the list's nodes up to the index, O(1) at both ends", flags [DENYOOM WRITE],
        args "key@RW.update index:int element",
        reply "ok",
        run lset,
    }
    /// Answers the elements between two indexes, both included.
    "lrange" {
        since "1.0.0", cost "O(S+N) with S nodes up to the range and N elements in it", flags [READONLY],
        args "key@RO.access start:int stop:int",
        reply "[bytes]",
        run lrange,
    }
    /// Keeps the elements between two indexes, both included, and removes all others.
    "ltrim" {
        since "1.0.0", cost "O(N) in the elements removed", flags [WRITE],
        args "key@RW.delete start:int stop:int",
        reply "ok",
        run ltrim,
    }
    /// Removes elements that equal a given one: the first `count`, the last `-count`, or with 0 all.
    "lrem" {
        since "1.0.0", cost "O(N) in the list's length", flags [WRITE],
        args "key@RW.delete count:int element",
        reply "int",
        run lrem,
    }
    /// Inserts an element before or after the first one that equals the pivot.
    "linsert" {
        since "2.2.0", cost "O(N) in the elements up to the pivot", flags [DENYOOM WRITE],
        args "key@RW.insert where=(BEFORE | AFTER) pivot element",
        reply "int",
        run linsert,
    }
    /// Answers where in a list an element stands.
    "lpos" {
        since "6.0.6", cost "O(N) in the elements compared", flags [READONLY],
        args "key@RO.access element [RANK rank:int] [COUNT num-matches:int] [MAXLEN len:int]",
        reply "int? | [int]",
        run lpos,
    }
    /// Takes an element from one end of a list and adds it at an end of another, in one step.
    "lmove" {
        since "6.2.0", cost "O(1)", flags [DENYOOM WRITE],
        args "source@RW.access.delete destination@RW.insert wherefrom=(LEFT | RIGHT) whereto=(LEFT | RIGHT)",
        reply "bytes?",
        run lmove,
    }
    /// Takes the last element of a list and adds it at the head of another, in one step.
    "rpoplpush" {
        since "1.2.0", cost "O(1)", flags [DENYOOM WRITE],
        args "source@RW.access.delete destination@RW.insert",
        reply "bytes?",
        run rpoplpush,
    }
    /// Removes and answers elements of the first list that has any.
    "lmpop" {
        since "7.0.0", cost "O(N+M) for N keys and M elements answered", flags [MOVABLEKEYS WRITE],
        args "numkeys:int key@RW.access.delete... where=(LEFT | RIGHT) [COUNT count:int]",
        reply "[bytes [bytes]]?",
        run lmpop,
    }
    /// Removes and answers the first element of the first list that has one; waits while all are empty.
    "blpop" {
        since "2.0.0", cost "O(N) in the keys", flags [BLOCKING WRITE],
        args "key@RW.access.delete... timeout:double",
        reply "[bytes bytes]?",
        run blpop,
    }
    /// Removes and answers the last element of the first list that has one; waits while all are empty.
    "brpop" {
        since "2.0.0", cost "O(N) in the keys", flags [BLOCKING WRITE],
        args "key@RW.access.delete... timeout:double",
        reply "[bytes bytes]?",
        run brpop,
    }
    /// Does what LMOVE does; waits while the source is empty.
    "blmove" {
        since "6.2.0", cost "O(1)", flags [BLOCKING DENYOOM WRITE],
        args "source@RW.access.delete destination@RW.insert wherefrom=(LEFT | RIGHT) whereto=(LEFT | RIGHT) timeout:double",
        reply "bytes?",
        run blmove,
    }
    /// Does what RPOPLPUSH does; waits while the source is empty.
    "brpoplpush" {
        since "2.2.0", cost "O(1)", flags [BLOCKING DENYOOM WRITE],
        args "source@RW.access.delete destination@RW.insert timeout:double",
        reply "bytes?",
        run brpoplpush,
    }
    /// Does what LMPOP does; waits while all lists are empty.
    "blmpop" {
        since "7.0.0", cost "O(N+M) for N keys and M elements answered", flags [BLOCKING MOVABLEKEYS WRITE],
        args "timeout:double numkeys:int key@RW.access.delete... where=(LEFT | RIGHT) [COUNT count:int]",
        reply "[bytes [bytes]]?",
        run blmpop,
    }
}

fn fill(ctx: &mut Context) -> Fill {
    Fill::from_config(ctx.keys.space().limits.list)
}

/// LEFT or RIGHT.
fn end(word: &[u8]) -> Result<End, Fault> {
    if word.eq_ignore_ascii_case(b"left") {
        Ok(End::Front)
    } else if word.eq_ignore_ascii_case(b"right") {
        Ok(End::Back)
    } else {
        Err(Fault::Syntax)
    }
}

/// Notes that `count` elements left a list: the event, the changes, the key's end when it is empty, and otherwise
/// the list's way back to its small form.
fn removed(ctx: &mut Context, key: &[u8], event: &'static str, count: usize) {
    ctx.keys.modified(key, Class::LIST, event);
    ctx.keys.dirty(count as u64 - 1);
    if !ctx.keys.remove_if_empty(key) {
        let fill = fill(ctx);
        if let Ok(Some(list)) = ctx.keys.list_mut(key) {
            list.shrink(fill);
        }
    }
}

/// Notes that a key was written by a command whose change is counted elsewhere.
fn written(ctx: &mut Context, key: &[u8], event: &'static str) {
    let db = ctx.keys.db();
    ctx.keys.notify(key, Class::LIST, event);
    ctx.keys.space().changes.touch(db, key);
}

/// Where an index that may count from the end lies; `None` when outside.
fn index_in(list: &List, index: i64) -> Option<usize> {
    let index = if index < 0 { index + list.len() as i64 } else { index };
    usize::try_from(index).ok().filter(|&index| index < list.len())
}

/// The first index and the count of what `start` and `stop` name, both included and both perhaps from the end.
fn span(length: usize, start: i64, stop: i64) -> (usize, usize) {
    let length = length as i64;
    let from_front = |index: i64| if index < 0 { index + length } else { index };
    let (start, stop) = (from_front(start).max(0), from_front(stop).min(length - 1));
    if start > stop {
        (0, 0)
    } else {
        (start as usize, (stop - start + 1) as usize)
    }
}
