//! MONITOR: every command that runs, as it runs, for those who debug. And what must never be shown or kept: secrets
//! among the arguments.

use super::table::Command;
use super::{Call, Engine, PowerHandler, SessionId};
use crate::commands::spec::flags;
use crate::commands::{Handled, Outcome};
use crate::resp::{Args, Fault};
use std::fmt::Write;

crate::commands! {
    /// The command that watches all others.
    pub static TABLE: PowerHandler, group "server";

    /// Sends every command that the server runs to this connection from now on.
    "monitor" {
        since "1.0.0", cost "O(1), and then O(N) for each command run, where N is the number of monitors",
        flags [ADMIN LOADING NOSCRIPT STALE],
        args "",
        reply "ok",
        run monitor,
    }
}

fn monitor(engine: &mut Engine, mut call: Call) -> Handled {
    let session = engine.caller(&call);
    if session.transaction.is_some() {
        return Err(Fault::Text("ERR MONITOR isn't allowed for DENY BLOCKING client"));
    }
    // As in Redis a second MONITOR answers nothing.
    if !std::mem::replace(&mut session.monitor, true) {
        engine.monitors.push(call.session);
        call.reply().ok();
    }
    Ok(Outcome::Done)
}

/// Stands in the place of a secret.
pub(super) const REDACTED: &[u8] = b"(redacted)";

/// Whether the argument at `at` of a command is a secret.
pub(super) fn is_secret(command: Command, args: Args, at: usize) -> bool {
    match command.spec.name {
        "auth" => at > 0 && args.len() <= 3,
        // HELLO version AUTH user password
        "hello" => {
            let mut option = 2;
            while option < args.len() {
                if args.is(option, "auth") {
                    if (option + 1..=option + 2).contains(&at) && option + 2 < args.len() {
                        return true;
                    }
                    option += 3;
                } else {
                    option += 2;
                }
            }
            false
        }
        "config|set" => at > 2 && at % 2 == 1 && args.is(at - 1, "requirepass"),
        "acl|setuser" | "acl|deluser" | "acl|getuser" => at > 1,
        _ => false,
    }
}

/// Appends an argument as MONITOR shows it: quoted, and printable whatever it holds.
pub(super) fn push_quoted(line: &mut String, arg: &[u8]) {
    line.push('"');
    for &byte in arg {
        match byte {
            b'\\' | b'"' => {
                line.push('\\');
                line.push(byte as char);
            }
            b'\n' => line.push_str("\\n"),
            b'\r' => line.push_str("\\r"),
            b'\t' => line.push_str("\\t"),
            0x07 => line.push_str("\\a"),
            0x08 => line.push_str("\\b"),
            b' '..=b'~' => line.push(byte as char),
            _ => {
                let _ = write!(line, "\\x{byte:02x}");
            }
        }
    }
    line.push('"');
}

impl Engine {
    /// Shows a command that has run to those who monitor.
    pub(crate) fn feed_monitors(&mut self, id: SessionId, command: Command, args: Args) {
        if self.monitors.is_empty() || command.spec.flags & (flags::SKIP_MONITOR | flags::ADMIN) != 0 {
            return;
        }
        // Quoted, a byte takes four at most; and what grows as it is written takes as much again.
        if !crate::memory::is_room_for(8 * args.size() + 8 * args.len()) {
            return self.monitors.clone().into_iter().for_each(|monitor| self.kill(monitor));
        }
        let Some(session) = self.session(id) else { return };
        let now = self.keyspace.now_us();
        let address = super::client::list::address(&session.address);
        let (seconds, micros) = (now.div_euclid(1_000_000), now.rem_euclid(1_000_000));
        let mut line = format!("{seconds}.{micros:06} [{} {address}]", session.db);
        for (at, arg) in args.iter_from(0).enumerate() {
            line.push(' ');
            push_quoted(&mut line, if is_secret(command, args, at) { REDACTED } else { arg });
        }
        for monitor in self.monitors.clone() {
            self.write_to(monitor, |reply| reply.simple(&line));
        }
    }

    /// Ends a session's monitoring.
    pub(crate) fn stop_monitoring(&mut self, id: SessionId) {
        if let Some(session) = self.session_mut(id).filter(|session| session.monitor) {
            session.monitor = false;
            self.monitors.retain(|&monitor| monitor != id);
        }
    }
}

#[cfg(test)]
#[path = "monitor_tests.rs"]
mod tests;
