//! DEBUG: what tests of servers and of clients lean on. Closed unless `enable-debug-command` opens it.

use super::config::DebugAllowed;
use super::{Call, Engine};
use crate::bytes::number::parse_i64;
use crate::commands::{Handled, Outcome};
use crate::keyspace::{Class, Value};
use crate::resp::{Fault, Reply};

/// Subcommands as HELP shows them.
const SUBCOMMANDS: &[(&str, &str)] = &[
    ("ERROR <message>", "Answers the message as an error."),
    ("OBJECT <key>", "Tells how a key's value is held and when it was last used."),
    ("PANIC", "Ends this engine with a panic, as a bug in it would."),
    ("POPULATE <count> [<prefix>] [<size>]", "Makes so many string keys that are not there yet."),
    ("PROTOCOL <type>", "Answers an example of a reply type."),
    ("SET-ACTIVE-EXPIRE (0|1)", "Stops or starts the removal of expired keys that nobody asks for."),
    ("HELP", "Explains the subcommands."),
];

/// The double that PROTOCOL answers, as Redis' does.
#[allow(clippy::approx_constant)]
const EXAMPLE: f64 = 3.141;

/// Most keys that POPULATE makes at once.
const MAX_KEYS: i64 = 10_000_000;

/// Most bytes that POPULATE fills a value with.
const MAX_VALUE: i64 = 1 << 20;

pub(super) fn debug(engine: &mut Engine, mut call: Call) -> Handled {
    let session = engine.caller(&call);
    let local = session.internal || ["127.", "[::1]", "::1"].iter().any(|local| session.address.starts_with(local));
    if !(engine.debug_allowed == DebugAllowed::Yes || engine.debug_allowed == DebugAllowed::Local && local) {
        return Err(Fault::Text(
            "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a \
             local connection, otherwise you need to set this option in the configuration file, and then restart the server.",
        ));
    }
    let args = call.args;
    let word = args.at(1).to_ascii_lowercase();
    match (word.as_slice(), args.len()) {
        (b"help", 2) => {
            let mut reply = call.reply();
            reply.array(1 + 2 * SUBCOMMANDS.len());
            reply.simple("DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
            for (line, about) in SUBCOMMANDS {
                reply.simple(line);
                reply.simple(&format!("    {about}"));
            }
        }
        (b"error", 3) => {
            return Err(Fault::made(args.at(2)));
        }
        (b"object", 3) => object(engine, &mut call)?,
        (b"panic", 2) => panic!("a client asked for it by DEBUG PANIC"),
        (b"populate", 3..=5) => populate(engine, &mut call)?,
        (b"protocol", 3) => {
            let name = args.at(2);
            protocol(name, &mut call.reply())?;
        }
        (b"set-active-expire", 3) => {
            engine.active_expiry = parse_i64(args.at(2)).unwrap_or(0) != 0;
            call.reply().ok();
        }
        (b"sleep", 3) => {
            return Err(Fault::Text(
                "ERR DEBUG SLEEP is not available: time is handed to this engine, it has none to spend",
            ));
        }
        _ => return Err(Fault::bad_subcommand(args)),
    }
    Ok(Outcome::Done)
}

fn object(engine: &mut Engine, call: &mut Call) -> Result<(), Fault> {
    let db = engine.caller(call).db;
    let mut keys = engine.keyspace.keys(db);
    let idle = keys.used(call.args.at(2)).idle.unwrap_or(0);
    let entry = keys.peek(call.args.at(2)).ok_or(Fault::NoSuchKey)?;
    let (encoding, used) = (entry.encoding(), entry.access());
    call.reply().simple(&format!("Value refcount:1 encoding:{encoding} lru:{used} lru_seconds_idle:{idle}"));
    Ok(())
}

fn populate(engine: &mut Engine, call: &mut Call) -> Result<(), Fault> {
    let args = call.args;
    let positive = |at: usize| {
        let number = parse_i64(args.at(at)).filter(|&number| number >= 0);
        number.ok_or(Fault::Text("ERR value is out of range, must be positive"))
    };
    let count = positive(2)?;
    let prefix = args.get(3).unwrap_or(b"key");
    let size = if args.len() > 4 { positive(4)? } else { 0 };
    if size > MAX_VALUE || count > MAX_KEYS {
        return Err(Fault::Text("ERR value is out of range, must be positive"));
    }
    let each = size.max(16) as usize + prefix.len() + 64;
    if !crate::memory::is_room_for((count as usize).saturating_mul(each)) {
        return Err(Fault::NO_MEMORY);
    }
    let db = engine.caller(call).db;
    let mut keys = engine.keyspace.keys(db);
    for number in 0..count {
        let key = [prefix, b":", number.to_string().as_bytes()].concat();
        if keys.exists(&key) {
            continue;
        }
        let mut value = format!("value:{number}").into_bytes();
        if size > 0 {
            value.resize(size as usize, 0);
        }
        keys.effect(&[b"SET", &key, &value]);
        keys.put(&key, Value::string(&value));
        keys.modified(&key, Class::STRING, "set");
    }
    call.reply().ok();
    Ok(())
}

fn protocol(name: &[u8], reply: &mut Reply) -> Result<(), Fault> {
    match name.to_ascii_lowercase().as_slice() {
        b"string" => reply.bulk(b"Hello World"),
        b"integer" => reply.int(12345),
        b"double" => reply.double(EXAMPLE),
        b"null" => reply.null(),
        b"array" => {
            reply.array(3);
            (0..3).for_each(|number| reply.int(number));
        }
        b"set" => {
            reply.set(3);
            (0..3).for_each(|number| reply.int(number));
        }
        b"map" => {
            reply.map(3);
            for number in 0..3 {
                reply.int(number);
                reply.boolean(number == 1);
            }
        }
        b"attrib" => {
            if reply.resp3() {
                reply.raw(b"|1\r\n");
                reply.bulk(b"key-popularity");
                reply.array(2);
                reply.bulk(b"key:123");
                reply.int(90);
            }
            reply.bulk(b"Some real reply following the attribute");
        }
        b"push" if !reply.resp3() => return Err(Fault::Text("ERR RESP2 is not supported by this command")),
        b"push" => {
            reply.push(2);
            reply.bulk(b"server-cpu-usage");
            reply.int(42);
            reply.bulk(b"Some real reply following the push reply");
        }
        b"verbatim" => reply.verbatim("txt", b"This is a verbatim\nstring"),
        b"true" => reply.boolean(true),
        b"false" => reply.boolean(false),
        b"bignum" => {
            let digits = b"1234567999999999999999999999999999999";
            if reply.resp3() {
                reply.raw(b"(");
                reply.raw(digits);
                reply.raw(b"\r\n");
            } else {
                reply.bulk(digits);
            }
        }
        _ => {
            return Err(Fault::Text(
                "ERR Wrong protocol type name. Please use one of the following: \
                 string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
            ));
        }
    }
    Ok(())
}
