//! Configuration: the declared parameters with their values, CONFIG, and the same for a host that starts an engine.
//!
//! [`table`] has a row for every parameter that this engine honours. What belongs to the host alone (ports, files) it
//! hands in by [`Engine::set_host_parameter`]: CONFIG GET shows it, CONFIG SET refuses it.

mod kinds;
mod table;

pub(crate) use table::DebugAllowed;

use super::{Call, Engine, PowerHandler};
use crate::bytes::glob;
use crate::commands::{Handled, Outcome};
use crate::resp::{split_inline, Fault};
use crate::structures::ordered::{OrderedMap, OrderedSet};
use kinds::Value;
use std::borrow::Cow;
use std::cell::OnceCell;
use table::{find, Parameter, PARAMETERS};

crate::commands! {
    /// The CONFIG commands.
    pub static TABLE: PowerHandler, group "server";

    /// Shows and changes the configuration.
    "config" {
        since "2.0.0", cost "Depends on the subcommand", flags [],
        args "",
        reply "container",
    }
    /// Answers the parameters whose names match, with their values.
    "config|get" {
        since "2.0.0", cost "O(N) where N is the number of given patterns", flags [ADMIN LOADING NOSCRIPT STALE],
        args "parameter...",
        reply "{bytes}",
        run get,
    }
    /// Explains the subcommands.
    "config|help" {
        since "5.0.0", cost "O(1)", flags [LOADING STALE],
        args "",
        reply "[simple]",
        run super::help,
    }
    /// Sets the counters that INFO shows back to zero.
    "config|resetstat" {
        since "2.0.0", cost "O(1)", flags [ADMIN LOADING NOSCRIPT STALE],
        args "",
        reply "ok",
        tips "request_policy:all_nodes response_policy:all_succeeded",
        run resetstat,
    }
    /// Writes the configuration into the file that it was read from.
    "config|rewrite" {
        since "2.8.0", cost "O(1)", flags [ADMIN LOADING NOSCRIPT STALE],
        args "",
        reply "ok",
        tips "request_policy:all_nodes response_policy:all_succeeded",
        run rewrite,
    }
    /// Changes parameters: all of those given, or none.
    "config|set" {
        since "2.0.0", cost "O(N) where N is the number of given parameters", flags [ADMIN LOADING NOSCRIPT STALE],
        args "data=(parameter value)...",
        reply "ok",
        tips "request_policy:all_nodes response_policy:all_succeeded",
        run set,
    }
}

/// The values of all parameters.
pub(crate) struct Config {
    /// Made when somebody asks: most programs never do, and each default is a text to be read.
    values: OnceCell<Vec<Value>>,
    host: OrderedMap<String, Vec<u8>>,
}

impl Config {
    /// Every parameter at its default, which is also what a new engine does.
    pub(crate) fn new() -> Self {
        Config { values: OnceCell::new(), host: OrderedMap::new() }
    }

    fn values(&self) -> &[Value] {
        self.values.get_or_init(|| {
            let values = PARAMETERS.iter().map(|parameter| {
                let value = parameter.kind.parse(parameter.default.as_bytes());
                value.expect("a test reads every default")
            });
            values.collect()
        })
    }

    fn value_mut(&mut self, index: usize) -> &mut Value {
        self.values();
        &mut self.values.get_mut().expect("just made")[index]
    }
}

/// One line of a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// Its number, from 1.
    pub line: usize,
    /// The parameter, as written.
    pub name: String,
    /// What follows the name.
    pub args: Vec<Vec<u8>>,
}

/// Reads a configuration file of redis.conf's form: a parameter and its values on a line, quoted as inline commands are;
/// `#` starts a line that says nothing. Fails with a text that names the first line whose quotes do not fit. Costs
/// O(bytes).
pub fn read_directives(text: &[u8]) -> Result<Vec<Directive>, String> {
    let mut directives = Vec::new();
    for (at, line) in text.split(|&byte| byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let (mut bytes, mut spans) = (Vec::new(), Vec::new());
        if !split_inline(line, &mut bytes, &mut spans) {
            return Err(format!("line {}: unbalanced quotes in configuration line", at + 1));
        }
        let args = crate::resp::Args::new(&bytes, &spans);
        let Some(name) = args.get(0) else { continue };
        directives.push(Directive {
            line: at + 1,
            name: String::from_utf8_lossy(name).into_owned(),
            args: args.iter_from(1).map(<[u8]>::to_vec).collect(),
        });
    }
    Ok(directives)
}

impl Engine {
    /// Sets a parameter as a line of a configuration file or an option at the start does; `at_start` parameters
    /// included. Fails with Redis' text when there is no such parameter, or the value does not fit.
    pub fn configure(&mut self, name: &str, args: &[&[u8]]) -> Result<(), String> {
        self.next_epoch();
        if name.eq_ignore_ascii_case("user") {
            return self.configure_user(args);
        }
        let (index, parameter) = find(name.as_bytes()).ok_or("Bad directive or wrong number of arguments")?;
        let text = match args {
            [text] => text.to_vec(),
            _ if parameter.kind.takes_words() => args.join(&b' '),
            _ => return Err("Bad directive or wrong number of arguments".into()),
        };
        let value = read(self, parameter, &text)?;
        if parameter.name == "databases"
            && (0..self.keyspace.databases()).any(|db| !self.keyspace.database(db).is_empty())
        {
            return Err("the number of databases can change only while all are empty".into());
        }
        self.put(index, value);
        Ok(())
    }

