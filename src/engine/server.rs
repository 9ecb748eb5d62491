//! Commands about the server itself.

use super::{Call, Engine, PowerHandler, REDIS_VERSION};
use crate::bytes::number::parse_i64;
use crate::bytes::Rng;
use crate::commands::{help, Handled, Outcome};
use crate::resp::Fault;

crate::commands! {
    /// The server commands that need the engine.
    pub static TABLE: PowerHandler, group "server";

    /// Helps those who test and debug; see its HELP.
    "debug" {
        since "1.0.0", cost "Depends on the subcommand", flags [ADMIN LOADING NOSCRIPT STALE],
        args "subcommand [arg...]",
        reply "any",
        run super::debug::debug,
    }
    /// Answers figures about the server, in sections.
    "info" {
        since "1.0.0", cost "O(1)", flags [LOADING STALE],
        args "[section...]",
        reply "bytes",
        tips "nondeterministic_output request_policy:all_shards response_policy:special",
        also "dangerous",
        run super::info::info,
    }
    /// Draws something, and names the version.
    "lolwut" {
        since "5.0.0", cost "", flags [FAST READONLY],
        args "[VERSION version:int]",
        reply "bytes",
        run lolwut,
    }
    /// Tells the server's part in replication: it is a master.
    "role" {
        since "2.8.12", cost "O(1)", flags [FAST LOADING NOSCRIPT STALE],
        args "",
        reply "[any]",
        also "admin dangerous",
        run role,
    }
    /// Asks the host to stop the server.
    "shutdown" {
        since "1.0.0", cost "O(N) when saving, where N is the number of keys, else O(1)",
        flags [ADMIN ALLOW_BUSY LOADING NO_MULTI NOSCRIPT STALE],
        args "[save-selector=(NOSAVE | SAVE)] [NOW] [FORCE] [ABORT]",
        reply "ok",
        run shutdown,
    }
    /// Answers the time: seconds since 1970, and microseconds of the second.
    "time" {
        since "2.6.0", cost "O(1)", flags [FAST LOADING STALE],
        args "",
        reply "[bytes bytes]",
        tips "nondeterministic_output",
        run time,
    }
}

/// HELP of every container whose subcommands live in this room.
pub(super) fn help(engine: &mut Engine, mut call: Call) -> Handled {
    let container = call.spec.name.split('|').next().unwrap_or_default();
    let specs = engine.table.commands().iter().map(|command| command.spec);
    help::write_specs(&mut call.reply(), specs, container);
    Ok(Outcome::Done)
}

/// Side of LOLWUT's picture, in blocks.
const PICTURE: usize = 8;

fn lolwut(engine: &mut Engine, mut call: Call) -> Handled {
    let args = call.args;
    if args.is(1, "version") && args.len() > 2 {
        parse_i64(args.at(2)).ok_or(Fault::NotInteger)?;
    }
    // A wall of slots, some of them full: chance of its own, so that the keyspace's is left alone.
    let mut rng = Rng::new(engine.keyspace.now() as u64);
    let mut text = String::new();
    for row in 0..PICTURE {
        for _ in 0..PICTURE * 2 {
            let full = rng.below(PICTURE) < row + 1;
            text.push_str(if full { "▓▓" } else { "░░" });
        }
        text.push('\n');
    }
    text.push_str(&format!("\nCachelet {}, in the words of Redis ver. {REDIS_VERSION}\n", env!("CARGO_PKG_VERSION")));
    call.reply().verbatim("txt", text.as_bytes());
    Ok(Outcome::Done)
}

fn role(_: &mut Engine, mut call: Call) -> Handled {
    let mut reply = call.reply();
    reply.array(3);
    reply.bulk(b"master");
    reply.int(0);
    reply.array(0);
    Ok(Outcome::Done)
}

fn shutdown(engine: &mut Engine, mut call: Call) -> Handled {
    let args = call.args;
    let given = |word: &str| (1..args.len()).any(|at| args.is(at, word));
    let words = ["nosave", "save", "now", "force", "abort"];
    let known = (1..args.len()).all(|at| words.iter().any(|word| args.is(at, word)));
    let abort = given("abort");
    if !known || (abort && args.iter_from(1).any(|word| !word.eq_ignore_ascii_case(b"abort"))) {
        return Err(Fault::Syntax);
    }
    if given("nosave") && given("save") {
        return Err(Fault::Syntax);
    }
    if abort {
        if !std::mem::take(&mut engine.shutdown) {
            return Err(Fault::Text("ERR No shutdown in progress."));
        }
        engine.shutdown_saves = None;
        call.reply().ok();
        return Ok(Outcome::Done);
    }
    if given("save") && !given("force") && !engine.persist.is_attached() {
        return Err(Fault::Text("ERR Errors trying to SHUTDOWN: this database is kept nowhere"));
    }
    engine.shutdown_saves = match (given("save"), given("nosave")) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    // Nothing is answered: the connection ends with the server.
    engine.shutdown = true;
    engine.shutdown_by = Some((call.session, engine.caller(&call).client_id, given("force")));
    Ok(Outcome::Done)
}

fn time(engine: &mut Engine, mut call: Call) -> Handled {
    let now = engine.keyspace.now_us();
    let mut reply = call.reply();
    reply.array(2);
    reply.bulk_int(now.div_euclid(1_000_000));
    reply.bulk_int(now.rem_euclid(1_000_000));
    Ok(Outcome::Done)
}

impl Engine {
    /// Whether a client asked for the end by SHUTDOWN. The host then drains and closes; until it has, SHUTDOWN ABORT
    /// takes the wish back.
    pub fn shutdown_requested(&self) -> bool {
        self.shutdown
    }

    /// What was to be written before the end could not be: tells who said SHUTDOWN, and takes the wish back. False where
    /// it said FORCE: then the end is the end.
    pub fn refuse_shutdown(&mut self) -> bool {
        let wished = std::mem::take(&mut self.shutdown);
        let Some((id, client, force)) = self.shutdown_by.take().filter(|_| wished) else { return true };
        self.shutdown = force;
        if !force {
            self.shutdown_saves = None;
        }
        if !force && self.session(id).is_some_and(|session| session.client_id == client && !session.internal) {
            self.write_to(id, |reply| reply.error(&Fault::Text("ERR Errors trying to SHUTDOWN. Check logs.")));
        }
        !force
    }
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
