//! WAIT and WAITAOF on a server without replicas: no replica will ever acknowledge a write, so who asks for none is
//! answered at once and who asks for some when the time is up. The own log acknowledges when it is durable.

use super::persistence::LOGGED;
use super::{Call, Engine, PowerHandler};
use crate::bytes::number::parse_i64;
use crate::commands::{Handled, Outcome, TimeoutReply, Wait};
use crate::resp::Fault;

crate::commands! {
    /// The commands that wait for acknowledgements.
    pub static TABLE: PowerHandler, group "generic";

    /// Waits until so many replicas have the connection's writes, or the time is up; answers how many have.
    "wait" {
        since "3.0.0", cost "O(1)", flags [BLOCKING],
        args "numreplicas:int timeout:int",
        reply "int",
        tips "request_policy:all_shards response_policy:agg_min",
        also "=connection",
        run wait,
    }
    /// Waits until the connection's writes are in the append-only files of this server and of so many replicas, or the
    /// time is up; answers in how many of each they are.
    "waitaof" {
        since "7.2.0", cost "O(1)", flags [BLOCKING],
        args "numlocal:int numreplicas:int timeout:int",
        reply "[int int]",
        tips "request_policy:all_shards response_policy:agg_min",
        also "=connection",
        run waitaof,
    }
}

/// Reads a time-out in milliseconds: the deadline, none for 0.
fn deadline(text: &[u8], now: i64) -> Result<Option<i64>, Fault> {
    let millis = parse_i64(text).ok_or(Fault::Text("ERR timeout is not an integer or out of range"))?;
    if millis < 0 {
        return Err(Fault::NegativeTimeout);
    }
    let at = now.checked_add(millis).ok_or(Fault::Text("ERR timeout is out of range"))?;
    Ok((millis > 0).then_some(at))
}

fn until(deadline: Option<i64>, on_timeout: TimeoutReply) -> Handled {
    Ok(Outcome::Wait(Wait::new("", Vec::new(), deadline, on_timeout)))
}

fn wait(engine: &mut Engine, mut call: Call) -> Handled {
    let replicas = parse_i64(call.args.at(1)).ok_or(Fault::NotInteger)?;
    let deadline = deadline(call.args.at(2), engine.keyspace.now())?;
    if replicas > 0 {
        return until(deadline, TimeoutReply::Zero);
    }
    call.reply().int(0);
    Ok(Outcome::Done)
}

fn waitaof(engine: &mut Engine, mut call: Call) -> Handled {
    let local = parse_i64(call.args.at(1)).ok_or(Fault::NotInteger)?;
    if !(0..=1).contains(&local) {
        return Err(Fault::Text("ERR value is out of range, must be between 0 and 1"));
    }
    let replicas = parse_i64(call.args.at(2)).ok_or(Fault::NotInteger)?;
    if replicas < 0 {
        return Err(Fault::Text("ERR value is out of range, must be positive"));
    }
    let deadline = deadline(call.args.at(3), engine.keyspace.now())?;
    let logs = engine.persist.log.is_some();
    if local > 0 && !logs {
        return Err(Fault::Text("ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled."));
    }
    let number = engine.persist.sequence();
    let is_logged = logs && engine.persist.durable() >= number;
    if replicas > 0 || (local > 0 && !is_logged) {
        if local > 0 {
            engine.request_durable();
        }
        return Ok(engine.wait_for_store(&call, LOGGED, number, deadline, replicas > 0));
    }
    let mut reply = call.reply();
    reply.array(2);
    reply.int(is_logged as i64);
    reply.int(0);
    Ok(Outcome::Done)
}

#[cfg(test)]
#[path = "wait_tests.rs"]
mod tests;