    /// The value of a parameter as CONFIG GET shows it; `None` when there is none of this name.
    pub fn parameter(&self, name: &str) -> Option<Vec<u8>> {
        match find(name.as_bytes()) {
            Some((index, parameter)) => Some(parameter.kind.show(&self.config.values()[index])),
            None => self.config.host.get(&name.to_ascii_lowercase()).cloned(),
        }
    }

    /// Shows a parameter that belongs to the host (a port, a file) in CONFIG GET. It cannot be changed by clients. A
    /// parameter of the engine's own wins over one of the same name.
    pub fn set_host_parameter(&mut self, name: &str, value: &[u8]) {
        self.config.host.insert(name.to_ascii_lowercase(), value.to_vec());
    }

    /// Stores a value that was checked and makes it so.
    fn put(&mut self, index: usize, value: Value) {
        (PARAMETERS[index].apply)(self, &value);
        self.note_limits();
        let held = self.config.value_mut(index);
        match (held, value) {
            // Classes that were not named keep their limits.
            (Value::OutputLimits(held), Value::OutputLimits(given)) => {
                for (held, given) in held.iter_mut().zip(given) {
                    *held = given.or(*held);
                }
            }
            (held, value) => *held = value,
        }
    }

    pub(super) fn set_databases(&mut self, count: usize) {
        self.keyspace.databases.resize_with(count, Default::default);
    }

    pub(super) fn set_idle_limit(&mut self, seconds: i64) {
        self.limits.idle = seconds;
        if seconds > 0 {
            self.next_walk = self.keyspace.now();
        }
    }

    pub(super) fn set_expiry_effort(&mut self, effort: i64) {
        // One step of effort is 500 entries on top of 1500 for each slice.
        self.expiry_budget = 1500 + 500 * effort.clamp(1, 10) as usize;
    }
}

fn read(engine: &Engine, parameter: &Parameter, text: &[u8]) -> Result<Value, Cow<'static, str>> {
    let value = parameter.kind.parse(text)?;
    (parameter.check)(engine, &value)?;
    Ok(value)
}

fn get(engine: &mut Engine, mut call: Call) -> Handled {
    let mut found: Vec<(Cow<[u8]>, Vec<u8>)> = Vec::new();
    let mut seen = OrderedSet::new();
    let shown = |index: usize| PARAMETERS[index].kind.show(&engine.config.values()[index]);
    for pattern in call.args.iter_from(2) {
        if !pattern.iter().any(|byte| b"*?[".contains(byte)) {
            let lower = pattern.to_ascii_lowercase();
            let value = match find(pattern) {
                Some((index, _)) => Some(shown(index)),
                None => std::str::from_utf8(&lower).ok().and_then(|name| engine.config.host.get(name)).cloned(),
            };
            // A name is answered as it was asked for.
            if let Some(value) = value.filter(|_| seen.insert(lower)) {
                found.push((pattern.into(), value));
            }
            continue;
        }
        let own = PARAMETERS.iter().enumerate().flat_map(|(index, parameter)| {
            std::iter::once(parameter.name).chain(parameter.alias).map(move |name| (name, Some(index)))
        });
        let of_host = engine.config.host.keys().map(|name| (name.as_str(), None));
        for (name, index) in own.chain(of_host) {
            let name = name.as_bytes();
            if glob::matches(pattern, name, true) && seen.insert(name.to_vec()) {
                let value = match index {
                    Some(index) => shown(index),
                    None => engine
                        .config
                        .host
                        .get(std::str::from_utf8(name).unwrap_or_default())
                        .cloned()
                        .unwrap_or_default(),
                };
                found.push((name.to_vec().into(), value));
            }
        }
    }
    let mut reply = call.reply();
    reply.map(found.len());
    for (name, value) in found {
        reply.bulk(&name);
        reply.bulk(&value);
    }
    Ok(Outcome::Done)
}

fn failed(name: &[u8], why: &str) -> Fault {
    let name = String::from_utf8_lossy(name);
    Fault::made(format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {why}"))
}

fn set(engine: &mut Engine, mut call: Call) -> Handled {
    let args = call.args;
    if args.len() % 2 != 0 {
        return Err(Fault::Syntax);
    }
    // First everything is looked up, then everything is read, then everything is set: as the errors of Redis show.
    let (mut chosen, mut names) = (Vec::new(), OrderedSet::new());
    for at in (2..args.len()).step_by(2) {
        let name = args.at(at);
        let lower = name.to_ascii_lowercase();
        let of_host = std::str::from_utf8(&lower).is_ok_and(|name| engine.config.host.contains_key(name));
        let fixed = "can't set immutable config";
        match find(name) {
            Some((_, parameter)) if parameter.at_start => return Err(failed(name, fixed)),
            Some(found) => chosen.push((name, found, args.at(at + 1))),
            None if of_host => return Err(failed(name, fixed)),
            None => {
                return Err(Fault::naming("ERR Unknown option or number of arguments for CONFIG SET - '", name, "'"))
            }
        }
        if !names.insert(lower) {
            return Err(failed(name, "duplicate parameter"));
        }
    }
    let mut values = Vec::new();
    for (name, (index, parameter), text) in chosen {
        let value = read(engine, parameter, text).map_err(|why| failed(name, &why))?;
        values.push((index, value));
    }
    for (index, value) in values {
        engine.put(index, value);
    }
    call.reply().ok();
    Ok(Outcome::Done)
}

fn resetstat(engine: &mut Engine, mut call: Call) -> Handled {
    engine.reset_stats();
    call.reply().ok();
    Ok(Outcome::Done)
}

fn rewrite(_: &mut Engine, _: Call) -> Handled {
    Err(Fault::Text("ERR The server is running without a config file"))
}

#[cfg(test)]
mod tests;
