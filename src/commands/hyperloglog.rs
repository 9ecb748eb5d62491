//! HyperLogLog: counting different elements without keeping them. The values are strings, byte for byte Redis'.

#[cfg(test)]
mod tests;

use super::{Context, DataHandler, Handled, Outcome};
use crate::bytes::number::I64_TEXT;
use crate::keyspace::{Class, Keys, Str, StrRef, Value};
use crate::resp::{Args, Fault};
use crate::structures::hyperloglog::{self as hll, sparse::Run, Corrupted, Registers, REGISTERS};

crate::commands! {
    /// The HyperLogLog commands.
    pub static TABLE: DataHandler, group "hyperloglog";

    /// Adds elements to a HyperLogLog, which is created when missing, and tells whether its estimate may have changed.
    "pfadd" {
        since "2.8.9", cost "O(1) for each element", flags [WRITE DENYOOM FAST],
        args "key@RW.insert [element...]",
        reply "int",
        run pfadd,
    }
    /// Estimates how many different elements were added to one or any of several HyperLogLogs.
    "pfcount" {
        since "2.8.9", cost "O(1) with a small constant, O(N) with a large one for N keys", flags [READONLY],
        args "key@RW.access...",
        reply "int",
        run pfcount,
    }
    /// Makes a HyperLogLog the union of itself and others.
    "pfmerge" {
        since "2.8.9", cost "O(N) with a large constant for N keys", flags [WRITE DENYOOM],
        args "destkey@RW.access.insert [sourcekey@RO.access...]",
        reply "ok",
        run pfmerge,
    }
    /// Shows what a HyperLogLog is made of, or changes its representation: GETREG, DECODE, ENCODING, TODENSE.
    "pfdebug" {
        since "2.8.9", cost "O(1) with a large constant", flags [WRITE DENYOOM ADMIN],
        args "subcommand key@RW.access",
        reply "any",
        run pfdebug,
    }
    /// Checks the HyperLogLog implementation against itself.
    "pfselftest" {
        since "2.8.9", cost "O(1) with a very large constant", flags [ADMIN],
        args "",
        reply "ok",
        run pfselftest,
    }
}

const NOT_ONE: Fault = Fault::Text("WRONGTYPE Key is not a valid HyperLogLog string value.");
const CORRUPTED: Fault = Fault::Text("INVALIDOBJ Corrupted HLL object detected");

impl From<Corrupted> for Fault {
    fn from(_: Corrupted) -> Self {
        CORRUPTED
    }
}

/// The bytes of a string that is a HyperLogLog.
fn checked<'s>(value: StrRef<'s>, buffer: &'s mut [u8; I64_TEXT]) -> Result<&'s [u8], Fault> {
    Some(value.bytes(buffer)).filter(|bytes| hll::is_valid(bytes)).ok_or(NOT_ONE)
}

/// Opens a HyperLogLog for writing, if the key is there.
fn open<'k>(keys: &'k mut Keys, key: &[u8]) -> Result<Option<&'k mut Vec<u8>>, Fault> {
    let Some(value) = keys.string_mut(key)? else { return Ok(None) };
    checked(value.get(), &mut [0; I64_TEXT])?;
    Ok(Some(value.into_bytes()))
}

fn pfadd(ctx: &mut Context, args: Args) -> Handled {
    let (key, most) = (args.at(1), ctx.keys.space().limits.sparse);
    let (mut updated, mut broken) = (0, false);
    let mut add = |bytes: &mut Vec<u8>| {
        for element in args.iter_from(2) {
            match hll::add(bytes, element, most) {
                Ok(changed) => updated += changed as u64,
                Err(Corrupted) => {
                    broken = true;
                    return;
                }
            }
        }
    };
    match open(&mut ctx.keys, key)? {
        Some(bytes) => {
            add(bytes);
            if updated > 0 {
                hll::invalidate(bytes);
            }
        }
        None => {
            let mut bytes = hll::new();
            add(&mut bytes);
            hll::invalidate(&mut bytes);
            // To be created is a change too.
            updated += 1;
            ctx.keys.put(key, Value::Str(Str::Growing(bytes)));
        }
    }
    if broken {
        // Elements before the one that met the damage were added all the same.
        ctx.keys.dirty(updated);
        return Err(CORRUPTED);
    }
    if updated > 0 {
        ctx.keys.modified(key, Class::STRING, "pfadd");
        ctx.keys.dirty(updated - 1);
    }
    ctx.reply.flag(updated > 0);
    Ok(Outcome::Done)
}

