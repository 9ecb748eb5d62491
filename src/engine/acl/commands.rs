//! The ACL command.

use super::rules::in_category;
use super::{refusal, NOBODY};
use crate::bytes::number::parse_i64;
use crate::bytes::sha256::write_hex;
use crate::commands::spec::CATEGORIES;
use crate::commands::{Handled, Outcome};
use crate::engine::table::Run;
use crate::engine::{Call, Engine, PowerHandler};
use crate::resp::{quoted, Fault, Reply};

crate::commands! {
    /// The ACL commands.
    pub static TABLE: PowerHandler, group "server";

    /// Steers who may do what.
    "acl" {
        since "6.0.0", cost "Depends on the subcommand", flags [],
        args "",
        reply "container",
    }
    /// Lists the categories of commands, or the commands of one.
    "acl|cat" {
        since "6.0.0", cost "O(N) where N is the number of commands", flags [LOADING NOSCRIPT STALE],
        args "[category]",
        reply "[bytes]",
        run cat,
    }
    /// Removes users and closes their connections.
    "acl|deluser" {
        since "6.0.0", cost "O(N) where N is the number of connections", flags [ADMIN LOADING NOSCRIPT STALE],
        args "username...",
        reply "int",
        tips "request_policy:all_nodes response_policy:all_succeeded",
        run deluser,
    }
    /// Tells whether a user could run a command, without running it.
    "acl|dryrun" {
        since "7.0.0", cost "O(N) where N is the number of the user's rules", flags [ADMIN LOADING NOSCRIPT STALE],
        args "username command [arg...]",
        reply "ok | bytes",
        run dryrun,
    }
    /// Makes a password that nobody guesses, in hexadecimal digits.
    "acl|genpass" {
        since "6.0.0", cost "O(1)", flags [LOADING NOSCRIPT STALE],
        args "[bits:int]",
        reply "bytes",
        run genpass,
    }
    /// Answers everything that is known of a user.
    "acl|getuser" {
        since "6.0.0", cost "O(N) where N is the number of the user's rules", flags [ADMIN LOADING NOSCRIPT STALE],
        args "username",
        reply "{any}?",
        run getuser,
    }
    /// Explains the subcommands.
    "acl|help" {
        since "6.0.0", cost "O(1)", flags [LOADING STALE],
        args "",
        reply "[simple]",
        run crate::engine::help,
    }
    /// Lists the users with their rules, as a file would hold them.
    "acl|list" {
        since "6.0.0", cost "O(N) where N is the number of users", flags [ADMIN LOADING NOSCRIPT STALE],
        args "",
        reply "[bytes]",
        run list,
    }
    /// Reads the users again from the file of users.
    "acl|load" {
        since "6.0.0", cost "O(N) where N is the number of users", flags [ADMIN LOADING NOSCRIPT STALE],
        args "",
        reply "ok",
        run no_file,
    }
    /// Answers what was refused lately, newest first, or forgets it.
    "acl|log" {
        since "6.0.0", cost "O(N) where N is the number of entries", flags [ADMIN LOADING NOSCRIPT STALE],
        args "[operation=(count:int | RESET)]",
        reply "ok | [any]",
        run log,
    }
    /// Writes the users into the file of users.
    "acl|save" {
        since "6.0.0", cost "O(N) where N is the number of users", flags [ADMIN LOADING NOSCRIPT STALE],
        args "",
        reply "ok",
        tips "request_policy:all_nodes response_policy:all_succeeded",
        run no_file,
    }
    /// Makes a user, or changes one: by all of the rules given, in order, or by none.
    "acl|setuser" {
        since "6.0.0", cost "O(N) where N is the number of rules", flags [ADMIN LOADING NOSCRIPT STALE],
        args "username [rule...]",
        reply "ok",
        tips "request_policy:all_nodes response_policy:all_succeeded",
        run setuser,
    }
    /// Lists the names of the users.
    "acl|users" {
        since "6.0.0", cost "O(N) where N is the number of users", flags [ADMIN LOADING NOSCRIPT STALE],
        args "",
        reply "[bytes]",
        run users,
    }
    /// Answers which user the connection is; null for a client in this program that is none.
    "acl|whoami" {
        since "6.0.0", cost "O(1)", flags [LOADING NOSCRIPT STALE],
        args "",
        reply "bytes?",
        run whoami,
    }
}

/// Most bits that GENPASS makes.
const MOST_BITS: i64 = 4096;

fn cat(engine: &mut Engine, mut call: Call) -> Handled {
    let names: Vec<&str> = match (call.args.len(), call.args.get(2)) {
        (2, _) => CATEGORIES.to_vec(),
        (3, Some(name)) => {
            let known = CATEGORIES.iter().find(|known| known.as_bytes().eq_ignore_ascii_case(name));
            let unknown = || Fault::naming("ERR Unknown category '", quoted(name), "'");
            in_category(engine.table(), known.ok_or_else(unknown)?).into_iter().map(|spec| spec.name).collect()
        }
        _ => return Err(Fault::bad_subcommand(call.args)),
    };
    write_all(&mut call.reply(), names.iter().map(|name| name.as_bytes()));
    Ok(Outcome::Done)
}

fn write_all<T: AsRef<[u8]>>(reply: &mut Reply, texts: impl ExactSizeIterator<Item = T>) {
    reply.array(texts.len());
    texts.for_each(|text| reply.bulk(text.as_ref()));
}

fn deluser(engine: &mut Engine, mut call: Call) -> Handled {
    let names = call.args.iter_from(2);
    if names.clone().any(|name| name == super::DEFAULT_NAME) {
        return Err(Fault::Text("ERR The 'default' user cannot be removed"));
    }
    let removed = names.filter(|name| engine.remove_user(call.session, name)).count();
    call.reply().count(removed);
    Ok(Outcome::Done)
}

fn dryrun(engine: &mut Engine, mut call: Call) -> Handled {
    let (args, table) = (call.args, engine.table());
    let not_found = |what: &[u8], name: &[u8]| Fault::made([b"ERR ", what, b" '", name, b"' not found"].concat());
    let (_, user) = engine.acl.find(args.at(2)).ok_or_else(|| not_found(b"User", args.at(2)))?;
    let whole = args.skip(3);
    let found = table.find_name(whole.at(0)).filter(|command| !command.spec.name.contains('|'));
    let found = match (found, whole.get(1)) {
        (Some(command), Some(sub)) if command.has_subcommands => table.find_sub(command.spec, sub),
        (found, _) => found,
    };
    let command = found.ok_or_else(|| not_found(b"Command", whole.at(0)))?;
    if !command.spec.takes(whole.len()) || matches!(command.run, Run::Container) {
        return Err(Fault::Arity(command.spec.name));
    }
    match user.check(command, whole) {
        Ok(()) => call.reply().ok(),
        Err(denial) => call.reply().bulk(&refusal(args.at(2), command, denial, whole)),
    }
    Ok(Outcome::Done)
}

fn genpass(engine: &mut Engine, mut call: Call) -> Handled {
    let bits = match (call.args.len(), call.args.get(2)) {
        (2, _) => 256,
        (3, Some(bits)) => parse_i64(bits).ok_or(Fault::NotInteger)?,
        _ => return Err(Fault::bad_subcommand(call.args)),
    };
    if !(1..=MOST_BITS).contains(&bits) {
        return Err(Fault::made(format!(
            "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to \
             {MOST_BITS}"
        )));
    }
    let fill =
        engine.acl.entropy.as_mut().ok_or(Fault::Text(
            "ERR ACL GENPASS needs a source of entropy, and the host of this engine has given none",
        ))?;
    // Four bits to a digit.
    let digits = (bits as usize).div_ceil(4);
    let mut chance = vec![0; digits.div_ceil(2)];
    fill(&mut chance);
    let mut text = Vec::with_capacity(chance.len() * 2);
    write_hex(&mut text, &chance);
    call.reply().bulk(&text[..digits]);
    Ok(Outcome::Done)
}

fn write_selector(reply: &mut Reply, selector: &super::rules::Selector) {
    for (name, text) in [
        ("commands", selector.describe_commands()),
        ("keys", selector.describe_keys()),
        ("channels", selector.describe_channels()),
    ] {
        reply.bulk(name.as_bytes());
        reply.bulk(&text);
    }
}

fn getuser(engine: &mut Engine, mut call: Call) -> Handled {
    let Some((_, user)) = engine.acl.find(call.args.at(2)) else {
        call.reply().null();
        return Ok(Outcome::Done);
    };
    let mut reply = call.reply();
    reply.map(6);
    reply.bulk(b"flags");
    let flags = user.flags();
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.bulk(flag.as_bytes()));
    reply.bulk(b"passwords");
    write_all(&mut reply, user.hashes().into_iter());
    write_selector(&mut reply, &user.selectors[0]);
    reply.bulk(b"selectors");
    reply.array(user.selectors.len() - 1);
    for selector in &user.selectors[1..] {
        reply.map(3);
        write_selector(&mut reply, selector);
    }
    Ok(Outcome::Done)
}

fn list(engine: &mut Engine, mut call: Call) -> Handled {
    let lines: Vec<Vec<u8>> = engine
        .acl
        .names
        .keys()
        .filter_map(|name| Some([b"user ", &name[..], b" ", &engine.acl.find(name)?.1.describe()[..]].concat()))
        .collect();
    write_all(&mut call.reply(), lines.into_iter());
    Ok(Outcome::Done)
}

fn no_file(_: &mut Engine, _: Call) -> Handled {
    Err(Fault::Text(
        "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL \
         SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to \
         store users in the Redis configuration.",
    ))
}

fn log(engine: &mut Engine, mut call: Call) -> Handled {
    let args = call.args;
    let count = match (args.len(), args.get(2)) {
        (2, _) => 10,
        (3, _) if args.is(2, "reset") => {
            engine.acl.log.clear();
            call.reply().ok();
            return Ok(Outcome::Done);
        }
        (3, Some(count)) => parse_i64(count).ok_or(Fault::NotInteger)?,
        _ => return Err(Fault::bad_subcommand(call.args)),
    };
    let now = engine.keyspace.now();
    engine.acl.log.write(&mut call.reply(), usize::try_from(count).unwrap_or(0), now);
    Ok(Outcome::Done)
}

fn setuser(engine: &mut Engine, mut call: Call) -> Handled {
    engine.set_user(Some(call.session), call.args.at(2), call.args.iter_from(3))?;
    call.reply().ok();
    Ok(Outcome::Done)
}

fn users(engine: &mut Engine, mut call: Call) -> Handled {
    write_all(&mut call.reply(), engine.acl.names.keys());
    Ok(Outcome::Done)
}

fn whoami(engine: &mut Engine, mut call: Call) -> Handled {
    match engine.caller(&call).user {
        NOBODY => call.reply().null(),
        user => {
            let name = engine.acl.name(user).to_vec();
            call.reply().bulk(&name);
        }
    }
    Ok(Outcome::Done)
}