/// Merges the HyperLogLogs of `keys` into `registers`; true when one of them is dense.
fn union<'a>(keys: &mut Keys, names: impl Iterator<Item = &'a [u8]>, registers: &mut Registers) -> Result<bool, Fault> {
    let mut dense = false;
    for name in names {
        if let Some(value) = keys.read_string(name)? {
            let mut buffer = [0; I64_TEXT];
            let bytes = checked(value, &mut buffer)?;
            dense |= hll::is_dense(bytes);
            hll::merge(bytes, registers)?;
        }
    }
    Ok(dense)
}

fn pfcount(ctx: &mut Context, args: Args) -> Handled {
    let key = args.at(1);
    if args.len() > 2 {
        let mut registers = [0; REGISTERS];
        union(&mut ctx.keys, args.iter_from(1), &mut registers)?;
        ctx.reply.int(hll::count_registers(&registers) as i64);
        return Ok(Outcome::Done);
    }
    // Counted as a read; what it may write is only what a read found out.
    ctx.keys.read(key);
    let Some(bytes) = open(&mut ctx.keys, key)? else {
        ctx.reply.int(0);
        return Ok(Outcome::Done);
    };
    let cached = hll::cached(bytes);
    let cardinality = match cached {
        Some(cardinality) => cardinality,
        None => {
            let cardinality = hll::count(bytes)?;
            hll::cache(bytes, cardinality);
            cardinality
        }
    };
    if cached.is_none() {
        // No event tells of it, as in Redis.
        ctx.keys.modified(key, 0, "");
        ctx.keys.effect(&[b"PFCOUNT", key]);
    }
    ctx.reply.int(cardinality as i64);
    Ok(Outcome::Done)
}

fn pfmerge(ctx: &mut Context, args: Args) -> Handled {
    let (key, most) = (args.at(1), ctx.keys.space().limits.sparse);
    let mut registers = [0; REGISTERS];
    let dense = union(&mut ctx.keys, args.iter_from(1), &mut registers)?;
    let merge = |bytes: &mut Vec<u8>| {
        if dense {
            hll::densify(bytes)?;
        }
        hll::absorb(bytes, &registers, most)?;
        hll::invalidate(bytes);
        Ok::<(), Fault>(())
    };
    match open(&mut ctx.keys, key)? {
        Some(bytes) => merge(bytes)?,
        None => {
            let mut bytes = hll::new();
            merge(&mut bytes)?;
            ctx.keys.put(key, Value::Str(Str::Growing(bytes)));
        }
    }
    ctx.keys.modified(key, Class::STRING, "pfadd");
    ctx.reply.ok();
    Ok(Outcome::Done)
}

fn pfdebug(ctx: &mut Context, args: Args) -> Handled {
    let Some(bytes) = open(&mut ctx.keys, args.at(2))? else {
        return Err(Fault::Text("ERR The specified key does not exist"));
    };
    match () {
        () if args.is(1, "GETREG") => {
            let changed = hll::densify(bytes)?;
            ctx.reply.array(REGISTERS);
            hll::dense_registers(bytes).for_each(|value| ctx.reply.int(value as i64));
            ctx.keys.dirty(changed as u64);
        }
        () if args.is(1, "DECODE") => {
            if hll::is_dense(bytes) {
                return Err(Fault::Text("ERR HLL encoding is not sparse"));
            }
            ctx.reply.bulk(decoded(bytes)?.as_bytes());
        }
        () if args.is(1, "ENCODING") => ctx.reply.simple(if hll::is_dense(bytes) { "dense" } else { "sparse" }),
        () if args.is(1, "TODENSE") => {
            let changed = hll::densify(bytes)?;
            ctx.keys.dirty(changed as u64);
            ctx.reply.flag(changed);
        }
        () => return Err(Fault::naming("ERR Unknown PFDEBUG subcommand '", args.at(1), "'")),
    }
    Ok(Outcome::Done)
}

/// Most runs that DECODE shows: each covers a register, and a value that has more runs is damaged.
const MOST_RUNS: usize = 2 * REGISTERS;

/// The runs of a sparse value, as `z:64 Z:1000 v:3,1`: zeros in one byte, in two, and values.
fn decoded(bytes: &[u8]) -> Result<String, Fault> {
    let mut text = String::new();
    for (number, run) in hll::sparse::runs(bytes).enumerate() {
        if number == MOST_RUNS {
            return Err(CORRUPTED);
        }
        if number > 0 {
            text.push(' ');
        }
        text += &match run {
            Run::Zeros(run) => format!("z:{run}"),
            Run::ManyZeros(run) => format!("Z:{run}"),
            Run::Value(value, run) => format!("v:{value},{run}"),
        };
    }
    Ok(text)
}

fn pfselftest(ctx: &mut Context, _: Args) -> Handled {
    hll::self_test(&mut ctx.keys.space().rng).map_err(|what| Fault::made(format!("TESTFAILED {what}")))?;
    ctx.reply.ok();
    Ok(Outcome::Done)
}
